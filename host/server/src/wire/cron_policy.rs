use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wakeful::core::{
    Catchup, CronPolicy, Dst, FailureKind, Json, MultitaskStrategy, Object, Overlap,
    Retry as Record, Timestamp, duration_text,
};
use wakeful::{HostSettings, PolicyPatch};

use crate::described;
use crate::error::Error;
use crate::extract::typed;
use crate::wire::schedule::take;
use crate::wire::{Length, parse_time, word};

/// How a cron fires, as clients say it. `null` asks for what is usual.
#[derive(Deserialize, ToSchema)]
pub(crate) struct PolicyFields {
    /// The protocol's word for `overlap`.
    #[serde(default, deserialize_with = "word::multitask")]
    #[schema(value_type = Option<described::Multitask>)]
    multitask_strategy: Option<MultitaskStrategy>,
    /// What to do at an instant while an earlier run is unfinished.
    #[serde(default, deserialize_with = "word::overlap")]
    #[schema(value_type = Option<described::Overlap>)]
    overlap: Option<Option<Overlap>>,
    /// What to do about instants that were missed.
    #[serde(default, deserialize_with = "word::catchup")]
    #[schema(value_type = Option<described::Catchup>)]
    catchup: Option<Option<Catchup>>,
    /// How old a missed instant may be to be made up for.
    #[serde(default, deserialize_with = "word::present")]
    #[schema(value_type = Option<Length>)]
    catchup_window: Option<Option<Length>>,
    /// Each fire is put off by a part of this, the same for all fires of the cron.
    #[serde(default, deserialize_with = "word::present")]
    #[schema(value_type = Option<Length>)]
    jitter: Option<Option<Length>>,
    /// What a change of the clocks does to its instants.
    #[serde(default, deserialize_with = "word::dst")]
    #[schema(value_type = Option<described::Dst>)]
    dst: Option<Option<Dst>>,
    /// The first instant at which it may fire.
    #[serde(default, deserialize_with = "word::present")]
    #[schema(value_type = Option<String>)]
    start_time: Option<Option<String>>,
    /// How often its schedule may start a run before it ends.
    #[serde(default, deserialize_with = "word::present")]
    #[schema(value_type = Option<u64>)]
    max_fires: Option<Option<u64>>,
    /// It is paused after this many failed runs in a row.
    #[serde(default, deserialize_with = "word::present")]
    #[schema(value_type = Option<u32>)]
    pause_after_failures: Option<Option<u32>>,
    /// Once its runs have used up this much fuel in a day (UTC), it skips the rest of the day.
    #[serde(default, deserialize_with = "word::present")]
    #[schema(value_type = Option<u64>)]
    fuel_per_day: Option<Option<u64>>,
    /// Once its runs have used up as many tokens of language models in a day (UTC), it skips the
    /// rest of the day.
    #[serde(default, deserialize_with = "word::present")]
    #[schema(value_type = Option<u64>)]
    tokens_per_day: Option<Option<u64>>,
    /// When and how often a failed run is tried again.
    #[serde(default, deserialize_with = "word::present")]
    #[schema(value_type = Option<RetryFields>)]
    retry: Option<Option<RetryFields>>,
}

const KEYS: [&str; 12] = [
    "multitask_strategy",
    "overlap",
    "catchup",
    "catchup_window",
    "jitter",
    "dst",
    "start_time",
    "max_fires",
    "pause_after_failures",
    "fuel_per_day",
    "tokens_per_day",
    "retry",
];

/// When and how often a failed run is tried again. What is left out is as the host has it.
#[derive(Deserialize, ToSchema)]
pub(crate) struct RetryFields {
    /// How often it begins at most.
    attempts: Option<u32>,
    /// The wait after the first attempt; it doubles after each.
    first_wait: Option<Length>,
    /// The longest wait.
    longest_wait: Option<Length>,
    /// The outcomes after which it is tried again; none named means those that say of themselves
    /// that they may pass.
    #[serde(default, deserialize_with = "word::failures")]
    #[schema(value_type = Option<Vec<described::Failure>>)]
    on: Vec<FailureKind>,
}

impl RetryFields {
    fn into_record(self, settings: &HostSettings) -> Record {
        let first = self.first_wait.map_or(settings.backoff.first, |wait| wait.0);
        let longest = self.longest_wait.map(|wait| wait.0);
        Record {
            attempts: self.attempts.unwrap_or(settings.max_attempts),
            first,
            longest: longest.unwrap_or_else(|| settings.backoff.longest.max(first)),
            on: self.on,
        }
    }
}

