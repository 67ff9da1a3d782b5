use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio::sync::oneshot;
use wakeful_core::{ErrorCode, Failure, RunId};

use super::frame::Outgoing;
use super::wire::{
    FromRunner, HostAnswer, HostCall, Opened, WireAssistantCall, WireCronCall, WireFailure,
    WireItemCall,
};
use crate::{
    AssistantAccess, AssistantAnswer, AssistantCall, CronAccess, CronAnswer, CronCall, ItemAccess,
    ItemAnswer, ItemCall,
};

/// What one run can reach of the host, from another process.
pub(super) struct Remote {
    run: u64,
    out: Arc<Outgoing>,
    /// Who waits for an answer: a guest makes one call at a time.
    waiting: Mutex<Option<oneshot::Sender<Result<HostAnswer, WireFailure>>>>,
}

impl Remote {
    pub(super) fn new(run: u64, out: Arc<Outgoing>) -> Self {
        Self { run, out, waiting: Mutex::default() }
    }

    /// Takes the answer to the call.
    pub(super) fn take(&self, answer: Result<HostAnswer, WireFailure>) {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(waiting) = waiting {
            // The guest may have been ended meanwhile.
            let _ = waiting.send(answer);
        }
    }

    async fn ask<T>(
        &self,
        call: HostCall,
        open: impl FnOnce(HostAnswer) -> Option<Opened<T>>,
    ) -> Result<T, Failure> {
        let (sender, answer) = oneshot::channel();
        *self.waiting.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
        self.out.send(&FromRunner::Call { run: self.run, call });
        match answer.await {
            Ok(Ok(answer)) => match open(answer) {
                Some(Ok(answer)) => Ok(answer),
                _ => Err(internal("the host answered another question")),
            },
            Ok(Err(failure)) => {
                Err(failure.open().unwrap_or_else(|_| internal("the host's answer is damaged")))
            }
            Err(_) => Err(internal("the host does not answer")),
        }
    }
}

#[async_trait]
impl ItemAccess for Remote {
    async fn call(&self, call: ItemCall) -> Result<ItemAnswer, Failure> {
        let call = HostCall::Items(WireItemCall::new(call));
        let open = |answer| match answer {
            HostAnswer::Items(answer) => Some(answer.open()),
            _ => None,
        };
        self.ask(call, open).await
    }
}

#[async_trait]
impl CronAccess for Remote {
    /// The host knows which run it is.
    async fn call(&self, _run: RunId, call: CronCall) -> Result<CronAnswer, Failure> {
        let call = HostCall::Crons(WireCronCall::new(call));
        let open = |answer| match answer {
            HostAnswer::Crons(answer) => Some(answer.open()),
            _ => None,
        };
        self.ask(call, open).await
    }
}

#[async_trait]
impl AssistantAccess for Remote {
    /// The host knows which run it is.
    async fn call(&self, _run: RunId, call: AssistantCall) -> Result<AssistantAnswer, Failure> {
        let call = HostCall::Assistants(WireAssistantCall::new(call));
        let open = |answer| match answer {
            HostAnswer::Assistants(answer) => Some(answer.open()),
            _ => None,
        };
        self.ask(call, open).await
    }
}

fn internal(message: &str) -> Failure {
    Failure {
        code: ErrorCode::Internal,
        message: message.to_owned(),
        retryable: true,
        retry_after: None,
    }
}
