//! Crons that assistants make for themselves, each on the thread of its run.
//!
//! What a run changes is kept in its book until the run ends, and is written by the transaction
//! that ends it. A run that fails, is tried again or is rolled back has changed nothing.

mod book;
mod interval;
mod request;
mod shown;

use std::sync::Arc;

use async_trait::async_trait;
use wakeful_core::{CronGrant, Failure, Run, RunId};
use wakeful_engine::{CronAccess, CronAnswer, CronCall};
use wakeful_store::CronChange;

use self::book::Book;
use crate::Host;
use crate::books::{OpenBook, Shelf};

/// The books of the runs in progress.
pub(crate) type CronBooks = Shelf<Book>;

impl CronBooks {
    /// Opens the book of an attempt that is about to begin.
    pub(crate) fn open(
        self: &Arc<Self>,
        host: &Host,
        run: &Run,
        grant: Option<CronGrant>,
    ) -> OpenBook<Book> {
        self.put(run.id, Book::new(host.clone(), run, grant))
    }
}

#[async_trait]
impl CronAccess for CronBooks {
    async fn call(&self, run: RunId, call: CronCall) -> Result<CronAnswer, Failure> {
        self.of(run)?.call(call).await
    }
}

impl OpenBook<Book> {
    /// Closes the book, and returns what the attempt has changed.
    pub(crate) async fn close(self) -> Vec<CronChange> {
        self.book().close().await
    }
}
