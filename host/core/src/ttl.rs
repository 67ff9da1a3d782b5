use std::time::Duration;

use crate::Timestamp;

/// How long a thread stays after its last use, and what happens then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ttl {
    /// How long after its last use: a run, or a change by a client.
    pub after: Duration,
    /// What happens then.
    pub expiry: Expiry,
}

impl Ttl {
    /// When the time of a thread is over that was last used at `now`.
    pub fn expires_at(self, now: Timestamp) -> Timestamp {
        now.checked_add(self.after).unwrap_or(Timestamp::MAX)
    }
}

/// What happens to a thread that nobody has used for long enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Expiry {
    /// It is deleted, with everything of it.
    #[default]
    Delete,
    /// It keeps its newest checkpoint, and loses the earlier ones.
    KeepLatest,
}

impl Expiry {
    /// The word for it, on the wire and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delete => "delete",
            Self::KeepLatest => "keep_latest",
        }
    }

    /// The one with this word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Delete, Self::KeepLatest].into_iter().find(|expiry| expiry.as_str() == word)
    }
}
