use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use wakeful_core::{Fire, FireStatus, Report, TokenUse};
use wakeful_engine::RunnerProcesses;
use wakeful_store::StoreStats;

use crate::{Error, Host};

/// What has happened since the host started, and how things stand.
#[derive(Debug, Clone)]
pub struct Metrics {
    /// The runs that ended here.
    pub runs: RunMetrics,
    /// The due instants that were accounted for.
    pub fires: FireMetrics,
    /// Runs in progress.
    pub running: usize,
    /// Runs that may be in progress at once.
    pub slots: usize,
    /// The processes that guests run in, if not in the host's own.
    pub runners: Option<RunnerProcesses>,
    /// The queue and the writes.
    pub store: StoreStats,
    /// How long the host has been up.
    pub uptime: Duration,
}

/// The runs that ended.
#[derive(Debug, Clone, Default)]
pub struct RunMetrics {
    /// How many, by the kind of their outcome.
    pub ended: BTreeMap<&'static str, u64>,
    /// How long their guests ran.
    pub duration: Histogram,
    /// The fuel that they used.
    pub fuel: u64,
    /// The tokens of language models that they used.
    pub tokens: TokenUse,
}

/// The due instants that were accounted for.
#[derive(Debug, Clone, Default)]
pub struct FireMetrics {
    /// Those that started a run.
    pub started: u64,
    /// Those that did not, by the reason.
    pub skipped: BTreeMap<&'static str, u64>,
    /// Those that had passed while the host was down or busy; each is part of a later fire.
    pub coalesced: u64,
    /// How long after its instant each fire was recorded.
    pub lateness: Histogram,
}

/// How long things took.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    counts: [u64; Self::BOUNDS.len()],
    /// How many there were.
    pub count: u64,
    /// How long they took together, in seconds.
    pub sum: f64,
}

impl Histogram {
    /// The upper bounds of the buckets, in seconds.
    pub const BOUNDS: [f64; 15] = [
        0.001,
        0.0025,
        0.005,
        0.01,
        0.025,
        0.05,
        0.1,
        0.25,
        0.5,
        1.0,
        2.5,
        10.0,
        60.0,
        600.0,
        f64::INFINITY,
    ];

    /// Counts something that took this long.
    pub fn observe(&mut self, took: Duration) {
        let seconds = took.as_secs_f64();
        self.count += 1;
        self.sum += seconds;
        let fitting = self.counts.iter_mut().zip(Self::BOUNDS);
        if let Some((count, _)) = fitting.into_iter().find(|(_, bound)| seconds <= *bound) {
            *count += 1;
        }
    }

    /// Each bucket's upper bound, and how many fell into it and into none before it.
    pub fn buckets(&self) -> [(f64, u64); Self::BOUNDS.len()] {
        std::array::from_fn(|n| {
            let bound = Self::BOUNDS.get(n).copied().unwrap_or(f64::INFINITY);
            (bound, self.counts.get(n).copied().unwrap_or_default())
        })
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: [0; Self::BOUNDS.len()], count: 0, sum: 0.0 }
    }
}

/// Where the executor and the scheduler count.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    state: Mutex<(RunMetrics, FireMetrics)>,
}

/// What is counted of a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ended {
    outcome: &'static str,
    duration: Duration,
    fuel: u64,
    tokens: TokenUse,
}

impl Ended {
    pub(crate) fn of(report: &Report) -> Self {
        let (duration, fuel) = (report.duration, report.fuel_used);
        Self { outcome: report.outcome.kind(), duration, fuel, tokens: report.tokens }
    }
}

impl Counters {
    pub(crate) fn note_run(&self, ended: &Ended) {
        let (runs, _) = &mut *self.lock();
        *runs.ended.entry(ended.outcome).or_default() += 1;
        runs.duration.observe(ended.duration);
        runs.fuel = runs.fuel.saturating_add(ended.fuel);
        runs.tokens += ended.tokens;
    }

    pub(crate) fn note_fire(&self, fire: &Fire) {
        let (_, fires) = &mut *self.lock();
        match fire.status {
            FireStatus::Started(_) => fires.started += 1,
            FireStatus::Skipped(reason) => {
                *fires.skipped.entry(reason.as_str()).or_default() += 1;
            }
        }
        let missed = fire.coalesced.as_ref().map_or(0, |missed| missed.count);
        fires.coalesced = fires.coalesced.saturating_add(missed);
        fires.lateness.observe(fire.late);
    }

    fn lock(&self) -> MutexGuard<'_, (RunMetrics, FireMetrics)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Host {
    /// What has happened since the host started, and how things stand.
    pub async fn metrics(&self) -> Result<Metrics, Error> {
        let store = self.store().stats(self.now()).await?;
        let (runs, fires) = self.counters().lock().clone();
        Ok(Metrics {
            runs,
            fires,
            running: self.runs_in_progress(),
            slots: self.settings().concurrent_runs as usize,
            runners: self.runner().processes(),
            store,
            uptime: self.uptime(),
        })
    }
}

#[cfg(test)]
mod tests {
    use wakeful_core::{CronId, Outcome, RunId, SkipReason, Timestamp};

    use super::*;

    #[test]
    fn what_takes_a_time_is_counted_in_the_first_bucket_that_holds_it() {
        let mut histogram = Histogram::default();
        for ms in [0, 1, 2, 1_000, 3_600_000] {
            histogram.observe(Duration::from_millis(ms));
        }
        let filled: Vec<_> = histogram.buckets().into_iter().filter(|(_, n)| *n > 0).collect();
        assert_eq!(filled, [(0.001, 2), (0.0025, 1), (1.0, 1), (f64::INFINITY, 1)]);
        assert_eq!(histogram.count, 5);
        assert!((histogram.sum - 3_601.003).abs() < 1e-6);
    }

    #[test]
    fn runs_are_counted_by_outcome_and_fires_by_what_became_of_them() {
        let counters = Counters::default();
        let report = Report { fuel_used: 5, ..Report::not_run(Outcome::Cancelled) };
        counters.note_run(&Ended::of(&report));
        counters.note_run(&Ended::of(&Report::not_run(Outcome::Cancelled)));
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut fire = Fire {
            cron_id: CronId::generate(),
            scheduled_at: at(10),
            recorded_at: at(11),
            status: FireStatus::Started(RunId::generate()),
            late: Duration::from_secs(1),
            cause: wakeful_core::FireCause::Schedule,
            coalesced: None,
        };
        counters.note_fire(&fire);
        fire.status = FireStatus::Skipped(SkipReason::Overlap);
        counters.note_fire(&fire);
        let (runs, fires) = counters.lock().clone();
        assert_eq!((runs.ended.get("cancelled"), runs.fuel), (Some(&2), 5));
        assert_eq!((fires.started, fires.skipped.get("overlap")), (1, Some(&1)));
        assert_eq!((fires.lateness.count, fires.lateness.sum), (2, 2.0));
    }
}
