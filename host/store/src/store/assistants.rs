use async_trait::async_trait;
use wakeful_core::{Assistant, AssistantId, AssistantPatch, ComponentId, Object, RunId, Timestamp};

use super::{Created, Error, Order, Page};

/// Assistants and their versions, one method per transaction.
///
/// An assistant is at one of its versions. Every version stays as it was until the assistant goes;
/// it is told as the assistant was then, changed last when the version came to be.
#[async_trait]
pub trait AssistantStore: Send + Sync + 'static {
    /// Inserts the assistant unless its id is taken.
    async fn create_assistant(&self, assistant: Assistant) -> Result<Created<Assistant>, Error>;
    /// The assistant with this id.
    async fn assistant(&self, id: AssistantId) -> Result<Option<Assistant>, Error>;
    /// The assistants that match.
    async fn search_assistants(&self, query: AssistantQuery) -> Result<Page<Assistant>, Error>;
    /// Changes the assistant, which makes a version after all others. Returns what it is now, or
    /// `None` if there is no such assistant.
    async fn update_assistant(
        &self,
        id: AssistantId,
        patch: AssistantPatch,
        now: Timestamp,
    ) -> Result<Option<Assistant>, Error>;
    /// The versions of the assistant, newest first.
    async fn assistant_versions(
        &self,
        id: AssistantId,
        query: VersionQuery,
    ) -> Result<Page<Assistant>, Error>;
    /// One version of the assistant.
    async fn assistant_version(
        &self,
        id: AssistantId,
        version: u32,
    ) -> Result<Option<Assistant>, Error>;
    /// Makes the assistant what it was at this version. Returns what it is now, or `None` if there
    /// is no such version.
    async fn revert_assistant(
        &self,
        id: AssistantId,
        version: u32,
        now: Timestamp,
    ) -> Result<Option<Assistant>, Error>;
    /// Deletes the assistant with its versions and its crons, cancels its pending runs and, when
    /// `threads`, deletes the threads whose metadata names it. Returns `None` if there is no such
    /// assistant.
    async fn delete_assistant(
        &self,
        id: AssistantId,
        threads: bool,
        now: Timestamp,
    ) -> Result<Option<DeletedAssistant>, Error>;
}

/// Which assistants.
#[derive(Debug, Clone, Default)]
pub struct AssistantQuery {
    /// Only of these components.
    pub components: Option<Vec<ComponentId>>,
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

/// What assistants are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the names of the fields")]
pub enum AssistantSort {
    Id,
    Component,
    Name,
    #[default]
    CreatedAt,
    UpdatedAt,
}

/// Which versions of an assistant.
#[derive(Debug, Clone, Default)]
pub struct VersionQuery {
    /// Only those whose metadata contains this, at any depth.
    pub metadata: Object,
    /// How many to return at most.
    pub limit: usize,
    /// How many to pass over.
    pub offset: usize,
}

/// What went with an assistant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeletedAssistant {
    /// Its runs that were pending, and have ended.
    pub cancelled: Vec<RunId>,
    /// Runs of it, or on a thread that went with it, that are running; their owners have to stop
    /// them.
    pub running: Vec<RunId>,
}
