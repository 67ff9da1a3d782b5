use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;
use wakeful_core::toml_text::list;
use wakeful_core::{Grants, HostBounds, ModelName, OriginPattern, SecretSource, VariableSource};
use wakeful_engine::Lookup;

/// What variables of the host's own settings begin with; no assistant gets them.
const OWN: &str = "WAKEFUL_";

/// What an assistant's own file may grant it at most.
#[derive(Debug, Clone)]
pub struct GrantBounds {
    /// Hosts; `None` means all.
    pub hosts: Option<Vec<OriginPattern>>,
    /// Whether it may name what is not on the public internet.
    pub private: bool,
    /// Variables of the host's environment; `None` means all but the host's own.
    pub environment: Option<Vec<NamePattern>>,
    /// Folders with files that may be secrets; `None` means any file.
    pub secret_folders: Option<Vec<PathBuf>>,
    /// The language models that there are; `None` means that any name will do.
    pub models: Option<Vec<ModelName>>,
    /// How the addresses of hosts are found.
    pub lookup: Lookup,
    /// The host's environment.
    pub variables: HostEnvironment,
}

impl Default for GrantBounds {
    /// The widest.
    fn default() -> Self {
        Self {
            hosts: None,
            private: true,
            environment: None,
            secret_folders: None,
            models: None,
            lookup: Lookup::default(),
            variables: HostEnvironment::default(),
        }
    }
}

impl GrantBounds {
    pub(super) fn of_hosts(&self) -> HostBounds {
        HostBounds { hosts: self.hosts.clone(), private: self.private }
    }

    /// Refuses grants that take from the host what it does not give, and those that say two things
    /// of one variable.
    pub(super) fn check(&self, grants: &Grants) -> Result<(), String> {
        let mut names = BTreeSet::new();
        let variables = grants.environment.iter().map(|variable| &variable.name);
        for name in variables.chain(grants.secrets.iter().map(|secret| &secret.name)) {
            if !names.insert(name) {
                return Err(format!("{name} is both in its environment and among its secrets"));
            }
        }
        for model in &grants.models {
            self.check_model(model)?;
        }
        for variable in &grants.environment {
            if let VariableSource::Host(name) = &variable.value {
                self.check_name(name)?;
            }
        }
        for secret in &grants.secrets {
            match &secret.source {
                SecretSource::Host(name) => self.check_name(name)?,
                SecretSource::File(path) => self.check_file(path)?,
            }
        }
        Ok(())
    }

    fn check_name(&self, name: &str) -> Result<(), String> {
        if name.starts_with(OWN) {
            return Err(format!("{name} is the host's own, and no assistant gets it"));
        }
        let Some(allowed) = &self.environment else { return Ok(()) };
        if allowed.iter().any(|pattern| pattern.covers(name)) {
            return Ok(());
        }
        let allowed = list(allowed.iter().map(ToString::to_string).chain([name.to_owned()]));
        Err(format!(
            "this host gives {name} to no assistant; to allow it, put this under [grants] in wakeful.toml: environment = {allowed}"
        ))
    }

    fn check_model(&self, name: &ModelName) -> Result<(), String> {
        let Some(models) = &self.models else { return Ok(()) };
        if models.contains(name) {
            return Ok(());
        }
        let known = match models.as_slice() {
            [] => "none".to_owned(),
            models => list(models),
        };
        Err(format!(
            "this host has no model {name}; it has {known}; to have it, put [models.{name}] with `provider`, `model` and `key` into wakeful.toml"
        ))
    }

    fn check_file(&self, path: &Path) -> Result<(), String> {
        let climbs = path.components().any(|part| part == Component::ParentDir);
        let Some(folders) = &self.secret_folders else { return Ok(()) };
        if !climbs && folders.iter().any(|folder| path.starts_with(folder)) {
            return Ok(());
        }
        let folders = folders.iter().map(PathBuf::as_path).chain(path.parent());
        Err(format!(
            "this host takes no secret from {}; to allow it, put this under [grants] in wakeful.toml: secret_folders = {}",
            path.display(),
            list(folders.map(Path::display))
        ))
    }
}

/// Names of variables: one, or all that begin alike, as in `FEED_*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamePattern {
    beginning: String,
    exact: bool,
}

/// Text that is no [`NamePattern`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is not the name of a variable; write one such as \"TZ\", or \"FEED_*\"")]
pub struct InvalidName(String);

impl NamePattern {
    fn covers(&self, name: &str) -> bool {
        if self.exact { name == self.beginning } else { name.starts_with(&self.beginning) }
    }
}

impl FromStr for NamePattern {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let beginning = text.strip_suffix('*').unwrap_or(text);
        let letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if text.is_empty() || !beginning.chars().all(letter) {
            return Err(InvalidName(text.to_owned()));
        }
        Ok(Self { beginning: beginning.to_owned(), exact: beginning.len() == text.len() })
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.beginning)?;
        f.write_str(if self.exact { "" } else { "*" })
    }
}

type Read = dyn Fn(&str) -> Option<OsString> + Send + Sync;

/// The host's environment, as far as grants take from it.
#[derive(Clone)]
pub struct HostEnvironment(Arc<Read>);

impl HostEnvironment {
    /// Reads variables in a way of the caller's.
    pub fn new(read: impl Fn(&str) -> Option<OsString> + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    pub(super) fn read(&self, name: &str) -> Option<OsString> {
        (self.0)(name)
    }
}

impl Default for HostEnvironment {
    /// That of this process.
    fn default() -> Self {
        Self::new(|name| std::env::var_os(name))
    }
}

impl fmt::Debug for HostEnvironment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HostEnvironment")
    }
}

#[cfg(test)]
mod tests {
    use wakeful_core::{CronGrant, Grants};

    use super::*;
    use crate::AssistantFile;

    fn within(text: &str, bounds: &GrantBounds) -> Result<Grants, String> {
        AssistantFile::parse(text).unwrap().grants.into_grants(CronGrant::WIDEST, bounds)
    }

    #[test]
    fn a_file_takes_from_the_host_only_what_the_bounds_name() {
        let bounds = GrantBounds {
            environment: Some(vec!["TZ".parse().unwrap(), "FEED_*".parse().unwrap()]),
            secret_folders: Some(vec!["/run/secrets".into()]),
            ..GrantBounds::default()
        };
        let variable = |name: &str| format!("[grants.environment]\nA = {{ from = \"{name}\" }}\n");
        let file = |path: &str| {
            format!("[grants.secrets.A]\nfile = \"{path}\"\nto = [\"https://a.example\"]\n")
        };
        for (text, problem) in [
            (variable("TZ"), None),
            (variable("FEED_KEY"), None),
            (variable("TZDIR"), Some("environment = [\"TZ\", \"FEED_*\", \"TZDIR\"]")),
            (file("/run/secrets/a"), None),
            (file("/etc/passwd"), Some("secret_folders = [\"/run/secrets\", \"/etc\"]")),
            (file("/run/secrets/../../etc/passwd"), Some("secret_folders")),
        ] {
            let found = within(&text, &bounds);
            match problem {
                None => assert!(found.is_ok(), "{text}: {found:?}"),
                Some(part) => assert!(found.unwrap_err().contains(part), "{text}"),
            }
        }
    }
}
