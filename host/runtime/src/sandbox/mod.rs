//! The directories that guests see at `/`.

mod collect;
mod restore;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tracing::warn;
use uuid::Uuid;
use wakeful_core::{Checkpoint, CheckpointId, ThreadId};
use wakeful_store::Store;

use crate::Error;

/// How many directories stay on disk between runs, so that the next run of the same thread does
/// not have to copy its files out of the store.
const WARM: usize = 64;

/// Where the directories of running guests are.
#[derive(Debug)]
pub(crate) struct Sandboxes {
    root: PathBuf,
    warm: Mutex<HashMap<ThreadId, Warm>>,
}

/// The directory of a thread whose last run has been committed.
#[derive(Debug)]
struct Warm {
    checkpoint: CheckpointId,
    directory: Directory,
}

impl Sandboxes {
    /// Uses this folder, and empties it: what an earlier host left was never committed, or has
    /// been copied into the store.
    pub(crate) fn open(root: PathBuf) -> Result<Self, Error> {
        let unusable = |error: std::io::Error| Error::Unusable {
            path: root.clone(),
            reason: error.to_string(),
        };
        if root.exists() {
            fs::remove_dir_all(&root).map_err(unusable)?;
        }
        create_private(&root).map_err(unusable)?;
        Ok(Self { root, warm: Mutex::default() })
    }

    /// A directory with the files of a thread's newest checkpoint; empty without one.
    pub(crate) async fn prepare(
        &self,
        store: &dyn Store,
        thread: ThreadId,
        head: Option<&Checkpoint>,
    ) -> Result<Sandbox, Error> {
        let warm = self.lock().remove(&thread);
        if let (Some(warm), Some(head)) = (warm, head)
            && warm.checkpoint == head.id
        {
            return Ok(Sandbox { thread, directory: warm.directory });
        }
        let path = self.root.join(Uuid::new_v4().simple().to_string());
        create_private(&path)
            .map_err(|error| Error::Unusable { path: path.clone(), reason: error.to_string() })?;
        let directory = Directory { path };
        if let Some(head) = head {
            restore::restore(store, &head.files, &directory.path).await?;
        }
        Ok(Sandbox { thread, directory })
    }

    /// Deletes every directory that no run uses.
    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ThreadId, Warm>> {
        self.warm.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The directory of one run. It is deleted with this value, unless it is kept warm.
#[derive(Debug)]
pub(crate) struct Sandbox {
    thread: ThreadId,
    directory: Directory,
}

impl Sandbox {
    pub(crate) fn path(&self) -> &Path {
        &self.directory.path
    }

    /// Keeps the directory for the thread's next run. It holds exactly the files of `checkpoint`,
    /// which has been committed.
    pub(crate) fn keep_warm(self, sandboxes: &Sandboxes, checkpoint: CheckpointId) {
        let mut warm = sandboxes.lock();
        if WARM <= warm.len()
            && let Some(other) = warm.keys().next().copied()
        {
            warm.remove(&other);
        }
        warm.insert(self.thread, Warm { checkpoint, directory: self.directory });
    }
}

/// A directory that is deleted with this value.
#[derive(Debug)]
struct Directory {
    path: PathBuf,
}

impl Drop for Directory {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            // The next start of the host empties the folder.
            warn!(path = %self.path.display(), %error, "cannot delete a sandbox");
        }
    }
}

fn create_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}
