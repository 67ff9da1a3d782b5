//! Assistants that call assistants.
//!
//! A call is a run on a thread of its own, which pays with what the caller has left. Its id is made
//! from the caller's and the number of the call, so that a later attempt of the caller finds the
//! run that an earlier one has started.

mod book;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use wakeful_core::{ErrorCode, Failure, Run, RunId};
use wakeful_engine::{AssistantAccess, AssistantAnswer, AssistantCall};

use self::book::Book;
use crate::models::OpenModels;
use crate::{ComponentState, Host};

/// The books of the runs in progress that may call assistants.
#[derive(Default)]
pub(crate) struct CallBooks {
    open: Mutex<HashMap<RunId, Arc<Book>>>,
}

impl CallBooks {
    /// Opens the book of an attempt that is about to begin, if it is granted an assistant.
    pub(crate) fn open(
        self: &Arc<Self>,
        host: &Host,
        run: &Run,
        component: &ComponentState,
        models: &OpenModels,
    ) -> OpenCalls {
        if !component.grants.assistants.is_empty() {
            let book = Book::new(host.clone(), run, component, models);
            self.lock().insert(run.id, Arc::new(book));
        }
        OpenCalls { books: Arc::clone(self), run: run.id }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RunId, Arc<Book>>> {
        // Nothing in here can panic halfway through a change.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl AssistantAccess for CallBooks {
    async fn call(&self, run: RunId, call: AssistantCall) -> Result<AssistantAnswer, Failure> {
        let book = self.lock().get(&run).cloned();
        match book {
            Some(book) => book.call(call).await,
            None => Err(failure(ErrorCode::Unavailable, "the run has ended")),
        }
    }
}

/// The book of an attempt in progress; closed when this goes away.
pub(crate) struct OpenCalls {
    books: Arc<CallBooks>,
    run: RunId,
}

impl Drop for OpenCalls {
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
