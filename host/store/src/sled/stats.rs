use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use wakeful_core::{ThreadId, Timestamp};

use super::SledStore;
use super::keys::Parts;
use super::lanes::{Lane, lane};
use super::table::Table;
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
        let syncs = self.inner()?;
        let stats = self.read(move |tx| queue(tx, now)).await?;
        Ok(StoreStats {
            syncs: syncs.syncs.count.load(Ordering::Relaxed),
            sync_time: Duration::from_micros(syncs.syncs.micros.load(Ordering::Relaxed)),
            ..stats
        })
    }
}

fn queue(tx: &Tx<'_>, now: Timestamp) -> Result<StoreStats, Error> {
    let mut stats = StoreStats::default();
    let mut waits = Vec::new();
    // Entries of one thread stand together.
    let mut current: Option<([u8; 16], bool)> = None;
    for entry in tx.scan(Table::Pending, &[]) {
        let (key, available) = entry?;
        stats.pending += 1;
        let Ok(wait) = Duration::try_from(now.duration_since(Parts(&available).time()?)) else {
            continue;
        };
        waits.push(wait);
        let thread = Parts(&key).id()?;
        let blocked = match current {
            Some((known, blocked)) if known == thread => blocked,
            _ => matches!(lane(tx, ThreadId::from_bytes(thread))?, Some(Lane::Running(_))),
        };
        current = Some((thread, blocked));
        if !blocked {
            stats.longest_unblocked_wait = stats.longest_unblocked_wait.max(Some(wait));
        }
    }
    waits.sort_unstable();
    stats.longest_wait = waits.last().copied();
    stats.median_wait = waits.get(waits.len() / 2).copied();
    Ok(stats)
}
