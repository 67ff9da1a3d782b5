use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use wakeful_core::Timestamp;

use super::SledStore;
use super::queue;
use super::tx::Tx;
use crate::{Error, StatsStore, StoreStats};

/// How often writes were made durable, and how long it took.
#[derive(Debug, Default)]
pub(super) struct Syncs {
    count: AtomicU64,
    micros: AtomicU64,
}

impl Syncs {
    pub(super) fn note(&self, took: Duration) {
        self.count.fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }
}

#[async_trait]
impl StatsStore for SledStore {
    async fn stats(&self, now: Timestamp) -> Result<StoreStats, Error> {
        let inner = self.inner()?;
        Ok(StoreStats {
            longest_unblocked_wait: self.read(move |tx| longest_unblocked(tx, now)).await?,
            syncs: inner.syncs.count.load(Ordering::Relaxed),
            sync_time: Duration::from_micros(inner.syncs.micros.load(Ordering::Relaxed)),
            ..inner.backlog.stats(now)
        })
    }
}

/// How long the run has waited that may begin for the longest time on a thread that is idle: such
/// threads are in the order in which their runs may begin.
fn longest_unblocked(tx: &Tx<'_>, now: Timestamp) -> Result<Option<Duration>, Error> {
    let first = queue::next_available(tx)?;
    Ok(first.and_then(|at| Duration::try_from(now.duration_since(at)).ok()))
}
