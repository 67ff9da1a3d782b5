use async_trait::async_trait;
use wakeful_core::{LoggedEvent, RunId};

use super::Error;

/// What runs emitted, where that was kept when they ended; see
/// [`FinishRun::events`](super::FinishRun::events).
#[async_trait]
pub trait EventStore: Send + Sync + 'static {
    /// Everything that happened to the run, oldest first; `None` if that was not kept.
    async fn run_events(&self, id: RunId) -> Result<Option<Vec<LoggedEvent>>, Error>;
}
