use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Deserializer};
use thiserror::Error;
use wakeful_core::{CronGrant, Grants, Limits, StoreGrant, Ttl};
use wakeful_engine::ChildCompiler;

use crate::WebhookSettings;

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
    /// How many guests may be running at once.
    pub concurrent_runs: u32,
    /// Threads on which guests run; 0 means one per core.
    pub guest_threads: usize,
    /// The limits of every run, unless the assistant's own file says otherwise.
    pub limits: Limits,
    /// The most that an assistant's own file may grant it of crons for itself.
    pub assistant_crons: CronGrant,
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
            concurrent_runs: 64,
            guest_threads: 0,
            limits: Limits::default(),
            assistant_crons: CronGrant::WIDEST,
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
    /// Limits that differ from the host's.
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

/// What an assistant may reach, as its file spells it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantSettings {
    /// Namespaces of items, such as `"notes"`, or `"shared.team:read"` for reading alone. A grant
    /// covers everything below its namespace.
    #[serde(default, deserialize_with = "store_grants")]
    pub store: Vec<StoreGrant>,
    /// Crons that it may make for itself, on each of its threads.
    pub crons: Option<CronGrantSettings>,
}

impl GrantSettings {
    /// The grants, as far as the host goes along.
    pub(crate) fn into_grants(self, widest: CronGrant) -> Grants {
        let crons = self.crons.map(|crons| {
            let CronGrantSettings { max, min_interval } = crons;
            CronGrant { max, min_interval }.within(widest)
        });
        Grants { store: self.store, crons }
    }
}

/// A grant of crons, as a file spells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CronGrantSettings {
    /// How many there may be at once on one thread.
    #[serde(deserialize_with = "at_least_one")]
    pub max: u32,
    /// The least time between two instants of one of them, such as `"1h"`.
    #[serde(deserialize_with = "some_duration")]
    pub min_interval: Duration,
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
}

impl LimitSettings {
    /// `base`, with everything replaced that is present here.
    pub fn apply(&self, base: &Limits) -> Limits {
        Limits {
            fuel: self.fuel.unwrap_or(base.fuel),
            memory: self.memory.unwrap_or(base.memory),
            timeout: self.timeout.unwrap_or(base.timeout),
            output: self.output.unwrap_or(base.output),
            logs: self.logs.unwrap_or(base.logs),
            events: self.events.unwrap_or(base.events),
            disk: self.disk.unwrap_or(base.disk),
            files: self.files.unwrap_or(base.files),
        }
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

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
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

fn some_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    duration(deserializer)?
        .ok_or_else(|| serde::de::Error::custom("a time such as \"1h\" is needed"))
}

fn at_least_one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    match u32::deserialize(deserializer)? {
        0 => Err(serde::de::Error::custom(
            "a number of at least 1 is needed; to grant no crons, leave `crons` out",
        )),
        number => Ok(number),
    }
}

fn store_grants<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<StoreGrant>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    texts.iter().map(|text| text.parse().map_err(serde::de::Error::custom)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assistant_file_replaces_only_the_limits_it_names() {
        let file = AssistantFile::parse(
            "description = \"Weekly report\"\n[limits]\nmemory = \"1 GiB\"\ntimeout = \"1h 30m\"\nfuel = 7\n",
        )
        .unwrap();
        let limits = file.limits.apply(&Limits::default());
        assert_eq!(limits.memory, 1 << 30);
        assert_eq!(limits.timeout, Duration::from_secs(5_400));
        assert_eq!(limits.fuel, 7);
        assert_eq!(limits.output, Limits::default().output);
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
    fn grants_are_read_strictly() {
        let parse = |text| AssistantFile::parse(text);
        let file = parse("[grants]\nstore = [\"notes\", \"shared.team:read\"]\n").unwrap();
        let shown: Vec<_> = file.grants.store.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["notes", "shared.team:read"]);
        let grants = |text| parse(text).unwrap().grants.into_grants(CronGrant::WIDEST);
        assert_eq!(grants(""), Grants::default());
        let hourly = CronGrant { max: 5, min_interval: Duration::from_secs(3_600) };
        for text in [
            "[grants.crons]\nmax = 5\nmin_interval = \"1h\"\n",
            "[grants]\ncrons = { max = 5, min_interval = \"1h\" }\n",
        ] {
            assert_eq!(grants(text).crons, Some(hourly), "{text}");
        }
        let wide = grants("[grants.crons]\nmax = 5000\nmin_interval = \"1s\"\n");
        assert_eq!(wide.crons, Some(CronGrant::WIDEST));
        for (text, expected) in [
            ("[grants]\nstore = [\"notes:raed\"]\n", ":read"),
            ("[grants]\nstore = [\"a..b\"]\n", "a..b"),
            ("[grants]\nstore = [\"\"]\n", "at least one label"),
            ("[grants]\nstore = \"notes\"\n", "store"),
            ("[grants]\nstroe = []\n", "stroe"),
            ("[grants.crons]\nmax = 5\n", "min_interval"),
            ("[grants.crons]\nmin_interval = \"1h\"\n", "max"),
            ("[grants.crons]\nmax = 0\nmin_interval = \"1h\"\n", "at least 1"),
            ("[grants.crons]\nmax = 5\nmin_interval = \"often\"\n", "1h 30m"),
            ("[grants.crons]\nmax = 5\nmin_interval = \"1h\"\nmin = 1\n", "min"),
        ] {
            let message = parse(text).unwrap_err().to_string();
            assert!(message.contains(expected), "{text}: {message}");
        }
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
