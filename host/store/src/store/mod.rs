use std::fs::File;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use wakeful_core::{
    Checkpoint, CheckpointId, Cron, CronId, Digest, Fire, Lease, Object, Run, RunError, RunId,
    Thread, ThreadId, Timestamp,
};

mod assistants;
mod error;
mod events;
mod fires;
mod items;
mod journal;
mod keys;
mod outbox;
mod query;
mod runs;
mod states;
mod stats;

pub use assistants::{
    AssistantQuery, AssistantSort, AssistantStore, DeletedAssistant, VersionQuery,
};
pub use error::Error;
pub use events::EventStore;
pub use fires::{DueCron, FirePlan, FireStore, Planner};
pub use items::{FoundItems, GetItem, ItemQuery, ItemStore, NamespaceQuery, PutItem};
pub use journal::{JournalEntry, JournalStore, Purse, RecordCall};
pub use keys::KeyStore;
pub use outbox::{ClaimDeliveries, DeliveryQuery, OutboxStore, Redelivery, origin};
pub use query::{CronQuery, Order, Page, RunQuery, SortBy, ThreadQuery};
pub use runs::{
    Cancelled, ClaimedRun, CronChange, FinishRun, Finished, Inserted, NewRun, Recovered,
};
pub use states::{CopyThread, Expired, Put, PutCheckpoint, StateStore, ThreadPatch};
pub use stats::{StatsStore, StoreStats};

/// What the host keeps, one method per transaction.
///
/// Every method can be written as one transaction of sled and as one of SQL. Nothing here assumes
/// that one process sees every change: runs are claimed under a [`Lease`], and whoever finishes one
/// names the epoch of its claim.
#[async_trait]
pub trait Store:
    AssistantStore
    + EventStore
    + FireStore
    + ItemStore
    + JournalStore
    + KeyStore
    + StateStore
    + StatsStore
    + OutboxStore
    + Send
    + Sync
    + 'static
{
    /// Inserts the thread unless its id is taken.
    async fn create_thread(&self, thread: Thread) -> Result<Created<Thread>, Error>;
    /// The thread with this id.
    async fn thread(&self, id: ThreadId) -> Result<Option<Thread>, Error>;
    /// The metadata of the thread with this id, without the values, which may be large.
    async fn thread_metadata(&self, id: ThreadId) -> Result<Option<Object>, Error>;
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
    /// Inserts runs in one transaction: all of them or, when one is known, has no thread or finds it
    /// busy, none. The answers are in the order of the runs, and end at the one that stopped it.
    async fn insert_runs(&self, new: Vec<NewRun>) -> Result<Vec<Inserted>, Error>;
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
    /// Ends a running run and, with it, commits its checkpoint and what it did to crons, frees its
    /// thread, and deletes the thread if the run says so. One transaction.
    async fn finish_run(&self, finish: FinishRun) -> Result<Finished, Error>;
    /// Commits a checkpoint of a running run without ending it: what was changed before it begins.
    /// Returns the checkpoint with its step and its parent, or `None` if the claim was no longer the
    /// newest.
    async fn advance_run(
        &self,
        id: RunId,
        epoch: u64,
        checkpoint: Checkpoint,
        now: Timestamp,
    ) -> Result<Option<Checkpoint>, Error>;
    /// Puts a running run back into the queue; see [`Run::requeue`].
    async fn requeue_run(
        &self,
        id: RunId,
        epoch: u64,
        available_at: Timestamp,
        failure: Option<RunError>,
        now: Timestamp,
    ) -> Result<Finished, Error>;
    /// Cancels a run that is pending; says so if it is running or has ended.
    async fn cancel_pending(&self, id: RunId, now: Timestamp) -> Result<Cancelled, Error>;
    /// Deletes a run that is not running, with the checkpoint it made: its thread is where it was
    /// before. A checkpoint at which another run of the thread begins stays. Returns whether there
    /// was such a run.
    /// Deletes a run that is pending or, under the epoch of its newest claim, running, in place of
    /// its end: nobody is told of it. Its thread is as if it had never been.
    async fn discard_run(&self, id: RunId, epoch: Option<u64>) -> Result<Cancelled, Error>;
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

    /// Inserts a cron unless its id is taken.
    async fn create_cron(&self, cron: Cron) -> Result<Created<Cron>, Error>;
    /// The cron with this id.
    async fn cron(&self, id: CronId) -> Result<Option<Cron>, Error>;
    /// The crons that match.
    async fn search_crons(&self, query: CronQuery) -> Result<Page<Cron>, Error>;
    /// Replaces a cron whose stored version is `cron.version`, counts the version up, and records
    /// the fire with which the change accounts for instants that are past. Returns what is stored
    /// now, or `None` if the version has moved on or the cron is gone.
    async fn update_cron(&self, cron: Cron, past: Option<Fire>) -> Result<Option<Cron>, Error>;
    /// Deletes a cron and its fires. Returns whether there was one.
    async fn delete_cron(&self, id: CronId) -> Result<bool, Error>;
    /// The earliest due instant of all crons.
    async fn next_due(&self) -> Result<Option<Timestamp>, Error>;
    /// Claims crons that are due at `now`, at most `limit`: those on time before those that are
    /// late, the earliest first. For each, one
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
    /// Keeps these bytes as [`Store::put_file`] does those of a file.
    async fn put_bytes(&self, bytes: Vec<u8>) -> Result<Digest, Error>;
    /// Writes the bytes with this digest to a new file.
    async fn fetch_file(&self, digest: Digest, target: &Path) -> Result<(), Error>;
    /// The bytes with this digest, to be read from their beginning. They can be read to their end
    /// whatever happens to the record that names them.
    async fn open_file(&self, digest: Digest) -> Result<File, Error>;

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

/// What came of an insert under an id that may be taken.
#[derive(Debug, Clone, PartialEq)]
pub enum Created<T> {
    /// It was inserted.
    New(T),
    /// The id was taken, by this.
    Existing(T),
}

impl<T> Created<T> {
    /// What is stored under the id.
    pub fn into_inner(self) -> T {
        match self {
            Self::New(stored) | Self::Existing(stored) => stored,
        }
    }

    /// Whether the id was taken.
    pub const fn was_there(&self) -> bool {
        matches!(self, Self::Existing(_))
    }
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
