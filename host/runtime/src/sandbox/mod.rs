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
    /// been copied into the store. The folder itself stays, as others may have been let into it.
    pub(crate) fn open(root: PathBuf) -> Result<Self, Error> {
        let unusable = |error: std::io::Error| Error::unusable(&root, &error);
        if root.exists() {
            empty(&root).map_err(unusable)?;
        } else {
            create_private(&root).map_err(unusable)?;
        }
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
        create_private(&path).map_err(|error| Error::unusable(&path, &error))?;
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

fn empty(directory: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use wakeful_core::{FileKind, Json, Limits, Manifest, Outcome};
    use wakeful_store::{SledConfig, SledStore};

    use super::*;

    struct World {
        home: tempfile::TempDir,
        store: SledStore,
        sandboxes: Sandboxes,
    }

    impl World {
        async fn new() -> Self {
            let home = tempfile::tempdir().unwrap();
            let store = SledStore::open(SledConfig::new(home.path().join("data"))).await.unwrap();
            let sandboxes = Sandboxes::open(home.path().join("sandboxes")).unwrap();
            Self { home, store, sandboxes }
        }

        /// As after a restart: nothing is warm any more.
        fn restart(&mut self) {
            self.sandboxes = Sandboxes::open(self.home.path().join("sandboxes")).unwrap();
        }

        async fn prepare(&self, head: Option<&Checkpoint>) -> Sandbox {
            self.sandboxes.prepare(&self.store, thread(), head).await.unwrap()
        }

        async fn collect(&self, sandbox: &Sandbox, head: Option<&Checkpoint>) -> Manifest {
            sandbox.collect(&self.store, head, &Limits::default()).await.unwrap()
        }
    }

    fn thread() -> ThreadId {
        ThreadId::from_bytes([7; 16])
    }

    fn checkpoint(files: Manifest) -> Checkpoint {
        Checkpoint {
            id: CheckpointId::generate(),
            thread_id: thread(),
            parent: None,
            run_id: None,
            step: 0,
            created_at: wakeful_core::Timestamp::UNIX_EPOCH,
            values: Json::Null,
            files,
            pending: None,
            source: wakeful_core::CheckpointSource::Loop,
            metadata: wakeful_core::Object::new(),
        }
    }

    fn names(manifest: &Manifest) -> Vec<&str> {
        manifest.entries.iter().map(|entry| entry.path.as_str()).collect()
    }

    #[tokio::test]
    async fn files_folders_and_links_come_back_after_a_restart() {
        let mut world = World::new().await;
        let first = world.prepare(None).await;
        fs::create_dir_all(first.path().join("notes/old")).unwrap();
        fs::write(first.path().join("notes/a.md"), "one").unwrap();
        fs::write(first.path().join("empty"), "").unwrap();
        std::os::unix::fs::symlink("notes/a.md", first.path().join("latest")).unwrap();
        let head = checkpoint(world.collect(&first, None).await);
        assert_eq!(names(&head.files), ["empty", "latest", "notes", "notes/a.md", "notes/old"]);
        drop(first);
        world.restart();
        let second = world.prepare(Some(&head)).await;
        assert_eq!(fs::read_to_string(second.path().join("latest")).unwrap(), "one");
        assert!(second.path().join("notes/old").is_dir());
        assert_eq!(world.collect(&second, Some(&head)).await, head.files);
    }

    #[tokio::test]
    async fn a_change_of_the_same_length_is_noticed() {
        let world = World::new().await;
        let sandbox = world.prepare(None).await;
        fs::write(sandbox.path().join("n"), "1").unwrap();
        let head = checkpoint(world.collect(&sandbox, None).await);
        fs::write(sandbox.path().join("n"), "2").unwrap();
        assert_ne!(world.collect(&sandbox, Some(&head)).await, head.files);
    }

    #[tokio::test]
    async fn a_directory_is_reused_only_for_the_checkpoint_it_holds() {
        let world = World::new().await;
        let sandbox = world.prepare(None).await;
        fs::write(sandbox.path().join("kept"), "1").unwrap();
        let head = checkpoint(world.collect(&sandbox, None).await);
        let warm = sandbox.path().to_owned();
        sandbox.keep_warm(&world.sandboxes, head.id);
        let sandbox = world.prepare(Some(&head)).await;
        assert_eq!(sandbox.path(), warm);
        sandbox.keep_warm(&world.sandboxes, head.id);
        // The thread has moved on without this directory.
        let other = checkpoint(Manifest::default());
        let sandbox = world.prepare(Some(&other)).await;
        assert_ne!(sandbox.path(), warm);
        assert!(!warm.exists(), "the stale directory is deleted");
        assert!(!sandbox.path().join("kept").exists());
    }

    #[tokio::test]
    async fn a_directory_that_is_not_kept_is_deleted() {
        let world = World::new().await;
        let sandbox = world.prepare(None).await;
        let path = sandbox.path().to_owned();
        fs::write(path.join("file"), "1").unwrap();
        drop(sandbox);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_link_that_leaves_the_sandbox_is_stored_as_a_link_and_not_followed() {
        let world = World::new().await;
        let secret = world.home.path().join("secret");
        fs::write(&secret, "key").unwrap();
        let sandbox = world.prepare(None).await;
        std::os::unix::fs::symlink(&secret, sandbox.path().join("way-out")).unwrap();
        let manifest = world.collect(&sandbox, None).await;
        let [entry] = manifest.entries.as_slice() else { panic!("{manifest:?}") };
        assert!(matches!(entry.kind, FileKind::Symlink { .. }), "{entry:?}");
    }

    #[tokio::test]
    async fn too_many_bytes_or_files_are_an_outcome() {
        let world = World::new().await;
        let sandbox = world.prepare(None).await;
        fs::write(sandbox.path().join("a"), [0; 600]).unwrap();
        fs::write(sandbox.path().join("b"), [0; 600]).unwrap();
        for limits in
            [Limits { disk: 1_000, ..Limits::default() }, Limits { files: 1, ..Limits::default() }]
        {
            let refused = sandbox.collect(&world.store, None, &limits).await.unwrap_err();
            assert!(matches!(refused, Outcome::DiskFull { .. }), "{refused:?}");
        }
    }
}
