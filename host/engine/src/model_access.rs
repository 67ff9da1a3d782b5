use async_trait::async_trait;
use tokio::sync::mpsc;
use wakeful_core::{Failure, ModelName, Object, Outcome, RunId};

/// Language models, as runs reach them.
///
/// A message boundary: a call in, pieces and one answer out, all of it plain data. Dropping the
/// future gives the call up. The engine has looked at the grant; whoever answers knows the run, its
/// budgets and what of its calls was answered before.
#[async_trait]
pub trait ModelAccess: Send + Sync + 'static {
    /// Carries a call of this run out. Pieces are sent while the answer comes, if it is streamed;
    /// all of them together are the answer's content.
    ///
    /// # Errors
    ///
    /// With what the guest is to be told, or with the end of its run.
    async fn call(
        &self,
        run: RunId,
        call: ModelCall,
        pieces: mpsc::Sender<ModelPiece>,
    ) -> Result<Object, ModelRefusal>;
}

/// A call of a language model.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelCall {
    /// Which of the run's calls it is, from 0 on; the same one in a later attempt that does the same.
    pub number: u32,
    /// The model.
    pub model: ModelName,
    /// What is asked.
    pub request: Object,
    /// Whether pieces are wanted while the answer comes.
    pub streamed: bool,
}

/// A piece of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelPiece {
    /// Text, in order.
    pub content: String,
}

/// Why a call has no answer.
#[derive(Debug, Clone, PartialEq)]
pub enum ModelRefusal {
    /// The guest is told so, and goes on.
    Told(Failure),
    /// The run ends so.
    Ends(Outcome),
}
