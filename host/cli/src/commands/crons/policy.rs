use std::str::FromStr;

use clap::Args;
use serde_json::{Value as Json, json};
use wakeful::core::{
    Catchup, Dst, FailureKind, Object, Overlap, Timestamp, duration_text, parse_duration,
};

/// How a cron fires, beside when.
#[derive(Debug, Args)]
#[command(next_help_heading = "How it fires")]
pub(super) struct Policy {
    /// While an earlier run is unfinished: skip, buffer_one, buffer_all, allow, cancel_other or
    /// terminate_other [default: skip; buffer_all on a thread]
    #[arg(long, value_name = "POLICY", value_parser = overlap)]
    overlap: Option<Overlap>,

    /// Make up for instants that were missed: latest, by one run for all of them; all, by a run for
    /// each; or none [default: latest]
    #[arg(long, value_name = "POLICY", value_parser = catchup)]
    catchup: Option<Catchup>,

    /// Make up for what was missed no longer ago than this [default: 24h]
    #[arg(long, value_name = "TIME", value_parser = length)]
    catchup_window: Option<Length>,

    /// Put each fire off by a part of this, the same for all fires of the cron [default: 0s]
    #[arg(long, value_name = "TIME", value_parser = length)]
    jitter: Option<Length>,

    /// Where the clock is set forward or back: vixie, skip_and_repeat or skip_and_once; see
    /// `wakeful next --help` [default: vixie]
    #[arg(long, value_name = "RULE", value_parser = dst)]
    dst: Option<Dst>,

    /// Begin to fire at this instant, given as RFC 3339, or `none`
    #[arg(long, value_name = "INSTANT")]
    start_time: Option<OrNone<Timestamp>>,

    /// Stop firing after this instant, given as RFC 3339, or `none`
    #[arg(long, value_name = "INSTANT")]
    end_time: Option<OrNone<Timestamp>>,

    /// End after this many fires, or `none`
    #[arg(long, value_name = "N")]
    max_fires: Option<OrNone<u64>>,

    /// Pause after this many failed runs in a row, or `none`
    #[arg(long, value_name = "N")]
    pause_after_failures: Option<OrNone<u32>>,

    /// Skip the rest of the day (UTC) once the runs have used up this much fuel, or `none`
    #[arg(long, value_name = "FUEL")]
    fuel_per_day: Option<OrNone<u64>>,

    /// Skip the rest of the day (UTC) once the runs have used up as many tokens of language models,
    /// or `none`
    #[arg(long, value_name = "TOKENS")]
    tokens_per_day: Option<OrNone<u64>>,

    /// Begin a run at most this often when it fails, or `none` for what the server does by itself
    #[arg(long, value_name = "N")]
    retry_attempts: Option<OrNone<u32>>,

    /// Wait this long after the first failure, and twice as long after each further one
    #[arg(long, value_name = "TIME", value_parser = length)]
    retry_wait: Option<Length>,

    /// Wait at most this long between two attempts
    #[arg(long, value_name = "TIME", value_parser = length)]
    longest_retry_wait: Option<Length>,

    /// Try again after this kind of failure, such as timed_out; may be repeated [default: those
    /// that say of themselves that they may pass]
    #[arg(long, value_name = "KIND", value_parser = failure)]
    retry_on: Vec<FailureKind>,

    /// Say why it is as it is, for people, or `none`
    #[arg(long, value_name = "TEXT")]
    note: Option<OrNone<String>>,
}

impl Policy {
    /// Writes it into a request.
    pub(super) fn write(&self, body: &mut Object) {
        let mut set = |key: &str, value: Option<Json>| {
            if let Some(value) = value {
                body.insert(key.to_owned(), value);
            }
        };
        set("overlap", self.overlap.map(|policy| policy.as_str().into()));
        set("catchup", self.catchup.map(|policy| policy.as_str().into()));
        set("catchup_window", self.catchup_window.map(Length::json));
        set("jitter", self.jitter.map(Length::json));
        set("dst", self.dst.map(|rule| rule.as_str().into()));
        set("start_time", or_null(&self.start_time, |at| at.to_string().into()));
        set("end_time", or_null(&self.end_time, |at| at.to_string().into()));
        set("max_fires", or_null(&self.max_fires, |most| (*most).into()));
        set("pause_after_failures", or_null(&self.pause_after_failures, |most| (*most).into()));
        set("fuel_per_day", or_null(&self.fuel_per_day, |most| (*most).into()));
        set("tokens_per_day", or_null(&self.tokens_per_day, |most| (*most).into()));
        set("retry", self.retry());
        set("note", or_null(&self.note, |note| note.as_str().into()));
    }

    fn retry(&self) -> Option<Json> {
        let mut retry = Object::new();
        match &self.retry_attempts {
            Some(OrNone(None)) => return Some(Json::Null),
            Some(OrNone(Some(attempts))) => {
                retry.insert("attempts".into(), (*attempts).into());
            }
            None => {}
        }
        for (key, wait) in
            [("first_wait", self.retry_wait), ("longest_wait", self.longest_retry_wait)]
        {
            if let Some(wait) = wait {
                retry.insert(key.into(), wait.json());
            }
        }
        if !self.retry_on.is_empty() {
            let kinds: Vec<_> = self.retry_on.iter().map(|kind| kind.as_str()).collect();
            retry.insert("on".into(), json!(kinds));
        }
        (!retry.is_empty()).then(|| retry.into())
    }
}

/// A value, or the word that takes away what is there.
#[derive(Debug, Clone)]
struct OrNone<T>(Option<T>);

impl<T: FromStr<Err: std::fmt::Display>> FromStr for OrNone<T> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Self(None)),
            _ => text
                .parse()
                .map(|value| Self(Some(value)))
                .map_err(|error: T::Err| format!("{error}; or write `none`")),
        }
    }
}

fn or_null<T>(given: &Option<OrNone<T>>, json: impl Fn(&T) -> Json) -> Option<Json> {
    given.as_ref().map(|OrNone(value)| value.as_ref().map_or(Json::Null, json))
}

/// A length of time.
#[derive(Debug, Clone, Copy)]
struct Length(std::time::Duration);

impl Length {
    fn json(self) -> Json {
        duration_text(self.0).into()
    }
}

fn length(text: &str) -> Result<Length, String> {
    let length = parse_duration(text).map(Length);
    length.ok_or_else(|| "write a length of time such as 90s, 1h30m or 7d".to_owned())
}

fn overlap(word: &str) -> Result<Overlap, String> {
    Overlap::parse(word).ok_or_else(|| one_of(&Overlap::ALL.map(Overlap::as_str)))
}

fn catchup(word: &str) -> Result<Catchup, String> {
    Catchup::parse(word).ok_or_else(|| one_of(&Catchup::ALL.map(Catchup::as_str)))
}

fn dst(word: &str) -> Result<Dst, String> {
    Dst::parse(word).ok_or_else(|| one_of(&Dst::ALL.map(Dst::as_str)))
}

fn failure(word: &str) -> Result<FailureKind, String> {
    FailureKind::parse(word).ok_or_else(|| one_of(&FailureKind::ALL.map(|kind| kind.as_str())))
}

fn one_of(words: &[&str]) -> String {
    format!("use one of {}", words.join(", "))
}
