use std::time::Duration;

use serde::{Deserialize, Deserializer};
use wakeful_core::{
    ComponentId, CronGrant, Grants, HostGrant, ModelName, SecretGrant, StoreGrant, VariableGrant,
};

use super::hosts::host_grants;
use super::provisions::{secrets, variables};
use crate::GrantBounds;
use crate::settings::duration;

/// What an assistant may reach, as its file spells it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantSettings {
    /// Namespaces of items, such as `"notes"`, or `"shared.team:read"` for reading alone. A grant
    /// covers everything below its namespace.
    #[serde(default, deserialize_with = "store_grants")]
    pub store: Vec<StoreGrant>,
    /// Crons that it may make for itself, on each of its threads.
    pub crons: Option<CronGrantSettings>,
    /// Hosts to which it may send HTTP requests: `"https://api.example.com"`, or
    /// `{ url = "https://*.example.com", methods = ["GET"], private = false }`.
    #[serde(default, deserialize_with = "host_grants")]
    pub hosts: Vec<HostGrant>,
    /// Variables in its environment: a text, or `{ from = "NAME" }` for one of the host's.
    #[serde(default, deserialize_with = "variables")]
    pub environment: Vec<VariableGrant>,
    /// Secrets that it may send without holding them, by the variable that holds the placeholder.
    #[serde(default, deserialize_with = "secrets")]
    pub secrets: Vec<SecretGrant>,
    /// Language models, by the names that the host gives them.
    #[serde(default, deserialize_with = "models")]
    pub models: Vec<ModelName>,
    /// Other assistants that it may call, by the ids of their components.
    #[serde(default, deserialize_with = "assistants")]
    pub assistants: Vec<ComponentId>,
}

impl GrantSettings {
    /// The grants, as far as the host goes along.
    ///
    /// # Errors
    ///
    /// If the file takes from the host what the bounds do not name, or says two things of one
    /// variable.
    pub(crate) fn into_grants(
        self,
        widest: CronGrant,
        bounds: &GrantBounds,
    ) -> Result<Grants, String> {
        let crons = self.crons.map(|crons| {
            let CronGrantSettings { max, min_interval } = crons;
            CronGrant { max, min_interval }.within(widest)
        });
        let grants = Grants {
            store: self.store,
            crons,
            hosts: self.hosts,
            bounds: bounds.of_hosts(),
            environment: self.environment,
            secrets: self.secrets,
            models: self.models,
            assistants: self.assistants,
        };
        bounds.check(&grants)?;
        Ok(grants)
    }
}

/// A grant of crons, as a file spells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CronGrantSettings {
    /// How many there may be at once on one thread.
    #[serde(deserialize_with = "at_least_one")]
    pub max: u32,
    /// The least time between two instants of one of them, such as `"1h"`.
    #[serde(deserialize_with = "some_duration")]
    pub min_interval: Duration,
}

fn some_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    duration(deserializer)?
        .ok_or_else(|| serde::de::Error::custom("a time such as \"1h\" is needed"))
}

fn at_least_one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    match u32::deserialize(deserializer)? {
        0 => Err(serde::de::Error::custom(
            "a number of at least 1 is needed; to grant no crons, leave `crons` out",
        )),
        number => Ok(number),
    }
}

fn store_grants<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<StoreGrant>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    texts.iter().map(|text| text.parse().map_err(serde::de::Error::custom)).collect()
}

fn assistants<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<ComponentId>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    texts.iter().map(|text| text.parse().map_err(serde::de::Error::custom)).collect()
}

