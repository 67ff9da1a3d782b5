use wakeful_core::{AssistantId, CronId, Object, RunStatus, ThreadId, ThreadStatus};

/// A part of a longer list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The part.
    pub items: Vec<T>,
    /// How many match in all.
    pub total: usize,
}

/// Up or down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the words say it")]
pub enum Order {
    Ascending,
    #[default]
    Descending,
}

/// What a list is sorted by. A query of a kind that lacks the field sorts by creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the names of the fields")]
pub enum SortBy {
    Id,
    AssistantId,
    ThreadId,
    Status,
    NextRunAt,
    EndTime,
    #[default]
    CreatedAt,
    UpdatedAt,
    StateUpdatedAt,
}

/// Which threads.
#[derive(Debug, Clone, Default)]
pub struct ThreadQuery {
    /// Only these.
    pub ids: Option<Vec<ThreadId>>,
    /// Only with this status.
    pub status: Option<ThreadStatus>,
    /// Only those whose metadata contains this, at any depth.
    pub metadata: Object,
    /// Only those whose values contain this, at any depth.
    pub values: Object,
    /// How to sort.
    pub sort_by: SortBy,
    /// Which way.
    pub order: Order,
    /// How many to return at most.
    pub limit: usize,
    /// How many to pass over.
    pub offset: usize,
}

/// Which runs.
#[derive(Debug, Clone, Default)]
pub struct RunQuery {
    /// Only on this thread.
    pub thread_id: Option<ThreadId>,
    /// Only of this cron.
    pub cron_id: Option<CronId>,
    /// Only with this status.
    pub status: Option<RunStatus>,
    /// How many to return at most.
    pub limit: usize,
    /// How many to pass over.
    pub offset: usize,
}

/// Which crons.
#[derive(Debug, Clone, Default)]
pub struct CronQuery {
    /// Only for this assistant.
    pub assistant_id: Option<AssistantId>,
    /// Only on this thread.
    pub thread_id: Option<ThreadId>,
    /// Only enabled or only paused ones.
    pub enabled: Option<bool>,
    /// Only those whose metadata contains this, at any depth.
    pub metadata: Object,
    /// How to sort.
    pub sort_by: SortBy,
    /// Which way.
    pub order: Order,
    /// How many to return at most.
    pub limit: usize,
    /// How many to pass over.
    pub offset: usize,
}
