use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::unusable;
use crate::Error;

/// How far the database had come, noted beside it.
///
/// sled takes a damaged log for one that ends there, and goes on with what came before as if
/// nothing had been lost. The mark is written after the database is durable and is never waited
/// for, so it can be behind the database and never ahead of it, unless the database lost something.
#[derive(Debug)]
pub(crate) struct Mark {
    path: PathBuf,
    file: File,
}

impl Mark {
    /// Opens the mark of a folder; creates it if there is none.
    pub(crate) fn open(folder: &Path) -> Result<Self, Error> {
        let path = folder.join("commits");
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(|error| unusable(&path, &error))?;
        Ok(Self { path, file })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What it says; `None` if it is new, or if a power cut left nothing of use.
    pub(crate) fn get(&self) -> Option<u64> {
        let mut bytes = [0; 16];
        self.file.read_exact_at(&mut bytes, 0).ok()?;
        let (count, check) = bytes.split_first_chunk::<8>()?;
        (blake3::hash(count).as_bytes().get(..8) == Some(check)).then(|| u64::from_be_bytes(*count))
    }

    /// Notes that the database holds `count` commits durably.
    pub(crate) fn set(&self, count: u64) -> io::Result<()> {
        let count = count.to_be_bytes();
        let mut bytes = [0; 16];
        let hash = blake3::hash(&count);
        for (to, from) in bytes.iter_mut().zip(count.iter().chain(hash.as_bytes())) {
            *to = *from;
        }
        self.file.write_all_at(&bytes, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_says_what_was_noted_last_or_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mark = Mark::open(folder.path()).unwrap();
        assert_eq!(mark.get(), None);
        for count in [0, 7, u64::MAX] {
            mark.set(count).unwrap();
            assert_eq!(Mark::open(folder.path()).unwrap().get(), Some(count));
        }
        mark.file.write_all_at(b"x", 3).unwrap();
        assert_eq!(mark.get(), None);
    }
}
