use std::time::Duration;

use serde::{Deserialize, Serialize};
use wakeful_core::{Coalesced, CronId, Fire, FireCause, FireStatus, RunId, SkipReason, Timestamp};

use super::codec::{micros, text, word};

word!(reason, wakeful_core::SkipReason);
word!(cause, wakeful_core::FireCause);

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StoredFire {
    #[serde(with = "text")]
    pub(crate) cron: CronId,
    #[serde(with = "micros")]
    pub(crate) scheduled: Timestamp,
    #[serde(with = "micros")]
    pub(crate) recorded: Timestamp,
    status: StoredStatus,
    coalesced: Option<StoredCoalesced>,
    /// Since format 3.
    #[serde(default)]
    late: Option<Duration>,
    #[serde(default = "schedule", with = "cause")]
    cause: FireCause,
}

/// The only cause up to format 2.
fn schedule() -> FireCause {
    FireCause::Schedule
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredStatus {
    #[serde(with = "text")]
    Started(RunId),
    #[serde(with = "reason")]
    Skipped(SkipReason),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct StoredCoalesced {
    count: u64,
    at_least: bool,
    #[serde(with = "micros")]
    first: Timestamp,
    #[serde(with = "micros")]
    last: Timestamp,
}

impl StoredFire {
    pub(crate) fn new(fire: &Fire) -> Self {
        Self {
            cron: fire.cron_id,
            scheduled: fire.scheduled_at,
            recorded: fire.recorded_at,
            status: match fire.status {
                FireStatus::Started(run) => StoredStatus::Started(run),
                FireStatus::Skipped(reason) => StoredStatus::Skipped(reason),
            },
            coalesced: fire.coalesced.as_ref().map(|missed| StoredCoalesced {
                count: missed.count,
                at_least: missed.at_least,
                first: missed.first,
                last: missed.last,
            }),
            late: Some(fire.late),
            cause: fire.cause,
        }
    }

    pub(crate) fn open(self) -> Fire {
        let late = || Duration::try_from(self.recorded.duration_since(self.scheduled));
        Fire {
            late: self.late.unwrap_or_else(|| late().unwrap_or_default()),
            cause: self.cause,
            cron_id: self.cron,
            scheduled_at: self.scheduled,
            recorded_at: self.recorded,
            status: match self.status {
                StoredStatus::Started(run) => FireStatus::Started(run),
                StoredStatus::Skipped(reason) => FireStatus::Skipped(reason),
            },
            coalesced: self.coalesced.map(|missed| Coalesced {
                count: missed.count,
                at_least: missed.at_least,
                first: missed.first,
                last: missed.last,
            }),
        }
    }
}
