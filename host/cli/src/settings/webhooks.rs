//! The settings of webhooks: what they may reach, and what they are signed with.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::de::{Deserializer, Error};
use wakeful::WebhookSettings;
use wakeful::core::address::Allowed;
use wakeful_server::{SendingSettings, WebhookSecret};

use super::source::{Layers, Source, Sourced};

/// What one source says about webhooks.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhookLayer {
    /// What may be reached although it is not on the public internet.
    pub(super) allow: Option<AllowList>,
    /// Whether only `https` URLs are taken.
    pub(super) https_only: Option<bool>,
    /// What messages are signed with, in place of the secret in the data folder.
    pub(super) secret: Option<Secret>,
    /// A second one, with which messages are signed as well while receivers change over.
    pub(super) previous_secret: Option<Secret>,
}

/// Every setting of webhooks, with where it came from.
#[derive(Debug, Clone)]
pub(super) struct SourcedWebhooks {
    pub(super) allow: Sourced<AllowList>,
    pub(super) https_only: Sourced<bool>,
    pub(super) secret: Sourced<Option<Secret>>,
    pub(super) previous_secret: Sourced<Option<Secret>>,
}

impl SourcedWebhooks {
    pub(super) fn resolve(layers: &Layers) -> Self {
        let default = AllowList(Vec::new());
        Self {
            allow: layers.pick("webhooks_allow", |l| l.webhooks.allow.clone(), default),
            https_only: layers.pick("webhooks_https_only", |l| l.webhooks.https_only, false),
            secret: layers.pick("webhooks_secret", |l| l.webhooks.secret.clone().map(Some), None),
            previous_secret: layers.pick(
                "webhooks_previous_secret",
                |l| l.webhooks.previous_secret.clone().map(Some),
                None,
            ),
        }
    }

    /// A second secret needs a first, which the one in the data folder is not: it would have to be
    /// read before anybody knew which of the two is the newer.
    pub(super) fn problem(&self) -> Option<(&Source, &'static str)> {
        let alone = self.secret.value.is_none() && self.previous_secret.value.is_some();
        alone.then_some((
            &self.previous_secret.source,
            "`webhooks.previous_secret` needs a `webhooks.secret` beside it",
        ))
    }

    /// What the host is told.
    pub(super) fn reach(&self) -> WebhookSettings {
        WebhookSettings {
            allow: self.allow.value.0.clone(),
            https_only: self.https_only.value,
            ..WebhookSettings::default()
        }
    }

    /// What the server is told.
    pub(super) fn sending(&self) -> SendingSettings {
        let secrets = [&self.secret.value, &self.previous_secret.value];
        let secrets = secrets.into_iter().flatten().map(|Secret(secret)| secret.clone());
        SendingSettings { secrets: secrets.collect(), ..SendingSettings::default() }
    }
}

/// Addresses, networks and hosts; as one text, with commas between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AllowList(pub(crate) Vec<Allowed>);

impl FromStr for AllowList {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split(',').filter(|part| !part.trim().is_empty());
        let list = parts.map(|part| part.parse::<Allowed>().map_err(|error| error.to_string()));
        Ok(Self(list.collect::<Result<_, _>>()?))
    }
}

impl fmt::Display for AllowList {
    /// As TOML.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<_> = self.0.iter().map(|allowed| format!("\"{allowed}\"")).collect();
        write!(f, "[{}]", parts.join(", "))
    }
}

impl<'de> Deserialize<'de> for AllowList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        let list = texts.iter().map(|text| text.parse().map_err(D::Error::custom));
        Ok(Self(list.collect::<Result<_, _>>()?))
    }
}

/// A secret that is never printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Secret(pub(crate) WebhookSecret);

impl FromStr for Secret {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.trim()
            .parse()
            .map(Self)
            .map_err(|error: wakeful_server::InvalidSecret| error.to_string())
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}
