use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use thiserror::Error;
use wakeful_core::{
    Assistant, AssistantId, Checkpoint, CheckpointId, Cron, CronId, Digest, Fire, Lease, Object,
    Report, Run, RunId, RunStatus, Thread, ThreadId, ThreadStatus, Timestamp,
};

/// What the host keeps, one method per transaction.
///
/// Every method can be written as one transaction of sled and as one of SQL. Nothing here assumes
/// that one process sees every change: runs are claimed under a [`Lease`], and whoever finishes one
/// names the epoch of its claim.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Inserts the assistant unless its id is taken, and returns what is stored under the id.
    async fn ensure_assistant(&self, assistant: Assistant) -> Result<Assistant, Error>;
    /// The assistant with this id.
    async fn assistant(&self, id: AssistantId) -> Result<Option<Assistant>, Error>;
    /// Every assistant, in no order; there are as many as components, so a page is not needed.
    async fn assistants(&self) -> Result<Vec<Assistant>, Error>;

    /// Inserts the thread unless its id is taken.
    async fn create_thread(&self, thread: Thread) -> Result<Created<Thread>, Error>;
    /// The thread with this id.
    async fn thread(&self, id: ThreadId) -> Result<Option<Thread>, Error>;
    /// The threads that match, without temporary ones.
    async fn search_threads(&self, query: ThreadQuery) -> Result<Page<Thread>, Error>;
    /// Deletes the thread, its checkpoints, its runs and its crons. Returns the runs of it that
    /// were running, or `None` if there is no such thread.
    async fn delete_thread(&self, id: ThreadId) -> Result<Option<Vec<RunId>>, Error>;

    /// A checkpoint of the thread.
    async fn checkpoint(
        &self,
        thread: ThreadId,
        id: CheckpointId,
    ) -> Result<Option<Checkpoint>, Error>;
    /// Checkpoints of the thread, newest first; only those older than `before`, if given.
    async fn checkpoints(
        &self,
        thread: ThreadId,
        before: Option<CheckpointId>,
        limit: usize,
    ) -> Result<Vec<Checkpoint>, Error>;

    /// Inserts a run and, if asked, its thread. The thread becomes busy.
    async fn insert_run(&self, new: NewRun) -> Result<Inserted, Error>;
    /// The run with this id.
    async fn run(&self, id: RunId) -> Result<Option<Run>, Error>;
    /// The runs that match, newest first.
    async fn runs(&self, query: RunQuery) -> Result<Page<Run>, Error>;
    /// Hands out runs that may begin now: the oldest pending run of each thread without a running
    /// one, at most `limit`, the longest-waiting first. Each begins its next attempt.
    async fn claim_runs(
        &self,
        now: Timestamp,
        lease: Lease,
        limit: usize,
    ) -> Result<Vec<ClaimedRun>, Error>;
    /// When the next run may begin: in the past, if one is waiting for a free slot.
    async fn next_available(&self) -> Result<Option<Timestamp>, Error>;
    /// Extends the lease of every run that its owner is running.
    async fn renew_leases(&self, lease: Lease) -> Result<(), Error>;
    /// Ends a running run and, with it, commits its checkpoint, frees its thread, and deletes the
    /// thread if the run says so. One transaction.
    async fn finish_run(&self, finish: FinishRun) -> Result<Finished, Error>;
    /// Puts a running run back into the queue; see [`Run::requeue`].
    async fn requeue_run(
        &self,
        id: RunId,
        epoch: u64,
        available_at: Timestamp,
        forgive: bool,
        now: Timestamp,
    ) -> Result<Finished, Error>;
    /// Cancels a run that is pending; says so if it is running or has ended.
    async fn cancel_pending(&self, id: RunId, now: Timestamp) -> Result<Cancelled, Error>;
    /// Deletes a run that is not running. Returns whether there was one.
    async fn delete_run(&self, id: RunId) -> Result<bool, Error>;
    /// Takes back runs whose lease has ended and, when `exclusive`, those of every owner but
    /// `owner`: a folder that only one host can open has no other that lives. Runs with attempts
    /// left are queued again, the others fail.
    async fn recover_runs(
        &self,
        now: Timestamp,
        owner: &str,
        exclusive: bool,
        max_attempts: u32,
    ) -> Result<Recovered, Error>;

    /// Inserts a cron.
    async fn create_cron(&self, cron: Cron) -> Result<(), Error>;
    /// The cron with this id.
    async fn cron(&self, id: CronId) -> Result<Option<Cron>, Error>;
    /// The crons that match.
    async fn search_crons(&self, query: CronQuery) -> Result<Page<Cron>, Error>;
    /// Replaces a cron whose stored version is `cron.version`, and counts the version up. Returns
    /// what is stored now, or `None` if the version has moved on or the cron is gone.
    async fn update_cron(&self, cron: Cron) -> Result<Option<Cron>, Error>;
    /// Deletes a cron and its fires. Returns whether there was one.
    async fn delete_cron(&self, id: CronId) -> Result<bool, Error>;
    /// The earliest due instant of all crons.
    async fn next_due(&self) -> Result<Option<Timestamp>, Error>;
    /// Claims crons that are due at `now`, earliest first, at most `limit`. For each, one
    /// transaction records the fire, inserts its run and sets the next due instant, all as `plan`
    /// says. A cron that changed meanwhile is left for the next call.
    async fn claim_due(
        &self,
        now: Timestamp,
        limit: usize,
        plan: Planner,
    ) -> Result<Vec<FirePlan>, Error>;
    /// Fires of a cron, newest first; only those before `before`, if given.
    async fn fires(
        &self,
        cron: CronId,
        before: Option<Timestamp>,
        limit: usize,
    ) -> Result<Vec<Fire>, Error>;

    /// Keeps the bytes of a file under their digest, durably. They stay while a checkpoint names
    /// them, and for some minutes after this call.
    async fn put_file(&self, source: &Path) -> Result<(Digest, u64), Error>;
    /// Writes the bytes with this digest to a new file.
    async fn fetch_file(&self, digest: Digest, target: &Path) -> Result<(), Error>;

    /// Deletes what may go: records of runs whose thread is gone and that ended before
    /// `runs_before`, fires recorded before `fires_before`, and blobs that nothing names. Returns
    /// how many of each.
    async fn sweep(
        &self,
        runs_before: Timestamp,
        fires_before: Timestamp,
    ) -> Result<(u64, u64, u64), Error>;
    /// Whether reads and writes work.
    async fn check(&self) -> Result<(), Error>;
    /// Copies everything, as of one instant, into a new folder.
    async fn backup(&self, target: &Path, now: Timestamp) -> Result<Backup, Error>;
    /// Waits for what is being written, and refuses everything after it.
    async fn close(&self) -> Result<(), Error>;
}

