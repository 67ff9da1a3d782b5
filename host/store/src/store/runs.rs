use std::sync::Arc;

use wakeful_core::{
    Checkpoint, Cron, CronId, Digest, LoggedEvent, Object, Report, Run, RunId, Thread, Timestamp,
};

/// A run to insert.
#[derive(Debug, Clone)]
pub struct NewRun {
    /// The run.
    pub run: Run,
    /// Its thread, to be created if there is none with that id.
    pub create_thread: Option<Thread>,
    /// Merged into the metadata of a thread that lacks these keys.
    pub thread_metadata: Object,
    /// Whether it waits until no other run of its cron is queued or running.
    pub held: bool,
}

/// What came of [`Store::insert_run`](super::Store::insert_run).
#[derive(Debug, Clone, PartialEq)]
pub enum Inserted {
    /// The run is pending.
    Run(Box<Run>),
    /// Its id was taken, by this run: the same request came twice.
    Known(Box<Run>),
    /// There is no such thread, and none was to be created.
    NoThread,
    /// The thread is busy, and the run says `reject`.
    Busy,
}

/// A run that was handed out.
#[derive(Debug, Clone)]
pub struct ClaimedRun {
    /// The run, now running.
    pub run: Run,
    /// The checkpoint it begins at; `None` if its thread has none, or lost the one it names.
    pub head: Option<Checkpoint>,
}

/// How a run ended.
#[derive(Debug, Clone)]
pub struct FinishRun {
    /// The run.
    pub run_id: RunId,
    /// The epoch under which it was claimed.
    pub epoch: u64,
    /// The bytes it began with, if it began.
    pub digest: Option<Digest>,
    /// What is known of it.
    pub report: Report,
    /// What its thread is now; `None` leaves the thread as it was. The store fills in the step and
    /// the parent, which is the checkpoint at which the run began.
    pub checkpoint: Option<Checkpoint>,
    /// What it did to the crons of its thread, in order. Nothing of it is done if the run's effects
    /// are not kept, or if its thread goes with it.
    pub crons: Vec<CronChange>,
    /// Everything that happened to it, its end included, if that is to be kept with it.
    pub events: Option<Vec<Arc<LoggedEvent>>>,
    /// The present instant.
    pub now: Timestamp,
}

/// What a run did to the crons of its thread.
#[derive(Debug, Clone, PartialEq)]
pub enum CronChange {
    /// It made one.
    Create(Box<Cron>),
    /// It deleted one, with its fires.
    Delete(CronId),
}

/// Whether a write of a claim's holder was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finished {
    /// It was.
    Written,
    /// The claim was no longer the newest, or the run is gone; nothing was written.
    Fenced,
}

/// What came of [`Store::cancel_pending`](super::Store::cancel_pending), or of
/// [`Store::discard_run`](super::Store::discard_run).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelled {
    /// The run was pending and is interrupted now, or was discarded.
    Done,
    /// The run is running; its owner has to stop it.
    Running,
    /// The run had ended.
    Ended,
    /// There is no such run.
    Missing,
}

/// What [`Store::recover_runs`](super::Store::recover_runs) did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Queued again.
    pub requeued: Vec<RunId>,
    /// Failed, having no attempt left.
    pub failed: Vec<RunId>,
}
