use wakeful_core::{Checkpoint, CheckpointId, Object, Thread, ThreadId};
use wakeful_store::{Created, Page, ThreadQuery};

use crate::{CreateThread, Error, Host, IfExists};

/// Where a thread stood at a checkpoint.
#[derive(Debug, Clone)]
pub struct ThreadState {
    /// The thread, as it is now.
    pub thread: Thread,
    /// The checkpoint; `None` on a thread that no run has changed yet.
    pub checkpoint: Option<Checkpoint>,
}

impl Host {
    /// Creates a thread.
    pub async fn create_thread(&self, new: CreateThread) -> Result<Thread, Error> {
        let id = new.id.unwrap_or_else(ThreadId::generate);
        let thread = Thread::new(id, new.metadata, self.now());
        match (self.store().create_thread(thread).await?, new.if_exists) {
            (Created::New(thread), _) | (Created::Existing(thread), IfExists::DoNothing) => {
                Ok(thread)
            }
            (Created::Existing(_), IfExists::Raise) => {
                Err(Error::Conflict(format!("thread {id} already exists")))
            }
        }
    }

    /// The thread with this id.
    pub async fn thread(&self, id: ThreadId) -> Result<Thread, Error> {
        let thread = self.store().thread(id).await?;
        thread.ok_or_else(|| Error::not_found("thread", id))
    }

    /// The threads that match.
    pub async fn search_threads(&self, query: ThreadQuery) -> Result<Page<Thread>, Error> {
        Ok(self.store().search_threads(query).await?)
    }

    /// Deletes a thread with its files, checkpoints, runs and crons, and stops what it is doing.
    pub async fn delete_thread(&self, id: ThreadId) -> Result<(), Error> {
        let running = self.store().delete_thread(id).await?;
        for run in running.ok_or_else(|| Error::not_found("thread", id))? {
            self.hub().cancel(run);
        }
        self.wake_scheduler();
        Ok(())
    }

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

    /// The checkpoints of a thread, newest first: those older than `before`, if given, and whose
    /// metadata contains `metadata`.
    pub async fn thread_history(
        &self,
        id: ThreadId,
        before: Option<CheckpointId>,
        metadata: &Object,
        limit: usize,
    ) -> Result<Vec<Checkpoint>, Error> {
        self.thread(id).await?;
        let mut found = Vec::new();
        let mut before = before;
        // Filtering happens here, so pages are read until enough of them match.
        while found.len() < limit {
            let page = self.store().checkpoints(id, before, limit.max(10)).await?;
            let Some(last) = page.last() else { break };
            before = Some(last.id);
            found.extend(
                page.into_iter()
                    .filter(|checkpoint| wakeful_store::contains(&checkpoint.metadata, metadata)),
            );
        }
        found.truncate(limit);
        Ok(found)
    }
}
