#[cfg(target_os = "linux")]
use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};
use wakeful_core::Limits;

#[cfg(target_os = "linux")]
use crate::descriptors;

/// The least time between two looks, and before the first, so that short runs pay nothing.
const INTERVAL: Duration = Duration::from_millis(25);

/// The most time between two looks, however long one takes.
const LONGEST_INTERVAL: Duration = Duration::from_millis(500);

/// How often to look at once when directories move meanwhile.
const LOOKS: usize = 8;

/// Watches how much a guest has written below a directory.
#[derive(Debug, Clone)]
pub(crate) struct DiskWatch {
    root: PathBuf,
    max_bytes: u64,
    max_entries: u32,
}

impl DiskWatch {
    pub(crate) fn new(root: &Path, limits: &Limits) -> Self {
        Self {
            // As the kernel spells it in /proc.
            root: root.canonicalize().unwrap_or_else(|_| root.to_owned()),
            max_bytes: limits.disk,
            max_entries: limits.files,
        }
    }

    /// Returns once the directory has grown beyond its limits, and says how.
    pub(crate) async fn exceeded(&self) -> String {
        let mut pause = INTERVAL;
        loop {
            sleep(pause).await;
            let begun = Instant::now();
            if let Some(message) = self.check().await {
                return message;
            }
            // A tenth of one thread at most.
            pause = begun.elapsed().saturating_mul(9).clamp(INTERVAL, LONGEST_INTERVAL);
        }
    }

    /// Looks once, on a thread that may block.
    pub(crate) async fn check(&self) -> Option<String> {
        let watch = self.clone();
        match spawn_blocking(move || watch.measure()).await {
            Ok(message) => message,
            Err(_) => Some("the size of the sandbox's files could not be measured".to_owned()),
        }
    }

    fn measure(&self) -> Option<String> {
        for _ in 0..LOOKS {
            let mut usage = Usage::new(self);
            match usage.walk().and_then(|()| usage.held_open()) {
                Ok(()) if usage.moved => {}
                Ok(()) => return None,
                Err(Stop::Exceeded(message)) => return Some(message),
                // A guest must not hide files where the host cannot look, as in a path too long.
                Err(Stop::Io(path, error)) => {
                    return Some(format!(
                        "a directory of the sandbox cannot be read, so its size is unknown: {}: {error}",
                        crate::outcome::shortened(&path.to_string_lossy(), 200)
                    ));
                }
            }
        }
        None
    }
}

enum Stop {
    Exceeded(String),
    Io(PathBuf, io::Error),
}

struct Usage<'a> {
    bytes: u64,
    entries: u32,
    /// A directory was gone before it could be looked into; perhaps it has another name now.
    moved: bool,
    /// The files that are counted: device and number.
    #[cfg(target_os = "linux")]
    counted: HashSet<(u64, u64)>,
    watch: &'a DiskWatch,
}

impl<'a> Usage<'a> {
    fn new(watch: &'a DiskWatch) -> Self {
        Self {
            bytes: 0,
            entries: 0,
            moved: false,
            #[cfg(target_os = "linux")]
            counted: HashSet::new(),
            watch,
        }
    }

    /// Adds up everything below the root. Symbolic links count as themselves.
    fn walk(&mut self) -> Result<(), Stop> {
        let mut directories = vec![self.watch.root.clone()];
        while let Some(directory) = directories.pop() {
            let at = |error| Stop::Io(directory.clone(), error);
            let Some(entries) = present(std::fs::read_dir(&directory)).map_err(at)? else {
                self.moved = true;
                continue;
            };
            for entry in entries {
                let Some(entry) = present(entry).map_err(at)? else { continue };
                let Some(metadata) = present(entry.metadata()).map_err(at)? else { continue };
                if metadata.is_dir() {
                    directories.push(entry.path());
                    self.add(0)?;
                } else {
                    #[cfg(target_os = "linux")]
                    self.counted.insert(number(&metadata));
                    self.add(metadata.len())?;
                }
            }
        }
        Ok(())
    }

