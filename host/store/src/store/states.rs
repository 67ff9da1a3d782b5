use async_trait::async_trait;
use wakeful_core::{Checkpoint, CheckpointId, Object, Thread, ThreadId, Timestamp, Ttl};

use super::{Created, Error};

/// What clients do to threads and their states, beside running anything on them.
///
/// Whatever takes a checkpoint away leaves the newest one, and those at which pending or running
/// runs of the thread begin.
#[async_trait]
pub trait StateStore {
    /// Creates the thread with these checkpoints, the oldest first; each comes from the one before.
    /// Does nothing if the thread's id is taken.
    async fn seed_thread(
        &self,
        thread: Thread,
        checkpoints: Vec<Checkpoint>,
    ) -> Result<Created<Thread>, Error>;
    /// Changes a thread; `None` if there is none. Restarts its time to live.
    async fn update_thread(&self, patch: ThreadPatch) -> Result<Option<Thread>, Error>;
    /// Makes a new thread with the metadata, the time to live and the newest checkpoints of
    /// another, at most `limit`. `None` if there is no such thread.
    async fn copy_thread(&self, copy: CopyThread) -> Result<Option<Thread>, Error>;
    /// Makes a checkpoint the newest of its thread, if the thread is idle and where the caller saw
    /// it.
    async fn put_checkpoint(&self, put: PutCheckpoint) -> Result<Put, Error>;
    /// Takes away the earlier checkpoints of a thread. Returns how many went, or `None` if there is
    /// no such thread.
    async fn keep_latest(&self, id: ThreadId) -> Result<Option<usize>, Error>;

    /// When the next thread expires.
    async fn next_expiry(&self) -> Result<Option<Timestamp>, Error>;
    /// Deletes or shrinks threads whose time is over at `now`, as each says; at most `limit`, the
    /// longest overdue first. A busy thread never expires. Returns which ones.
    async fn expire_threads(&self, now: Timestamp, limit: usize) -> Result<Vec<Expired>, Error>;
}

/// Changes to a thread.
#[derive(Debug, Clone)]
pub struct ThreadPatch {
    /// Which thread.
    pub id: ThreadId,
    /// Put over the metadata, key by key.
    pub metadata: Object,
    /// The new time to live; `Some(None)` takes it away.
    pub ttl: Option<Option<Ttl>>,
    /// The present instant.
    pub now: Timestamp,
}

/// A thread to copy.
#[derive(Debug, Clone)]
pub struct CopyThread {
    /// Which thread.
    pub from: ThreadId,
    /// The id of the copy.
    pub to: ThreadId,
    /// How many checkpoints to take along.
    pub limit: usize,
    /// The present instant.
    pub now: Timestamp,
}

/// A checkpoint that no run made.
#[derive(Debug, Clone)]
pub struct PutCheckpoint {
    /// The checkpoint, with its parent. The store fills in the step.
    pub checkpoint: Checkpoint,
    /// The newest checkpoint of the thread when the caller made this one.
    pub seen: Option<CheckpointId>,
    /// The present instant.
    pub now: Timestamp,
}

/// What came of [`StateStore::put_checkpoint`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// It is the newest checkpoint now.
    Written,
    /// There is no such thread.
    NoThread,
    /// A run of the thread is pending or running.
    Busy,
    /// The thread has another newest checkpoint than the caller saw, or lost the parent.
    Moved,
}

/// A thread whose time was over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expired {
    /// It was deleted.
    Deleted(ThreadId),
    /// It lost this many earlier checkpoints.
    Shrunk(ThreadId, usize),
}
