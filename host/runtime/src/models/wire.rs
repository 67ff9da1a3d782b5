//! What the providers have in common.

use hyper::header::{AUTHORIZATION, HeaderName, HeaderValue};
use wakeful_core::{Json, Object, SecretValue};

use super::events::Framing;
use super::reply::Reply;
use super::request::ChatRequest;
use super::settings::{ModelSettings, Provider};
use super::trouble::Trouble;
use super::{anthropic, ollama, openai};

/// A string at a place of a document.
pub(super) fn text<'a>(document: &'a Json, place: &str) -> Option<&'a str> {
    document.pointer(place).and_then(Json::as_str)
}

/// A whole number at a place of a document.
pub(super) fn number(document: &Json, place: &str) -> Option<u64> {
    document.pointer(place).and_then(Json::as_u64)
}

impl Provider {
    /// What comes after the path of a model's URL.
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::OpenAi => openai::PATH,
            Self::Anthropic => anthropic::PATH,
            Self::Ollama => ollama::PATH,
        }
    }

    pub(super) const fn framing(self) -> Framing {
        match self {
            Self::OpenAi | Self::Anthropic => Framing::Events,
            Self::Ollama => Framing::Lines,
        }
    }

    /// The tool that was made up to get an answer by a schema.
    pub(super) fn schema_tool(self, request: &ChatRequest) -> Option<&'static str> {
        let made_up = self == Self::Anthropic && request.response_schema.is_some();
        made_up.then_some(anthropic::ANSWER)
    }

    /// The headers beside those of every request.
    pub(super) fn headers(
        self,
        key: Option<&SecretValue>,
    ) -> Result<Vec<(HeaderName, HeaderValue)>, Trouble> {
        let mut headers = Vec::new();
        if self == Self::Anthropic {
            let version = HeaderValue::from_static(anthropic::VERSION);
            headers.push((HeaderName::from_static("anthropic-version"), version));
        }
        if let Some(key) = key {
            let (name, before) = match self {
                Self::Anthropic => (HeaderName::from_static("x-api-key"), &b""[..]),
                Self::OpenAi | Self::Ollama => (AUTHORIZATION, &b"Bearer "[..]),
            };
            let value = HeaderValue::from_bytes(&[before, key.expose()].concat());
            let mut value = value.map_err(|_| Trouble::own("the model's key fits no header"))?;
            value.set_sensitive(true);
            headers.push((name, value));
        }
        Ok(headers)
    }

    /// The body of a request.
    pub(super) fn body(
        self,
        settings: &ModelSettings,
        request: &ChatRequest,
        most: u32,
        streamed: bool,
    ) -> Vec<u8> {
        let mut body = match self {
            Self::OpenAi => openai::body(request, settings.url.host(), most),
            Self::Anthropic => anthropic::body(request, most),
            Self::Ollama => ollama::body(request, most),
        };
        body.insert("model".into(), settings.model.as_str().into());
        match self {
            Self::OpenAi if streamed => openai::streamed(&mut body),
            _ => {
                body.insert("stream".into(), streamed.into());
            }
        }
        Json::Object(body).to_string().into_bytes()
    }

    /// Reads a whole answer.
    pub(super) fn whole(self, body: &[u8], reply: &mut Reply) -> Result<(), Trouble> {
        let answer: Object = serde_json::from_slice(body).map_err(Trouble::malformed)?;
        let answer = Json::Object(answer);
        match self {
            Self::OpenAi => openai::whole(&answer, reply),
            Self::Anthropic => anthropic::whole(&answer, reply),
            Self::Ollama => ollama::line(&answer, reply).map(drop),
        }
    }

    /// Reads one document of a streamed answer; returns the text in it.
    pub(super) fn event(
        self,
        data: &str,
        schema: bool,
        reply: &mut Reply,
    ) -> Result<Option<String>, Trouble> {
        match self {
            Self::OpenAi => openai::event(data, reply),
            Self::Anthropic => anthropic::event(data, schema, reply),
            Self::Ollama => {
                let line = serde_json::from_str(data).map_err(Trouble::malformed)?;
                ollama::line(&line, reply)
            }
        }
    }
}