    /// Adds up files that the guest holds open and that were not met on the walk: they were removed,
    /// so that they have no name any more, or were moved out of its way.
    #[cfg(target_os = "linux")]
    fn held_open(&mut self) -> Result<(), Stop> {
        for file in descriptors::files_below(&self.watch.root) {
            if self.counted.insert(file.number) {
                self.add(file.bytes)?;
            }
        }
        Ok(())
    }

    #[cfg(not(target_os = "linux"))]
    fn held_open(&mut self) -> Result<(), Stop> {
        Ok(())
    }

    fn add(&mut self, bytes: u64) -> Result<(), Stop> {
        let DiskWatch { max_bytes, max_entries, .. } = self.watch;
        self.bytes = self.bytes.saturating_add(bytes);
        self.entries = self.entries.saturating_add(1);
        if self.bytes > *max_bytes {
            return Err(Stop::Exceeded(format!(
                "the sandbox's files have more than {max_bytes} bytes (limit `disk`)"
            )));
        }
        if self.entries > *max_entries {
            return Err(Stop::Exceeded(format!(
                "the sandbox has more than {max_entries} files, directories and links (limit `files`)"
            )));
        }
        Ok(())
    }
}

/// What tells a file from all others, whatever its name.
#[cfg(target_os = "linux")]
fn number(metadata: &std::fs::Metadata) -> (u64, u64) {
    use std::os::linux::fs::MetadataExt;

    (metadata.st_dev(), metadata.st_ino())
}

/// What is gone by now does not count.
fn present<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::fs::File;

    use super::*;

    fn watch(root: &Path, disk: u64, files: u32) -> DiskWatch {
        DiskWatch::new(root, &Limits { disk, files, ..Limits::default() })
    }

    #[test]
    fn bytes_and_entries_of_the_whole_tree_count() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("a/b")).unwrap();
        fs::write(root.path().join("a/b/file"), [0; 600]).unwrap();
        fs::write(root.path().join("file"), [0; 400]).unwrap();
        assert_eq!(watch(root.path(), 1_000, 4).measure(), None);
        assert!(watch(root.path(), 999, 4).measure().unwrap().contains("limit `disk`"));
        assert!(watch(root.path(), 1_000, 3).measure().unwrap().contains("limit `files`"));
    }

    #[test]
    fn a_sparse_file_counts_as_long_as_it_says() {
        let root = tempfile::tempdir().unwrap();
        File::create(root.path().join("sparse")).unwrap().set_len(1 << 40).unwrap();
        assert!(watch(root.path(), 1 << 30, 10).measure().unwrap().contains("limit `disk`"));
    }

    #[cfg(unix)]
    #[test]
    fn a_symbolic_link_counts_as_itself() {
        let (root, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(outside.path().join("large"), [0; 5_000]).unwrap();
        std::os::unix::fs::symlink(outside.path(), root.path().join("link")).unwrap();
        assert_eq!(watch(root.path(), 1_000, 1).measure(), None);
        assert!(watch(root.path(), 1_000, 0).measure().is_some());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_that_was_removed_but_is_held_open_counts() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("hidden");
        let file = File::create(&path).unwrap();
        file.set_len(2_000).unwrap();
        fs::remove_file(&path).unwrap();
        assert!(watch(root.path(), 1_000, 10).measure().unwrap().contains("limit `disk`"));
        drop(file);
        assert_eq!(watch(root.path(), 1_000, 10).measure(), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_that_is_held_open_counts_once() {
        let root = tempfile::tempdir().unwrap();
        let first = File::create(root.path().join("file")).unwrap();
        first.set_len(1_000).unwrap();
        let second = File::open(root.path().join("file")).unwrap();
        assert_eq!(watch(root.path(), 1_000, 1).measure(), None);
        drop((first, second));
    }

    #[tokio::test]
    async fn growth_is_noticed_while_it_goes_on() {
        let root = tempfile::tempdir().unwrap();
        let watch = watch(root.path(), 1_000, 10);
        let watching = tokio::spawn(async move { watch.exceeded().await });
        fs::write(root.path().join("file"), [0; 2_000]).unwrap();
        let message = tokio::time::timeout(Duration::from_secs(30), watching).await.unwrap();
        assert!(message.unwrap().contains("limit `disk`"));
    }
}
