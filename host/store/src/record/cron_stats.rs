use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use wakeful_core::{CronStats, LastFailure, RunId, SkipReason, Timestamp};

use super::codec::{micros, text};

/// What has become of a cron's fires so far; apart from the cron, because it changes so often.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct StoredCronStats {
    started: u64,
    triggered: u64,
    skipped: BTreeMap<String, u64>,
    missed: u64,
    succeeded: u64,
    failed: u64,
    failed_in_a_row: u32,
    last_failure: Option<StoredFailure>,
    last_late: Duration,
    worst_late: Duration,
    day: i64,
    fuel: u64,
    #[serde(skip_serializing_if = "is_zero")]
    tokens: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct StoredFailure {
    #[serde(with = "text")]
    run: RunId,
    #[serde(with = "micros")]
    at: Timestamp,
    message: String,
}

impl StoredCronStats {
    pub(crate) fn new(stats: &CronStats) -> Self {
        Self {
            started: stats.started,
            triggered: stats.triggered,
            skipped: stats.skipped.iter().map(|(it, n)| (it.as_str().to_owned(), *n)).collect(),
            missed: stats.missed,
            succeeded: stats.succeeded,
            failed: stats.failed,
            failed_in_a_row: stats.failed_in_a_row,
            last_failure: stats.last_failure.as_ref().map(|last| StoredFailure {
                run: last.run_id,
                at: last.at,
                message: last.message.clone(),
            }),
            last_late: stats.last_late,
            worst_late: stats.worst_late,
            day: stats.day,
            fuel: stats.fuel,
            tokens: stats.tokens,
        }
    }

    pub(crate) fn open(self) -> CronStats {
        let reason = |(word, count): (String, u64)| Some((SkipReason::parse(&word)?, count));
        CronStats {
            started: self.started,
            triggered: self.triggered,
            skipped: self.skipped.into_iter().filter_map(reason).collect(),
            missed: self.missed,
            succeeded: self.succeeded,
            failed: self.failed,
            failed_in_a_row: self.failed_in_a_row,
            last_failure: self.last_failure.map(|last| LastFailure {
                run_id: last.run,
                at: last.at,
                message: last.message,
            }),
            last_late: self.last_late,
            worst_late: self.worst_late,
            day: self.day,
            fuel: self.fuel,
            tokens: self.tokens,
        }
    }
}
