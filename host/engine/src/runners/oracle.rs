use std::collections::HashMap;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::task::AbortOnDropHandle;
use wakeful_core::{ModelName, RunId};

use super::frame::Outgoing;
use super::watched::Violation;
use super::wire::{FromModel, Text, ToModel, ToRunner, WireRefusal};
use crate::{Job, ModelAccess, ModelCall, ModelPiece};

/// Pieces of an answer that are on their way at once.
const PIECES_AT_ONCE: usize = 16;

/// Calls that one run has open at once; more than a guest can have.
const MOST_OPEN: usize = 64;

/// Where what one run asks language models leaves for the host.
pub(super) struct Oracle {
    run: RunId,
    granted: Vec<ModelName>,
    access: Arc<dyn ModelAccess>,
    calls: HashMap<u32, Call>,
    handle: Handle,
}

struct Call {
    /// How many pieces there is room for on the other side.
    room: Arc<Semaphore>,
    _task: AbortOnDropHandle<()>,
}

impl Oracle {
    /// For a run that is granted models, on these threads.
    pub(super) fn new(
        job: &Job,
        access: Option<Arc<dyn ModelAccess>>,
        handle: Handle,
    ) -> Option<Self> {
        let granted = job.grants.models.clone();
        let access = access.filter(|_| !granted.is_empty())?;
        Some(Self { run: job.run_id, granted, access, calls: HashMap::new(), handle })
    }

    /// Takes what a guest tells a model.
    pub(super) fn take(
        &mut self,
        out: &Arc<Outgoing>,
        run: u64,
        call: u32,
        message: ToModel,
    ) -> Result<(), Violation> {
        match message {
            ToModel::Open(asked) => {
                let asked = asked.open()?;
                if !self.granted.contains(&asked.model) {
                    return Err(Violation("a run asked a model that it may not"));
                }
                if self.calls.len() >= MOST_OPEN || self.calls.contains_key(&call) {
                    return Err(Violation("a run asked more models at once than it can"));
                }
                let line = Line { out: Arc::clone(out), run, call };
                self.calls.insert(call, self.open(asked, line));
            }
            ToModel::Taken => {
                let open = self.calls.get(&call);
                let room = &open.ok_or(Violation("it told of a call that is not open"))?.room;
                if room.available_permits() >= PIECES_AT_ONCE {
                    return Err(Violation("a run took more of an answer than there was"));
                }
                room.add_permits(1);
            }
            ToModel::Drop => drop(self.calls.remove(&call)),
        }
        Ok(())
    }

    fn open(&self, asked: ModelCall, line: Line) -> Call {
        let room = Arc::new(Semaphore::new(PIECES_AT_ONCE));
        let asking = ask(Arc::clone(&self.access), self.run, asked, line, Arc::clone(&room));
        Call { room, _task: AbortOnDropHandle::new(self.handle.spawn(asking)) }
    }
}

/// Back to the guest of one call.
struct Line {
    out: Arc<Outgoing>,
    run: u64,
    call: u32,
}

impl Line {
    fn send(&self, message: FromModel) {
        self.out.send(&ToRunner::Chat { run: self.run, call: self.call, message });
    }
}

/// Asks, and brings the answer to the guest, as fast as it takes it.
async fn ask(
    access: Arc<dyn ModelAccess>,
    run: RunId,
    asked: ModelCall,
    line: Line,
    room: Arc<Semaphore>,
) {
    let (sender, mut pieces) = mpsc::channel::<ModelPiece>(1);
    let bring = async {
        while let Some(piece) = pieces.recv().await {
            let Ok(permit) = room.acquire().await else { return };
            permit.forget();
            line.send(FromModel::Piece(piece.content));
        }
    };
    let (answer, ()) = tokio::join!(access.call(run, asked, sender), bring);
    line.send(match answer {
        Ok(answer) => FromModel::Answer(Text::of_object(answer)),
        Err(refusal) => FromModel::Refused(WireRefusal::new(refusal)),
    });
}
