use std::fmt;
use std::time::Duration;

use jiff::SignedDuration;

/// The crons that an assistant may make for itself, on each of its threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CronGrant {
    /// How many there may be at once on one thread.
    pub max: u32,
    /// The least time between two instants of one of them.
    pub min_interval: Duration,
}

impl CronGrant {
    /// What no grant goes beyond, unless the host's settings say otherwise.
    pub const WIDEST: Self = Self { max: 100, min_interval: Duration::from_secs(60) };

    /// What both allow.
    #[must_use]
    pub fn within(self, other: Self) -> Self {
        Self {
            max: self.max.min(other.max),
            min_interval: self.min_interval.max(other.min_interval),
        }
    }

    /// What an assistant is told that has no such grant, with the line that would give it one.
    pub const REFUSAL: &str = "the assistant may not make, list or delete crons; to allow it, put this under [grants] in its .toml: crons = { max = 5, min_interval = \"1h\" }";
}

impl fmt::Display for CronGrant {
    /// As its fields are spelled in a settings file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let interval = SignedDuration::try_from(self.min_interval).unwrap_or(SignedDuration::MAX);
        write!(f, "max = {}, min_interval = \"{interval:#}\"", self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_grants_the_narrower_counts() {
        let grant = |max, seconds| CronGrant { max, min_interval: Duration::from_secs(seconds) };
        assert_eq!(grant(5, 30).within(grant(100, 60)), grant(5, 60));
        assert_eq!(grant(500, 3_600).within(CronGrant::WIDEST), grant(100, 3_600));
        assert_eq!(grant(5, 5_400).to_string(), "max = 5, min_interval = \"1h 30m\"");
    }
}
