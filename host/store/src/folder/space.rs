use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use crate::Error;
use crate::folder::unusable;

/// How old a measurement may be.
const FRESH: Duration = Duration::from_secs(1);

/// What a write is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// It begins something: refused as soon as the disk runs low.
    Begin,
    /// It ends or deletes something: may use most of the reserve, so that what runs can finish and
    /// what is there can go.
    End,
}

/// How full the disk of the data folder is. sled hangs on a disk that is full, so writes stop
/// while there is still a reserve.
#[derive(Debug)]
pub(crate) struct Space {
    folder: PathBuf,
    reserve: u64,
    measured: Mutex<Option<(Instant, u64)>>,
}

impl Space {
    /// Keeps `reserve` bytes of the folder's disk free.
    pub(crate) fn new(folder: &Path, reserve: u64) -> Self {
        Self { folder: folder.to_owned(), reserve, measured: Mutex::new(None) }
    }

    /// Refuses a write for which too little is free.
    pub(crate) fn check(&self, purpose: Purpose) -> Result<(), Error> {
        let needed = match purpose {
            Purpose::Begin => self.reserve,
            Purpose::End => self.reserve / 4,
        };
        if self.free()? < needed { Err(Error::Full(self.folder.clone())) } else { Ok(()) }
    }

    fn free(&self) -> Result<u64, Error> {
        let mut measured = self.measured.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, free)) = *measured
            && at.elapsed() < FRESH
        {
            return Ok(free);
        }
        let disk =
            rustix::fs::statvfs(&self.folder).map_err(|e| unusable(&self.folder, &e.into()))?;
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        *measured = Some((Instant::now(), free));
        Ok(free)
    }
}
