use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;
use wakeful_core::{ErrorCode, Failure, Object, RunId};

use crate::{ModelAccess, ModelCall, ModelPiece, ModelRefusal};

/// Pieces that the host may be ahead of the guest.
const AHEAD: usize = 64;

/// An answer of a model that is coming in. Dropping it gives the call up.
#[expect(unreachable_pub, reason = "the bindings export it again")]
pub struct ChatStream {
    pieces: mpsc::Receiver<ModelPiece>,
    call: Call,
}

enum Call {
    Going(AbortOnDropHandle<Result<Object, ModelRefusal>>),
    Ended(Result<Object, ModelRefusal>),
}

/// What comes next.
pub(crate) enum Next {
    Piece(ModelPiece),
    End(Result<Object, ModelRefusal>),
}

impl ChatStream {
    pub(crate) fn begin(access: Arc<dyn ModelAccess>, run: RunId, call: ModelCall) -> Self {
        let (sender, pieces) = mpsc::channel(AHEAD);
        let task = tokio::spawn(async move { access.call(run, call, sender).await });
        Self { pieces, call: Call::Going(AbortOnDropHandle::new(task)) }
    }

    /// The next piece or, after the last, the end.
    pub(crate) async fn next(&mut self) -> Next {
        match self.pieces.recv().await {
            Some(piece) => Next::Piece(piece),
            None => Next::End(self.end().await),
        }
    }

    /// The whole answer, once all of it is there.
    pub(crate) async fn answer(&mut self) -> Result<Object, ModelRefusal> {
        while self.pieces.recv().await.is_some() {}
        self.end().await
    }

    async fn end(&mut self) -> Result<Object, ModelRefusal> {
        let task = match &mut self.call {
            Call::Ended(ended) => return ended.clone(),
            Call::Going(task) => task,
        };
        let ended = task.await.unwrap_or_else(|error| {
            tracing::error!(%error, "a call of a model did not come to its end");
            Err(ModelRefusal::Told(Failure {
                code: ErrorCode::Internal,
                message: "the host failed inside the call; its log has more".to_owned(),
                retryable: true,
                retry_after: None,
            }))
        });
        self.call = Call::Ended(ended.clone());
        ended
    }
}
