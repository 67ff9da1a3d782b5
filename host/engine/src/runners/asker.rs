use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::mpsc;
use wakeful_core::{ErrorCode, Failure, Object, RunId};

use super::frame::Outgoing;
use super::wire::{FromModel, FromRunner, ToModel, WireModelCall};
use crate::{ModelAccess, ModelCall, ModelPiece, ModelRefusal};

/// Takes what one run asks language models to the host, which asks them.
pub(super) struct Asker {
    run: u64,
    out: Arc<Outgoing>,
    next: AtomicU32,
    calls: Calls,
}

/// Who waits for what the host tells of a call.
type Calls = Arc<Mutex<HashMap<u32, mpsc::UnboundedSender<FromModel>>>>;

impl Asker {
    pub(super) fn new(run: u64, out: Arc<Outgoing>) -> Self {
        Self { run, out, next: AtomicU32::new(0), calls: Arc::default() }
    }

    /// Takes what the host tells of a call, which the guest may have given up.
    pub(super) fn take(&self, call: u32, message: FromModel) {
        if let Some(waiting) = locked(&self.calls).get(&call) {
            // Whoever waited may have gone just now.
            let _ = waiting.send(message);
        }
    }
}

#[async_trait]
impl ModelAccess for Asker {
    /// The host knows which run it is.
    async fn call(
        &self,
        _run: RunId,
        call: ModelCall,
        pieces: mpsc::Sender<ModelPiece>,
    ) -> Result<Object, ModelRefusal> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, mut inbox) = mpsc::unbounded_channel();
        locked(&self.calls).insert(number, sender);
        let ticket = Ticket { asker: self, number };
        ticket.send(ToModel::Open(WireModelCall::new(call)));
        while let Some(message) = inbox.recv().await {
            match message {
                FromModel::Piece(content) => {
                    // Whoever does not listen any more waits for the whole answer.
                    let _ = pieces.send(ModelPiece { content }).await;
                    ticket.send(ToModel::Taken);
                }
                FromModel::Answer(answer) => return answer.object().map_err(|_| damaged()),
                FromModel::Refused(refusal) => {
                    return Err(refusal.open().unwrap_or_else(|_| damaged()));
                }
            }
        }
        Err(damaged())
    }
}

/// A call that is open on the host's side for as long as this is.
struct Ticket<'a> {
    asker: &'a Asker,
    number: u32,
}

impl Ticket<'_> {
    fn send(&self, message: ToModel) {
        let Asker { run, out, .. } = self.asker;
        out.send(&FromRunner::Chat { run: *run, call: self.number, message });
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        locked(&self.asker.calls).remove(&self.number);
        self.send(ToModel::Drop);
    }
}

fn locked(calls: &Calls) -> MutexGuard<'_, HashMap<u32, mpsc::UnboundedSender<FromModel>>> {
    calls.lock().unwrap_or_else(PoisonError::into_inner)
}

fn damaged() -> ModelRefusal {
    ModelRefusal::Told(Failure {
        code: ErrorCode::Internal,
        message: "the host's answer is damaged".to_owned(),
        retryable: true,
        retry_after: None,
    })
}
