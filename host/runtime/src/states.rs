use wakeful_core::{
    Checkpoint, CheckpointId, CheckpointSource, Object, Thread, ThreadId, Timestamp,
};
use wakeful_store::{Put, PutCheckpoint};

use crate::updates::{graph_of, successor};
use crate::{Error, Host, StateUpdate};

/// How often an update is tried that others are faster than.
const TRIES: usize = 16;

/// Where a history begins, which goes back from there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HistoryStart {
    /// At the newest checkpoint.
    #[default]
    Newest,
    /// At this one.
    At(CheckpointId),
    /// At the one that was made before this one.
    Before(CheckpointId),
}

/// Where a thread stood at a checkpoint.
#[derive(Debug, Clone)]
pub struct ThreadState {
    /// The thread, as it is now.
    pub thread: Thread,
    /// The checkpoint; `None` on a thread that nothing has changed yet.
    pub checkpoint: Option<Checkpoint>,
}

impl Host {
    /// Where a thread stands, or stood at one of its checkpoints.
    pub async fn thread_state(
        &self,
        id: ThreadId,
        at: Option<CheckpointId>,
    ) -> Result<ThreadState, Error> {
        let thread = self.thread(id).await?;
        let checkpoint = match at.or(thread.head) {
            Some(checkpoint) => self.store().checkpoint(id, checkpoint).await?,
            None => None,
        };
        if let (Some(asked), None) = (at, &checkpoint) {
            return Err(Error::not_found("checkpoint", asked));
        }
        Ok(ThreadState { thread, checkpoint })
    }

    /// The checkpoints of a thread, newest first: those whose facts, as [`checkpoint_metadata`]
    /// gives them, contain `metadata`.
    pub async fn thread_history(
        &self,
        id: ThreadId,
        from: HistoryStart,
        metadata: &Object,
        limit: usize,
    ) -> Result<Vec<Checkpoint>, Error> {
        let thread = self.thread(id).await?;
        let matches = |checkpoint: &Checkpoint| {
            metadata.is_empty()
                || wakeful_store::contains(&checkpoint_metadata(&thread, checkpoint), metadata)
        };
        let (mut found, mut before) = match from {
            HistoryStart::Newest => (Vec::new(), None),
            HistoryStart::Before(before) => (Vec::new(), Some(before)),
            HistoryStart::At(at) => {
                let first = self.store().checkpoint(id, at).await?;
                (first.into_iter().filter(matches).collect(), Some(at))
            }
        };
        // Filtering happens here, so pages are read until enough of them match.
        while found.len() < limit {
            let page = self.store().checkpoints(id, before, limit.clamp(10, 100)).await?;
            let Some(last) = page.last() else { break };
            before = Some(last.id);
            found.extend(page.into_iter().filter(matches));
        }
        found.truncate(limit);
        Ok(found)
    }

    /// Writes into the state of a thread, at its newest checkpoint or at an earlier one, and
    /// returns the checkpoint that this makes the newest. The thread must be idle.
    pub async fn update_state(
        &self,
        id: ThreadId,
        update: StateUpdate,
    ) -> Result<CheckpointId, Error> {
        self.change_state(id, update.checkpoint, |thread, base, now| {
            let component = graph_of(id, &thread.metadata)?;
            let mut checkpoint = successor(id, &component, base, &update.updates, now)?;
            if let Some(origin) = update.checkpoint {
                checkpoint.metadata.insert("checkpoint_id".into(), origin.to_string().into());
            }
            Ok(checkpoint)
        })
        .await
    }

    /// Makes what `change` makes of a thread's state, newest or earlier, its newest; the state itself
    /// if there is nothing to change. The thread must be idle. `change` is asked again when others
    /// were faster.
    pub(crate) async fn change_state(
        &self,
        id: ThreadId,
        at: Option<CheckpointId>,
        change: impl Fn(&Thread, Option<&Checkpoint>, Timestamp) -> Result<Checkpoint, Error>
        + Send
        + Sync,
    ) -> Result<CheckpointId, Error> {
        self.refuse_when_stopping()?;
        for _ in 0..TRIES {
            let ThreadState { thread, checkpoint: base } = self.thread_state(id, at).await?;
            let now = self.now();
            let checkpoint = change(&thread, base.as_ref(), now)?;
            let made = checkpoint.id;
            if base.is_some_and(|base| base.id == made) {
                return Ok(made);
            }
            let put = PutCheckpoint { checkpoint, seen: thread.head, now };
            match self.store().put_checkpoint(put).await? {
                Put::Written => {
                    self.tell_of_change(id, made).await;
                    return Ok(made);
                }
                Put::NoThread => return Err(Error::not_found("thread", id)),
                Put::Busy => {
                    return Err(Error::Conflict(format!(
                        "thread {id} has a run in flight, which will change its state; wait for that run, or cancel it"
                    )));
                }
                Put::Moved => {}
            }
        }
        Err(Error::Conflict(format!(
            "the state of thread {id} is changed by others all the time; try again"
        )))
    }
}

impl Host {
    /// Tells whoever watches a thread that its state was changed by hand. That it was stays true
    /// whatever happens here.
    async fn tell_of_change(&self, id: ThreadId, made: CheckpointId) {
        if !self.hub().is_watched(id) {
            return;
        }
        match self.thread_state(id, Some(made)).await {
            Ok(state) => self.hub().publish_state(state, self.now()),
            Err(problem) => {
                tracing::warn!(thread_id = %id, %problem, "watchers are not told of a change");
            }
        }
    }
}

/// What there is to know of a checkpoint: the facts it was made with, and what only the host can
/// state.
pub fn checkpoint_metadata(thread: &Thread, checkpoint: &Checkpoint) -> Object {
    let mut metadata = match checkpoint.source {
        CheckpointSource::Loop => thread.metadata.clone(),
        _ => Object::new(),
    };
    metadata.extend(checkpoint.metadata.clone());
    if let Some(run) = checkpoint.run_id {
        metadata.insert("run_id".into(), run.to_string().into());
    }
    metadata.insert("thread_id".into(), thread.id.to_string().into());
    metadata.insert("source".into(), checkpoint.source.as_str().into());
    metadata.insert("step".into(), checkpoint.step.into());
    metadata.insert("parents".into(), Object::new().into());
    metadata
}
