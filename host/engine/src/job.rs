use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use wakeful_core::{
    AssistantId, CronTrigger, Digest, Grants, GuestEvent, Json, Limits, Object, Provision, Report,
    RunId, ThreadId,
};

use crate::inspect::Inspection;
use crate::{Description, LoadError};

/// Something that loads components and runs them.
///
/// A message boundary: a job in, events and one report out, all of it plain data.
#[async_trait]
pub trait Runner: Send + Sync + 'static {
    /// Makes a component ready to run, and asks it what it says of itself; one that fails to answer
    /// is ready all the same. Loading the same bytes again costs nothing.
    async fn load(&self, bytes: Arc<[u8]>) -> Result<ComponentInfo, LoadError>;

    /// Forgets a component. Runs in progress go on; new ones are refused.
    fn unload(&self, digest: Digest);

    /// Runs one job to its end. Never panics and never fails: everything that can happen is an
    /// outcome. Dropping the future ends the run.
    ///
    /// The guest waits while `events` is full, and its time goes on meanwhile, so drain it. A
    /// receiver that is gone is fine. After an outcome that does not commit, a last file operation
    /// may still be under way in [`Job::root`]; remove the directory, do not empty and reuse it.
    async fn run(
        &self,
        job: Job,
        events: mpsc::Sender<GuestEvent>,
        cancel: CancellationToken,
    ) -> Report;

    /// The processes that guests run in, if not in this one.
    fn processes(&self) -> Option<RunnerProcesses> {
        None
    }
}

/// The processes that guests run in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunnerProcesses {
    /// How many there should be.
    pub wanted: usize,
    /// How many are alive.
    pub alive: usize,
    /// How many were replaced.
    pub replaced: u64,
}

/// What is known of a component once it is loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentInfo {
    /// Names it in a [`Job`].
    pub digest: Digest,
    /// Its size.
    pub bytes: u64,
    /// The version of the contract that it was built against.
    pub contract: String,
    /// What it imports.
    pub imports: Vec<String>,
    /// Whether it may use files at all; if not, its runs need no directory.
    pub uses_files: bool,
    /// Whether its compiled code came from the cache directory.
    pub from_cache: bool,
    /// What it says of itself, if it says anything.
    pub about: Option<Arc<Description>>,
}

impl ComponentInfo {
    /// What looking at it has told; what it says of itself is not known yet.
    pub(crate) fn new(digest: Digest, inspection: Inspection, from_cache: bool) -> Self {
        Self {
            digest,
            bytes: inspection.bytes,
            contract: inspection.contract,
            imports: inspection.imports,
            uses_files: inspection.uses_files,
            from_cache,
            about: None,
        }
    }
}

/// One invocation of one component.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// The component; it must be loaded.
    pub digest: Digest,
    /// The thread it runs on.
    pub thread_id: ThreadId,
    /// The assistant it runs for.
    pub assistant_id: AssistantId,
    /// The run.
    pub run_id: RunId,
    /// 1 for the first try of this run.
    pub attempt: u32,
    /// Why it happens.
    pub trigger: JobTrigger,
    /// Free-form facts that the guest may read.
    pub metadata: Object,
    /// The input.
    pub input: Json,
    /// The thread's values; `null` on a new thread.
    pub values: Json,
    /// The configuration, key by key.
    pub config: Object,
    /// What the run may use.
    pub limits: Limits,
    /// What the run may reach beside its thread.
    pub grants: Grants,
    /// What the run is given of what it is granted.
    pub provision: Provision,
    /// A directory that the guest sees as `/` and may write; opened only for components that use
    /// files.
    pub root: Option<PathBuf>,
}

/// Why a job happens.
#[derive(Debug, Clone, PartialEq)]
pub enum JobTrigger {
    /// Somebody asked for it.
    Manual,
    /// A cron fired.
    Cron(CronTrigger),
    /// Somebody answered: the ids of the questions, and the answers.
    Resume(Vec<(String, Json)>),
}
