use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use wakeful_core::{
    Checkpoint, CheckpointId, CheckpointSource, Digest, FileEntry, FileKind, Json, Manifest,
    Pending, RunId, ThreadId, Timestamp,
};

use super::codec::{micros, text, text_option, word};
use super::report::StoredInterrupt;
use super::{Doc, Docs};
use crate::Error;

word!(source, wakeful_core::CheckpointSource);

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StoredCheckpoint {
    #[serde(with = "text")]
    pub(crate) id: CheckpointId,
    #[serde(with = "text")]
    pub(crate) thread: ThreadId,
    #[serde(with = "text_option")]
    pub(crate) parent: Option<CheckpointId>,
    #[serde(with = "text_option")]
    pub(crate) run: Option<RunId>,
    pub(crate) step: u64,
    #[serde(with = "micros")]
    pub(crate) created: Timestamp,
    pub(crate) values: Doc,
    pub(crate) files: Doc,
    pub(crate) pending: Option<Doc>,
    metadata: Doc,
    #[serde(default, with = "source")]
    source: CheckpointSource,
}

/// A checkpoint whose place on its thread is not known yet.
#[derive(Debug)]
pub(crate) struct Draft {
    id: CheckpointId,
    run: Option<RunId>,
    created: Timestamp,
    values: Doc,
    files: Doc,
    pending: Option<Doc>,
    metadata: Doc,
    source: CheckpointSource,
}

impl Draft {
    pub(crate) fn new(checkpoint: &Checkpoint, docs: &Docs) -> Result<Self, Error> {
        Ok(Self {
            id: checkpoint.id,
            run: checkpoint.run_id,
            created: checkpoint.created_at,
            values: docs.put(&checkpoint.values)?,
            files: docs.put(&stored_files(&checkpoint.files))?,
            pending: checkpoint
                .pending
                .as_ref()
                .map(|pending| docs.put(&StoredPending::new(pending)))
                .transpose()?,
            metadata: docs.put(&checkpoint.metadata)?,
            source: checkpoint.source,
        })
    }

    /// The checkpoint that comes from `parent`, in its place on the thread.
    pub(crate) fn at(
        self,
        thread: ThreadId,
        step: u64,
        parent: Option<CheckpointId>,
    ) -> StoredCheckpoint {
        StoredCheckpoint {
            id: self.id,
            thread,
            parent,
            run: self.run,
            step,
            created: self.created,
            values: self.values,
            files: self.files,
            pending: self.pending,
            metadata: self.metadata,
            source: self.source,
        }
    }
}

impl StoredCheckpoint {
    pub(crate) fn open(self, docs: &Docs) -> Result<Checkpoint, Error> {
        let files: Vec<StoredEntry<'static>> = docs.get(&self.files, "checkpoint")?;
        let pending: Option<StoredPending<'static>> =
            self.pending.as_ref().map(|pending| docs.get(pending, "checkpoint")).transpose()?;
        Ok(Checkpoint {
            id: self.id,
            thread_id: self.thread,
            parent: self.parent,
            run_id: self.run,
            step: self.step,
            created_at: self.created,
            values: docs.get(&self.values, "checkpoint")?,
            files: Manifest { entries: files.into_iter().map(StoredEntry::open).collect() },
            pending: pending.map(StoredPending::open),
            source: self.source,
            metadata: docs.get(&self.metadata, "checkpoint")?,
        })
    }

    /// The documents it names.
    pub(crate) fn docs(&self) -> impl Iterator<Item = &Doc> {
        [&self.values, &self.files, &self.metadata].into_iter().chain(&self.pending)
    }

    /// The blobs of the files of a manifest.
    pub(crate) fn file_blobs(files: &Doc, docs: &Docs) -> Result<Vec<Digest>, Error> {
        let files: Vec<StoredEntry<'static>> = docs.get(files, "checkpoint")?;
        Ok(files
            .into_iter()
            .filter_map(|entry| match entry.kind {
                StoredKind::File { digest, .. } => Some(digest),
                StoredKind::Directory | StoredKind::Symlink { .. } => None,
            })
            .collect())
    }
}

#[derive(Serialize, Deserialize)]
struct StoredPending<'a> {
    interrupts: Vec<StoredInterrupt<'a>>,
    input: Cow<'a, Json>,
    #[serde(default)]
    answers: Cow<'a, [(String, Json)]>,
}

impl<'a> StoredPending<'a> {
    fn new(pending: &'a Pending) -> Self {
        Self {
            interrupts: pending.interrupts.iter().map(StoredInterrupt::new).collect(),
            input: Cow::Borrowed(&pending.input),
            answers: Cow::Borrowed(&pending.answers),
        }
    }

    fn open(self) -> Pending {
        Pending {
            interrupts: self.interrupts.into_iter().map(StoredInterrupt::open).collect(),
            input: self.input.into_owned(),
            answers: self.answers.into_owned(),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct StoredEntry<'a> {
    path: Cow<'a, str>,
    #[serde(flatten)]
    kind: StoredKind<'a>,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum StoredKind<'a> {
    Directory,
    File {
        #[serde(with = "text")]
        digest: Digest,
        size: u64,
    },
    Symlink {
        target: Cow<'a, str>,
    },
}

fn stored_files(manifest: &Manifest) -> Vec<StoredEntry<'_>> {
    let kind = |kind: &'_ FileKind| match kind {
        FileKind::Directory => StoredKind::Directory,
        FileKind::File { digest, size } => StoredKind::File { digest: *digest, size: *size },
        FileKind::Symlink { target } => StoredKind::Symlink { target: target.clone().into() },
    };
    manifest
        .entries
        .iter()
        .map(|entry| StoredEntry { path: Cow::Borrowed(&entry.path), kind: kind(&entry.kind) })
        .collect()
}

impl StoredEntry<'_> {
    fn open(self) -> FileEntry {
        FileEntry {
            path: self.path.into_owned(),
            kind: match self.kind {
                StoredKind::Directory => FileKind::Directory,
                StoredKind::File { digest, size } => FileKind::File { digest, size },
                StoredKind::Symlink { target } => FileKind::Symlink { target: target.into_owned() },
            },
        }
    }
}
