use std::fmt;
use std::path::PathBuf;

use super::layer::Layer;

/// A value and where it came from.
#[derive(Debug, Clone)]
pub(crate) struct Sourced<T> {
    pub(crate) value: T,
    pub(crate) source: Source,
}

/// Where a setting came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// The command line, with this option.
    Flag(String),
    /// The environment, in this variable.
    Environment(String),
    /// The settings file.
    File(PathBuf),
    /// Nobody said anything.
    Default,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "flag {flag}"),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// What each source says, from the strongest to the weakest.
#[derive(Debug, Default)]
pub(super) struct Layers {
    pub(super) flags: Layer,
    pub(super) environment: Layer,
    pub(super) file: Layer,
    /// Where `file` was read.
    pub(super) path: Option<PathBuf>,
}

impl Layers {
    /// The value of a setting in the strongest layer that has one.
    pub(super) fn pick<T>(
        &self,
        key: &str,
        get: impl Fn(&Layer) -> Option<T>,
        default: T,
    ) -> Sourced<T> {
        if let Some(value) = get(&self.flags) {
            let source = Source::Flag(format!("--{}", key.replace('_', "-")));
            return Sourced { value, source };
        }
        if let Some(value) = get(&self.environment) {
            let source = Source::Environment(format!("WAKEFUL_{}", key.to_ascii_uppercase()));
            return Sourced { value, source };
        }
        if let Some(value) = get(&self.file) {
            let source = Source::File(self.path.clone().unwrap_or_default());
            return Sourced { value, source };
        }
        Sourced { value: default, source: Source::Default }
    }
}
