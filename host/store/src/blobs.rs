use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use rustix::fs::OFlags;
use wakeful_core::Digest;

use crate::Error;
use crate::folder::{Purpose, Space, copy_hashed, create_dir, new_file, sync_dir, unusable};

/// Bytes under their digest, each in a file `ab/<digest>` that never changes.
///
/// A blob is durable, its name included, before any method returns its digest. Its time of change
/// is when it was last put; that keeps [`Blobs::sweep`] from taking what is about to be named.
#[derive(Debug)]
pub(crate) struct Blobs {
    root: PathBuf,
    pub(crate) space: Space,
    /// One lock for each folder: whether a blob is there, and its coming and going, are one step.
    shelves: Vec<Mutex<Shelf>>,
    names: AtomicU64,
}

impl Blobs {
    /// Opens the folder, creates what is missing, and removes what was not finished.
    pub(crate) fn open(root: PathBuf, space: Space) -> Result<Self, Error> {
        let new = root.join("new");
        create_dir(&new)?;
        sync_dir(&root).map_err(|error| unusable(&root, &error))?;
        for entry in std::fs::read_dir(&new)? {
            std::fs::remove_file(entry?.path())?;
        }
        let shelves = (0..=u8::MAX)
            .map(|number| {
                let path = root.join(format!("{number:02x}"));
                Mutex::new(Shelf { path, durable: false })
            })
            .collect();
        Ok(Self { root, space, shelves, names: AtomicU64::new(0) })
    }

    /// The folder.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Keeps some bytes.
    pub(crate) fn put(&self, bytes: &[u8]) -> Result<Digest, Error> {
        let digest = Digest::of(bytes);
        if self.touch(digest, bytes.len() as u64)? {
            return Ok(digest);
        }
        self.space.check(Purpose::End)?;
        let draft = Draft::new(self)?;
        (&draft.file).write_all(bytes)?;
        self.keep(draft, digest, bytes.len() as u64)?;
        Ok(digest)
    }

    /// Keeps the bytes of a file. Never follows a link and never waits for a pipe, because a guest
    /// may have made the file.
    pub(crate) fn put_file(&self, source: &Path) -> Result<(Digest, u64), Error> {
        let open = || {
            let flags = OFlags::NOFOLLOW.bits() | OFlags::NONBLOCK.bits();
            let file = OpenOptions::new()
                .read(true)
                .custom_flags(flags.cast_signed())
                .open(source)
                .map_err(|error| unusable(source, &error))?;
            match file.metadata() {
                Ok(found) if found.is_file() => Ok(file),
                Ok(_) => Err(unusable(source, &io::Error::other("it is not a regular file"))),
                Err(error) => Err(unusable(source, &error)),
            }
        };
        // Most files of a sandbox are as they were, so look before copying.
        let (digest, size) = copy_hashed(&mut open()?, &mut io::sink())?;
        if self.touch(digest, size)? {
            return Ok((digest, size));
        }
        self.space.check(Purpose::End)?;
        let draft = Draft::new(self)?;
        let (digest, size) = copy_hashed(&mut open()?, &mut &draft.file)?;
        self.keep(draft, digest, size)?;
        Ok((digest, size))
    }

