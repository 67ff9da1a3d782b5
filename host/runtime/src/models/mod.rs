//! Language models: which there are, what is asked of them, and what that costs.
//!
//! A call is made by the host, which holds the key. What was used is written down, with the answer,
//! before the guest gets the end of it, so that a run that is tried again does not pay twice.

mod anthropic;
mod book;
mod desk;
mod events;
mod http;
mod ollama;
mod openai;
mod reply;
mod request;
mod settings;
#[cfg(test)]
mod tests;
mod trouble;
mod wire;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use tokio::sync::mpsc;
use wakeful_core::{Object, Run, RunId, TokenUse};
use wakeful_engine::{ModelAccess, ModelCall, ModelPiece, ModelRefusal};
use wakeful_store::Error as StoreError;

use self::book::Book;
pub(crate) use self::desk::Desk;
pub use self::settings::{ModelSettings, Models, Provider};
use crate::books::{OpenBook, Shelf};
use crate::{ComponentState, Host};

/// The books of the runs in progress that may call models.
pub(crate) type ModelBooks = Shelf<Book>;

impl ModelBooks {
    /// Opens the book of an attempt that is about to begin, if its assistant is granted a model.
    pub(crate) async fn open(
        self: &Arc<Self>,
        host: &Host,
        run: &Run,
        component: &ComponentState,
    ) -> Result<OpenModels, StoreError> {
        if component.grants.models.is_empty() {
            return Ok(OpenModels(None));
        }
        let book = Book::new(host.clone(), run, component).await?;
        Ok(OpenModels(Some(self.put(run.id, book))))
    }
}

#[async_trait]
impl ModelAccess for ModelBooks {
    async fn call(
        &self,
        run: RunId,
        call: ModelCall,
        pieces: mpsc::Sender<ModelPiece>,
    ) -> Result<Object, ModelRefusal> {
        self.of(run).map_err(ModelRefusal::Told)?.call(call, pieces).await
    }
}

/// The book of an attempt in progress, if it may call models; closed when this goes away.
pub(crate) struct OpenModels(Option<OpenBook<Book>>);

impl OpenModels {
    /// Gives up the calls in progress, and returns what the run has used in all its attempts.
    pub(crate) async fn close(self) -> TokenUse {
        match &self.0 {
            Some(open) => open.book().close().await,
            None => TokenUse::default(),
        }
    }

    /// The tokens of the run, which calls of other assistants use as well.
    pub(crate) fn allowance(&self, limit: u64) -> Allowance {
        let book = self.0.as_ref().map(|open| Arc::clone(open.book()));
        Allowance { limit, given: AtomicU64::new(0), book }
    }
}

/// What a run has of tokens.
pub(crate) struct Allowance {
    limit: u64,
    /// What was given away, where there is no book.
    given: AtomicU64,
    book: Option<Arc<Book>>,
}

impl Allowance {
    pub(crate) fn left(&self) -> u64 {
        match &self.book {
            Some(book) => book.left(),
            None => self.limit.saturating_sub(self.given.load(Ordering::Relaxed)),
        }
    }

    /// Counts tokens of a run that this one has called.
    pub(crate) fn spend(&self, tokens: u64) {
        match &self.book {
            Some(book) => book.give(tokens),
            None => {
                self.given.fetch_add(tokens.min(self.limit), Ordering::Relaxed);
            }
        }
    }
}
