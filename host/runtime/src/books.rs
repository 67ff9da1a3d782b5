//! What runs in progress do beyond their threads, each kept in a book of its own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wakeful_core::{ErrorCode, Failure, RunId};

/// The open books of one kind, by their runs.
pub(crate) struct Shelf<B>(Mutex<HashMap<RunId, Arc<B>>>);

impl<B> Default for Shelf<B> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<B> Shelf<B> {
    /// Opens the book of an attempt that is about to begin.
    pub(crate) fn put(self: &Arc<Self>, run: RunId, book: B) -> OpenBook<B> {
        let book = Arc::new(book);
        self.lock().insert(run, Arc::clone(&book));
        OpenBook { shelf: Arc::clone(self), run, book }
    }

    /// The book of a run.
    ///
    /// # Errors
    ///
    /// If it is not open, with what the guest is to be told.
    pub(crate) fn of(&self, run: RunId) -> Result<Arc<B>, Failure> {
        let book = self.lock().get(&run).cloned();
        book.ok_or_else(|| Failure::new(ErrorCode::Unavailable, "the run has ended"))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RunId, Arc<B>>> {
        // Nothing in here can panic halfway through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The book of an attempt in progress; closed when this goes away.
pub(crate) struct OpenBook<B> {
    shelf: Arc<Shelf<B>>,
    run: RunId,
    book: Arc<B>,
}

impl<B> OpenBook<B> {
    pub(crate) fn book(&self) -> &Arc<B> {
        &self.book
    }
}

impl<B> Drop for OpenBook<B> {
    fn drop(&mut self) {
        self.shelf.lock().remove(&self.run);
    }
}
