use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;
use wakeful::core::{Cron as Record, CronStats, LastFailure as FailedRun, RunId, Timestamp};
use wakeful::{FireQuery, Host};

use crate::error::Error;
use crate::wire::{Fire, Select, Text, Time};

/// How many of its last fires and of its next instants a cron shows.
const SHOWN: usize = 10;

/// What takes reads of its own to tell of a cron. A search leaves out what is not selected.
#[derive(Default)]
pub(crate) struct Details {
    pub(super) stats: Option<Stats>,
    pub(super) last_fires: Option<Vec<Fire>>,
    pub(super) upcoming: Option<Vec<Time>>,
    pub(super) warnings: Option<Vec<String>>,
}

impl Details {
    /// All of them.
    pub(crate) async fn all(host: &Host, cron: &Record) -> Result<Self, Error> {
        Self::read(host, cron, |_| true).await
    }

    /// Those that were asked for by name.
    pub(crate) async fn named(host: &Host, cron: &Record, select: &Select) -> Result<Self, Error> {
        Self::read(host, cron, |key| select.names(key)).await
    }

    async fn read(
        host: &Host,
        cron: &Record,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Self, Error> {
        let mut details = Self::default();
        if wanted("stats") || wanted("upcoming") {
            let stats = host.cron_stats(cron.id).await?;
            if wanted("upcoming") {
                let upcoming = host.upcoming(cron, &stats, SHOWN);
                details.upcoming = Some(upcoming.into_iter().map(Time).collect());
            }
            details.stats = wanted("stats").then(|| Stats::new(&stats, host.now()));
        }
        if wanted("last_fires") {
            let query = FireQuery { limit: SHOWN, ..FireQuery::default() };
            let page = host.find_fires(cron.id, &query).await?;
            details.last_fires = Some(page.fires.iter().map(Fire::from).collect());
        }
        if wanted("warnings") {
            details.warnings = Some(host.cron_warnings(cron).await?);
        }
        Ok(details)
    }
}

/// What has become of a cron's fires, in numbers.
#[derive(Serialize, ToSchema)]
pub(crate) struct Stats {
    /// Runs that its schedule started.
    started: u64,
    /// Runs that somebody else did.
    triggered: u64,
    /// Instants at which it started none, by reason.
    #[schema(value_type = BTreeMap<String, u64>)]
    skipped: BTreeMap<&'static str, u64>,
    /// Instants for which a fire of a later one stood.
    missed: u64,
    /// Runs that ended well.
    succeeded: u64,
    /// Runs that failed.
    failed: u64,
    /// Those since the last that ended well.
    failed_in_a_row: u32,
    last_failure: Option<LastFailure>,
    /// How late its last fire was.
    #[schema(value_type = u64)]
    last_late_ms: u128,
    /// How late the latest of its fires was.
    #[schema(value_type = u64)]
    worst_late_ms: u128,
    /// What its runs have used up today, in UTC.
    fuel_today: u64,
    /// The tokens of language models that its runs have used up on this day in UTC.
    tokens_today: u64,
}

/// The last run of a cron that failed.
#[derive(Serialize, ToSchema)]
struct LastFailure {
    #[schema(value_type = String, format = "uuid")]
    run_id: Text<RunId>,
    at: Time,
    message: String,
}

impl Stats {
    fn new(stats: &CronStats, now: Timestamp) -> Self {
        Self {
            started: stats.started,
            triggered: stats.triggered,
            skipped: stats.skipped.iter().map(|(reason, n)| (reason.as_str(), *n)).collect(),
            missed: stats.missed,
            succeeded: stats.succeeded,
            failed: stats.failed,
            failed_in_a_row: stats.failed_in_a_row,
            last_failure: stats.last_failure.as_ref().map(LastFailure::from),
            last_late_ms: stats.last_late.as_millis(),
            worst_late_ms: stats.worst_late.as_millis(),
            fuel_today: stats.fuel_today(now),
            tokens_today: stats.tokens_today(now),
        }
    }
}

impl From<&FailedRun> for LastFailure {
    fn from(failure: &FailedRun) -> Self {
        Self {
            run_id: Text(failure.run_id),
            at: Time(failure.at),
            message: failure.message.clone(),
        }
    }
}
