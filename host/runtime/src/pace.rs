//! How long the loops of the host sleep.

use std::time::Duration;

use wakeful_core::Timestamp;

/// The longest sleep. A short one survives a suspended machine and a clock that was set, which
/// long timers do not.
pub(crate) const LONGEST: Duration = Duration::from_secs(1);

/// The sleep when what was there has gone meanwhile: look again, but not in a tight loop.
pub(crate) const AGAIN: Duration = Duration::from_millis(10);

/// How long to sleep before `next`; `None` if it has come.
pub(crate) fn before(next: Option<Timestamp>, now: Timestamp) -> Option<Duration> {
    match next {
        None => Some(LONGEST),
        Some(next) if now < next => {
            let wait = Duration::try_from(next.duration_since(now)).unwrap_or_default();
            Some(wait.min(LONGEST))
        }
        Some(_) => None,
    }
}
