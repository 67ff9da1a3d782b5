use std::sync::Arc;

use wakeful_core::{Assistant, Cron, Fire, Object, Timestamp};

use super::NewRun;

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
    /// The next due instant, if there is one.
    pub next_run_at: Option<Timestamp>,
}
