use std::fs::File;

use wakeful_core::{
    Checkpoint, CheckpointId, Digest, FileKind, FilePath, Limits, Manifest, Thread, ThreadId,
    Timestamp,
};

use crate::updates::{graph_of, successor_with};
use crate::{Error, Host};

/// The files of a thread, as they were at a checkpoint.
#[derive(Debug, Clone)]
pub struct ThreadFiles {
    /// The checkpoint; `None` on a thread that nothing has changed yet.
    pub checkpoint: Option<CheckpointId>,
    /// The files.
    pub files: Manifest,
}

/// A file of a thread, to be read.
#[derive(Debug)]
pub struct OpenedFile {
    /// Names its bytes.
    pub digest: Digest,
    /// How many there are.
    pub size: u64,
    /// The bytes, which stay whatever happens to the thread.
    pub bytes: File,
}

impl Host {
    /// The files of a thread, as they are or were at one of its checkpoints.
    pub async fn thread_files(
        &self,
        id: ThreadId,
        at: Option<CheckpointId>,
    ) -> Result<ThreadFiles, Error> {
        let checkpoint = self.thread_state(id, at).await?.checkpoint;
        Ok(ThreadFiles {
            checkpoint: checkpoint.as_ref().map(|checkpoint| checkpoint.id),
            files: checkpoint.map(|checkpoint| checkpoint.files).unwrap_or_default(),
        })
    }

    /// Opens a file of a thread, as it is or was at one of its checkpoints. A link is not followed.
    pub async fn open_file(
        &self,
        id: ThreadId,
        at: Option<CheckpointId>,
        path: &FilePath,
    ) -> Result<OpenedFile, Error> {
        let files = self.thread_files(id, at).await?.files;
        let what = match files.entry(path.as_str()).map(|entry| &entry.kind) {
            Some(FileKind::File { digest, size }) => {
                let bytes = self.store().open_file(*digest).await?;
                return Ok(OpenedFile { digest: *digest, size: *size, bytes });
            }
            Some(FileKind::Directory) => "a directory".to_owned(),
            Some(FileKind::Symlink { target }) => format!("a symbolic link to `{target}`"),
            None => return Err(Error::not_found("file", path)),
        };
        Err(Error::Conflict(format!("`{path}` is {what}, not a file")))
    }

    /// Puts a file among those of a thread, in the place of one that is there, and returns the
    /// checkpoint that has it, which is the newest. The thread must be idle.
    pub async fn put_file(
        &self,
        id: ThreadId,
        path: &FilePath,
        bytes: Vec<u8>,
    ) -> Result<CheckpointId, Error> {
        self.refuse_when_stopping()?;
        // A thread that is not there is no reason to keep anything.
        let thread = self.thread(id).await?;
        let size = bytes.len() as u64;
        check(self.file_limits(&thread), size, 0)?;
        let digest = self.store().put_bytes(bytes).await?;
        self.change_files(id, |files, limits| {
            let known = files.entry(path.as_str()).map(|entry| &entry.kind);
            if known == Some(&FileKind::File { digest, size }) {
                return Ok(None);
            }
            let files = files
                .with_file(path, digest, size)
                .map_err(|way| Error::Conflict(way.to_string()))?;
            check(limits, files.bytes(), files.entries.len())?;
            Ok(Some(files))
        })
        .await
    }

    /// Deletes a file, a link, or a directory with all that is in it, from the files of a thread.
    /// Returns the checkpoint without it, which is the newest. The thread must be idle.
    pub async fn delete_file(&self, id: ThreadId, path: &FilePath) -> Result<CheckpointId, Error> {
        self.change_files(id, |files, _| {
            let left = files.without(path.as_str());
            left.map(Some).ok_or_else(|| Error::not_found("file", path))
        })
        .await
    }

    async fn change_files(
        &self,
        id: ThreadId,
        change: impl Fn(&Manifest, Limits) -> Result<Option<Manifest>, Error> + Send + Sync,
    ) -> Result<CheckpointId, Error> {
        let none = Manifest::default();
        self.change_state(id, None, |thread: &Thread, base: Option<&Checkpoint>, now: Timestamp| {
            let files = base.map_or(&none, |base| &base.files);
            match (change(files, self.file_limits(thread))?, base) {
                (Some(files), _) => Ok(successor_with(thread, base, files, now)),
                (None, Some(base)) => Ok(base.clone()),
                (None, None) => Ok(successor_with(thread, None, none.clone(), now)),
            }
        })
        .await
    }

    /// What bounds the files of a thread: what bounds the component that runs on it.
    fn file_limits(&self, thread: &Thread) -> Limits {
        let component = graph_of(thread.id, &thread.metadata).ok();
        let component = component.and_then(|component| self.folder().component(&component));
        component.map_or_else(|| self.settings().limits.clone(), |component| component.limits)
    }
}

fn check(limits: Limits, bytes: u64, entries: usize) -> Result<(), Error> {
    if limits.disk < bytes {
        return Err(Error::Invalid(format!(
            "the thread's files would have {bytes} bytes, more than the {} that the limit `disk` allows",
            limits.disk
        )));
    }
    if (limits.files as usize) < entries {
        return Err(Error::Invalid(format!(
            "the thread would have {entries} files and directories, more than the {} that the limit `files` allows",
            limits.files
        )));
    }
    Ok(())
}
