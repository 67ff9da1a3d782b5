use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Deserializer};
use thiserror::Error;
use wakeful_core::{CronGrant, HttpLimits, Limits, Ttl};
use wakeful_engine::{ChildCompiler, RunnerProgram};

use crate::{GrantBounds, GrantSettings, Models, WebhookSettings};

/// Everything that a host can be told when it starts.
#[derive(Debug, Clone)]
pub struct HostSettings {
    /// Where everything durable is kept; created if it does not exist.
    pub data: PathBuf,
    /// The folder with the components; created if it does not exist.
    pub assistants: PathBuf,
    /// What compiles components; `None` compiles them in this process, which a component that was
    /// built to do so can hold up and fill.
    pub compiler: Option<ChildCompiler>,
    /// The processes that guests run in; `None` runs them in this one. Their number and their
    /// arguments are all that is looked at: folders and limits are those of the host.
    pub runners: Option<RunnerProgram>,
    /// How many guests may be running at once.
    pub concurrent_runs: u32,
    /// Threads on which guests run, in all processes together; 0 means one per core.
    pub guest_threads: usize,
    /// The limits of every run; an assistant's own file may set narrower ones.
    pub limits: Limits,
    /// The most that an assistant's own file may grant it of crons for itself.
    pub assistant_crons: CronGrant,
    /// What an assistant's own file may grant it beside that.
    pub grants: GrantBounds,
    /// The language models that assistants may be granted.
    pub models: Models,
    /// How long runs may go on after the host was asked to stop.
    pub shutdown_grace: Duration,
    /// How often a run begins before it fails for good, when the host stops in the middle of it or
    /// when it fails in a way that may pass.
    pub max_attempts: u32,
    /// How long a run waits that failed in a way that may pass.
    pub backoff: Backoff,
    /// How long records are kept that nothing needs any more.
    pub retention: Retention,
    /// What holds for every cron.
    pub crons: CronSettings,
    /// What webhooks may reach.
    pub webhooks: WebhookSettings,
    /// How often the assistants folder is looked at where the system does not tell of changes in it.
    pub folder_poll: Duration,
    /// Bytes of pages, as they are on the disk, in the store's cache. In memory they take about
    /// four times as much.
    pub store_cache: u64,
    /// Free bytes on the disk below which nothing is written any more.
    pub min_free_disk: u64,
}

impl HostSettings {
    /// The defaults, with these two folders.
    pub fn new(data: impl Into<PathBuf>, assistants: impl Into<PathBuf>) -> Self {
        Self {
            data: data.into(),
            assistants: assistants.into(),
            compiler: None,
            runners: None,
            concurrent_runs: 64,
            guest_threads: 0,
            limits: Limits::default(),
            assistant_crons: CronGrant::WIDEST,
            grants: GrantBounds::default(),
            models: Models::default(),
            shutdown_grace: Duration::from_secs(10),
            max_attempts: 3,
            backoff: Backoff::default(),
            retention: Retention::default(),
            crons: CronSettings::default(),
            webhooks: WebhookSettings::default(),
            folder_poll: Duration::from_millis(500),
            store_cache: 16 << 20,
            min_free_disk: 256 << 20,
        }
    }
}

/// What holds for every cron.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CronSettings {
    /// The least time between two instants of a cron.
    pub min_interval: Duration,
    /// How long after its creation a cron ends for which nobody said when; `None` means never.
    pub usual_end: Option<Duration>,
    /// How many runs begin in a second that make up for missed instants, at most.
    pub catchup_per_second: u32,
    /// How often the time-zone files are looked at.
    pub zone_poll: Duration,
}

impl Default for CronSettings {
    fn default() -> Self {
        Self {
            min_interval: Duration::from_secs(1),
            usual_end: None,
            catchup_per_second: 10,
            zone_poll: Duration::from_secs(60),
        }
    }
}

/// How long a run waits before it is tried again: twice as long after each attempt, and up to half
/// of it less, so that what failed together is not tried again together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The wait after the first attempt.
    pub first: Duration,
    /// The longest wait, unless the assistant asks for a longer one.
    pub longest: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_secs(1), longest: Duration::from_secs(60) }
    }
}

impl Backoff {
    /// How long to wait after the attempt with this number, at `least` as long as the assistant
    /// asked for. `random` is between 0 and 1.
    pub(crate) fn after(self, attempt: u32, least: Option<Duration>, random: f64) -> Duration {
        let doublings = attempt.saturating_sub(1).min(30);
        let full = self.first.saturating_mul(1 << doublings).min(self.longest);
        let half = full / 2;
        half.max(least.unwrap_or_default()).saturating_add(half.mul_f64(random.clamp(0.0, 1.0)))
    }
}

