use crate::{CheckpointId, Digest, Interrupt, Json, Object, RunId, ThreadId, Timestamp};

/// What a thread was after a run or a change by a client; immutable.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// Its id; time-ordered.
    pub id: CheckpointId,
    /// The thread it belongs to.
    pub thread_id: ThreadId,
    /// The checkpoint of the same thread that it came from.
    pub parent: Option<CheckpointId>,
    /// The run that made it.
    pub run_id: Option<RunId>,
    /// Counts checkpoints of the thread, from 0, in the order in which they were made.
    pub step: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// The thread's values.
    pub values: Json,
    /// The thread's files.
    pub files: Manifest,
    /// Questions that wait for answers.
    pub pending: Option<Pending>,
    /// What made it.
    pub source: CheckpointSource,
    /// Free-form facts about how it came to be.
    pub metadata: Object,
}

/// What made a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum CheckpointSource {
    /// A run.
    #[default]
    Loop,
    /// A client, in place of an input.
    Input,
    /// A client that changed the values.
    Update,
    /// A client that went back to an earlier checkpoint without changing anything.
    Fork,
}

impl CheckpointSource {
    /// Every source.
    pub const ALL: [Self; 4] = [Self::Loop, Self::Input, Self::Update, Self::Fork];

    /// The word for it, on the wire and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Loop => "loop",
            Self::Input => "input",
            Self::Update => "update",
            Self::Fork => "fork",
        }
    }

    /// The source with this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.as_str() == word)
    }
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
