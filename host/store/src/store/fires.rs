use async_trait::async_trait;
use std::sync::Arc;
use wakeful_core::{Assistant, Cron, CronId, CronStats, Fire, NextFire, Object, RunId, Timestamp};

use super::{Error, Inserted, NewRun};

/// A cron that is due.
#[derive(Debug, Clone)]
pub struct DueCron {
    /// The cron; `next_run_at` is the due instant.
    pub cron: Cron,
    /// Its assistant, as it is now; `None` if it went while the cron was created.
    pub assistant: Option<Assistant>,
    /// The metadata of its thread, if it runs on one.
    pub thread_metadata: Object,
    /// Whether its thread has a pending or running run.
    pub thread_busy: bool,
    /// How many of its own runs are queued or running.
    pub open: usize,
    /// How many of those are running.
    pub running: usize,
    /// How many more wait for them; counting stops at [`wakeful_core::LARGEST_BACKLOG`].
    pub held: usize,
    /// What has become of its fires so far.
    pub stats: CronStats,
}

impl DueCron {
    /// How many of its own runs wait for their turn.
    pub fn waiting(&self) -> usize {
        self.held + self.open.saturating_sub(self.running)
    }
}

/// Decides about a due cron. Called on a thread that may block, and again if its decision could
/// not be written.
pub type Planner = Arc<dyn Fn(&DueCron) -> FirePlan + Send + Sync>;

/// What to do about a due cron.
#[derive(Debug, Clone)]
pub struct FirePlan {
    /// What to record.
    pub fire: Fire,
    /// The run to insert, for a fire that starts one.
    pub run: Option<NewRun>,
    /// When the cron fires next, if it does.
    pub next: Option<NextFire>,
}

/// What is kept of a cron's fires.
#[async_trait]
pub trait FireStore {
    /// Records fires that no schedule made and inserts their runs, in one transaction: all of them
    /// or, when a run cannot be inserted, none. The answers are in the order of the fires, and end
    /// at the one that stopped it. A fire whose run is known already counts as inserted.
    async fn insert_fires(&self, fires: Vec<(Fire, NewRun)>) -> Result<Vec<Inserted>, Error>;
    /// What has become of a cron's fires so far.
    async fn cron_stats(&self, cron: CronId) -> Result<CronStats, Error>;
    /// The runs of a cron that have not ended, oldest first, those that are held last.
    async fn open_runs(&self, cron: CronId) -> Result<Vec<RunId>, Error>;
    /// Deletes crons that had ended before `before`. Returns how many.
    async fn sweep_crons(&self, before: Timestamp) -> Result<u64, Error>;
    /// What the time-zone files looked like when the instants of all crons were last found to fit
    /// them; `None` if that was never noted.
    async fn zones_seen(&self) -> Result<Option<String>, Error>;
    /// Notes it.
    async fn note_zones(&self, seen: String) -> Result<(), Error>;
    /// Crons with an id after this one, in the order of their ids, without damaged ones.
    async fn crons_after(&self, after: Option<CronId>, limit: usize) -> Result<Vec<Cron>, Error>;
}
