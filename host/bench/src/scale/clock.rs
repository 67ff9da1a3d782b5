use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use wakeful::core::{Clock, SystemClock, Timestamp};

/// The clock of the machine, ahead by an amount that only grows.
#[derive(Debug, Default)]
pub(crate) struct Shifted {
    micros: AtomicI64,
}

impl Shifted {
    /// Sets the clock ahead so that `at` comes after `left`.
    pub(crate) fn skip_to(&self, at: Timestamp, left: Duration) {
        let left = i64::try_from(left.as_micros()).unwrap_or(i64::MAX);
        let ahead = at.as_microsecond() - self.now().as_microsecond() - left;
        self.micros.fetch_add(ahead.max(0), Ordering::SeqCst);
    }
}

impl Clock for Shifted {
    fn now(&self) -> Timestamp {
        let now = SystemClock.now().as_microsecond() + self.micros.load(Ordering::SeqCst);
        Timestamp::from_microsecond(now).unwrap_or(Timestamp::MAX)
    }
}