/// How long records are kept that nothing needs any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Records of runs whose thread is gone, after their end.
    pub stateless_runs: Duration,
    /// Fire records.
    pub fires: Duration,
    /// Crons that have ended.
    pub crons: Duration,
    /// Threads for which nobody asked for a time to live, after their last use; `None` means for
    /// ever.
    pub threads: Option<Ttl>,
    /// Deliveries of webhooks that were made or given up.
    pub deliveries: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        const DAY: u64 = 24 * 60 * 60;
        Self {
            stateless_runs: Duration::from_secs(DAY),
            fires: Duration::from_secs(30 * DAY),
            crons: Duration::from_secs(30 * DAY),
            threads: None,
            deliveries: Duration::from_secs(30 * DAY),
        }
    }
}

/// What `<id>.toml` beside `<id>.wasm` may say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssistantFile {
    /// Shown to people in place of the default assistant's description.
    pub description: Option<String>,
    /// Limits that are narrower than the host's.
    #[serde(default)]
    pub limits: LimitSettings,
    /// What it may reach beside its own thread; nothing unless written down.
    #[serde(default)]
    pub grants: GrantSettings,
}

impl AssistantFile {
    /// Reads the text of such a file.
    pub fn parse(text: &str) -> Result<Self, InvalidSettings> {
        toml::from_str(text).map_err(|error| InvalidSettings(error.to_string().trim().to_owned()))
    }
}

/// Settings that cannot be read; the message names the key and the line.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct InvalidSettings(String);

/// Limits as a settings file spells them. What is absent stays as it is.
///
/// Sizes are numbers of bytes or texts such as `"256 MiB"`; times are texts such as `"5m"` or
/// `"1h 30m"`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitSettings {
    /// Units of fuel per run.
    pub fuel: Option<u64>,
    /// Bytes of memory, summed over all memories and tables.
    #[serde(default, deserialize_with = "bytes")]
    pub memory: Option<u64>,
    /// Wall-clock time per run.
    #[serde(default, deserialize_with = "duration")]
    pub timeout: Option<Duration>,
    /// Bytes that a run may return or emit.
    #[serde(default, deserialize_with = "bytes")]
    pub output: Option<u64>,
    /// Bytes of logs that are kept of a run.
    #[serde(default, deserialize_with = "bytes")]
    pub logs: Option<u64>,
    /// Number of events that a run may emit.
    pub events: Option<u32>,
    /// Bytes in the files of a thread.
    #[serde(default, deserialize_with = "bytes")]
    pub disk: Option<u64>,
    /// Number of files of a thread.
    pub files: Option<u32>,
    /// What a run may do over HTTP.
    #[serde(default)]
    pub http: HttpLimitSettings,
    /// Tokens of language models per run.
    pub tokens: Option<u64>,
    /// The same for all runs of an assistant in one day in UTC.
    pub tokens_per_day: Option<u64>,
}

/// Limits of HTTP as a settings file spells them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpLimitSettings {
    /// Number of requests of a run.
    pub requests: Option<u32>,
    /// Number of requests in progress at once.
    pub at_once: Option<u32>,
    /// Time to connect.
    #[serde(default, deserialize_with = "duration")]
    pub connect: Option<Duration>,
    /// Time to the first byte of an answer, and between two parts of it.
    #[serde(default, deserialize_with = "duration")]
    pub first_byte: Option<Duration>,
    /// Time for everything.
    #[serde(default, deserialize_with = "duration")]
    pub total: Option<Duration>,
    /// Bytes in the body of a request.
    #[serde(default, deserialize_with = "bytes")]
    pub request: Option<u64>,
    /// Bytes in the body of an answer.
    #[serde(default, deserialize_with = "bytes")]
    pub response: Option<u64>,
}

impl LimitSettings {
    /// `host`, with everything narrowed that is narrower here.
    pub fn narrow(&self, host: &Limits) -> Limits {
        let (http, widest) = (&self.http, &host.http);
        Limits {
            fuel: narrower(self.fuel, host.fuel),
            memory: narrower(self.memory, host.memory),
            timeout: narrower(self.timeout, host.timeout),
            output: narrower(self.output, host.output),
            logs: narrower(self.logs, host.logs),
            events: narrower(self.events, host.events),
            disk: narrower(self.disk, host.disk),
            files: narrower(self.files, host.files),
            http: HttpLimits {
                requests: narrower(http.requests, widest.requests),
                at_once: narrower(http.at_once, widest.at_once),
                connect: narrower(http.connect, widest.connect),
                first_byte: narrower(http.first_byte, widest.first_byte),
                total: narrower(http.total, widest.total),
                request: narrower(http.request, widest.request),
                response: narrower(http.response, widest.response),
            },
            tokens: narrower(self.tokens, host.tokens),
            tokens_per_day: match (self.tokens_per_day, host.tokens_per_day) {
                (Some(own), Some(host)) => Some(own.min(host)),
                (own, host) => own.or(host),
            },
        }
    }
}

