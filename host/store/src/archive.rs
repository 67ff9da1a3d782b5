use std::fs::File;
use std::io;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};
use wakeful_core::{Digest, Timestamp};

use crate::folder::{copy_hashed, create_dir, new_file, sync_dir, unusable};
use crate::{Backup, Error};

/// The file in a data folder with what webhooks are signed with. The store has no use for it, but a
/// backup without it would be one after which every receiver has to be told a new secret.
pub const WEBHOOK_SECRET: &str = "webhook-secret";
/// The list that makes a folder a finished backup; written last.
pub(crate) const LIST: &str = "backup.json";
const FORMAT: u32 = 1;

/// What a backup holds.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct List {
    format: u32,
    created_at: i64,
    files: Vec<Entry>,
}

/// One file of a backup.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// Relative to the backup.
    pub(crate) path: String,
    pub(crate) size: u64,
    /// The digest of its bytes.
    pub(crate) blake3: String,
}

impl List {
    pub(crate) fn new(created_at: Timestamp, files: Vec<Entry>) -> Self {
        Self { format: FORMAT, created_at: created_at.as_microsecond(), files }
    }

    /// Writes the list of a backup whose files are all durable.
    pub(crate) fn write(&self, folder: &Path) -> Result<Backup, Error> {
        let json = serde_json::to_vec_pretty(self).map_err(io::Error::other)?;
        let draft = folder.join(format!("{LIST}.new"));
        io::Write::write_all(&mut new_file(&draft)?, &json)?;
        File::open(&draft)?.sync_all()?;
        std::fs::rename(&draft, folder.join(LIST))?;
        sync_dir(folder)?;
        if let Some(parent) = folder.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            sync_dir(parent)?;
        }
        Ok(self.summary(folder))
    }

    fn read(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(LIST);
        let bytes = std::fs::read(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Error::Unusable {
                path: path.clone(),
                reason: "it is missing, so the folder is not a backup or one that was not finished"
                    .to_owned(),
            },
            _ => unusable(&path, &error),
        })?;
        let list: Self = serde_json::from_slice(&bytes)
            .map_err(|error| Error::Unusable { path: path.clone(), reason: error.to_string() })?;
        if list.format > FORMAT {
            return Err(Error::TooNew { path, found: list.format, known: FORMAT });
        }
        Ok(list)
    }

    fn summary(&self, folder: &Path) -> Backup {
        Backup {
            path: folder.to_owned(),
            files: self.files.len() as u64,
            bytes: self.files.iter().map(|file| file.size).sum(),
        }
    }
}

/// Copies a backup into a new data folder, after which it can be opened. The folder appears whole
/// or not at all; an attempt that was interrupted can be repeated.
///
/// # Errors
/// [`Error::Unusable`] if `backup` is not a finished backup, if one of its files is not what it was
/// when it was made, or if `target` is there and not empty.
pub fn restore(backup: &Path, target: &Path) -> Result<Backup, Error> {
    let list = List::read(backup)?;
    require_empty(target)?;
    let mut partial = target.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    if partial.exists() {
        std::fs::remove_dir_all(&partial).map_err(|error| unusable(&partial, &error))?;
    }
    let copied = copy_all(&list, backup, &partial);
    if let Err(error) = copied {
        // What is left of it helps nobody; the next attempt removes it if this one cannot.
        let _ = std::fs::remove_dir_all(&partial);
        return Err(error);
    }
    std::fs::rename(&partial, target).map_err(|error| unusable(target, &error))?;
    if let Some(parent) = target.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        sync_dir(parent)?;
    }
    Ok(list.summary(target))
}

fn copy_all(list: &List, backup: &Path, partial: &Path) -> Result<(), Error> {
    create_dir(partial)?;
    let mut folders = std::collections::BTreeSet::from([partial.to_owned()]);
    for file in &list.files {
        let name = Path::new(&file.path);
        let plain = name.components().all(|part| matches!(part, Component::Normal(_)));
        let from = backup.join(name);
        if !plain {
            let reason = format!("{} names the file {:?} outside of the backup", LIST, file.path);
            return Err(Error::Unusable { path: backup.to_owned(), reason });
        }
        let to = partial.join(name);
        if let Some(folder) = to.parent()
            && folders.insert(folder.to_owned())
        {
            create_dir(folder)?;
        }
        let mut source = File::open(&from).map_err(|error| unusable(&from, &error))?;
        let mut copy = new_file(&to).map_err(|error| unusable(&to, &error))?;
        let (digest, size) = copy_hashed(&mut source, &mut copy)?;
        if digest.to_string() != file.blake3 || size != file.size {
            let reason = "it is not what it was when the backup was made; use another backup";
            return Err(Error::Unusable { path: from, reason: reason.to_owned() });
        }
        copy.sync_all()?;
    }
    for folder in folders {
        sync_dir(&folder)?;
    }
    Ok(())
}

/// Refuses a folder that has anything in it.
pub(crate) fn require_empty(target: &Path) -> Result<(), Error> {
    match std::fs::read_dir(target) {
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => Err(Error::Unusable {
                path: target.to_owned(),
                reason: "it is not empty; give a folder that is, or one that does not exist"
                    .to_owned(),
            }),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(unusable(target, &error)),
    }
}

/// The entry of a file with these bytes.
pub(crate) fn entry(path: String, size: u64, digest: Digest) -> Entry {
    Entry { path, size, blake3: digest.to_string() }
}
