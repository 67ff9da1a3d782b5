use std::time::Duration;

use crate::{CronId, RunId, Timestamp};

/// What became of one due instant of one cron; exactly one record for each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fire {
    /// The cron.
    pub cron_id: CronId,
    /// The instant that the schedule named.
    pub scheduled_at: Timestamp,
    /// When the host recorded it.
    pub recorded_at: Timestamp,
    /// What the host did.
    pub status: FireStatus,
    /// Earlier due instants that this fire stands for, because the host was down or late.
    pub coalesced: Option<Coalesced>,
}

impl Fire {
    /// How long after its scheduled instant the fire was recorded.
    pub fn lateness(&self) -> Duration {
        Duration::try_from(self.recorded_at.duration_since(self.scheduled_at)).unwrap_or_default()
    }

    /// The earliest due instant that this record accounts for.
    pub fn first_instant(&self) -> Timestamp {
        self.coalesced.as_ref().map_or(self.scheduled_at, |missed| missed.first)
    }
}

/// What the host did at a due instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FireStatus {
    /// A run was created.
    Started(RunId),
    /// No run was created.
    Skipped(SkipReason),
}

/// Why a due instant created no run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SkipReason {
    /// An earlier run was still pending or running, and the cron says `reject`.
    Overlap,
}

impl SkipReason {
    /// The word for it, on the wire and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Overlap => "overlap",
        }
    }

    /// The reason with this word.
    pub fn parse(word: &str) -> Option<Self> {
        (word == "overlap").then_some(Self::Overlap)
    }
}

/// Due instants that had passed by the time the host came to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coalesced {
    /// How many instants.
    pub count: u64,
    /// Whether there were more than `count`: counting stops at a bound.
    pub at_least: bool,
    /// The first of them.
    pub first: Timestamp,
    /// The last of them.
    pub last: Timestamp,
}
