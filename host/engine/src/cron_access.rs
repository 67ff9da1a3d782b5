use async_trait::async_trait;
use wakeful_core::{CronId, Failure, Object, RunId};

/// The crons of a run's own thread, as the run reaches them.
///
/// A message boundary: a call in, one answer out, all of it plain data. What a run changes is to
/// take effect with its end, and not at all unless its effects are kept. Whoever answers knows the
/// run's thread, its assistant and its grant.
#[async_trait]
pub trait CronAccess: Send + Sync + 'static {
    /// Carries a call of this run out.
    ///
    /// # Errors
    ///
    /// With what the guest is to be told.
    async fn call(&self, run: RunId, call: CronCall) -> Result<CronAnswer, Failure>;
}

/// What a run wants of the crons of its thread.
#[derive(Debug, Clone, PartialEq)]
pub enum CronCall {
    /// A new cron, in the words of the HTTP API.
    Create(Object),
    /// The crons of its assistant, the next one due first.
    List {
        /// How many at most.
        limit: usize,
    },
    /// Deletes a cron that its assistant made.
    Delete(CronId),
}

/// The answer to a [`CronCall`], of the same kind.
#[derive(Debug, Clone, PartialEq)]
pub enum CronAnswer {
    /// The cron that will be there, in the words of the HTTP API.
    Created(Object),
    /// The crons, in the same words.
    Crons(Vec<Object>),
    /// Whether there was a cron to delete.
    Deleted(bool),
}
