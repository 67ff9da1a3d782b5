use std::time::Duration;

use crate::{Dst, MultitaskStrategy, Outcome, Timestamp};

/// What is late by less than this is on time: it is not missed, and fires by itself.
pub const ON_TIME: Duration = Duration::from_secs(60);

/// How many fires of one cron may wait for their turn, and how many missed ones are made up for.
pub const LARGEST_BACKLOG: usize = 100;

/// How a cron fires, beside when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CronPolicy {
    /// What to do at an instant while an earlier run is unfinished.
    pub overlap: Overlap,
    /// What to do about instants that were missed.
    pub catchup: Catchup,
    /// How old a missed instant may be to be made up for.
    pub catchup_window: Duration,
    /// What a change of the clocks does to its instants.
    pub dst: Dst,
    /// Fires are put off by a part of this that is the same for every fire of the cron.
    pub jitter: Duration,
    /// The first instant at which it may fire.
    pub start_time: Option<Timestamp>,
    /// How often its schedule may start a run before it ends.
    pub max_fires: Option<u64>,
    /// It is paused after this many failed runs in a row.
    pub pause_after_failures: Option<u32>,
    /// Once its runs have used up this much fuel in a day (UTC), it skips the rest of the day.
    pub fuel_per_day: Option<u64>,
    /// Once its runs have used up as many tokens of language models in a day (UTC), it skips the
    /// rest of the day, and no run of it calls a model any more.
    pub tokens_per_day: Option<u64>,
    /// When and how often a failed run is tried again; `None` leaves it to the host.
    pub retry: Option<Retry>,
}

impl CronPolicy {
    /// The usual policy of a cron, which depends on whether it runs on one thread.
    pub fn usual(on_thread: bool) -> Self {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        Self {
            overlap: Overlap::usual(on_thread),
            catchup: Catchup::Latest,
            catchup_window: DAY,
            dst: Dst::default(),
            jitter: Duration::ZERO,
            start_time: None,
            max_fires: None,
            pause_after_failures: None,
            fuel_per_day: None,
            tokens_per_day: None,
            retry: None,
        }
    }

    /// What contradicts itself in it, and what to do about that.
    pub fn contradiction(
        &self,
        on_thread: bool,
        end_time: Option<Timestamp>,
    ) -> Option<&'static str> {
        let Self { overlap, catchup, .. } = self;
        let backlog = matches!(overlap, Overlap::BufferAll | Overlap::Allow);
        if on_thread && *overlap == Overlap::Allow {
            Some(
                "overlap: `allow` lets runs go on side by side, but the runs of a thread take turns; choose `buffer_all`, or create the cron without a thread",
            )
        } else if *catchup == Catchup::All && !backlog {
            Some(
                "catchup: `all` starts a run for each instant that was missed, which this overlap policy would skip or stop; choose the overlap `buffer_all` or `allow`, or the catchup `latest`",
            )
        } else if *catchup != Catchup::None && self.catchup_window < ON_TIME {
            Some(
                "catchup_window: what is late by less than a minute is not missed; give at least \"1m\", or choose the catchup `none`",
            )
        } else if self.start_time.zip(end_time).is_some_and(|(start, end)| end < start) {
            Some("end_time: it comes before start_time, so the cron would never fire")
        } else if self.max_fires == Some(0) {
            Some("max_fires: 0 would never fire; create the cron with `enabled: false` instead")
        } else if self.pause_after_failures == Some(0) {
            Some("pause_after_failures: give at least 1, or leave it out")
        } else if self.fuel_per_day == Some(0) {
            Some(
                "fuel_per_day: 0 would never start a run; create the cron with `enabled: false` instead",
            )
        } else if self.tokens_per_day == Some(0) {
            Some(
                "tokens_per_day: 0 would never start a run; leave `models` out of the assistant's grants instead",
            )
        } else if self.retry.as_ref().is_some_and(|retry| retry.attempts == 0) {
            Some("retry.attempts: give at least 1, which means that nothing is tried again")
        } else if self.retry.as_ref().is_some_and(|retry| retry.longest < retry.first) {
            Some("retry.longest_wait: it is shorter than retry.first_wait")
        } else {
            None
        }
    }
}

