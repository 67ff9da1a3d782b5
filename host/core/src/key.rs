use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use thiserror::Error;
use uuid::Uuid;

use crate::{Digest, KeyId, Timestamp};

/// What an API key lets its holder do. Each scope includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Look at everything, and change nothing.
    Read,
    /// Create threads, runs and items, and change or stop them.
    Run,
    /// Decide what runs by itself and who may call: crons, assistants, backups, keys.
    Manage,
}

impl Scope {
    /// Every scope, from the narrowest.
    pub const ALL: [Self; 3] = [Self::Read, Self::Run, Self::Manage];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Run => "run",
            Self::Manage => "manage",
        }
    }

    /// The scope that this word names.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == word)
    }
}

/// How often requests may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Requests per second in the long run.
    pub per_second: NonZeroU32,
    /// Requests that may come at once after a pause.
    pub burst: NonZeroU32,
}

impl Rate {
    /// The most that either number may be.
    pub const MOST: u32 = 1_000_000;

    /// A rate, if both numbers are between 1 and [`Rate::MOST`].
    pub fn new(per_second: u32, burst: u32) -> Option<Self> {
        let within = |number: u32| NonZeroU32::new(number).filter(|n| n.get() <= Self::MOST);
        Some(Self { per_second: within(per_second)?, burst: within(burst)? })
    }
}

/// Text that is not a rate.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "`{0}` is not a rate; write requests per second such as 50, or with the most at once, 50:200"
)]
pub struct InvalidRate(String);

impl FromStr for Rate {
    type Err = InvalidRate;

    /// Reads `50`, or `50:200` with a burst other than that of one second.
    fn from_str(text: &str) -> Result<Self, InvalidRate> {
        let (per_second, burst) = text.split_once(':').unwrap_or((text, text));
        let rate = per_second.parse().ok().zip(burst.parse().ok());
        rate.and_then(|(per_second, burst)| Self::new(per_second, burst))
            .ok_or_else(|| InvalidRate(text.to_owned()))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.per_second == self.burst {
            write!(f, "{}", self.per_second)
        } else {
            write!(f, "{}:{}", self.per_second, self.burst)
        }
    }
}

/// What is kept of an API key. The secret itself is not among it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id; the first part of the key.
    pub id: KeyId,
    /// For people.
    pub name: String,
    /// What its holder may do.
    pub scope: Scope,
    /// How often its holder may call, if not as often as everybody.
    pub rate: Option<Rate>,
    /// The digest of its secret.
    pub secret: Digest,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used, to about a minute.
    pub last_used_at: Option<Timestamp>,
}

impl ApiKey {
    /// The most characters that a name may have.
    pub const NAME_MAX: usize = 100;

    /// Whether this is the key's secret. Takes the same time whatever is wrong with it.
    pub fn opens_with(&self, secret: &Secret) -> bool {
        // The comparison of this type looks at every byte.
        blake3::Hash::from_bytes(*self.secret.as_bytes()) == blake3::hash(&secret.0)
    }
}

/// The secret part of an API key: 256 random bits.
#[derive(Clone)]
pub struct Secret([u8; 32]);

impl Secret {
    /// A secret of these bytes, which nobody else may know.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// What is kept of it.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.0)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// An API key as its holder sends it: `wk_<id>_<secret>`, both in hexadecimal digits. Formatting it
/// for display shows the secret, formatting it for debugging does not.
#[derive(Debug, Clone)]
pub struct KeyToken {
    /// Which key.
    pub id: KeyId,
    /// What only its holder knows.
    pub secret: Secret,
}

/// Text that is not an API key. What the text was is not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("an API key is `wk_`, 32 hexadecimal digits, `_` and 64 more")]
pub struct InvalidKey;

impl FromStr for KeyToken {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let (id, secret) =
            text.strip_prefix("wk_").and_then(|rest| rest.split_once('_')).ok_or(InvalidKey)?;
        let id = Some(id).filter(|id| id.len() == 32);
        let id = id.and_then(|id| Uuid::try_parse(id).ok()).ok_or(InvalidKey)?;
        let secret = blake3::Hash::from_hex(secret).map_err(|_| InvalidKey)?;
        Ok(Self { id: id.into(), secret: Secret(*secret.as_bytes()) })
    }
}

impl fmt::Display for KeyToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secret = blake3::Hash::from_bytes(self.secret.0).to_hex();
        write!(f, "wk_{}_{secret}", self.id.uuid().simple())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(byte: u8) -> KeyToken {
        KeyToken { id: KeyId::generate(), secret: Secret::from_bytes([byte; 32]) }
    }

    #[test]
    fn a_key_reads_back_from_its_text_and_hides_its_secret_from_logs() {
        let token = token(7);
        let text = token.to_string();
        let read: KeyToken = text.parse().unwrap();
        assert_eq!((read.id, read.to_string()), (token.id, text.clone()));
        assert!(text.starts_with("wk_") && text.len() == 100, "{text}");
        assert!(!format!("{token:?}").contains("0707"), "{token:?}");
        for bad in ["", "wk_", "bad", "wk_1_2", &text[1..], &text[..99], &format!("{text}0")] {
            assert!(bad.parse::<KeyToken>().is_err(), "{bad}");
        }
    }

    #[test]
    fn only_its_own_secret_opens_a_key() {
        let token = token(7);
        let key = ApiKey {
            id: token.id,
            name: "ci".to_owned(),
            scope: Scope::Run,
            rate: None,
            secret: token.secret.digest(),
            created_at: Timestamp::UNIX_EPOCH,
            last_used_at: None,
        };
        assert!(key.opens_with(&token.secret));
        assert!(!key.opens_with(&Secret::from_bytes([8; 32])));
    }

    #[test]
    fn a_scope_includes_those_before_it() {
        assert!(Scope::ALL.is_sorted());
        for scope in Scope::ALL {
            assert_eq!(Scope::parse(scope.as_str()), Some(scope));
        }
        assert_eq!(Scope::parse("root"), None);
    }

    #[test]
    fn a_rate_is_written_as_it_is_read() {
        for text in ["50", "50:200", "1", "1000000:1"] {
            assert_eq!(text.parse::<Rate>().unwrap().to_string(), text);
        }
        assert_eq!("7:7".parse::<Rate>().unwrap().to_string(), "7");
        for bad in ["", "0", "5:0", "-1", "1000001", "fast", "1:2:3", "1/s"] {
            assert!(bad.parse::<Rate>().unwrap_err().to_string().contains("50:200"), "{bad}");
        }
    }
}
