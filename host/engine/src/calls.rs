//! Other assistants, as a guest sees them: those that it is granted, on its own account.

use std::sync::Arc;

use wakeful_core::{ComponentId, ErrorCode, Json, RunId, toml_text};

use crate::bindings::wakeful::assistant::calls::Host;
use crate::refusal::{Answer, error, exceeded, invalid, mismatched, told};
use crate::sandbox::Sandbox;
use crate::{AssistantAccess, AssistantAnswer, AssistantCall};

/// Fuel for a call beside its bytes and what the other run uses.
const CALL: u64 = 1_000_000;
/// Bytes of JSON that another assistant may be given.
const MOST_INPUT: usize = 1 << 20;
/// Calls of one run.
pub(crate) const MOST_CALLS: u32 = 32;

/// What a run may do with other assistants, and what it has done.
pub(crate) struct Calls {
    run: RunId,
    granted: Vec<ComponentId>,
    access: Option<Arc<dyn AssistantAccess>>,
    calls: u32,
}

impl Calls {
    pub(crate) fn new(
        run: RunId,
        granted: Vec<ComponentId>,
        access: Option<Arc<dyn AssistantAccess>>,
    ) -> Self {
        Self { run, granted, access, calls: 0 }
    }
}

impl Host for Sandbox {
    fn assistants(&mut self) -> Vec<String> {
        let ids: Vec<_> = self.calls.granted.iter().map(ToString::to_string).collect();
        self.meter.bytes(ids.iter().map(String::len).sum());
        ids
    }

    async fn invoke(&mut self, assistant: String, input: String) -> Answer<String> {
        let answer = self.call_assistant(&assistant, &input, true).await?;
        let ended = answer.ended.ok_or_else(mismatched)?;
        let text = Json::Object(ended).to_string();
        self.meter.bytes(text.len());
        Ok(text)
    }

    async fn start(&mut self, assistant: String, input: String) -> Answer<String> {
        let answer = self.call_assistant(&assistant, &input, false).await?;
        Ok(answer.run_id.to_string())
    }
}

impl Sandbox {
    async fn call_assistant(
        &mut self,
        assistant: &str,
        input: &str,
        wait: bool,
    ) -> Answer<AssistantAnswer> {
        self.meter.work(CALL);
        self.meter.bytes(assistant.len().saturating_add(input.len()));
        let assistant: ComponentId =
            assistant.parse().map_err(|problem| invalid(format!("`assistant`: {problem}")))?;
        if !self.calls.granted.contains(&assistant) {
            let ids = toml_text::list(self.calls.granted.iter().chain([&assistant]));
            let message = format!(
                "the assistant may not call assistant {assistant}; to allow it, put this under [grants] in its .toml: assistants = {ids}"
            );
            return Err(self.refuse(message).await);
        }
        if input.len() > MOST_INPUT {
            let most = MOST_INPUT;
            return Err(exceeded(format!("an assistant is given at most {most} bytes of JSON")));
        }
        let input: Json = serde_json::from_str(input)
            .map_err(|problem| invalid(format!("`input` must be JSON: {problem}")))?;
        if !matches!(input, Json::Object(_) | Json::Null) {
            return Err(invalid("`input` must be a JSON object"));
        }
        let Some(access) = self.calls.access.clone() else {
            return Err(error(ErrorCode::Unavailable, "this host lets no assistant call another"));
        };
        if self.calls.calls >= MOST_CALLS {
            return Err(exceeded(format!(
                "a run calls other assistants at most {MOST_CALLS} times"
            )));
        }
        let number = self.calls.calls;
        self.calls.calls += 1;
        let fuel = self.meter.left();
        let call = AssistantCall { number, assistant, input, wait, fuel };
        let answer = access.call(self.calls.run, call).await.map_err(|failure| told(&failure))?;
        self.meter.work(answer.fuel);
        Ok(answer)
    }
}
