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
    /// How long that was after it was due.
    pub late: Duration,
    /// Why it happened.
    pub cause: FireCause,
    /// What the host did.
    pub status: FireStatus,
    /// Earlier due instants that this fire stands for, because the host was down or late.
    pub coalesced: Option<Coalesced>,
}

impl Fire {
    /// Its id: that of the run it started, or would have started.
    pub fn id(&self) -> RunId {
        match self.status {
            FireStatus::Started(run) => run,
            FireStatus::Skipped(_) => RunId::of_fire(self.cron_id, self.scheduled_at),
        }
    }

    /// The earliest due instant that this record accounts for.
    pub fn first_instant(&self) -> Timestamp {
        self.coalesced.as_ref().map_or(self.scheduled_at, |missed| missed.first)
    }
}

/// Why a fire happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FireCause {
    /// Its instant had come.
    Schedule,
    /// Its instant had been missed.
    Catchup,
    /// Somebody asked for it.
    Manual,
    /// Somebody asked for the instants of a time in the past.
    Backfill,
}

impl FireCause {
    /// Every cause.
    pub const ALL: [Self; 4] = [Self::Schedule, Self::Catchup, Self::Manual, Self::Backfill];

    /// The word for it, on the wire and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Schedule => "schedule",
            Self::Catchup => "catchup",
            Self::Manual => "manual",
            Self::Backfill => "backfill",
        }
    }

    /// The cause with this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.as_str() == word)
    }

    /// Whether the schedule made it, and not somebody who asked for it.
    pub const fn is_of_schedule(self) -> bool {
        matches!(self, Self::Schedule | Self::Catchup)
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SkipReason {
    /// An earlier run was unfinished, or as many were waiting as may wait.
    Overlap,
    /// The instant was missed, and the cron does not make up for it.
    Misfire,
    /// The cron was paused.
    Paused,
    /// Its runs had used up what they may in a day.
    Budget,
    /// The cron was given another schedule before the host came to the instant.
    Rescheduled,
    /// There was no component to run.
    AssistantGone,
}

impl SkipReason {
    /// Every reason.
    pub const ALL: [Self; 6] = [
        Self::Overlap,
        Self::Misfire,
        Self::Paused,
        Self::Budget,
        Self::Rescheduled,
        Self::AssistantGone,
    ];

    /// The word for it, on the wire and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Overlap => "overlap",
            Self::Misfire => "misfire",
            Self::Paused => "paused",
            Self::Budget => "budget",
            Self::Rescheduled => "rescheduled",
            Self::AssistantGone => "assistant_gone",
        }
    }

    /// The reason with this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == word)
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
