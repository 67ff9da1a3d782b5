use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use super::SledConfig;
use super::backlog::Backlog;
use super::faults::Hook;
use super::inner::{Inner, fault};
use super::keys::Parts;
use super::repair;
use super::stats::Syncs;
use super::table::Table;
use super::tx::Tx;
use super::watchdog::{self, Pulse};
use super::writer::Writer;
use crate::Error;
use crate::blobs::Blobs;
use crate::folder::{Lock, Mark, Purpose, Space, create_dir, sync_dir, unusable};
use crate::record::Docs;

/// The arrangement of tables and keys that this program knows. It opens every earlier one, and adds
/// the tables that are missing there.
const SCHEMA: u32 = 3;
const SCHEMA_KEY: &[u8] = b"schema_version";
const CLEAN_KEY: &[u8] = b"closed_cleanly";
const COMMITS_KEY: &[u8] = b"commits";

/// How often sled writes out what was committed, in milliseconds. Without its flusher it does not
/// collect its garbage.
pub(super) const FLUSHER: Option<u64> = Some(500);

/// Opens a folder, checks what has to be checked, and starts the writer.
pub(super) fn open(
    config: &SledConfig,
    hook: Hook,
) -> Result<(Arc<Inner>, Writer, JoinHandle<()>), Error> {
    create_dir(&config.path)?;
    let lock = Lock::take(&config.path)?;
    let space = Space::new(&config.path, config.min_free_bytes);
    space.check(Purpose::End)?;
    let mut inner = open_inner(config, hook, lock, space)?;
    adopt(&mut inner)?;
    let inner = Arc::new(inner);
    let pulse = Arc::new(Pulse::new(inner.hook.clone()));
    if config.watchdog {
        watchdog::start(&pulse)?;
    }
    let (writer, thread) = Writer::start(Arc::clone(&inner), pulse)?;
    Ok((inner, writer, thread))
}

fn open_inner(config: &SledConfig, hook: Hook, lock: Lock, space: Space) -> Result<Inner, Error> {
    let folder = config.path.join("db");
    create_dir(&folder)?;
    let blobs = Blobs::open(config.path.join("blobs"), space)?;
    let (db, trees) =
        open_db(&folder, config.cache_bytes, if hook.is_on() { None } else { FLUSHER })?;
    for entry in std::fs::read_dir(&folder)? {
        let path = entry?.path();
        if path.is_file() {
            File::open(&path)?.sync_all()?;
        }
    }
    sync_dir(&folder)?;
    sync_dir(&config.path)?;
    let log = folder.join("db");
    let log = File::open(&log).map_err(|error| unusable(&log, &error))?;
    Ok(Inner {
        trees,
        db,
        log,
        mark: Mark::open(&config.path)?,
        docs: Docs { blobs },
        path: config.path.clone(),
        stopped: OnceLock::new(),
        syncs: Syncs::default(),
        backlog: Backlog::default(),
        turns: AtomicU64::new(0),
        hook,
        _lock: lock,
    })
}

/// Opens sled's own folder, which nobody else may have open.
pub(super) fn open_db(
    folder: &Path,
    cache: u64,
    flusher: Option<u64>,
) -> Result<(::sled::Db, Vec<::sled::Tree>), Error> {
    // A kill during an earlier open leaves a snapshot half written, and sled reads it as damage.
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().map(|name| name.to_string_lossy());
        if name.is_some_and(|name| name.starts_with("snap.") && name.ends_with(".generating")) {
            std::fs::remove_file(&path)?;
        }
    }
    let opened = catch_unwind(AssertUnwindSafe(|| {
        let db = ::sled::Config::new()
            .path(folder)
            .cache_capacity(cache)
            .flush_every_ms(flusher)
            .mode(::sled::Mode::HighThroughput)
            .open()?;
        let trees = Table::ALL
            .iter()
            .map(|table| db.open_tree(table.name()))
            .collect::<Result<Vec<_>, _>>()?;
        Ok((db, trees))
    }));
    let damaged = |reason: String| Error::Damaged {
        what: "database",
        reason: format!("{} was left as it is: {reason}", folder.display()),
    };
    match opened {
        Ok(Ok(opened)) => Ok(opened),
        Ok(Err(::sled::Error::Io(error))) => Err(unusable(folder, &error)),
        Ok(Err(error)) => Err(damaged(fault(error).to_string())),
        Err(_) => Err(damaged("reading its log panicked".to_owned())),
    }
}

