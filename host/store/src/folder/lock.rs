use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use wakeful_core::{Clock, SystemClock};

use super::unusable;
use crate::Error;

/// How long an earlier program has to leave the folder.
const PATIENCE: Duration = Duration::from_secs(2);

/// The right to use a data folder, until it is dropped or the process ends.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Waits a little for the folder to be free, and takes it.
    pub(crate) fn take(folder: &Path) -> Result<Self, Error> {
        let path: PathBuf = folder.join("wakeful.lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(|error| unusable(&path, &error))?;
        let begun = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if begun.elapsed() < PATIENCE => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(Error::InUse { holder: holder(&path), path });
                }
                Err(TryLockError::Error(error)) => return Err(unusable(&path, &error)),
            }
        }
        // Only for people who meet the lock, so a failure to write it is no reason to stop.
        let text = format!("process {}, started {}\n", std::process::id(), SystemClock.now());
        let written = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(text.as_bytes()));
        if let Err(error) = written {
            tracing::warn!(path = %path.display(), %error, "the lock file does not name its holder");
        }
        Ok(Self { _file: file })
    }
}

fn holder(path: &Path) -> String {
    match std::fs::read_to_string(path) {
        Ok(text) if !text.trim().is_empty() => text.trim().to_owned(),
        _ => "another program".to_owned(),
    }
}