/// What to do at an instant while an earlier run of the cron, or of its thread, is unfinished.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Overlap {
    /// Start no run.
    Skip,
    /// Let one run wait for its turn.
    BufferOne,
    /// Let runs wait for their turn, up to [`LARGEST_BACKLOG`].
    BufferAll,
    /// Start it beside the others.
    Allow,
    /// Stop the others; their records stay.
    CancelOther,
    /// Stop the others and delete them.
    TerminateOther,
}

impl Overlap {
    /// Every policy.
    pub const ALL: [Self; 6] = [
        Self::Skip,
        Self::BufferOne,
        Self::BufferAll,
        Self::Allow,
        Self::CancelOther,
        Self::TerminateOther,
    ];

    /// The word for it, on the wire and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::BufferOne => "buffer_one",
            Self::BufferAll => "buffer_all",
            Self::Allow => "allow",
            Self::CancelOther => "cancel_other",
            Self::TerminateOther => "terminate_other",
        }
    }

    /// The policy with this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.as_str() == word)
    }

    /// The usual one: a thread's runs wait for each other, as LangGraph's do.
    pub const fn usual(on_thread: bool) -> Self {
        if on_thread { Self::BufferAll } else { Self::Skip }
    }

    /// What a run of such a cron does to the runs before it.
    pub const fn multitask(self) -> MultitaskStrategy {
        match self {
            Self::Skip => MultitaskStrategy::Reject,
            Self::BufferOne | Self::BufferAll | Self::Allow => MultitaskStrategy::Enqueue,
            Self::CancelOther => MultitaskStrategy::Interrupt,
            Self::TerminateOther => MultitaskStrategy::Rollback,
        }
    }
}

impl From<MultitaskStrategy> for Overlap {
    fn from(strategy: MultitaskStrategy) -> Self {
        match strategy {
            MultitaskStrategy::Reject => Self::Skip,
            MultitaskStrategy::Enqueue => Self::BufferAll,
            MultitaskStrategy::Interrupt => Self::CancelOther,
            MultitaskStrategy::Rollback => Self::TerminateOther,
        }
    }
}

/// What to do about instants that were missed, because the host was down or late.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Catchup {
    /// Start one run for all of them.
    #[default]
    Latest,
    /// Start none.
    None,
    /// Start a run for each, the latest [`LARGEST_BACKLOG`] of them.
    All,
}

impl Catchup {
    /// Every policy.
    pub const ALL: [Self; 3] = [Self::Latest, Self::None, Self::All];

    /// The word for it, on the wire and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Latest => "latest",
            Self::None => "none",
            Self::All => "all",
        }
    }

    /// The policy with this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.as_str() == word)
    }
}

/// When and how often a failed run is tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retry {
    /// How often it begins at most.
    pub attempts: u32,
    /// The wait after the first attempt; it doubles after each.
    pub first: Duration,
    /// The longest wait.
    pub longest: Duration,
    /// The kinds of outcome that are tried again; none named means those that say of themselves
    /// that they may pass.
    pub on: Vec<FailureKind>,
}

impl Retry {
    /// Whether a run that ended so is tried again.
    pub fn covers(&self, outcome: &Outcome) -> bool {
        if self.on.is_empty() {
            return outcome.is_retryable();
        }
        FailureKind::of(outcome).is_some_and(|kind| self.on.contains(&kind))
    }
}

/// A way to fail, by the word of its [`Outcome`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FailureKind(&'static str);

