use std::path::PathBuf;

use thiserror::Error;

/// Why the store could not do it.
#[derive(Debug, Error)]
pub enum Error {
    /// The folder cannot be used; the message names the path and the reason.
    #[error("{path}: {reason}", path = .path.display())]
    Unusable {
        /// What cannot be used.
        path: PathBuf,
        /// Why, and what to do.
        reason: String,
    },
    /// Another program has the folder open.
    #[error(
        "{path} is in use by {holder}; stop that program, or give this one another folder with --data",
        path = .path.display()
    )]
    InUse {
        /// The lock file.
        path: PathBuf,
        /// Who holds it, as far as is known.
        holder: String,
    },
    /// The data was written by a newer program.
    #[error(
        "{path} has format {found}, and this program knows formats up to {known}; upgrade wakeful, or restore a backup that this version made",
        path = .path.display()
    )]
    TooNew {
        /// The data folder.
        path: PathBuf,
        /// The format it has.
        found: u32,
        /// The newest that this program knows.
        known: u32,
    },
    /// A stored record cannot be read.
    #[error("a stored {what} cannot be read: {reason}; restore a backup with `wakeful restore`")]
    Damaged {
        /// What kind of record.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The disk is full, or nearly so; nothing was written.
    #[error("not enough free space on the disk of {path}; free some and try again", path = .0.display())]
    Full(PathBuf),
    /// A write failed earlier, or the store is closed; nothing can be written any more.
    #[error("the store takes no more writes: {0}; restart wakeful")]
    Stopped(String),
    /// The disk failed.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

impl Error {
    /// Whether trying again is of no use, because what is stored cannot be read.
    #[cfg(feature = "sled")]
    pub(crate) fn is_damage(&self) -> bool {
        matches!(self, Self::Damaged { .. } | Self::TooNew { .. })
    }
}