fn narrower<T: Ord>(own: Option<T>, host: T) -> T {
    match own {
        Some(own) => own.min(host),
        None => host,
    }
}

/// Reads a number of bytes such as `4096`, `256 KiB`, `64MiB` or `1 GB`.
pub fn parse_bytes(text: &str) -> Result<u64, InvalidSettings> {
    let text = text.trim();
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = text.strip_prefix(digits).unwrap_or_default().trim();
    let factor = match unit {
        "" | "B" => Some(1),
        "KiB" => Some(1 << 10),
        "MiB" => Some(1 << 20),
        "GiB" => Some(1 << 30),
        "kB" | "KB" => Some(1_000),
        "MB" => Some(1_000_000),
        "GB" => Some(1_000_000_000),
        _ => None,
    };
    let number: Option<u64> = digits.parse().ok();
    factor
        .zip(number)
        .and_then(|(factor, number)| number.checked_mul(factor))
        .ok_or_else(|| {
            InvalidSettings(format!(
                "`{text}` is not a size; write a number of bytes, or one with a unit such as \"256 MiB\""
            ))
        })
}

fn bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Size {
        Number(u64),
        Text(String),
    }
    match Size::deserialize(deserializer)? {
        Size::Number(number) => Ok(Some(number)),
        Size::Text(text) => parse_bytes(&text).map(Some).map_err(serde::de::Error::custom),
    }
}

pub(crate) fn duration<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let parsed: Option<Duration> = text
        .parse::<jiff::SignedDuration>()
        .ok()
        .and_then(|duration| Duration::try_from(duration).ok())
        .filter(|duration| !duration.is_zero());
    parsed.map(Some).ok_or_else(|| {
        serde::de::Error::custom(format!(
            "`{text}` is not a time; write one such as \"30s\", \"5m\" or \"1h 30m\""
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assistant_file_narrows_the_limits_that_it_names() {
        let file = AssistantFile::parse(
            "description = \"Weekly report\"\n[limits]\nmemory = \"1 GiB\"\ntimeout = \"1m 30s\"\nfuel = 7\n[limits.http]\nrequests = 3\nresponse = \"1 GiB\"\n",
        )
        .unwrap();
        let (limits, host) = (file.limits.narrow(&Limits::default()), Limits::default());
        assert_eq!(limits.memory, host.memory, "not even the operator's own file widens");
        assert_eq!(limits.timeout, Duration::from_secs(90));
        assert_eq!(limits.fuel, 7);
        assert_eq!(limits.output, host.output);
        assert_eq!((limits.http.requests, limits.http.response), (3, host.http.response));
    }

    #[test]
    fn a_mistake_in_an_assistant_file_is_named() {
        let message = |text| AssistantFile::parse(text).unwrap_err().to_string();
        assert!(message("[limits]\nmemroy = 1\n").contains("memroy"));
        assert!(message("[limits]\nmemory = \"1 cow\"\n").contains("256 MiB"));
        assert!(message("[limits]\ntimeout = \"0s\"\n").contains("30s"));
        assert!(message("limits = 3\n").contains("limits"));
    }

    #[test]
    fn waits_double_up_to_the_longest_and_spread() {
        let backoff = Backoff { first: Duration::from_secs(2), longest: Duration::from_secs(10) };
        let seconds = |attempt, least: Option<u64>, random| {
            backoff.after(attempt, least.map(Duration::from_secs), random).as_secs_f64()
        };
        for (attempt, least, shortest, longest) in [
            (1, None, 1.0, 2.0),
            (2, None, 2.0, 4.0),
            (3, None, 4.0, 8.0),
            (4, None, 5.0, 10.0),
            (u32::MAX, None, 5.0, 10.0),
            (1, Some(1), 1.0, 2.0),
            (1, Some(30), 30.0, 31.0),
        ] {
            assert_eq!(seconds(attempt, least, 0.0), shortest, "{attempt} {least:?}");
            assert_eq!(seconds(attempt, least, 1.0), longest, "{attempt} {least:?}");
        }
    }

    #[test]
    fn sizes_have_binary_and_decimal_units() {
        for (text, bytes) in [("0", 0), ("12", 12), ("2KiB", 2_048), ("3 MB", 3_000_000)] {
            assert_eq!(parse_bytes(text), Ok(bytes), "{text}");
        }
        for text in ["", "MiB", "-1", "1.5 MiB", "99999999999 GiB"] {
            assert!(parse_bytes(text).is_err(), "{text}");
        }
    }
}