/// Why the store could not do it.
#[derive(Debug, Error)]
pub enum Error {
    /// The folder cannot be used; the message names the path and the reason.
    #[error("{path}: {reason}", path = .path.display())]
    Unusable {
        /// What cannot be used.
        path: PathBuf,
        /// Why, and what to do.
        reason: String,
    },
    /// Another program has the folder open.
    #[error(
        "{path} is in use by {holder}; stop that program, or give this one another folder with --data",
        path = .path.display()
    )]
    InUse {
        /// The lock file.
        path: PathBuf,
        /// Who holds it, as far as is known.
        holder: String,
    },
    /// The data was written by a newer program.
    #[error(
        "{path} has format {found}, and this program knows formats up to {known}; upgrade wakeful, or restore a backup that this version made",
        path = .path.display()
    )]
    TooNew {
        /// The data folder.
        path: PathBuf,
        /// The format it has.
        found: u32,
        /// The newest that this program knows.
        known: u32,
    },
    /// A stored record cannot be read.
    #[error("a stored {what} cannot be read: {reason}; restore a backup with `wakeful restore`")]
    Damaged {
        /// What kind of record.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The disk is full, or nearly so; nothing was written.
    #[error("not enough free space on the disk of {path}; free some and try again", path = .0.display())]
    Full(PathBuf),
    /// A write failed earlier, or the store is closed; nothing can be written any more.
    #[error("the store takes no more writes: {0}; restart wakeful")]
    Stopped(String),
    /// The disk failed.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

impl Error {
    /// Whether trying again is of no use, because what is stored cannot be read.
    #[cfg(feature = "sled")]
    pub(crate) fn is_damage(&self) -> bool {
        matches!(self, Self::Damaged { .. } | Self::TooNew { .. })
    }
}

/// What came of an insert under an id that may be taken.
#[derive(Debug, Clone, PartialEq)]
pub enum Created<T> {
    /// It was inserted.
    New(T),
    /// The id was taken, by this.
    Existing(T),
}

/// A part of a longer list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The part.
    pub items: Vec<T>,
    /// How many match in all.
    pub total: usize,
}

