use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Deserializer};
use wakeful_core::{ModelName, SecretSource, WebUrl, duration_text};

use crate::settings::duration;

/// The language models that a host offers, by the names that assistants know them by.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Models(pub BTreeMap<ModelName, ModelSettings>);

/// How a language model is reached, and within which bounds.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "Table")]
pub struct ModelSettings {
    /// What the provider speaks.
    pub provider: Provider,
    /// Where it is; the paths of its API come after this.
    pub url: WebUrl,
    /// Its own name for the model.
    pub model: String,
    /// Where the key comes from; `None` if it asks for none.
    pub key: Option<SecretSource>,
    /// Tokens that an answer may have, if the assistant asks for no fewer.
    pub max_tokens: u32,
    /// The temperature, if the assistant says none; `None` leaves it to the provider.
    pub temperature: Option<f64>,
    /// Time for one attempt of a call.
    pub timeout: Duration,
    /// Time to the first byte of the answer, and between two parts of it.
    pub first_byte: Duration,
    /// How often a call is attempted.
    pub attempts: u32,
    /// How many calls may be in progress at once; others wait.
    pub at_once: u32,
    /// Tokens in one day in UTC for all assistants together; `None` is as many as there are.
    pub tokens_per_day: Option<u64>,
}

/// What a provider of models speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// OpenAI's chat completions, as many others do.
    OpenAi,
    /// Anthropic's messages.
    Anthropic,
    /// Ollama's chat.
    Ollama,
}

impl Provider {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::Ollama => "ollama",
        }
    }

    const fn usual_url(self) -> &'static str {
        match self {
            Self::OpenAi => "https://api.openai.com/v1",
            Self::Anthropic => "https://api.anthropic.com",
            Self::Ollama => "http://127.0.0.1:11434",
        }
    }
}

/// A model, as a file spells it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    provider: Provider,
    url: Option<String>,
    model: String,
    key: Option<Key>,
    max_tokens: Option<u32>,
    temperature: Option<f64>,
    #[serde(default, deserialize_with = "duration")]
    timeout: Option<Duration>,
    #[serde(default, deserialize_with = "duration")]
    first_byte: Option<Duration>,
    attempts: Option<u32>,
    at_once: Option<u32>,
    tokens_per_day: Option<u64>,
}

/// Where a key comes from, as a file spells it. There is no way to write the key itself.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Key {
    from: Option<String>,
    file: Option<PathBuf>,
}

impl Key {
    fn source(self) -> Result<SecretSource, String> {
        match (self.from, self.file) {
            (Some(from), None) if !from.is_empty() => Ok(SecretSource::Host(from)),
            (None, Some(file)) if file.is_absolute() => Ok(SecretSource::File(file)),
            (None, Some(file)) => Err(format!("`{}` is not an absolute path", file.display())),
            _ => Err(
                "`key` is { from = \"NAME\" } for a variable of the host, or { file = \"/path\" }"
                    .to_owned(),
            ),
        }
    }
}

impl TryFrom<Table> for ModelSettings {
    type Error = String;

    fn try_from(table: Table) -> Result<Self, String> {
        let text = table.url.as_deref().unwrap_or(table.provider.usual_url());
        let text = text.trim_end_matches('/');
        let url: WebUrl = text.parse().map_err(|problem| format!("`{text}`: {problem}"))?;
        if text.contains('?') {
            return Err(format!("`{text}` has a query; write the URL up to the API's paths"));
        }
        let key = table.key.map(Key::source).transpose()?;
        if key.is_some() && !url.is_secure() && !is_near(url.host()) {
            return Err(format!(
                "`{text}` would send the key through the net as it is; use https, or leave `key` out"
            ));
        }
        if table.model.is_empty() || table.model.len() > 200 {
            return Err("`model` is the provider's own name for it".to_owned());
        }
        if table.temperature.is_some_and(|it| !(0.0..=2.0).contains(&it)) {
            return Err("`temperature` is 0 to 2".to_owned());
        }
        for (name, number) in [
            ("max_tokens", table.max_tokens),
            ("attempts", table.attempts),
            ("at_once", table.at_once),
        ] {
            if number == Some(0) {
                return Err(format!("`{name}` is at least 1"));
            }
        }
        Ok(Self {
            provider: table.provider,
            url,
            model: table.model,
            key,
            max_tokens: table.max_tokens.unwrap_or(8_192),
            temperature: table.temperature,
            timeout: table.timeout.unwrap_or(Duration::from_secs(300)),
            first_byte: table.first_byte.unwrap_or(Duration::from_secs(120)),
            attempts: table.attempts.unwrap_or(4).min(20),
            at_once: table.at_once.unwrap_or(16).min(1_000),
            tokens_per_day: table.tokens_per_day,
        })
    }
}

