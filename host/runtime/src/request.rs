use std::time::Duration;

use wakeful_core::{
    AssistantId, Catchup, CheckpointId, CronPolicy, Dst, Json, MultitaskStrategy, Object,
    OnCompletion, Overlap, RequestKey, Retry, RunId, RunRequest, ThreadId, Timestamp, Ttl,
};
use wakeful_store::{AssistantSort, Order};

/// A thread to create.
#[derive(Debug, Clone, Default)]
pub struct CreateThread {
    /// Its id; a new one if none is given.
    pub id: Option<ThreadId>,
    /// Free-form facts.
    pub metadata: Object,
    /// What to do if the id is taken.
    pub if_exists: IfExists,
    /// How long it stays without being used; `None` means as long as the host's settings say.
    pub ttl: Option<Ttl>,
    /// A history for it, the oldest step first. It needs a `graph_id` in the metadata.
    pub supersteps: Vec<Superstep>,
    /// Names the request, so that sending it again creates nothing more.
    pub key: Option<RequestKey>,
}

/// Updates that together make one checkpoint.
#[derive(Debug, Clone, Default)]
pub struct Superstep {
    /// The updates, in order.
    pub updates: Vec<NodeUpdate>,
}

/// What a client writes into the state of a thread.
#[derive(Debug, Clone, Default)]
pub struct NodeUpdate {
    /// Put over the values, key by key; `None` changes none.
    pub values: Option<Object>,
    /// The node in whose name this happens: the component's id, or `__start__`, `__input__`,
    /// `__end__` or `__copy__`. As the component, it also answers what the component asked.
    pub as_node: Option<String>,
}

/// A change to the state of a thread, which makes one checkpoint.
#[derive(Debug, Clone, Default)]
pub struct StateUpdate {
    /// What to write, in order.
    pub updates: Vec<NodeUpdate>,
    /// The checkpoint to begin with; `None` means the newest.
    pub checkpoint: Option<CheckpointId>,
}

/// Changes to a thread.
#[derive(Debug, Clone, Default)]
pub struct ThreadPatch {
    /// Merged into the metadata, key by key.
    pub metadata: Object,
    /// The new time to live; `Some(None)` takes it away.
    pub ttl: Option<Option<Ttl>>,
}

/// What to do if an id is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IfExists {
    /// Refuse.
    #[default]
    Raise,
    /// Return what is there.
    DoNothing,
}

/// An assistant to create.
#[derive(Debug, Clone, Default)]
pub struct CreateAssistant {
    /// Its id; a new one if none is given.
    pub id: Option<AssistantId>,
    /// The id of its component, which must serve runs.
    pub component: String,
    /// For people.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// LangGraph's `config`: tags, recursion limit, `configurable`.
    pub config: Object,
    /// Static context that every run receives, in place of `configurable`.
    pub context: Object,
    /// Free-form facts.
    pub metadata: Object,
    /// What to do if the id is taken.
    pub if_exists: IfExists,
    /// Names the request, so that sending it again creates nothing more.
    pub key: Option<RequestKey>,
}

/// Which thread a run is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunThread {
    /// This one, which must exist.
    Existing(ThreadId),
    /// This one; it is created if it does not exist.
    CreateIfMissing(ThreadId),
    /// A new one; deleted when the run ends, or kept.
    Fresh(OnCompletion),
}

/// A run to create.
#[derive(Debug, Clone)]
pub struct CreateRun {
    /// The thread.
    pub thread: RunThread,
    /// The assistant's id, or the id of a component for its default assistant.
    pub assistant: String,
    /// What it receives.
    pub request: RunRequest,
    /// What to do if the thread is busy.
    pub multitask: MultitaskStrategy,
    /// How long to wait before it begins.
    pub after: Duration,
    /// The checkpoint of the thread to begin at; `None` means the newest when the run begins.
    pub checkpoint: Option<CheckpointId>,
    /// Names the request, so that sending it again creates nothing more.
    pub key: Option<RequestKey>,
}

