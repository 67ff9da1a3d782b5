use async_trait::async_trait;
use wakeful_core::{ComponentId, Failure, Json, Object, RunId};

/// Other assistants, as runs reach them.
///
/// A message boundary: a call in, one answer out, all of it plain data. Dropping the future of a
/// call that waits stops what it waits for. The engine has looked at the grant; whoever answers
/// knows the run, how deep it is, and what it has left.
#[async_trait]
pub trait AssistantAccess: Send + Sync + 'static {
    /// Carries a call of this run out.
    ///
    /// # Errors
    ///
    /// With what the guest is to be told.
    async fn call(&self, run: RunId, call: AssistantCall) -> Result<AssistantAnswer, Failure>;
}

/// A call of another assistant.
#[derive(Debug, Clone, PartialEq)]
pub struct AssistantCall {
    /// Which of the run's calls it is, from 0 on; the same one in a later attempt that does the same.
    pub number: u32,
    /// The component of the assistant.
    pub assistant: ComponentId,
    /// What it receives.
    pub input: Json,
    /// Whether its end is waited for.
    pub wait: bool,
    /// Fuel that the caller has left.
    pub fuel: u64,
}

/// What came of an [`AssistantCall`].
#[derive(Debug, Clone, PartialEq)]
pub struct AssistantAnswer {
    /// The run that was started.
    pub run_id: RunId,
    /// How it ended, in the words of the HTTP API, if that was waited for.
    pub ended: Option<Object>,
    /// Fuel that the caller pays for it.
    pub fuel: u64,
}
