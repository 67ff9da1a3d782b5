use std::str::FromStr;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Query, RawPathParams, Request};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use wakeful::core::{AssistantId, CheckpointId, CronId, DeliveryId, Json, KeyId, RunId, ThreadId};

use crate::app::App;
use crate::error::Error;

/// The JSON body of a request.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<App> for Body<T> {
    type Rejection = Error;

    async fn from_request(request: Request, app: &App) -> Result<Self, Error> {
        let bytes = bytes(request, app).await?;
        Ok(Self(parse(&bytes)?))
    }
}

/// The JSON body of a request that may also have none.
pub(crate) struct OptionalBody<T>(pub(crate) T);

impl<T: DeserializeOwned + Default> FromRequest<App> for OptionalBody<T> {
    type Rejection = Error;

    async fn from_request(request: Request, app: &App) -> Result<Self, Error> {
        let bytes = bytes(request, app).await?;
        if bytes.is_empty() { Ok(Self(T::default())) } else { Ok(Self(parse(&bytes)?)) }
    }
}

async fn bytes(request: Request, app: &App) -> Result<Bytes, Error> {
    // The middleware has read it already, and refused what is too large.
    Bytes::from_request(request, app)
        .await
        .map_err(|rejection| Error::bad_request(rejection.body_text()))
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    let document: Json = serde_json::from_slice(bytes).map_err(|error| {
        let reason = match error.classify() {
            Category::Eof if bytes.is_empty() => "it is empty".to_owned(),
            _ => error.to_string(),
        };
        Error::unprocessable(format!("Invalid JSON in request body: {reason}"))
    })?;
    typed(document, "")
}

/// Reads a document that is valid JSON as a `T`. The error names the field, below `at` if given.
pub(crate) fn typed<T: DeserializeOwned>(document: Json, at: &str) -> Result<T, Error> {
    serde_path_to_error::deserialize(document).map_err(|error| {
        let inner = error.path().to_string();
        let inner = if inner == "." { "" } else { inner.as_str() };
        let path = [at, inner].into_iter().filter(|part| !part.is_empty());
        let path = path.collect::<Vec<_>>().join(".");
        let reason = error.into_inner();
        Error::unprocessable(if path.is_empty() {
            format!("request body: {reason}")
        } else {
            format!("{path}: {reason}")
        })
    })
}

/// The ids in the path of a request.
pub(crate) struct Ids(Vec<(String, String)>);

impl Ids {
    pub(crate) fn assistant(&self) -> Result<AssistantId, Error> {
        self.id("assistant")
    }

    pub(crate) fn thread(&self) -> Result<ThreadId, Error> {
        self.id("thread")
    }

    pub(crate) fn run(&self) -> Result<RunId, Error> {
        self.id("run")
    }

    pub(crate) fn cron(&self) -> Result<CronId, Error> {
        self.id("cron")
    }

    pub(crate) fn delivery(&self) -> Result<DeliveryId, Error> {
        self.id("delivery")
    }

    pub(crate) fn checkpoint(&self) -> Result<CheckpointId, Error> {
        self.id("checkpoint")
    }

    pub(crate) fn key(&self) -> Result<KeyId, Error> {
        self.id("key")
    }

    /// A part of the path as it was written.
    pub(crate) fn text(&self, what: &str) -> &str {
        let text = self.0.iter().find(|(name, _)| name == what).map(|(_, text)| text.as_str());
        text.unwrap_or_default()
    }

    fn id<T: FromStr>(&self, what: &str) -> Result<T, Error> {
        parse_id(what, self.text(what))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Ids {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let params = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|_| Error::unprocessable("the path is not UTF-8"))?;
        Ok(Self(params.iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect()))
    }
}

/// The id of a `what` with this text.
pub(crate) fn parse_id<T: FromStr>(what: &str, text: &str) -> Result<T, Error> {
    text.parse().map_err(|_| Error::unprocessable(format!("Invalid {what} ID: must be a UUID")))
}

/// The query of a request. An empty value counts as absent, because Python clients send `None` so.
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    pub(crate) fn get<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.all(name).next()
    }

    /// Every value of a parameter that may be repeated.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let params = self.0.iter();
        params.filter(move |(key, text)| key == name && !text.is_empty()).map(|(_, text)| &**text)
    }

    /// `0`, `1`, `true` or `false`; `false` when absent.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, Error> {
        match self.get(name).map(str::to_ascii_lowercase).as_deref() {
            None | Some("0" | "false") => Ok(false),
            Some("1" | "true") => Ok(true),
            Some(other) => Err(Error::unprocessable(format!(
                "{name}: `{other}` is not one of `true`, `false`, `1`, `0`"
            ))),
        }
    }

    /// A value that `parse` understands; the error lists what it may be.
    pub(crate) fn word<T>(
        &self,
        name: &str,
        parse: impl Fn(&str) -> Option<T>,
        expected: &str,
    ) -> Result<Option<T>, Error> {
        let parse = |text: &str| {
            parse(text)
                .ok_or_else(|| Error::unprocessable(format!("{name}: `{text}` is not {expected}")))
        };
        self.get(name).map(parse).transpose()
    }

    pub(crate) fn id<T: FromStr>(&self, name: &str, what: &str) -> Result<Option<T>, Error> {
        self.get(name).map(|text| parse_id(what, text)).transpose()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let Query(pairs) = Query::try_from_uri(&parts.uri)
            .map_err(|rejection| Error::unprocessable(rejection.body_text()))?;
        Ok(Self(pairs))
    }
}