/// Up or down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the words say it")]
pub enum Order {
    Ascending,
    #[default]
    Descending,
}

/// What a list is sorted by. A query of a kind that lacks the field sorts by creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the names of the fields")]
pub enum SortBy {
    Id,
    AssistantId,
    ThreadId,
    Status,
    NextRunAt,
    EndTime,
    #[default]
    CreatedAt,
    UpdatedAt,
    StateUpdatedAt,
}

/// Which threads.
#[derive(Debug, Clone, Default)]
pub struct ThreadQuery {
    /// Only these.
    pub ids: Option<Vec<ThreadId>>,
    /// Only with this status.
    pub status: Option<ThreadStatus>,
    /// Only those whose metadata contains this, at any depth.
    pub metadata: Object,
    /// Only those whose values contain this, at any depth.
    pub values: Object,
    /// How to sort.
    pub sort_by: SortBy,
    /// Which way.
    pub order: Order,
    /// How many to return at most.
    pub limit: usize,
    /// How many to pass over.
    pub offset: usize,
}

/// Which runs.
#[derive(Debug, Clone, Default)]
pub struct RunQuery {
    /// Only on this thread.
    pub thread_id: Option<ThreadId>,
    /// Only of this cron.
    pub cron_id: Option<CronId>,
    /// Only with this status.
    pub status: Option<RunStatus>,
    /// How many to return at most.
    pub limit: usize,
    /// How many to pass over.
    pub offset: usize,
}

/// Which crons.
#[derive(Debug, Clone, Default)]
pub struct CronQuery {
    /// Only for this assistant.
    pub assistant_id: Option<AssistantId>,
    /// Only on this thread.
    pub thread_id: Option<ThreadId>,
    /// Only enabled or only paused ones.
    pub enabled: Option<bool>,
    /// Only those whose metadata contains this, at any depth.
    pub metadata: Object,
    /// How to sort.
    pub sort_by: SortBy,
    /// Which way.
    pub order: Order,
    /// How many to return at most.
    pub limit: usize,
    /// How many to pass over.
    pub offset: usize,
}

/// A run to insert.
#[derive(Debug, Clone)]
pub struct NewRun {
    /// The run.
    pub run: Run,
    /// Its thread, to be created if there is none with that id.
    pub create_thread: Option<Thread>,
    /// Merged into the metadata of a thread that lacks these keys.
    pub thread_metadata: Object,
}

/// What came of [`Store::insert_run`].
#[derive(Debug, Clone, PartialEq)]
pub enum Inserted {
    /// The run is pending.
    Run(Box<Run>),
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
    /// Where its thread stands.
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
    /// the parent.
    pub checkpoint: Option<Checkpoint>,
    /// The present instant.
    pub now: Timestamp,
}

/// Whether a write of a claim's holder was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finished {
    /// It was.
    Written,
    /// The claim was no longer the newest, or the run is gone; nothing was written.
    Fenced,
}

/// What came of [`Store::cancel_pending`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelled {
    /// The run was pending and is interrupted now.
    Done,
    /// The run is running; its owner has to stop it.
    Running,
    /// The run had ended.
    Ended,
    /// There is no such run.
    Missing,
}

/// What [`Store::recover_runs`] did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Queued again.
    pub requeued: Vec<RunId>,
    /// Failed, having no attempt left.
    pub failed: Vec<RunId>,
}

/// A cron that is due.
#[derive(Debug, Clone)]
pub struct DueCron {
    /// The cron; `next_run_at` is the due instant.
    pub cron: Cron,
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

/// A finished backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// Where it is.
    pub path: PathBuf,
    /// How many files it has.
    pub files: u64,
    /// How many bytes they have.
    pub bytes: u64,
}
