use std::time::Duration;

use crate::{CronId, Limits, RunId, Timestamp};

/// The run that asked for another one, and what it gave to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parent {
    /// The run that asked.
    pub run_id: RunId,
    /// How many runs stand above, one after the other; at least 1.
    pub depth: u32,
    /// The cron that started the first of them, which pays for all.
    pub cron: Option<CronId>,
    /// Fuel that is left for it.
    pub fuel: u64,
    /// Tokens of language models that are left for it.
    pub tokens: u64,
    /// When whoever waits for it ends; `None` if nobody does.
    pub until: Option<Timestamp>,
}

impl Parent {
    /// How many runs may stand above one.
    pub const DEEPEST: u32 = 4;

    /// What a run may use that begins now, at most what its assistant may.
    pub fn narrow(&self, limits: &Limits, now: Timestamp) -> Limits {
        let left = self.until.map(|until| {
            // A limit of nothing at all is none that anything could keep.
            let left = Duration::try_from(until.duration_since(now)).unwrap_or_default();
            left.max(Duration::from_millis(1))
        });
        Limits {
            fuel: limits.fuel.min(self.fuel),
            tokens: limits.tokens.min(self.tokens),
            timeout: left.map_or(limits.timeout, |left| left.min(limits.timeout)),
            ..limits.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_gets_more_than_whoever_asked_has_left() {
        let now = Timestamp::UNIX_EPOCH;
        let parent = |until: Option<u64>| Parent {
            run_id: RunId::generate(),
            depth: 1,
            cron: None,
            fuel: 5,
            tokens: u64::MAX,
            until: until.map(|seconds| now + Duration::from_secs(seconds)),
        };
        let limits = Limits::default();
        let narrow = |until, at: u64| parent(until).narrow(&limits, now + Duration::from_secs(at));
        assert_eq!(narrow(None, 0), Limits { fuel: 5, ..limits.clone() });
        assert_eq!(narrow(Some(9), 2).timeout, Duration::from_secs(7));
        assert_eq!(narrow(Some(9), 20).timeout, Duration::from_millis(1));
        assert_eq!(narrow(Some(9_000), 0).timeout, limits.timeout);
    }
}
