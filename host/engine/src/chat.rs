//! Language models, as a guest sees them: those that it is granted, in measured portions.

use std::sync::Arc;

use tokio::sync::mpsc;
use wakeful_core::{ErrorCode, ModelName, Object, RunId};
use wasmtime::component::Resource;
use wasmtime::{Result, bail};

use crate::bindings::wakeful::assistant::chat::{Host, HostChatStream};
use crate::chat_stream::{ChatStream, Next};
use crate::refusal::{Answer, error, exceeded, invalid, object, told};
use crate::sandbox::Sandbox;
use crate::{ModelAccess, ModelCall, ModelRefusal, outcome};

/// Fuel for a call beside its bytes, because it costs the host more than a copy.
const CALL: u64 = 1_000_000;
/// Fuel for a piece of an answer beside its bytes.
const PIECE: u64 = 2_000;
/// Bytes of JSON with which a guest may ask.
const MOST_REQUEST: usize = 4 << 20;
/// Calls of one run.
const MOST_CALLS: u32 = 10_000;
/// Streams that a run has open at once.
const MOST_STREAMS: usize = 8;

/// What a run may do with models, and what it has done.
pub(crate) struct Chat {
    run: RunId,
    granted: Vec<ModelName>,
    access: Option<Arc<dyn ModelAccess>>,
    calls: u32,
    streams: usize,
}

impl Chat {
    pub(crate) fn new(
        run: RunId,
        granted: Vec<ModelName>,
        access: Option<Arc<dyn ModelAccess>>,
    ) -> Self {
        Self { run, granted, access, calls: 0, streams: 0 }
    }
}

impl Host for Sandbox {
    fn models(&mut self) -> Vec<String> {
        let names: Vec<_> = self.chat.granted.iter().map(ToString::to_string).collect();
        self.meter.bytes(names.iter().map(String::len).sum());
        names
    }

    async fn complete(&mut self, model: String, request: String) -> Result<Answer<String>> {
        let (access, call) = match self.admit_call(&model, &request, false).await {
            Ok(admitted) => admitted,
            Err(refusal) => return Ok(Err(refusal)),
        };
        // Nobody listens, so nothing that comes in pieces is waited for.
        let (pieces, _) = mpsc::channel(1);
        match access.call(self.chat.run, call, pieces).await {
            Ok(answer) => Ok(Ok(self.shown_answer(answer))),
            Err(refusal) => self.refused_call(refusal).map(Err),
        }
    }

    async fn open(
        &mut self,
        model: String,
        request: String,
    ) -> Result<Answer<Resource<ChatStream>>> {
        if self.chat.streams >= MOST_STREAMS {
            return Ok(Err(exceeded(format!(
                "a run has at most {MOST_STREAMS} answers coming in at once; drop one first"
            ))));
        }
        let (access, call) = match self.admit_call(&model, &request, true).await {
            Ok(admitted) => admitted,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let stream = self.table.push(ChatStream::begin(access, self.chat.run, call))?;
        self.chat.streams += 1;
        Ok(Ok(stream))
    }
}

impl HostChatStream for Sandbox {
    async fn next(&mut self, stream: Resource<ChatStream>) -> Result<Answer<Option<String>>> {
        match self.table.get_mut(&stream)?.next().await {
            Next::Piece(piece) => {
                let mut object = Object::new();
                object.insert("content".to_owned(), piece.content.into());
                self.meter.work(PIECE);
                Ok(Ok(Some(self.shown_answer(object))))
            }
            Next::End(Ok(_)) => Ok(Ok(None)),
            Next::End(Err(refusal)) => self.refused_call(refusal).map(Err),
        }
    }

    async fn answer(&mut self, stream: Resource<ChatStream>) -> Result<Answer<String>> {
        match self.table.get_mut(&stream)?.answer().await {
            Ok(answer) => Ok(Ok(self.shown_answer(answer))),
            Err(refusal) => self.refused_call(refusal).map(Err),
        }
    }

    fn drop(&mut self, stream: Resource<ChatStream>) -> Result<()> {
        self.table.delete(stream)?;
        self.chat.streams = self.chat.streams.saturating_sub(1);
        Ok(())
    }
}

impl Sandbox {
    /// Charges for a call, and looks whether there may be one.
    async fn admit_call(
        &mut self,
        model: &str,
        request: &str,
        streamed: bool,
    ) -> Answer<(Arc<dyn ModelAccess>, ModelCall)> {
        self.meter.work(CALL);
        self.meter.bytes(model.len().saturating_add(request.len()));
        let model: ModelName = model.parse().map_err(invalid)?;
        if !self.chat.granted.contains(&model) {
            let message = model.refusal(&self.chat.granted);
            return Err(self.refuse(message).await);
        }
        if request.len() > MOST_REQUEST {
            let most = MOST_REQUEST;
            return Err(exceeded(format!("a model is asked with at most {most} bytes of JSON")));
        }
        let request = object("the request", request)?;
        let Some(access) = self.chat.access.clone() else {
            return Err(error(ErrorCode::Unavailable, "this host calls no models"));
        };
        if self.chat.calls >= MOST_CALLS {
            return Err(exceeded(format!("a run calls models at most {MOST_CALLS} times")));
        }
        let number = self.chat.calls;
        self.chat.calls += 1;
        Ok((access, ModelCall { number, model, request, streamed }))
    }

    /// What the guest is told, unless its run ends here.
    fn refused_call(
        &mut self,
        refusal: ModelRefusal,
    ) -> Result<crate::bindings::wakeful::assistant::assistant_types::Error> {
        match refusal {
            ModelRefusal::Told(failure) => Ok(told(&failure)),
            ModelRefusal::Ends(outcome) => {
                let reason = outcome::shortened(&outcome.to_string(), 500);
                self.verdict = Some(outcome);
                bail!("{reason}")
            }
        }
    }

    fn shown_answer(&mut self, answer: Object) -> String {
        let text = serde_json::Value::Object(answer).to_string();
        self.meter.bytes(text.len());
        text
    }
}
