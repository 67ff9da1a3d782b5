//! The files that this process holds open.

use std::ffi::{CStr, OsStr};
use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rustix::fs::{AtFlags, Dir, FileType, SeekFrom, readlinkat, seek, statat};

/// Where the system lists them. Opened once, while the process may still open it.
static LIST: Mutex<Option<File>> = Mutex::new(None);

/// Opens the list of them, for a process that gives up opening such things.
pub(crate) fn keep_list() {
    let mut list = LIST.lock().unwrap_or_else(PoisonError::into_inner);
    if list.is_none() {
        *list = File::open("/proc/self/fd").ok();
    }
}

/// A regular file that is open.
pub(crate) struct OpenFile {
    /// What tells it from all others, whatever its name: device and number.
    pub(crate) number: (u64, u64),
    pub(crate) bytes: u64,
}

/// The regular files that lie, or lay, below a directory. None where the system does not tell.
pub(crate) fn files_below(root: &Path) -> Vec<OpenFile> {
    keep_list();
    // Whoever reads the list moves its place in it.
    let list = LIST.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(list) = list.as_ref() else { return Vec::new() };
    let Ok(copy) = list.as_fd().try_clone_to_owned() else { return Vec::new() };
    if seek(list, SeekFrom::Start(0)).is_err() {
        return Vec::new();
    }
    let Ok(entries) = Dir::new(copy) else { return Vec::new() };
    let file = |name: &CStr| {
        let target = readlinkat(list, name, Vec::new()).ok()?;
        if !Path::new(OsStr::from_bytes(target.as_bytes())).starts_with(root) {
            return None;
        }
        let stat = statat(list, name, AtFlags::empty()).ok()?;
        FileType::from_raw_mode(stat.st_mode).is_file().then(|| OpenFile {
            number: (stat.st_dev, stat.st_ino),
            bytes: stat.st_size.unsigned_abs(),
        })
    };
    entries.flatten().filter_map(|entry| file(entry.file_name())).collect()
}
