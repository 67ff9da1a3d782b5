use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use wakeful_core::{Digest, Timestamp};

use super::inner::Inner;
use super::watchdog::Pulse;
use super::{SledStore, blocking, open};
use crate::archive::{Entry, List, WEBHOOK_SECRET, entry, require_empty};
use crate::blobs::link_or_copy;
use crate::folder::{copy_hashed, create_dir, hash_file, new_file, sync_dir};
use crate::{Backup, Error};

/// How often to copy the database before giving up; the second time nearly always does.
const ATTEMPTS: usize = 20;
/// The cache for the look at the copy.
const CACHE: u64 = 16 << 20;

/// Copies everything into `target`, as of one instant. Nobody may delete blobs meanwhile.
pub(super) async fn backup(
    store: &SledStore,
    target: PathBuf,
    now: Timestamp,
) -> Result<Backup, Error> {
    let inner = store.inner()?;
    let folder = target.clone();
    blocking(move || {
        require_empty(&folder)?;
        create_dir(&folder.join("db"))
    })
    .await?;
    let folder = target.clone();
    let copied = store.writer.pause(move |inner, pulse| copy_database(inner, pulse, &folder)).await;
    // The writer goes on. Blobs never change and stay while this runs, so they can follow.
    blocking(move || {
        let finished = copied.and_then(|()| complete(&inner, &target, now));
        if finished.is_err() {
            // Part of a backup is of no use, and would be in the way of the next attempt.
            for part in ["db", "blobs"] {
                let _ = std::fs::remove_dir_all(target.join(part));
            }
            let _ = std::fs::remove_file(target.join(WEBHOOK_SECRET));
        }
        finished
    })
    .await
}

/// Adds to the copy of the database what it needs, and lists it all.
fn complete(inner: &Inner, target: &Path, now: Timestamp) -> Result<Backup, Error> {
    try_out(&target.join("db"))?;
    let mut files = database_entries(target)?;
    link_blobs(inner, target, &mut files)?;
    copy_secret(inner, target, &mut files)?;
    List::new(now, files).write(target)
}

/// Copies sled's files while nothing is written and everything is durable. sled itself may still
/// move pages about, so the copy counts only if a second look finds the files as they were copied.
fn copy_database(inner: &Inner, pulse: &Pulse, target: &Path) -> Result<(), Error> {
    let source = inner.path.join("db");
    let target = target.join("db");
    for _ in 0..ATTEMPTS {
        std::fs::remove_dir_all(&target)?;
        create_dir(&target)?;
        let mut copied = BTreeMap::new();
        for (name, path) in files(&source)? {
            pulse.beat();
            let copy = target.join(&name);
            if let Some(folder) = copy.parent() {
                create_dir(folder)?;
            }
            let mut to = new_file(&copy)?;
            copied.insert(name, copy_hashed(&mut File::open(path)?, &mut to)?.0);
        }
        pulse.beat();
        let mut seen = BTreeMap::<PathBuf, Digest>::new();
        for (name, path) in files(&source)? {
            pulse.beat();
            seen.insert(name, hash_file(&path)?.0);
        }
        if seen == copied {
            return Ok(());
        }
    }
    Err(std::io::Error::other("the database did not come to rest; try the backup again").into())
}

/// Opens the copy, as a restart would; a backup that cannot be opened is none.
fn try_out(folder: &Path) -> Result<(), Error> {
    let (db, trees) = open::open_db(folder, CACHE, open::FLUSHER)?;
    for tree in &trees {
        for entry in tree.iter() {
            entry.map_err(super::inner::fault)?;
        }
    }
    db.flush().map_err(super::inner::fault)?;
    Ok(())
}

fn database_entries(target: &Path) -> Result<Vec<Entry>, Error> {
    let mut entries = Vec::new();
    for (name, path) in files(&target.join("db"))? {
        File::open(&path)?.sync_all()?;
        let (digest, size) = hash_file(&path)?;
        if let Some(folder) = path.parent() {
            sync_dir(folder)?;
        }
        entries.push(entry(format!("db/{}", name.to_string_lossy()), size, digest));
    }
    Ok(entries)
}

fn link_blobs(inner: &Inner, target: &Path, entries: &mut Vec<Entry>) -> Result<(), Error> {
    let root = inner.docs.blobs.root();
    let mut folders = std::collections::BTreeSet::from([target.join("blobs")]);
    for (digest, path) in inner.docs.blobs.list()? {
        let Ok(name) = path.strip_prefix(root) else { continue };
        let copy = target.join("blobs").join(name);
        if let Some(folder) = copy.parent()
            && folders.insert(folder.to_owned())
        {
            create_dir(folder)?;
        }
        let size = link_or_copy(&path, &copy)?;
        entries.push(entry(format!("blobs/{}", name.to_string_lossy()), size, digest));
    }
    create_dir(&target.join("blobs"))?;
    for folder in folders {
        sync_dir(&folder)?;
    }
    Ok(())
}

/// Copies the secret of the data folder, if it has one, for its owner alone to read.
fn copy_secret(inner: &Inner, target: &Path, entries: &mut Vec<Entry>) -> Result<(), Error> {
    let mut secret = match File::open(inner.path.join(WEBHOOK_SECRET)) {
        Ok(secret) => secret,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let mut copy = new_file(&target.join(WEBHOOK_SECRET))?;
    let (digest, size) = copy_hashed(&mut secret, &mut copy)?;
    copy.sync_all()?;
    sync_dir(target)?;
    entries.push(entry(WEBHOOK_SECRET.to_owned(), size, digest));
    Ok(())
}

/// Every file below a folder, by its name in it.
fn files(root: &Path) -> Result<Vec<(PathBuf, PathBuf)>, Error> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(name) = path.strip_prefix(root) {
                found.push((name.to_owned(), path.clone()));
            }
        }
    }
    Ok(found)
}
