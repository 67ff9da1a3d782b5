//! Crons that assistants make for themselves, each on the thread of its run.
//!
//! What a run changes is kept in its book until the run ends, and is written by the transaction
//! that ends it. A run that fails, is tried again or is rolled back has changed nothing.

mod book;
mod interval;
mod request;
mod shown;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use wakeful_core::{CronGrant, ErrorCode, Failure, Run, RunId};
use wakeful_engine::{CronAccess, CronAnswer, CronCall};
use wakeful_store::CronChange;

use self::book::Book;
use crate::Host;

/// The books of the runs in progress.
#[derive(Default)]
pub(crate) struct CronBooks {
    open: Mutex<HashMap<RunId, Arc<Book>>>,
}

impl CronBooks {
    /// Opens the book of an attempt that is about to begin.
    pub(crate) fn open(
        self: &Arc<Self>,
        host: &Host,
        run: &Run,
        grant: Option<CronGrant>,
    ) -> OpenBook {
        let book = Arc::new(Book::new(host.clone(), run, grant));
        self.lock().insert(run.id, Arc::clone(&book));
        OpenBook { books: Arc::clone(self), run: run.id, book }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RunId, Arc<Book>>> {
        // Nothing in here can panic halfway through a change.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl CronAccess for CronBooks {
    async fn call(&self, run: RunId, call: CronCall) -> Result<CronAnswer, Failure> {
        let book = self.lock().get(&run).cloned();
        match book {
            Some(book) => book.call(call).await,
            None => Err(failure(ErrorCode::Unavailable, "the run has ended")),
        }
    }
}

/// The book of an attempt in progress; closed when this goes away.
pub(crate) struct OpenBook {
    books: Arc<CronBooks>,
    run: RunId,
    book: Arc<Book>,
}

impl OpenBook {
    /// Closes the book, and returns what the attempt has changed.
    pub(crate) async fn close(self) -> Vec<CronChange> {
        self.book.close().await
    }
}

impl Drop for OpenBook {
    fn drop(&mut self) {
        self.books.lock().remove(&self.run);
    }
}

fn failure(code: ErrorCode, message: impl Into<String>) -> Failure {
    Failure {
        code,
        message: message.into(),
        retryable: code == ErrorCode::Unavailable,
        retry_after: None,
    }
}
