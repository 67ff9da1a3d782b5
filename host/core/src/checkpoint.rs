use crate::{CheckpointId, Digest, Interrupt, Json, Object, RunId, ThreadId, Timestamp};

/// What a thread was after a run; immutable.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// Its id; time-ordered.
    pub id: CheckpointId,
    /// The thread it belongs to.
    pub thread_id: ThreadId,
    /// The checkpoint before it on the same thread.
    pub parent: Option<CheckpointId>,
    /// The run that made it.
    pub run_id: Option<RunId>,
    /// Counts checkpoints of the thread, from 0.
    pub step: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// The thread's values.
    pub values: Json,
    /// The thread's files.
    pub files: Manifest,
    /// Questions that wait for answers.
    pub pending: Option<Pending>,
    /// Free-form facts about how it came to be.
    pub metadata: Object,
}

/// Questions an assistant asked, and the input it will see again with the answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Pending {
    /// The questions.
    pub interrupts: Vec<Interrupt>,
    /// The input of the run that asked.
    pub input: Json,
}

/// The files of a sandbox, sorted by path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest {
    /// Every file, directory and symbolic link below the sandbox's root.
    pub entries: Vec<FileEntry>,
}

/// One entry of a [`Manifest`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEntry {
    /// Relative to the root, with `/` between the parts; never empty, absolute or with `..`.
    pub path: String,
    /// What it is.
    pub kind: FileKind,
}

/// What an entry of a [`Manifest`] is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileKind {
    /// A directory.
    Directory,
    /// A regular file, whose bytes are a blob.
    File {
        /// Names the blob.
        digest: Digest,
        /// In bytes.
        size: u64,
    },
    /// A symbolic link; the host never follows it.
    Symlink {
        /// Where it points, as the guest wrote it.
        target: String,
    },
}
