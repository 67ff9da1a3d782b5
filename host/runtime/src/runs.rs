use std::time::Duration;

use wakeful_core::{
    Assistant, CheckpointId, Command, Json, Object, OnCompletion, Outcome, Parent, Report,
    RequestKey, Run, RunId, Thread, ThreadId, Trigger,
};
use wakeful_store::{Created, Inserted, NewRun, Page, RunQuery};

use crate::cancel::displacement;
use crate::{CreateRun, Error, Host, RunThread};

/// How long a wait for the end of a run trusts the announcement alone before it looks at the store.
const RECHECK: Duration = Duration::from_secs(1);

impl Host {
    /// Creates a run. It begins as soon as its thread and a slot are free.
    pub async fn create_run(&self, new: CreateRun) -> Result<Run, Error> {
        Ok(self.create_run_once(new).await?.into_inner())
    }

    /// Creates a run, and says whether its request had created it already.
    pub async fn create_run_once(&self, new: CreateRun) -> Result<Created<Run>, Error> {
        self.create_run_because(Trigger::Manual, new.new_id(), new).await
    }

    /// Creates runs on new threads: all of them, or none.
    pub async fn create_runs(&self, new: Vec<CreateRun>) -> Result<Vec<Created<Run>>, Error> {
        let mut ids = Vec::with_capacity(new.len());
        let mut runs = Vec::with_capacity(new.len());
        let key = new.first().and_then(|new| new.key);
        for new in new {
            let id = new.new_id();
            ids.push(id);
            runs.push(self.new_run(Trigger::Manual, id, new).await?);
        }
        self.refuse_when_stopping()?;
        let mut created = Vec::with_capacity(ids.len());
        for inserted in self.store().insert_runs(runs).await? {
            match inserted {
                Inserted::Run(run) => created.push(Created::New(*run)),
                Inserted::Known(known) => {
                    check_key(&known, key)?;
                    return self.known_runs(ids).await;
                }
                Inserted::NoThread | Inserted::Busy => {
                    return Err(Error::Invalid("each run needs a thread of its own".to_owned()));
                }
            }
        }
        self.wake_executor();
        Ok(created)
    }

    /// Creates the run of a call that another run makes, unless it was created already.
    pub(crate) async fn create_called_run(
        &self,
        id: RunId,
        parent: Parent,
        new: CreateRun,
    ) -> Result<Created<Run>, Error> {
        // What the call names may be gone by now; what it made counts.
        if let Some(known) = self.store().run(id).await? {
            return Ok(Created::Existing(known));
        }
        let mut new = self.new_run(Trigger::Manual, id, new).await?;
        new.run.parent = Some(parent);
        self.refuse_when_stopping()?;
        let created = match self.store().insert_run(new).await? {
            Inserted::Run(run) => Created::New(*run),
            Inserted::Known(run) => Created::Existing(*run),
            Inserted::NoThread | Inserted::Busy => {
                return Err(Error::Conflict("the thread of a new run is taken".to_owned()));
            }
        };
        self.wake_executor();
        Ok(created)
    }

    async fn known_runs(&self, ids: Vec<RunId>) -> Result<Vec<Created<Run>>, Error> {
        let mut known = Vec::with_capacity(ids.len());
        for id in ids {
            known.push(Created::Existing(self.run(id).await?));
        }
        Ok(known)
    }

    pub(crate) async fn create_run_because(
        &self,
        trigger: Trigger,
        id: RunId,
        new: CreateRun,
    ) -> Result<Created<Run>, Error> {
        let key = new.key;
        // What the request names may be gone by now; what it made counts.
        if key.is_some()
            && let Some(known) = self.store().run(id).await?
        {
            return self.known_run(known, key).await;
        }
        let new = self.new_run(trigger, id, new).await?;
        let thread_id = new.run.thread_id;
        self.refuse_when_stopping()?;
        let run = match self.store().insert_run(new).await? {
            Inserted::Run(run) => *run,
            Inserted::Known(run) => return self.known_run(*run, key).await,
            Inserted::NoThread => return Err(Error::not_found("thread", thread_id)),
            Inserted::Busy => {
                return Err(busy_thread(thread_id));
            }
        };
        self.wake_executor();
        if let Some(action) = displacement(run.multitask) {
            self.displace(&run, action).await?;
        }
        Ok(Created::New(run))
    }

    /// The run that a request made when it came for the first time.
    async fn known_run(&self, run: Run, key: Option<RequestKey>) -> Result<Created<Run>, Error> {
        check_key(&run, key)?;
        // The host may have stopped before the run had taken its place.
        if let Some(action) = displacement(run.multitask)
            && !run.status.is_final()
        {
            self.displace(&run, action).await?;
        }
        Ok(Created::Existing(run))
    }

    /// The run to insert, with the thread it brings.
    async fn new_run(&self, trigger: Trigger, id: RunId, new: CreateRun) -> Result<NewRun, Error> {
        let assistant = self.resolve_assistant(&new.assistant).await?;
        if trigger == Trigger::Manual {
            self.check_webhook(&new.request).await?;
        }
        check_command(new.request.command.as_ref(), &assistant)?;
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
        run.request_digest = new.key.map(|key| key.digest());
        run.available_at = now
            .checked_add(new.after)
            .map_err(|_| Error::Invalid("after_seconds is too far in the future".to_owned()))?;
        run.created_at = run.available_at;
        Ok(NewRun {
            run,
            create_thread: thread,
            thread_metadata: thread_metadata(&assistant),
            held: false,
        })
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

impl CreateRun {
    /// The id of the run: of its request, if that has a key, or a new one.
    pub(crate) fn new_id(&self) -> RunId {
        self.key.map_or_else(RunId::generate, |key| key.id().into())
    }
}

/// Refuses a run that another request under the same key has made.
pub(crate) fn check_key(known: &Run, key: Option<RequestKey>) -> Result<(), Error> {
    let same = key.is_none_or(|key| known.request_digest == Some(key.digest()));
    if same { Ok(()) } else { Err(Error::key_taken()) }
}

/// A component is the only place to go to.
fn check_command(command: Option<&Command>, assistant: &Assistant) -> Result<(), Error> {
    let component = assistant.component.as_str();
    match command.and_then(|command| command.goto.as_deref()) {
        Some(place) if place != Command::END && place != component => Err(Error::Invalid(format!(
            "command.goto: `{place}` is neither `{component}` nor `{}`",
            Command::END
        ))),
        _ => Ok(()),
    }
}

/// What the first run on a thread tells the thread about itself.
pub(crate) fn thread_metadata(assistant: &Assistant) -> Object {
    let mut metadata = Object::new();
    metadata.insert("graph_id".into(), assistant.component.to_string().into());
    metadata.insert("assistant_id".into(), assistant.id.to_string().into());
    metadata
}

/// The answer to a run that must not wait, for a thread that is busy.
pub(crate) fn busy_thread(thread: impl std::fmt::Display) -> Error {
    Error::Conflict(format!(
        "thread {thread} is busy, and the run says multitask_strategy `reject`; wait for its run, or choose `enqueue`"
    ))
}
