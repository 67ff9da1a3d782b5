use std::path::{Path, PathBuf};

use thiserror::Error;
use wakeful_core::ComponentId;

/// Why the host did not do what it was asked.
#[derive(Debug, Error)]
pub enum Error {
    /// There is no such thing.
    #[error("{what} {id} not found")]
    NotFound {
        /// What kind of thing.
        what: &'static str,
        /// Its id, or whatever was given for it.
        id: String,
    },
    /// No component of this id serves runs.
    #[error("graph `{id}` not found; known: {}", list(.known))]
    NoComponent {
        /// What was asked for.
        id: String,
        /// What serves runs.
        known: Vec<ComponentId>,
    },
    /// The request cannot be carried out as it is; the message says what to change.
    #[error("{0}")]
    Invalid(String),
    /// The request contradicts what is stored.
    #[error("{0}")]
    Conflict(String),
    /// The host is stopping.
    #[error("the host is shutting down")]
    ShuttingDown,
    /// A folder or file that the host needs cannot be used.
    #[error("{path}: {reason}", path = .path.display())]
    Unusable {
        /// The folder or file.
        path: PathBuf,
        /// Why, and what to do.
        reason: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] wakeful_store::Error),
    /// The engine could not be set up.
    #[error(transparent)]
    Engine(#[from] wakeful_engine::EngineError),
}

impl Error {
    /// A key under which another request was sent before.
    pub(crate) fn key_taken() -> Self {
        Self::Invalid(
            "Idempotency-Key: this key was used for another request; send a new key with a new request"
                .to_owned(),
        )
    }

    pub(crate) fn unusable(path: &Path, error: &std::io::Error) -> Self {
        Self::Unusable { path: path.to_owned(), reason: error.to_string() }
    }

    pub(crate) fn not_found(what: &'static str, id: impl ToString) -> Self {
        Self::NotFound { what, id: id.to_string() }
    }
}

/// Ids, for people.
fn list(ids: &[ComponentId]) -> String {
    let ids: Vec<_> = ids.iter().map(|id| format!("`{id}`")).collect();
    if ids.is_empty() { "none".to_owned() } else { ids.join(", ") }
}
