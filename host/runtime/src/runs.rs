use std::time::Duration;

use wakeful_core::{
    Assistant, CheckpointId, Json, MultitaskStrategy, Object, OnCompletion, Outcome, Report, Run,
    RunId, RunStatus, Thread, ThreadId, Trigger,
};
use wakeful_store::{Cancelled, Inserted, NewRun, Page, RunQuery};

use crate::{CancelAction, CreateRun, Error, Host, RunThread};

/// How long a wait for the end of a run trusts the announcement alone before it looks at the store.
const RECHECK: Duration = Duration::from_secs(1);

impl Host {
    /// Creates a run. It begins as soon as its thread and a slot are free.
    pub async fn create_run(&self, new: CreateRun) -> Result<Run, Error> {
        self.create_run_because(Trigger::Manual, RunId::generate(), new).await
    }

    pub(crate) async fn create_run_because(
        &self,
        trigger: Trigger,
        id: RunId,
        new: CreateRun,
    ) -> Result<Run, Error> {
        let assistant = self.resolve_assistant(&new.assistant).await?;
        if trigger == Trigger::Manual {
            self.check_webhook(&new.request).await?;
        }
        let now = self.now();
        if let Some(checkpoint) = new.checkpoint {
            self.check_checkpoint(new.thread, checkpoint).await?;
        }
        let ttl = self.settings().retention.threads;
        let (thread_id, thread, on_completion) = match new.thread {
            RunThread::Existing(thread) => (thread, None, OnCompletion::Keep),
            RunThread::CreateIfMissing(thread) => {
                let new = Thread::new(thread, Object::new(), now).with_ttl(ttl, now);
                (thread, Some(new), OnCompletion::Keep)
            }
            RunThread::Fresh(on_completion) => {
                let mut thread = Thread::new(ThreadId::of_run(id), Object::new(), now);
                thread.temporary = on_completion == OnCompletion::Delete;
                (thread.id, Some(thread.with_ttl(ttl, now)), on_completion)
            }
        };
        let known = match new.thread {
            RunThread::Fresh(_) => None,
            RunThread::Existing(_) | RunThread::CreateIfMissing(_) => {
                self.store().thread_metadata(thread_id).await?
            }
        };
        let request = assistant.request(new.request, &known.unwrap_or_default());
        let mut run =
            Run::new(id, thread_id, assistant.id, assistant.component.clone(), request, now);
        run.trigger = trigger;
        run.checkpoint = new.checkpoint;
        run.multitask = new.multitask;
        run.on_completion = on_completion;
        run.available_at = now
            .checked_add(new.after)
            .map_err(|_| Error::Invalid("after_seconds is too far in the future".to_owned()))?;
        run.created_at = run.available_at;
        let run = self.insert_run(run, thread, &assistant).await?;
        if let Some(action) = displacement(run.multitask) {
            self.displace(&run, action).await?;
        }
        Ok(run)
    }

    /// Refuses a run that is to begin at a checkpoint its thread does not have.
    async fn check_checkpoint(&self, on: RunThread, asked: CheckpointId) -> Result<(), Error> {
        let (RunThread::Existing(id) | RunThread::CreateIfMissing(id)) = on else {
            return Err(Error::Invalid(format!(
                "checkpoint: a run without a thread cannot begin at {asked}; remove it, or start the run on its thread"
            )));
        };
        self.thread_state(id, Some(asked)).await.map(drop)
    }