/// A cron to create.
#[derive(Debug, Clone)]
pub struct CreateCron {
    /// The assistant's id, or the id of a component for its default assistant.
    pub assistant: String,
    /// The thread it runs on; `None` means a new thread at each fire.
    pub thread_id: Option<ThreadId>,
    /// When it fires: at the instants of each of these; see [`wakeful_core::schedule`].
    pub schedules: Vec<String>,
    /// The IANA time zone of the schedule; `None` means UTC.
    pub timezone: Option<String>,
    /// The last instant at which it may fire.
    pub end_time: Option<Timestamp>,
    /// Whether it fires.
    pub enabled: bool,
    /// How it fires.
    pub policy: CronPolicy,
    /// Why it is as it is; for people.
    pub note: Option<String>,
    /// What becomes of the thread of each fire, when there is no `thread_id`.
    pub on_run_completed: OnCompletion,
    /// Free-form facts.
    pub metadata: Object,
    /// What each run receives.
    pub request: RunRequest,
    /// Names the request, so that sending it again creates nothing more.
    pub key: Option<RequestKey>,
}

/// Changes to a cron; what is `None` stays as it is.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "the fields are those of `CreateCron`")]
pub struct CronPatch {
    pub schedules: Option<Vec<String>>,
    /// `Some(None)` means UTC.
    pub timezone: Option<Option<String>>,
    /// `Some(None)` removes the end.
    pub end_time: Option<Option<Timestamp>>,
    pub enabled: Option<bool>,
    pub policy: PolicyPatch,
    /// `Some(None)` removes it.
    pub note: Option<Option<String>>,
    pub on_run_completed: Option<OnCompletion>,
    /// Merged into the metadata, key by key.
    pub metadata: Object,
    pub request: RequestPatch,
}

/// Changes to how a cron fires; where there are two options, `Some(None)` removes what is there.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "the fields are those of `CronPolicy`")]
pub struct PolicyPatch {
    pub overlap: Option<Overlap>,
    pub catchup: Option<Catchup>,
    pub catchup_window: Option<Duration>,
    pub dst: Option<Dst>,
    pub jitter: Option<Duration>,
    pub start_time: Option<Option<Timestamp>>,
    pub max_fires: Option<Option<u64>>,
    pub pause_after_failures: Option<Option<u32>>,
    pub fuel_per_day: Option<Option<u64>>,
    /// Tokens of language models in a day.
    pub tokens_per_day: Option<Option<u64>>,
    pub retry: Option<Option<Retry>>,
}

/// Changes to what the runs of a cron receive.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "the fields are those of `RunRequest`")]
pub struct RequestPatch {
    pub input: Option<Json>,
    pub config: Option<Object>,
    pub context: Option<Object>,
    /// Merged into the options, key by key; `null` takes a key away.
    pub options: Object,
}

/// How to stop a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CancelAction {
    /// Stop it; its record stays.
    #[default]
    Interrupt,
    /// Stop it and delete its record.
    Rollback,
}

/// Which runs to stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunsToStop {
    /// Those that wait for their turn.
    Pending,
    /// Those that are running.
    Running,
    /// All that have not ended.
    Unfinished,
    /// These, as far as they are on this thread.
    Listed {
        /// The thread.
        thread: ThreadId,
        /// The runs.
        runs: Vec<RunId>,
    },
}

/// Which assistants.
#[derive(Debug, Clone, Default)]
pub struct AssistantQuery {
    /// Only of this component.
    pub component: Option<String>,
    /// Only those whose name contains this, in any case.
    pub name: Option<String>,
    /// Only those whose metadata contains this, at any depth.
    pub metadata: Object,
    /// How to sort.
    pub sort_by: AssistantSort,
    /// Which way.
    pub order: Order,
    /// How many to return at most.
    pub limit: usize,
    /// How many to pass over.
    pub offset: usize,
}
