//! The host with a runner that follows a script instead of running guests.

mod folder;
mod interrupts;
mod keys;
mod own_crons;
mod retries;
mod simulation;

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use wakeful_core::{
    Command, Digest, Interrupt, Json, MultitaskStrategy, Object, Outcome, Report, Run, RunRequest,
    SystemClock, Thread, ThreadId,
};
use wakeful_engine::{ComponentInfo, GuestEvent, Job, LoadError, Runner};
use wakeful_store::{SledConfig, SledStore};

use crate::{Backoff, CreateRun, CreateThread, Host, HostSettings, RunThread};

/// Ends its jobs with these outcomes, one after the other, and with `{"done": true}` after the
/// last.
#[derive(Default)]
pub(super) struct Script {
    outcomes: Mutex<VecDeque<Outcome>>,
    jobs: Mutex<Vec<Job>>,
    /// A job waits here while it is told to.
    held: Mutex<bool>,
    reached: Notify,
    /// What begins with `slow` is loaded once this says so.
    load: Notify,
}

#[async_trait]
impl Runner for Script {
    async fn load(&self, bytes: Arc<[u8]>) -> Result<ComponentInfo, LoadError> {
        if bytes.starts_with(b"slow") {
            self.load.notified().await;
        }
        Ok(ComponentInfo {
            digest: Digest::of(&bytes),
            bytes: bytes.len() as u64,
            contract: "0.1.0".to_owned(),
            imports: Vec::new(),
            uses_files: false,
            from_cache: false,
            about: None,
        })
    }

    fn unload(&self, _: Digest) {}

    async fn run(
        &self,
        job: Job,
        _: mpsc::Sender<GuestEvent>,
        cancel: CancellationToken,
    ) -> Report {
        self.jobs.lock().unwrap().push(job);
        let held = *self.held.lock().unwrap();
        if held {
            self.reached.notify_one();
            cancel.cancelled().await;
        }
        let outcome = self.outcomes.lock().unwrap().pop_front();
        Report::not_run(outcome.unwrap_or_else(|| Outcome::Done(object(json!({ "done": true })))))
    }
}

/// A host with one component, `echo`.
pub(crate) struct Stage {
    pub(crate) host: Host,
    script: Arc<Script>,
    folder: TempDir,
}

impl Stage {
    pub(super) async fn open(outcomes: impl IntoIterator<Item = Outcome>) -> Self {
        Self::open_with(outcomes, |_| ()).await
    }

    /// Likewise, with settings that are changed.
    pub(crate) async fn open_with(
        outcomes: impl IntoIterator<Item = Outcome>,
        change: impl FnOnce(&mut HostSettings),
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let script = Arc::new(Script::default());
        *script.outcomes.lock().unwrap() = outcomes.into_iter().collect();
        let host = start(folder.path(), Arc::clone(&script), change).await;
        Self { host, script, folder }
    }

    /// From now on a job waits until somebody stops it.
    pub(crate) fn hold(&self) {
        *self.script.held.lock().unwrap() = true;
    }

    /// Waits for a job to begin.
    pub(crate) async fn held(&self) {
        self.script.reached.notified().await;
    }

    pub(super) fn jobs(&self) -> Vec<Job> {
        self.script.jobs.lock().unwrap().clone()
    }

    pub(crate) async fn thread(&self) -> ThreadId {
        self.host.create_thread(CreateThread::default()).await.unwrap().id
    }

    /// Creates a run and waits for its end; returns it with its thread.
    pub(super) async fn run(&self, new: CreateRun) -> (Run, Thread) {
        let run = self.host.create_run(new).await.unwrap();
        let run = self.host.wait_for_run(run.id).await.unwrap();
        let thread = self.host.thread(run.thread_id).await.unwrap();
        (run, thread)
    }
}

async fn start(folder: &Path, script: Arc<Script>, change: impl FnOnce(&mut HostSettings)) -> Host {
    let assistants = folder.join("assistants");
    std::fs::create_dir_all(&assistants).unwrap();
    std::fs::write(assistants.join("echo.wasm"), b"scripted").unwrap();
    let mut settings = HostSettings::new(folder.join("data"), assistants);
    settings.backoff =
        Backoff { first: Duration::from_millis(2), longest: Duration::from_millis(4) };
    settings.min_free_disk = 0;
    change(&mut settings);
    let store = SledConfig { min_free_bytes: 0, ..SledConfig::new(&settings.data) };
    let store = Arc::new(SledStore::open(store).await.unwrap());
    Host::assemble(settings, Arc::new(SystemClock), store, script).await.unwrap()
}

pub(super) fn object(json: Json) -> Object {
    json.as_object().unwrap().clone()
}

pub(crate) fn create(thread: RunThread, input: Json) -> CreateRun {
    CreateRun {
        thread,
        assistant: "echo".to_owned(),
        request: RunRequest { input, ..RunRequest::default() },
        multitask: MultitaskStrategy::Enqueue,
        after: Duration::ZERO,
        checkpoint: None,
        key: None,
    }
}

pub(super) fn command(thread: ThreadId, command: Command) -> CreateRun {
    let mut new = create(RunThread::Existing(thread), Json::Null);
    new.request.command = Some(command);
    new
}

pub(super) fn asking(ids: &[&str]) -> Outcome {
    let question = |id: &&str| Interrupt {
        id: (*id).to_owned(),
        reason: "because".to_owned(),
        payload: json!({ "sure": id }),
        answer_schema: None,
    };
    Outcome::Interrupted(ids.iter().map(question).collect())
}
