use std::time::Duration;

use serde::{Deserialize, Serialize};
use wakeful_core::{Catchup, CronPolicy, Dst, FailureKind, Overlap, Retry, Timestamp};

use super::codec::{micros_option, word};

word!(overlap, wakeful_core::Overlap);
word!(catchup, wakeful_core::Catchup);
word!(dst, wakeful_core::Dst);

/// How a cron fires, in its record; what is as usual is left out.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct StoredPolicy {
    #[serde(with = "overlap")]
    overlap: Overlap,
    #[serde(with = "catchup")]
    catchup: Catchup,
    window: Duration,
    #[serde(default, with = "dst", skip_serializing_if = "usual")]
    dst: Dst,
    #[serde(default, skip_serializing_if = "Duration::is_zero")]
    jitter: Duration,
    #[serde(default, with = "micros_option", skip_serializing_if = "Option::is_none")]
    start: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_fires: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) pause_after_failures: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fuel_per_day: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tokens_per_day: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry: Option<StoredRetry>,
}

fn usual(dst: &Dst) -> bool {
    *dst == Dst::default()
}

impl StoredPolicy {
    pub(super) fn new(policy: &CronPolicy) -> Self {
        Self {
            overlap: policy.overlap,
            catchup: policy.catchup,
            window: policy.catchup_window,
            dst: policy.dst,
            jitter: policy.jitter,
            start: policy.start_time,
            max_fires: policy.max_fires,
            pause_after_failures: policy.pause_after_failures,
            fuel_per_day: policy.fuel_per_day,
            tokens_per_day: policy.tokens_per_day,
            retry: policy.retry.as_ref().map(StoredRetry::new),
        }
    }

    pub(super) fn open(self) -> CronPolicy {
        CronPolicy {
            overlap: self.overlap,
            catchup: self.catchup,
            catchup_window: self.window,
            dst: self.dst,
            jitter: self.jitter,
            start_time: self.start,
            max_fires: self.max_fires,
            pause_after_failures: self.pause_after_failures,
            fuel_per_day: self.fuel_per_day,
            tokens_per_day: self.tokens_per_day,
            retry: self.retry.map(StoredRetry::open),
        }
    }
}

/// When a failed run is tried again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct StoredRetry {
    attempts: u32,
    first: Duration,
    longest: Duration,
    on: Vec<String>,
}

impl StoredRetry {
    pub(super) fn new(retry: &Retry) -> Self {
        Self {
            attempts: retry.attempts,
            first: retry.first,
            longest: retry.longest,
            on: retry.on.iter().map(|kind| kind.as_str().to_owned()).collect(),
        }
    }

    pub(super) fn open(self) -> Retry {
        Retry {
            attempts: self.attempts,
            first: self.first,
            longest: self.longest,
            on: self.on.iter().filter_map(|word| FailureKind::parse(word)).collect(),
        }
    }
}