impl PolicyFields {
    /// Takes them out of a body.
    pub(crate) fn take(body: &mut Object) -> Result<Self, Error> {
        typed(Json::Object(take(body, &KEYS)), "")
    }

    /// The changes that they ask for, of a cron with this policy.
    pub(crate) fn into_patch(
        self,
        now: &CronPolicy,
        on_thread: bool,
        settings: &HostSettings,
    ) -> Result<PolicyPatch, Error> {
        let usual = CronPolicy::usual(on_thread);
        let overlap = self.overlap(&usual)?;
        let catchup = self.catchup.map(|given| given.unwrap_or(usual.catchup));
        let backlog = catchup == Some(Catchup::All) && now.overlap == usual.overlap;
        let start_time = self
            .start_time
            .map(|given| given.as_deref().map(|text| instant("start_time", text)).transpose());
        Ok(PolicyPatch {
            // Nothing else goes with it, but for what somebody has to ask for.
            overlap: overlap.or(backlog.then_some(Overlap::BufferAll)),
            catchup,
            catchup_window: self
                .catchup_window
                .map(|given| given.map_or(usual.catchup_window, |window| window.0)),
            dst: self.dst.map(|given| given.unwrap_or(usual.dst)),
            jitter: self.jitter.map(|given| given.map_or(usual.jitter, |jitter| jitter.0)),
            start_time: start_time.transpose()?,
            max_fires: self.max_fires,
            pause_after_failures: self.pause_after_failures,
            fuel_per_day: self.fuel_per_day,
            tokens_per_day: self.tokens_per_day,
            retry: self.retry.map(|given| given.map(|retry| retry.into_record(settings))),
        })
    }

    /// The policy of a new cron.
    pub(crate) fn into_policy(
        self,
        on_thread: bool,
        settings: &HostSettings,
    ) -> Result<CronPolicy, Error> {
        let usual = CronPolicy::usual(on_thread);
        let given = self.into_patch(&usual, on_thread, settings)?;
        Ok(CronPolicy {
            overlap: given.overlap.unwrap_or(usual.overlap),
            catchup: given.catchup.unwrap_or(usual.catchup),
            catchup_window: given.catchup_window.unwrap_or(usual.catchup_window),
            dst: given.dst.unwrap_or(usual.dst),
            jitter: given.jitter.unwrap_or(usual.jitter),
            start_time: given.start_time.flatten(),
            max_fires: given.max_fires.flatten(),
            pause_after_failures: given.pause_after_failures.flatten(),
            fuel_per_day: given.fuel_per_day.flatten(),
            tokens_per_day: given.tokens_per_day.flatten(),
            retry: given.retry.flatten(),
        })
    }

    /// What is said in either of two ways.
    fn overlap(&self, usual: &CronPolicy) -> Result<Option<Overlap>, Error> {
        let overlap = self.overlap.map(|given| given.unwrap_or(usual.overlap));
        let Some(strategy) = self.multitask_strategy else { return Ok(overlap) };
        let meant = Overlap::from(strategy);
        match overlap {
            Some(overlap) if overlap.multitask() != strategy => Err(Error::unprocessable(format!(
                "multitask_strategy: `{}` means the overlap `{}`, and `overlap` is `{}`; give one of the two",
                strategy.as_str(),
                meant.as_str(),
                overlap.as_str()
            ))),
            overlap => Ok(overlap.or(Some(meant))),
        }
    }
}

/// Reads an instant in the field of a body.
pub(crate) fn instant(field: &str, text: &str) -> Result<Timestamp, Error> {
    parse_time(text).ok_or_else(|| {
        let text: String = text.chars().take(64).collect();
        Error::unprocessable(format!(
            "{field}: `{text}` is not an instant such as `2030-01-01T00:00:00+00:00`"
        ))
    })
}

/// How a failed run of a cron is tried again, on the wire.
#[derive(Serialize, ToSchema)]
pub(crate) struct Retry {
    attempts: u32,
    first_wait: String,
    longest_wait: String,
    /// The outcomes; none means those that say of themselves that they may pass.
    on: Vec<&'static str>,
}

impl Retry {
    pub(crate) fn new(retry: &Record) -> Self {
        Self {
            attempts: retry.attempts,
            first_wait: duration_text(retry.first),
            longest_wait: duration_text(retry.longest),
            on: retry.on.iter().map(|kind| kind.as_str()).collect(),
        }
    }

    /// How the host does it where nobody says so.
    pub(crate) fn usual(settings: &HostSettings) -> Self {
        Self::new(&Record {
            attempts: settings.max_attempts,
            first: settings.backoff.first,
            longest: settings.backoff.longest,
            on: Vec::new(),
        })
    }
}
