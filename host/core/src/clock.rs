use crate::Timestamp;

/// Where the host's time comes from. Nothing else in the host reads a clock.
pub trait Clock: Send + Sync + 'static {
    /// The present instant, cut to microseconds.
    fn now(&self) -> Timestamp;
}

/// The clock of the operating system.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        to_micros(Timestamp::now())
    }
}

/// Cuts an instant to the microseconds that records keep, so that what was written compares equal
/// to what is read back.
pub fn to_micros(at: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at)
}
