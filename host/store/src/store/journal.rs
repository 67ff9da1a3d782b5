use async_trait::async_trait;
use wakeful_core::{ComponentId, CronId, Digest, Json, ModelName, RunId, Timestamp, TokenUse};

use super::Error;

/// The calls of language models that runs in progress have paid for, and the tokens of each day.
///
/// The transaction that records a call counts its tokens; whatever ends or deletes the run deletes
/// its journal.
#[async_trait]
pub trait JournalStore: Send + Sync + 'static {
    /// The calls of a run, in their order, without the answers.
    async fn journal(&self, run: RunId) -> Result<Vec<JournalEntry>, Error>;
    /// The answer of a call, if there is one.
    async fn journaled_answer(&self, run: RunId, number: u32) -> Result<Option<Json>, Error>;
    /// Counts the tokens of a call and, if the run is running under this epoch, records it in the
    /// place of an earlier one with its number, whose tokens the entry keeps.
    async fn record_call(&self, call: RecordCall) -> Result<(), Error>;
    /// The tokens that were counted for something on the day (UTC) of `now`.
    async fn tokens_today(&self, purse: Purse, now: Timestamp) -> Result<u64, Error>;
}

/// A call of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalEntry {
    /// Which of the run's calls it is.
    pub number: u32,
    /// Names the request.
    pub request: Digest,
    /// Whether there is an answer.
    pub answered: bool,
    /// What calls with this number used, those included whose place it took.
    pub tokens: TokenUse,
}

/// A call that was paid for.
#[derive(Debug, Clone)]
pub struct RecordCall {
    /// The run.
    pub run_id: RunId,
    /// The epoch under which it was claimed.
    pub epoch: u64,
    /// Which of its calls it is.
    pub number: u32,
    /// Names the request.
    pub request: Digest,
    /// The answer; `None` if there is none to be given again.
    pub answer: Option<Json>,
    /// What it used.
    pub tokens: TokenUse,
    /// The model that was called.
    pub model: ModelName,
    /// The component of the run.
    pub component: ComponentId,
    /// The cron of the run.
    pub cron: Option<CronId>,
    /// The present instant.
    pub now: Timestamp,
}

/// What tokens are counted for, day by day; those of crons are in their statistics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purse {
    /// All runs of a component.
    Component(ComponentId),
    /// All calls of a model.
    Model(ModelName),
}