    /// Stops the runs that a new run takes the place of; see [`displacement`].
    pub(crate) async fn displace(&self, new: &Run, action: CancelAction) -> Result<(), Error> {
        let query =
            RunQuery { thread_id: Some(new.thread_id), limit: usize::MAX, ..RunQuery::default() };
        for old in self.store().runs(query).await?.items {
            if old.status.is_final() || old.id == new.id || old.created_at > new.created_at {
                continue;
            }
            match self.cancel_run(old.id, action).await {
                // It may have ended by itself meanwhile.
                Ok(()) | Err(Error::NotFound { .. } | Error::Conflict(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn insert_run(
        &self,
        run: Run,
        create_thread: Option<Thread>,
        assistant: &Assistant,
    ) -> Result<Run, Error> {
        self.refuse_when_stopping()?;
        let thread_id = run.thread_id;
        let new = NewRun { run, create_thread, thread_metadata: thread_metadata(assistant) };
        match self.store().insert_run(new).await? {
            Inserted::Run(run) => {
                self.wake_executor();
                Ok(*run)
            }
            Inserted::NoThread => Err(Error::not_found("thread", thread_id)),
            Inserted::Busy => Err(Error::Conflict(format!(
                "thread {thread_id} is busy, and the run says multitask_strategy `reject`; wait for its run, or choose `enqueue`"
            ))),
        }
    }

    /// The run with this id.
    pub async fn run(&self, id: RunId) -> Result<Run, Error> {
        self.store().run(id).await?.ok_or_else(|| Error::not_found("run", id))
    }

    /// The run with this id on this thread.
    pub async fn run_on(&self, thread: ThreadId, id: RunId) -> Result<Run, Error> {
        let run = self.run(id).await?;
        if run.thread_id != thread {
            return Err(Error::not_found("run", id));
        }
        Ok(run)
    }

    /// The runs that match, newest first.
    pub async fn runs(&self, query: RunQuery) -> Result<Page<Run>, Error> {
        Ok(self.store().runs(query).await?)
    }

    /// Waits until the run has ended, and returns it.
    pub async fn wait_for_run(&self, id: RunId) -> Result<Run, Error> {
        loop {
            // Listening begins before looking, so that an end in between is not missed.
            let mut listener = self.hub().listen(id);
            let run = self.run(id).await?;
            if run.status.is_final() {
                return Ok(run);
            }
            let _ = tokio::time::timeout(RECHECK, listener.ended()).await;
        }
    }

    /// How many runs this host is running now.
    pub fn runs_in_progress(&self) -> usize {
        self.hub().running()
    }

    /// Asks for a run to stop. A pending run has ended when this returns; wait for a running one
    /// with [`Host::wait_for_run`].
    pub async fn cancel_run(&self, id: RunId, action: CancelAction) -> Result<(), Error> {
        let discard = action == CancelAction::Rollback;
        let cancelled = if discard {
            self.store().discard_run(id, None).await?
        } else {
            self.store().cancel_pending(id, self.now()).await?
        };
        match cancelled {
            Cancelled::Done => {
                self.hub().announce_end(id, None, self.now());
                self.wake_outbox();
            }
            Cancelled::Running => self.stop_running(id, discard).await,
            Cancelled::Missing => return Err(Error::not_found("run", id)),
            Cancelled::Ended => {
                return Err(Error::Conflict(format!("run {id} has already ended")));
            }
        }
        self.wake_executor();
        if discard && cancelled == Cancelled::Running {
            match self.wait_for_run(id).await {
                // It came to an end of its own before it was stopped.
                Ok(_) => {
                    self.store().delete_run(id).await?;
                }
                Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Stops a run that the store says is running. Between its claim and its beginning it is not
    /// known here yet, which takes no longer than the claim's way back from the store.
    async fn stop_running(&self, id: RunId, discard: bool) {
        for _ in 0..500 {
            if self.hub().cancel(id, discard) {
                return;
            }
            let run = self.store().run(id).await;
            if !matches!(run, Ok(Some(run)) if run.status == RunStatus::Running) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Deletes a run and the checkpoint it made, so that its thread is where it was before; a run in
    /// progress is stopped first.
    pub async fn delete_run(&self, id: RunId) -> Result<(), Error> {
        let run = self.run(id).await?;
        if !run.status.is_final() {
            return self.cancel_run(id, CancelAction::Rollback).await;
        }
        self.store().delete_run(id).await?;
        Ok(())
    }

    /// What a run gave its caller: the values it returned or, where it returned none, those its
    /// thread has.
    pub async fn run_values(&self, run: &Run) -> Result<Json, Error> {
        if let Some(Report { outcome: Outcome::Done(values), .. }) = &run.report {
            return Ok(Json::Object(values.clone()));
        }
        let thread = self.store().thread(run.thread_id).await?;
        Ok(thread.and_then(|thread| thread.values).unwrap_or_else(|| Object::new().into()))
    }
}

/// How a new run of this strategy stops those before it on its thread, if it does.
pub(crate) fn displacement(strategy: MultitaskStrategy) -> Option<CancelAction> {
    match strategy {
        MultitaskStrategy::Interrupt => Some(CancelAction::Interrupt),
        MultitaskStrategy::Rollback => Some(CancelAction::Rollback),
        MultitaskStrategy::Enqueue | MultitaskStrategy::Reject => None,
    }
}

/// What the first run on a thread tells the thread about itself.
pub(crate) fn thread_metadata(assistant: &Assistant) -> Object {
    let mut metadata = Object::new();
    metadata.insert("graph_id".into(), assistant.component.to_string().into());
    metadata.insert("assistant_id".into(), assistant.id.to_string().into());
    metadata
}
