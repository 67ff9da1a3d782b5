//! How long what is pending has waited, counted in memory so that telling it costs next to nothing
//! however much is pending.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use wakeful_core::{Timestamp, to_micros};

use super::keys::Parts;
use super::table::Table;
use super::tx::Tx;
use crate::{Error, StoreStats};

/// Runs that may begin within as many microseconds of each other are counted together.
const GRAIN: i64 = 10_000;

/// How many runs are pending, by when they may begin.
#[derive(Debug, Default)]
pub(super) struct Backlog(Mutex<BTreeMap<i64, usize>>);

/// A run that a transaction makes pending, or that it takes from those that are.
#[derive(Debug, Clone, Copy)]
pub(super) enum Change {
    Added(Timestamp),
    Taken(Timestamp),
}

impl Backlog {
    /// Counts what is there.
    pub(super) fn count(tx: &Tx<'_>) -> Result<Self, Error> {
        let backlog = Self::default();
        for entry in tx.scan(Table::Pending, &[]) {
            backlog.apply(&[Change::Added(Parts(&entry?.1).time()?)]);
        }
        Ok(backlog)
    }

    /// Takes over what a transaction has changed.
    pub(super) fn apply(&self, changes: &[Change]) {
        if changes.is_empty() {
            return;
        }
        let mut counts = self.lock();
        for change in changes {
            match change {
                Change::Added(at) => *counts.entry(grain(*at)).or_default() += 1,
                Change::Taken(at) => {
                    let grain = grain(*at);
                    if let Some(count) = counts.get_mut(&grain) {
                        *count -= 1;
                        if *count == 0 {
                            counts.remove(&grain);
                        }
                    }
                }
            }
        }
    }

    /// What is pending, and how long that which may begin has waited.
    pub(super) fn stats(&self, now: Timestamp) -> StoreStats {
        let counts = self.lock();
        let waited = |grain: i64| {
            let since = Timestamp::from_microsecond(grain.saturating_mul(GRAIN)).ok()?;
            Duration::try_from(now.duration_since(since)).ok()
        };
        let waiting = || counts.range(..=grain(now));
        // Half of them have waited at least as long as the one in the middle.
        let mut left = waiting().map(|(_, count)| count).sum::<usize>().div_ceil(2);
        let middle = waiting().find(|(_, count)| {
            let found = **count >= left;
            left = left.saturating_sub(**count);
            found
        });
        StoreStats {
            pending: counts.values().sum(),
            longest_wait: waiting().next().and_then(|(grain, _)| waited(*grain)),
            median_wait: middle.and_then(|(grain, _)| waited(*grain)),
            ..StoreStats::default()
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<i64, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn grain(at: Timestamp) -> i64 {
    to_micros(at).as_microsecond().div_euclid(GRAIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_microsecond(micros).unwrap()
    }

    #[test]
    fn waits_are_counted_by_when_a_run_may_begin() {
        let backlog = Backlog::default();
        let stats = |now| {
            let stats = backlog.stats(at(now));
            (stats.pending, stats.longest_wait, stats.median_wait)
        };
        let ms = |n| Some(Duration::from_millis(n));
        assert_eq!(stats(0), (0, None, None));
        let added: Vec<_> = [0, 5, 20_000, 30_000, 90_000].map(|n| Change::Added(at(n))).into();
        backlog.apply(&added);
        assert_eq!(stats(50_000), (5, ms(50), ms(50)));
        backlog.apply(&[Change::Taken(at(0))]);
        assert_eq!(stats(50_000), (4, ms(50), ms(30)));
        backlog.apply(&[Change::Taken(at(5)), Change::Taken(at(7))]);
        assert_eq!(stats(50_000), (3, ms(30), ms(30)));
        assert_eq!(stats(19_000), (3, None, None));
        assert_eq!(stats(-1), (3, None, None));
    }
}
