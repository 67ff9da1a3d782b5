//! Assistants that call assistants.
//!
//! A call is a run on a thread of its own, which pays with what the caller has left. Its id is made
//! from the caller's and the number of the call, so that a later attempt of the caller finds the
//! run that an earlier one has started.

mod book;

use std::sync::Arc;

use async_trait::async_trait;
use wakeful_core::{Failure, Run, RunId};
use wakeful_engine::{AssistantAccess, AssistantAnswer, AssistantCall};

use self::book::Book;
use crate::books::{OpenBook, Shelf};
use crate::models::OpenModels;
use crate::{ComponentState, Host};

/// The books of the runs in progress that may call assistants.
pub(crate) type CallBooks = Shelf<Book>;

impl CallBooks {
    /// Opens the book of an attempt that is about to begin, if it is granted an assistant.
    pub(crate) fn open(
        self: &Arc<Self>,
        host: &Host,
        run: &Run,
        component: &ComponentState,
        models: &OpenModels,
    ) -> Option<OpenBook<Book>> {
        let may_call = !component.grants.assistants.is_empty();
        may_call.then(|| self.put(run.id, Book::new(host.clone(), run, component, models)))
    }
}

#[async_trait]
impl AssistantAccess for CallBooks {
    async fn call(&self, run: RunId, call: AssistantCall) -> Result<AssistantAnswer, Failure> {
        self.of(run)?.call(call).await
    }
}