    /// The bytes of a blob.
    pub(crate) fn get(&self, digest: Digest) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        self.find(digest)?.read_to_end(&mut bytes)?;
        if Digest::of(&bytes) == digest { Ok(bytes) } else { Err(mismatch(digest)) }
    }

    /// A blob as a file, which holds what it should.
    pub(crate) fn open_whole(&self, digest: Digest) -> Result<File, Error> {
        let mut file = self.find(digest)?;
        let (found, _) = copy_hashed(&mut file, &mut io::sink())?;
        if found != digest {
            return Err(mismatch(digest));
        }
        file.rewind()?;
        Ok(file)
    }

    /// Copies a blob into a new file.
    pub(crate) fn fetch(&self, digest: Digest, target: &Path) -> Result<(), Error> {
        let mut source = self.find(digest)?;
        let mut file = new_file(target).map_err(|error| unusable(target, &error))?;
        let copied = copy_hashed(&mut source, &mut file);
        match copied {
            Ok((found, _)) if found == digest => Ok(()),
            other => {
                // Half a file, or a wrong one, is worse than none.
                let _ = std::fs::remove_file(target);
                other?;
                Err(mismatch(digest))
            }
        }
    }

    /// Deletes the blobs that are not `named` and were last put before `before`. Returns how many.
    pub(crate) fn sweep(&self, named: &HashSet<Digest>, before: SystemTime) -> Result<u64, Error> {
        let mut deleted = 0;
        for (digest, path) in self.list()? {
            if named.contains(&digest) {
                continue;
            }
            let _shelf = self.shelf(digest)?;
            let Ok(found) = std::fs::metadata(&path) else { continue };
            if found.modified()? < before {
                std::fs::remove_file(&path)?;
                deleted += 1;
            }
        }
        Ok(deleted)
    }

    /// Whether any blob was last put before `before`.
    pub(crate) fn any(&self, before: SystemTime) -> Result<bool, Error> {
        for (_, path) in self.list()? {
            match std::fs::metadata(&path) {
                Ok(found) if found.modified()? < before => return Ok(true),
                Ok(_) | Err(_) => {}
            }
        }
        Ok(false)
    }

    /// Every blob and its file.
    pub(crate) fn list(&self) -> Result<Vec<(Digest, PathBuf)>, Error> {
        let mut blobs = Vec::new();
        for shelf in std::fs::read_dir(&self.root)? {
            for entry in std::fs::read_dir(shelf?.path())? {
                let entry = entry?;
                if let Some(digest) = entry.file_name().to_str().and_then(|name| name.parse().ok())
                {
                    blobs.push((digest, entry.path()));
                }
            }
        }
        Ok(blobs)
    }

    /// Notes that a blob is wanted. Returns whether it is there.
    fn touch(&self, digest: Digest, size: u64) -> Result<bool, Error> {
        self.shelf(digest)?.touch(digest, size)
    }

    fn keep(&self, draft: Draft, digest: Digest, size: u64) -> Result<(), Error> {
        draft.file.sync_all()?;
        let mut shelf = self.shelf(digest)?;
        if shelf.touch(digest, size)? {
            return Ok(());
        }
        if !shelf.path.is_dir() {
            create_dir(&shelf.path)?;
            sync_dir(&self.root)?;
        }
        shelf.durable = false;
        std::fs::rename(&draft.path, shelf.path.join(digest.to_string()))?;
        shelf.sync()
    }

    fn find(&self, digest: Digest) -> Result<File, Error> {
        File::open(self.path(digest)).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                Error::Damaged { what: "blob", reason: format!("{digest} is missing") }
            }
            _ => Error::Io(error),
        })
    }

    fn path(&self, digest: Digest) -> PathBuf {
        let name = digest.to_string();
        self.root.join(name.get(..2).unwrap_or_default()).join(name)
    }

    fn shelf(&self, digest: Digest) -> io::Result<MutexGuard<'_, Shelf>> {
        let [first, ..] = *digest.as_bytes();
        let shelf = self.shelves.get(usize::from(first)).ok_or(io::ErrorKind::NotFound)?;
        Ok(shelf.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The folder of the blobs whose digests begin with one byte.
#[derive(Debug)]
struct Shelf {
    path: PathBuf,
    /// Whether every name in it is known to be durable. A program that was killed may have left
    /// one that is not, and whoever finds a blob relies on its name.
    durable: bool,
}

impl Shelf {
    fn touch(&mut self, digest: Digest, size: u64) -> Result<bool, Error> {
        let file = match File::open(self.path.join(digest.to_string())) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        // A file of another size was damaged from outside; it is written anew.
        if file.metadata()?.len() != size {
            return Ok(false);
        }
        file.set_modified(SystemTime::now())?;
        self.sync()?;
        Ok(true)
    }

    fn sync(&mut self) -> Result<(), Error> {
        if !self.durable {
            sync_dir(&self.path)?;
            self.durable = true;
        }
        Ok(())
    }
}

/// A file on its way to become a blob; removed unless it becomes one.
struct Draft {
    path: PathBuf,
    file: File,
}

impl Draft {
    fn new(blobs: &Blobs) -> Result<Self, Error> {
        let name = blobs.names.fetch_add(1, Ordering::Relaxed);
        let path = blobs.root.join("new").join(name.to_string());
        let file = new_file(&path).map_err(|error| unusable(&path, &error))?;
        Ok(Self { path, file })
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // After a rename there is nothing under this name, which is fine.
        let _ = std::fs::remove_file(&self.path);
    }
}

fn mismatch(digest: Digest) -> Error {
    Error::Damaged { what: "blob", reason: format!("the bytes of {digest} have another digest") }
}

/// Links a file under another name, or copies it where that cannot be.
pub(crate) fn link_or_copy(from: &Path, to: &Path) -> Result<u64, Error> {
    if std::fs::hard_link(from, to).is_err() {
        let mut file = new_file(to)?;
        copy_hashed(&mut File::open(from)?, &mut file)?;
        file.sync_all()?;
    }
    Ok(std::fs::metadata(to)?.len())
}

#[cfg(test)]
mod tests;
