use crate::{
    AssistantId, ComponentId, CronId, Digest, MultitaskStrategy, Object, OnCompletion, RunId,
    RunRequest, ThreadId, Timestamp,
};

/// A schedule for an assistant and an input.
#[derive(Debug, Clone, PartialEq)]
pub struct Cron {
    /// Its id.
    pub id: CronId,
    /// The assistant it invokes.
    pub assistant_id: AssistantId,
    /// The component of that assistant.
    pub component: ComponentId,
    /// The thread it runs on; `None` means a new thread at each fire.
    pub thread_id: Option<ThreadId>,
    /// The schedule, as it was written.
    pub schedule: String,
    /// The IANA time zone in which the schedule is read; `None` means UTC.
    pub timezone: Option<String>,
    /// The last instant at which it may fire.
    pub end_time: Option<Timestamp>,
    /// Whether it fires.
    pub enabled: bool,
    /// What becomes of the thread of each fire, when there is no `thread_id`.
    pub on_run_completed: OnCompletion,
    /// What to do when the thread is busy.
    pub multitask: MultitaskStrategy,
    /// Free-form facts, searchable by containment; its runs carry them too.
    pub metadata: Object,
    /// What each run receives.
    pub request: RunRequest,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// The next due instant; `None` when it is paused or has ended.
    pub next_run_at: Option<Timestamp>,
    /// The last instant it accounted for. Only grows, so that a clock that jumps back fires
    /// nothing twice.
    pub last_scheduled_at: Option<Timestamp>,
    /// Counts changes; a write names the version it read.
    pub version: u64,
    /// The digest of the request that made it, if that came with a key; see
    /// [`crate::RequestKey`].
    pub request_digest: Option<Digest>,
    /// The run that made it, where its assistant made it for itself.
    pub made_by: Option<RunId>,
}

impl Cron {
    /// Whether its end has passed.
    pub fn has_ended(&self) -> bool {
        self.enabled && self.next_run_at.is_none()
    }
}
