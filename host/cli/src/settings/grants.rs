//! What an assistant's own file may grant it at most.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::Deserialize;
use serde::de::{Deserializer, Error};
use wakeful::core::OriginPattern;
use wakeful::{GrantBounds, NamePattern};

use super::source::{Layers, Sourced};

/// What one source says about grants.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GrantLayer {
    /// Hosts to which requests may go at all.
    pub(super) hosts: Option<List<OriginPattern>>,
    /// Whether a grant may name what is not on the public internet.
    pub(super) private: Option<bool>,
    /// Variables of the environment that assistants may be given.
    pub(super) environment: Option<List<NamePattern>>,
    /// Folders whose files may be secrets.
    pub(super) secret_folders: Option<List<PathText>>,
}

/// Every bound, with where it came from; `None` bounds nothing.
#[derive(Debug, Clone)]
pub(super) struct SourcedGrants {
    pub(super) hosts: Sourced<Option<List<OriginPattern>>>,
    pub(super) private: Sourced<bool>,
    pub(super) environment: Sourced<Option<List<NamePattern>>>,
    pub(super) secret_folders: Sourced<Option<List<PathText>>>,
}

impl SourcedGrants {
    pub(super) fn resolve(layers: &Layers) -> Self {
        let private = GrantBounds::default().private;
        Self {
            hosts: layers.pick("hosts", |l| l.grants.hosts.clone().map(Some), None),
            private: layers.pick("private", |l| l.grants.private, private),
            environment: layers.pick(
                "environment",
                |l| l.grants.environment.clone().map(Some),
                None,
            ),
            secret_folders: layers.pick(
                "secret_folders",
                |l| l.grants.secret_folders.clone().map(Some),
                None,
            ),
        }
    }

    /// What the host is told.
    pub(super) fn bounds(&self) -> GrantBounds {
        let folders = self.secret_folders.value.clone();
        GrantBounds {
            hosts: self.hosts.value.clone().map(|List(hosts)| hosts),
            private: self.private.value,
            environment: self.environment.value.clone().map(|List(names)| names),
            secret_folders: folders
                .map(|List(folders)| folders.into_iter().map(|PathText(path)| path).collect()),
            ..GrantBounds::default()
        }
    }
}

/// Texts with a meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct List<T>(Vec<T>);

impl<T: fmt::Display> fmt::Display for List<T> {
    /// As TOML.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts = self.0.iter().map(|text| toml::Value::String(text.to_string()).to_string());
        write!(f, "[{}]", texts.collect::<Vec<_>>().join(", "))
    }
}

impl<'de, T: FromStr<Err: fmt::Display>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        let list = texts.iter().map(|text| text.parse().map_err(D::Error::custom));
        Ok(Self(list.collect::<Result<_, _>>()?))
    }
}

/// The path of a folder, from the root on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PathText(PathBuf);

impl FromStr for PathText {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let path = PathBuf::from(text);
        if path.is_absolute() { Ok(Self(path)) } else { Err(format!("`{text}` is not absolute")) }
    }
}

impl fmt::Display for PathText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.display().fmt(f)
    }
}
