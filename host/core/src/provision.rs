//! What the operator gives to an assistant: variables of its environment, and secrets that it may
//! use without ever holding them.

use std::fmt;
use std::path::PathBuf;

use zeroize::Zeroizing;

use crate::OriginPattern;

/// A variable in an assistant's environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VariableGrant {
    /// Its name.
    pub name: String,
    /// What it says.
    pub value: VariableSource,
}

/// Where the value of a variable comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VariableSource {
    /// The grant says it.
    Text(String),
    /// The variable of the host's environment with this name.
    Host(String),
}

/// A secret that an assistant may send, by a name, to where it belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretGrant {
    /// The variable of the assistant's environment that holds the placeholder.
    pub name: String,
    /// Where the value comes from.
    pub source: SecretSource,
    /// Where it may go.
    pub to: Vec<OriginPattern>,
    /// The header that may carry it, in small letters.
    pub header: String,
}

/// Where the value of a secret comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// The variable of the host's environment with this name.
    Host(String),
    /// A file, without the line end at its end.
    File(PathBuf),
}

/// What a run is given of what its assistant is granted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Provision {
    /// Names and values.
    pub environment: Vec<(String, String)>,
    /// The secrets that it may use.
    pub secrets: Vec<HeldSecret>,
}

/// A secret that the host holds for a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldSecret {
    /// What was granted.
    pub grant: SecretGrant,
    /// The secret itself.
    pub value: SecretValue,
}

/// The value of a secret: never printed, and overwritten in memory when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretValue(Zeroizing<Vec<u8>>);

impl SecretValue {
    /// The fewest bytes: what is shorter would be found in everything.
    pub const SHORTEST: usize = 8;
    /// The most bytes.
    pub const LONGEST: usize = 4_096;

    /// A secret that can be sent in a header.
    ///
    /// # Errors
    ///
    /// Says what is wrong with it, and nothing of what it is.
    pub fn new(bytes: Vec<u8>) -> Result<Self, String> {
        let bytes = Zeroizing::new(bytes);
        if !(Self::SHORTEST..=Self::LONGEST).contains(&bytes.len()) {
            return Err(format!(
                "it has {} bytes, and a secret has {} to {}",
                bytes.len(),
                Self::SHORTEST,
                Self::LONGEST
            ));
        }
        if !bytes.iter().all(u8::is_ascii_graphic) {
            return Err(
                "it has spaces, line breaks or characters beyond ASCII, which no secret for a header has"
                    .to_owned(),
            );
        }
        Ok(Self(bytes))
    }

    /// The secret itself, for whoever sends it.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretValue(…)")
    }
}

impl fmt::Display for VariableSource {
    /// Where it comes from; a value of the host is not known here.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Host(name) => write!(f, "the host's {name}"),
        }
    }
}

impl fmt::Display for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(name) => write!(f, "the host's {name}"),
            Self::File(path) => write!(f, "file {}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_printed() {
        let secret = SecretValue::new(b"correct-horse".to_vec()).unwrap();
        assert_eq!(secret.expose(), b"correct-horse");
        assert!(!format!("{secret:?}").contains("horse"));
        for bad in ["short", "has a space", "line\nbreak", "übergeheim"] {
            let message = SecretValue::new(bad.as_bytes().to_vec()).unwrap_err();
            assert!(!message.contains(bad), "{message}");
        }
        assert!(SecretValue::new(vec![b'x'; 5_000]).is_err());
    }
}