fn models<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<ModelName>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let mut names: Vec<ModelName> = Vec::new();
    for text in texts {
        let name = text.parse().map_err(serde::de::Error::custom)?;
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AssistantFile;

    fn grants(text: &str) -> Result<Grants, String> {
        let file = AssistantFile::parse(text).map_err(|error| error.to_string())?;
        file.grants.into_grants(CronGrant::WIDEST, &GrantBounds::default())
    }

    #[test]
    fn grants_are_read_as_they_are_written() {
        let found = grants("[grants]\nstore = [\"notes\", \"shared.team:read\"]\n").unwrap();
        let shown: Vec<_> = found.store.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["notes", "shared.team:read"]);
        assert_eq!(grants(""), Ok(Grants::default()));
        let found = grants("[grants]\nmodels = [\"fast\", \"good\", \"fast\"]\n").unwrap();
        let shown: Vec<_> = found.models.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["fast", "good"]);
        let hourly = CronGrant { max: 5, min_interval: Duration::from_secs(3_600) };
        for text in [
            "[grants.crons]\nmax = 5\nmin_interval = \"1h\"\n",
            "[grants]\ncrons = { max = 5, min_interval = \"1h\" }\n",
        ] {
            assert_eq!(grants(text).unwrap().crons, Some(hourly), "{text}");
        }
        let wide = grants("[grants.crons]\nmax = 5000\nmin_interval = \"1s\"\n");
        assert_eq!(wide.unwrap().crons, Some(CronGrant::WIDEST));
        let found = grants(
            r#"
            [grants]
            hosts = [
                "https://*.example.com",
                { url = "http://127.0.0.1:9000", methods = ["GET", "POST"], private = true },
            ]
            [grants.environment]
            LANG = "de"
            REGION = { from = "HOST_REGION" }
            [grants.secrets.API_KEY]
            from = "HOST_KEY"
            to = ["https://api.example.com"]
            [grants.secrets.OTHER]
            file = "/run/secrets/other"
            to = ["https://api.example.com"]
            header = "X-Api-Key"
            "#,
        )
        .unwrap();
        let shown: Vec<_> = found.hosts.iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            [
                r#""https://*.example.com""#,
                r#"{ url = "http://127.0.0.1:9000", methods = ["GET", "POST"], private = true }"#
            ]
        );
        let shown: Vec<_> = found
            .environment
            .iter()
            .map(|variable| format!("{}={}", variable.name, variable.value))
            .collect();
        assert_eq!(shown, ["LANG=de", "REGION=the host's HOST_REGION"]);
        let shown: Vec<_> = found
            .secrets
            .iter()
            .map(|secret| format!("{} {} {}", secret.name, secret.source, secret.header))
            .collect();
        assert_eq!(
            shown,
            [
                "API_KEY the host's HOST_KEY authorization",
                "OTHER file /run/secrets/other x-api-key"
            ]
        );
    }

    #[test]
    fn a_mistake_in_a_grant_is_named_and_grants_nothing() {
        let secret = |rest: &str| format!("[grants.secrets.KEY]\n{rest}\n");
        for (text, expected) in [
            ("[grants]\nstore = [\"notes:raed\"]\n", ":read"),
            ("[grants]\nstore = [\"a..b\"]\n", "a..b"),
            ("[grants]\nstore = [\"\"]\n", "at least one label"),
            ("[grants]\nstore = \"notes\"\n", "store"),
            ("[grants]\nstroe = []\n", "stroe"),
            ("[grants.crons]\nmax = 5\n", "min_interval"),
            ("[grants.crons]\nmin_interval = \"1h\"\n", "max"),
            ("[grants.crons]\nmax = 0\nmin_interval = \"1h\"\n", "at least 1"),
            ("[grants.crons]\nmax = 5\nmin_interval = \"often\"\n", "1h 30m"),
            ("[grants.crons]\nmax = 5\nmin_interval = \"1h\"\nmin = 1\n", "min"),
            ("[grants]\nhosts = [\"api.example.com\"]\n", "https://api.example.com"),
            ("[grants]\nhosts = [\"https://api.example.com/v1\"]\n", "without a path"),
            ("[grants]\nhosts = [{ url = \"https://a.example\", method = [] }]\n", "`method`"),
            ("[grants]\nhosts = [{ methods = [\"GET\"] }]\n", "url"),
            ("[grants]\nhosts = [{ url = \"https://a.example\", methods = [] }]\n", "leave"),
            ("[grants]\nhosts = [{ url = \"https://a.example\", methods = [\"get\"] }]\n", "GET"),
            ("[grants]\nhosts = [{ url = \"https://*\", private = true }]\n", "private"),
            ("[grants]\nhosts = [3]\n", "url"),
            ("[grants]\nmodels = [\"Fast One\"]\n", "small letters"),
            ("[grants]\nmodels = \"fast\"\n", "models"),
            ("[grants]\nassistants = [\"a b\"]\n", "a component id is"),
            ("[grants.environment]\nA = 3\n", "from"),
            ("[grants.environment]\nA = { form = \"B\" }\n", "form"),
            ("[grants.environment]\n\"A=B\" = \"x\"\n", "A=B"),
            ("[grants.environment]\nA = { from = \"WAKEFUL_API_KEY\" }\n", "host's own"),
            (&secret("from = \"K\""), "to"),
            (&secret("to = [\"https://a.example\"]"), "from"),
            (&secret("from = \"K\"\nfile = \"/k\"\nto = [\"https://a.example\"]"), "either"),
            (&secret("file = \"k\"\nto = [\"https://a.example\"]"), "absolute"),
            (&secret("from = \"K\"\nto = []"), "to"),
            (&secret("from = \"K\"\nto = [\"https://a.example\"]\nheader = \"host\""), "header"),
            (&secret("from = \"K\"\nto = [\"https://a.example\"]\nvalue = \"x\""), "value"),
            (
                "[grants.environment]\nKEY = \"x\"\n[grants.secrets.KEY]\nfrom = \"K\"\nto = [\"https://a.example\"]\n",
                "KEY",
            ),
        ] {
            let message = grants(text).unwrap_err();
            assert!(message.contains(expected), "{text}: {message}");
        }
    }
}