impl FailureKind {
    /// Every way to fail.
    pub const ALL: [Self; 12] = [
        Self("failed"),
        Self("out_of_fuel"),
        Self("out_of_memory"),
        Self("timed_out"),
        Self("output_too_large"),
        Self("invalid_output"),
        Self("too_many_events"),
        Self("disk_full"),
        Self("trapped"),
        Self("refused"),
        Self("host_failed"),
        Self("out_of_tokens"),
    ];

    /// The word for it, on the wire and in the store.
    pub const fn as_str(self) -> &'static str {
        self.0
    }

    /// The kind with this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.0 == word)
    }

    /// How the run failed; `None` if it did not.
    pub fn of(outcome: &Outcome) -> Option<Self> {
        Self::parse(outcome.kind())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back() {
        for policy in Overlap::ALL {
            assert_eq!(Overlap::parse(policy.as_str()), Some(policy));
        }
        for policy in Catchup::ALL {
            assert_eq!(Catchup::parse(policy.as_str()), Some(policy));
        }
        for kind in FailureKind::ALL {
            assert_eq!(FailureKind::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(Overlap::parse("both"), None);
    }

    #[test]
    fn multitask_strategies_map_to_policies_and_back() {
        for strategy in MultitaskStrategy::ALL {
            assert_eq!(Overlap::from(strategy).multitask(), strategy);
        }
    }

    #[test]
    fn the_usual_policies_do_not_contradict_themselves() {
        for on_thread in [true, false] {
            assert_eq!(CronPolicy::usual(on_thread).contradiction(on_thread, None), None);
        }
    }

    #[test]
    fn contradictions_name_the_field() {
        let at = |second| Timestamp::from_second(second).ok();
        let usual = || CronPolicy::usual(false);
        let retry = |attempts, longest| {
            let (first, longest) = (Duration::from_secs(2), Duration::from_secs(longest));
            Some(Retry { attempts, first, longest, on: Vec::new() })
        };
        for (policy, on_thread, end, field) in [
            (CronPolicy { overlap: Overlap::Allow, ..usual() }, true, None, "overlap: "),
            (CronPolicy { catchup: Catchup::All, ..usual() }, false, None, "catchup: "),
            (
                CronPolicy { catchup_window: Duration::ZERO, ..usual() },
                false,
                None,
                "catchup_window: ",
            ),
            (CronPolicy { start_time: at(2), ..usual() }, false, at(1), "end_time: "),
            (CronPolicy { max_fires: Some(0), ..usual() }, false, None, "max_fires: "),
            (
                CronPolicy { pause_after_failures: Some(0), ..usual() },
                false,
                None,
                "pause_after_failures: ",
            ),
            (CronPolicy { fuel_per_day: Some(0), ..usual() }, false, None, "fuel_per_day: "),
            (CronPolicy { tokens_per_day: Some(0), ..usual() }, false, None, "tokens_per_day: "),
            (CronPolicy { retry: retry(0, 9), ..usual() }, false, None, "retry.attempts: "),
            (CronPolicy { retry: retry(1, 1), ..usual() }, false, None, "retry.longest_wait: "),
        ] {
            let found = policy.contradiction(on_thread, end).unwrap_or_default();
            assert!(found.starts_with(field), "{field} {found}");
        }
    }

    #[test]
    fn a_retry_without_kinds_covers_what_may_pass() {
        let passing = Outcome::HostFailed { message: String::new() };
        let trap = Outcome::Trapped { message: String::new() };
        let named = |on: &[&str]| {
            let on = on.iter().filter_map(|word| FailureKind::parse(word)).collect();
            Retry { attempts: 3, first: Duration::ZERO, longest: Duration::ZERO, on }
        };
        assert!(named(&[]).covers(&passing) && !named(&[]).covers(&trap));
        assert!(named(&["trapped"]).covers(&trap) && !named(&["trapped"]).covers(&passing));
        assert!(!named(&["trapped"]).covers(&Outcome::Cancelled));
    }
}
