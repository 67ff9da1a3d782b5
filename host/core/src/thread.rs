use crate::{CheckpointId, Digest, Json, Object, RunError, ThreadId, Timestamp, Ttl};

/// What a thread is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ThreadStatus {
    /// Nothing is pending or running.
    Idle,
    /// A run is pending or running.
    Busy,
    /// The last run stopped at questions that wait for answers.
    Interrupted,
    /// The last run failed.
    Error,
}

impl ThreadStatus {
    /// Every status.
    pub const ALL: [Self; 4] = [Self::Idle, Self::Busy, Self::Interrupted, Self::Error];

    /// The word for it, on the wire and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Busy => "busy",
            Self::Interrupted => "interrupted",
            Self::Error => "error",
        }
    }

    /// The status with this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

/// A conversation that lasts: values, files and the order of its runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Thread {
    /// Its id.
    pub id: ThreadId,
    /// When it was created.
    pub created_at: Timestamp,
    /// When anything about it last changed.
    pub updated_at: Timestamp,
    /// When its values last changed.
    pub state_updated_at: Timestamp,
    /// Free-form facts, searchable by containment.
    pub metadata: Object,
    /// What it is doing.
    pub status: ThreadStatus,
    /// Its newest checkpoint.
    pub head: Option<CheckpointId>,
    /// The values at its newest checkpoint; `None` before the first.
    pub values: Option<Json>,
    /// Why the last run failed, while the status is [`ThreadStatus::Error`].
    pub error: Option<RunError>,
    /// A hidden thread that goes away with its run.
    pub temporary: bool,
    /// How long it stays without being used; `None` means for ever.
    pub ttl: Option<Ttl>,
    /// When its time is over, unless it is used before. `None` without a time to live, and on a
    /// thread that has lost its earlier checkpoints and was not used since.
    pub expires_at: Option<Timestamp>,
    /// The digest of the request that made it, if that came with a key; see
    /// [`crate::RequestKey`].
    pub request_digest: Option<Digest>,
}

impl Thread {
    /// An idle thread without values.
    pub fn new(id: ThreadId, metadata: Object, now: Timestamp) -> Self {
        Self {
            id,
            created_at: now,
            updated_at: now,
            state_updated_at: now,
            metadata,
            status: ThreadStatus::Idle,
            head: None,
            values: None,
            error: None,
            temporary: false,
            ttl: None,
            expires_at: None,
            request_digest: None,
        }
    }

    /// The thread with this time to live, counted from `now`. A temporary thread has none.
    #[must_use]
    pub fn with_ttl(mut self, ttl: Option<Ttl>, now: Timestamp) -> Self {
        self.ttl = ttl.filter(|_| !self.temporary);
        self.expires_at = self.ttl.map(|ttl| ttl.expires_at(now));
        self
    }
}