/// Whether a host is on this machine or on its own network, as far as its name says.
fn is_near(host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(address) => wakeful_core::address::special(address).is_some(),
        Err(_) => !host.contains('.') || host.ends_with(".localhost"),
    }
}

impl Models {
    /// The names.
    pub(crate) fn names(&self) -> Vec<ModelName> {
        self.0.keys().cloned().collect()
    }
}

impl<'de> Deserialize<'de> for Models {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let tables = BTreeMap::<String, ModelSettings>::deserialize(deserializer)?;
        let named = tables.into_iter().map(|(name, settings)| {
            Ok((name.parse().map_err(serde::de::Error::custom)?, settings))
        });
        named.collect::<Result<_, D::Error>>().map(Self)
    }
}

impl fmt::Display for ModelSettings {
    /// As the lines of a settings file. The key itself is not known here.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
        writeln!(f, "provider = \"{}\"", self.provider.as_str())?;
        writeln!(f, "url = {}", quoted(self.url.as_str()))?;
        writeln!(f, "model = {}", quoted(&self.model))?;
        match &self.key {
            Some(SecretSource::Host(name)) => writeln!(f, "key = {{ from = {} }}", quoted(name))?,
            Some(SecretSource::File(path)) => {
                writeln!(f, "key = {{ file = {} }}", quoted(&path.to_string_lossy()))?;
            }
            None => {}
        }
        writeln!(f, "max_tokens = {}", self.max_tokens)?;
        if let Some(temperature) = self.temperature {
            writeln!(f, "temperature = {temperature:?}")?;
        }
        writeln!(f, "timeout = {}", quoted(&duration_text(self.timeout)))?;
        writeln!(f, "first_byte = {}", quoted(&duration_text(self.first_byte)))?;
        writeln!(f, "attempts = {}", self.attempts)?;
        write!(f, "at_once = {}", self.at_once)?;
        if let Some(tokens) = self.tokens_per_day {
            f.write_char('\n')?;
            write!(f, "tokens_per_day = {tokens}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn models(text: &str) -> Result<Models, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_model_is_written_as_it_is_read() {
        let all = models(
            r#"
            [fast]
            provider = "openai"
            model = "gpt-5-mini"
            key = { from = "OPENAI_API_KEY" }
            [good]
            provider = "anthropic"
            model = "claude"
            key = { file = "/run/secrets/anthropic" }
            temperature = 0.5
            tokens_per_day = 1000000
            timeout = "90s"
            [own]
            provider = "ollama"
            url = "http://10.0.0.7:11434/"
            model = "qwen3"
            attempts = 2
            "#,
        )
        .unwrap();
        let find = |name: &str| all.0.get(&name.parse().unwrap()).unwrap();
        assert_eq!(find("fast").url.as_str(), "https://api.openai.com/v1");
        assert_eq!(find("own").url.as_str(), "http://10.0.0.7:11434");
        assert_eq!(find("own").attempts, 2);
        assert_eq!(find("good").timeout, Duration::from_secs(90));
        for settings in all.0.values() {
            assert_eq!(
                toml::from_str::<ModelSettings>(&settings.to_string()).as_ref(),
                Ok(settings)
            );
        }
    }

    #[test]
    fn a_mistake_in_a_model_is_named() {
        let of = |rest: &str| format!("[m]\nprovider = \"openai\"\nmodel = \"x\"\n{rest}\n");
        for (text, expected) in [
            ("[m]\nprovider = \"gemini\"\nmodel = \"x\"\n".to_owned(), "gemini"),
            ("[m]\nprovider = \"openai\"\n".to_owned(), "model"),
            ("[\"M x\"]\nprovider = \"openai\"\nmodel = \"x\"\n".to_owned(), "small letters"),
            (of("key = \"sk-1234567890\""), "key"),
            (of("key = {}"), "variable of the host"),
            (of("key = { file = \"x\" }"), "absolute"),
            (of("url = \"http://api.example.com\"\nkey = { from = \"K\" }"), "https"),
            (of("url = \"https://api.example.com?a=b\""), "query"),
            (of("url = \"api.example.com\""), "http"),
            (of("temperature = 3.0"), "temperature"),
            (of("attempts = 0"), "attempts"),
            (of("timeout = \"soon\""), "1h 30m"),
            (of("colour = 1"), "colour"),
        ] {
            let message = models(&text).unwrap_err();
            assert!(message.contains(expected), "{text}: {message}");
        }
        assert!(models(&of("url = \"http://localhost:1\"\nkey = { from = \"K\" }")).is_ok());
    }
}
