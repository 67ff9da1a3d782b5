use std::time::Duration;

use async_trait::async_trait;
use wakeful_core::Timestamp;

use super::Error;

/// What those who watch over a host want to know of its store.
#[async_trait]
pub trait StatsStore {
    /// The queue and the writes, as of `now`.
    async fn stats(&self, now: Timestamp) -> Result<StoreStats, Error>;
}

/// The queue and the writes of a store.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StoreStats {
    /// Runs that are pending, those that may begin only later among them.
    pub pending: usize,
    /// How long the run has waited that may begin for the longest time.
    pub longest_wait: Option<Duration>,
    /// How long half of the runs that may begin have waited at least.
    pub median_wait: Option<Duration>,
    /// How long the run has waited that may begin for the longest time on a thread that runs
    /// nothing else.
    pub longest_unblocked_wait: Option<Duration>,
    /// How often this process made writes durable.
    pub syncs: u64,
    /// How long that took in all.
    pub sync_time: Duration,
}