/// Checks the schema and, after an unclean end, the indexes; then takes the note of a clean end
/// away, and counts what is pending.
fn adopt(inner: &mut Inner) -> Result<(), Error> {
    let checked = catch_unwind(AssertUnwindSafe(|| {
        let tx = Tx::new(inner);
        check_commits(inner, commits(&tx)?)?;
        let found = match tx.get(Table::Meta, SCHEMA_KEY)? {
            Some(bytes) => Some(check_schema(inner, &bytes)?),
            None => {
                check_empty(&tx)?;
                None
            }
        };
        let clean = tx.has(Table::Meta, CLEAN_KEY)?;
        if found.is_some_and(|schema| schema < SCHEMA) {
            let added = repair::repair(inner)?;
            tracing::info!(path = %inner.path.display(), added, "brought up to date");
        } else if found.is_some() && !clean {
            let repaired = repair::repair(inner)?;
            tracing::info!(path = %inner.path.display(), repaired, "checked after an unclean end");
        }
        let mut tx = Tx::new(inner);
        tx.put(Table::Meta, SCHEMA_KEY, SCHEMA.to_be_bytes().to_vec())?;
        tx.remove(Table::Meta, CLEAN_KEY);
        tx.commit()?;
        inner.backlog = Backlog::count(&Tx::new(inner))?;
        inner.sync()
    }));
    checked.unwrap_or_else(|_| {
        Err(Error::Damaged { what: "database", reason: "reading it panicked".to_owned() })
    })
}

fn check_schema(inner: &Inner, bytes: &[u8]) -> Result<u32, Error> {
    let found = bytes.try_into().map(u32::from_be_bytes).map_err(|_| Error::Damaged {
        what: "schema version",
        reason: format!("it has {} bytes", bytes.len()),
    })?;
    match found {
        1..=SCHEMA => Ok(found),
        newer if newer > SCHEMA => {
            Err(Error::TooNew { path: inner.path.clone(), found, known: SCHEMA })
        }
        other => Err(Error::Damaged {
            what: "schema version",
            reason: format!("there never was a version {other}"),
        }),
    }
}

/// Compares how far the database has come with how far it had come.
fn check_commits(inner: &Inner, found: u64) -> Result<(), Error> {
    match inner.mark.get() {
        Some(noted) if noted > found => Err(Error::Damaged {
            what: "database",
            reason: format!(
                "the last {} of its {noted} commits are lost; to go on without them, delete {}",
                noted - found,
                inner.mark.path().display()
            ),
        }),
        Some(_) | None => Ok(()),
    }
}

/// How many commits the database has seen.
pub(super) fn commits(tx: &Tx<'_>) -> Result<u64, Error> {
    match tx.get(Table::Meta, COMMITS_KEY)? {
        Some(bytes) => Parts(&bytes).number(),
        None => Ok(0),
    }
}

/// Counts a commit, in its own transaction.
pub(super) fn count_commit(tx: &mut Tx<'_>, count: u64) -> Result<(), Error> {
    tx.put(Table::Meta, COMMITS_KEY, count.to_be_bytes().to_vec())
}

/// The schema is the first thing ever written, so without it there is nothing else.
fn check_empty(tx: &Tx<'_>) -> Result<(), Error> {
    for table in Table::ALL {
        if tx.first(*table, &[])?.is_some() {
            return Err(Error::Damaged {
                what: "schema version",
                reason: format!("it is missing, but {} has entries", table.name()),
            });
        }
    }
    Ok(())
}

/// Notes that everything was written before the end.
pub(super) fn note_clean(tx: &mut Tx<'_>) -> Result<(), Error> {
    tx.put(Table::Meta, CLEAN_KEY, Vec::new())
}
