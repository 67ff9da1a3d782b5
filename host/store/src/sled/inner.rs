use std::fs::File;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;

use super::backlog::Backlog;
use super::faults::{Hook, Step};
use super::stats::Syncs;
use super::table::Table;
use crate::Error;
use crate::folder::{Lock, Mark};
use crate::record::Docs;

/// An open data folder. Fields are dropped in this order: the lock goes last.
pub(super) struct Inner {
    /// One for each of [`Table::ALL`], in its order.
    pub(super) trees: Vec<::sled::Tree>,
    pub(super) db: ::sled::Db,
    /// A descriptor of our own for sled's log, because sled's `flush` does not wait for the disk.
    pub(super) log: File,
    /// How far the database had come when it was last made durable.
    pub(super) mark: Mark,
    pub(super) docs: Docs,
    pub(super) path: PathBuf,
    pub(super) stopped: OnceLock<String>,
    pub(super) syncs: Syncs,
    pub(super) backlog: Backlog,
    /// Counts what is handed out; see [`super::tx::Tx::turn`].
    pub(super) turns: AtomicU64,
    pub(super) hook: Hook,
    pub(super) _lock: Lock,
}

impl Inner {
    /// The tree of a table.
    pub(super) fn tree(&self, table: Table) -> &::sled::Tree {
        // There is a tree for every table; the default tree of sled is empty and never used.
        self.trees.get(table as usize).unwrap_or(&self.db)
    }

    /// Makes everything that was committed durable.
    pub(super) fn sync(&self) -> Result<(), Error> {
        self.hook.at(Step::Flushing)?;
        self.db.flush().map_err(fault)?;
        self.hook.at(Step::Syncing)?;
        self.log.sync_data()?;
        Ok(())
    }

    /// Refuses everything from now on.
    pub(super) fn stop(&self, reason: &str) {
        tracing::error!(path = %self.path.display(), reason, "the store has stopped");
        let _ = self.stopped.set(reason.to_owned());
    }

    /// Whether it has stopped.
    pub(super) fn alive(&self) -> Result<(), Error> {
        match self.stopped.get() {
            Some(reason) => Err(Error::Stopped(reason.clone())),
            None => Ok(()),
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // A disk that fails by order of a test goes on taking what sled writes.
        if self.stopped.get().is_some() && !self.hook.is_on() {
            // sled waits for its log when it goes, and after a failed write it may wait for ever.
            std::mem::forget(self.db.clone());
        }
    }
}

/// A failure of sled, in words that do not need sled.
pub(super) fn fault(error: ::sled::Error) -> Error {
    match error {
        ::sled::Error::Io(error) => Error::Io(error),
        ::sled::Error::Corruption { .. } => {
            Error::Damaged { what: "page", reason: "its checksum does not fit".to_owned() }
        }
        other => Error::Damaged { what: "page", reason: other.to_string() },
    }
}
