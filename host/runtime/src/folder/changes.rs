//! Changes in a folder, as far as the system tells of them.

#[cfg(target_os = "linux")]
pub(super) use inotify::Changes;
#[cfg(not(target_os = "linux"))]
pub(super) use nothing::Changes;

#[cfg(target_os = "linux")]
mod inotify {
    use std::mem::MaybeUninit;
    use std::os::fd::OwnedFd;
    use std::path::Path;

    use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
    use rustix::io::Errno;
    use tokio::io::unix::AsyncFd;

    /// A watch on a folder, while there is one.
    #[derive(Debug, Default)]
    pub(in super::super) struct Changes(Option<AsyncFd<OwnedFd>>);

    impl Changes {
        /// Whether the folder is watched.
        pub(in super::super) fn is_on(&self) -> bool {
            self.0.is_some()
        }

        /// Begins to watch the folder, unless that has begun. Whether it is watched now.
        pub(in super::super) fn begin(&mut self, folder: &Path) -> bool {
            if self.0.is_none() {
                self.0 = watch(folder).ok();
            }
            self.is_on()
        }

        /// Returns once something has changed, or the watch has ended.
        pub(in super::super) async fn next(&mut self) {
            let Some(fd) = &self.0 else { return std::future::pending().await };
            let ended = match fd.readable().await {
                Ok(mut ready) => match drain(fd.get_ref()) {
                    Ok(Drained::All) => {
                        ready.clear_ready();
                        false
                    }
                    Ok(Drained::Ended) | Err(_) => true,
                },
                Err(_) => true,
            };
            if ended {
                self.0 = None;
            }
        }
    }

    #[expect(
        deprecated,
        reason = "the other way is unsafe code; an OwnedFd cannot be closed under it"
    )]
    fn watch(folder: &Path) -> std::io::Result<AsyncFd<OwnedFd>> {
        let fd = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let flags = WatchFlags::CREATE
            | WatchFlags::CLOSE_WRITE
            | WatchFlags::ATTRIB
            | WatchFlags::DELETE
            | WatchFlags::MOVED_FROM
            | WatchFlags::MOVED_TO
            | WatchFlags::DELETE_SELF
            | WatchFlags::MOVE_SELF
            | WatchFlags::ONLYDIR;
        inotify::add_watch(&fd, folder, flags)?;
        AsyncFd::new(fd)
    }

    enum Drained {
        All,
        /// The folder itself was moved or deleted: what has its name now is another one.
        Ended,
    }

    /// Takes all changes that are there; which ones they are, a look at the folder will tell.
    fn drain(fd: &OwnedFd) -> rustix::io::Result<Drained> {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = Reader::new(fd, &mut buffer);
        let last = ReadFlags::IGNORED | ReadFlags::DELETE_SELF | ReadFlags::MOVE_SELF;
        loop {
            match reader.next() {
                Ok(event) if event.events().intersects(last) => return Ok(Drained::Ended),
                Ok(_) | Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(Drained::All),
                Err(error) => return Err(error),
            }
        }
    }

    #[cfg(test)]
    mod tests {
        use std::fs;
        use std::time::Duration;

        use super::*;

        async fn told(changes: &mut Changes) {
            let patience = Duration::from_secs(60);
            tokio::time::timeout(patience, changes.next()).await.expect("a change is told");
        }

        #[tokio::test]
        async fn a_file_that_comes_changes_or_goes_is_told() {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("echo.wasm");
            let mut changes = Changes::default();
            assert!(changes.begin(folder.path()));
            fs::write(folder.path().join("echo.part"), "new").unwrap();
            told(&mut changes).await;
            fs::rename(folder.path().join("echo.part"), &file).unwrap();
            told(&mut changes).await;
            fs::write(&file, "changed").unwrap();
            told(&mut changes).await;
            fs::remove_file(&file).unwrap();
            told(&mut changes).await;
        }

        #[tokio::test]
        async fn a_folder_that_was_replaced_is_watched_again() {
            let parent = tempfile::tempdir().unwrap();
            let folder = parent.path().join("assistants");
            let mut changes = Changes::default();
            assert!(!changes.begin(&folder));
            fs::create_dir(&folder).unwrap();
            assert!(changes.begin(&folder));
            fs::rename(&folder, parent.path().join("old")).unwrap();
            told(&mut changes).await;
            assert!(!changes.begin(&folder));
            fs::create_dir(&folder).unwrap();
            assert!(changes.begin(&folder));
            fs::write(folder.join("echo.wasm"), "").unwrap();
            told(&mut changes).await;
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod nothing {
    use std::path::Path;

    /// Nothing is told here; the folder is looked at again and again.
    #[derive(Debug, Default)]
    pub(in super::super) struct Changes;

    impl Changes {
        pub(in super::super) fn is_on(&self) -> bool {
            false
        }

        pub(in super::super) fn begin(&mut self, _folder: &Path) -> bool {
            false
        }

        pub(in super::super) async fn next(&mut self) {
            std::future::pending().await
        }
    }
}
