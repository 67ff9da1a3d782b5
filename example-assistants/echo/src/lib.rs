//! Echo repeats the last user message and counts how often it ran on its thread.
//!
//! The input may ask for more, one key each, so that every part of the contract can be tried:
//! `{"custom": 3}` sends three custom events, `{"stream": ["a", "b"]}` sends its answer in such
//! pieces of text, `{"progress": {"done": 1}}` sends values on the way, `{"sleep": 0.5}` then waits
//! that many seconds, `{"fail": "text"}` fails with that text, and `{"ask": "Sure?"}` stops for an
//! answer, which is then found under `answer` in the thread's values.

wit_bindgen::generate!({ path: "../../wit", world: "assistant-plugin" });

use std::time::Duration;

use exports::wakeful::assistant::assistant::Guest;
use serde_json::{Value, json};
use wakeful::assistant::assistant_types::{
    Error, ErrorCode, Interrupt, Outcome, ThreadInfo, Trigger,
};
use wakeful::assistant::events::{self, CustomEvent, Event};
use wakeful::assistant::thread;

struct Echo;

export!(Echo);

impl Guest for Echo {
    fn invoke(info: ThreadInfo, input: String) -> Result<Outcome, Error> {
        let input = messages::input(&input).map_err(invalid)?;
        let new = messages::of(&input).map_err(invalid)?;

        for i in 0..input.get("custom").and_then(Value::as_u64).unwrap_or(0) {
            let data = json!({ "i": i }).to_string();
            events::emit(&Event::Custom(CustomEvent { name: "custom".into(), data }))?;
        }
        let pieces = input.get("stream").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let pieces: Vec<_> = pieces.iter().filter_map(Value::as_str).collect();
        for piece in &pieces {
            events::emit(&Event::TextDelta((*piece).into()))?;
        }
        if let Some(progress) = input.get("progress") {
            events::emit(&Event::Values(progress.to_string()))?;
        }
        if let Some(seconds) = input.get("sleep").and_then(Value::as_f64) {
            let wait = Duration::try_from_secs_f64(seconds)
                .map_err(|error| invalid(format!("`sleep` is not a time to wait: {error}")))?;
            std::thread::sleep(wait);
        }
        if let Some(text) = input.get("fail").and_then(Value::as_str) {
            return Err(error(ErrorCode::Internal, text.into()));
        }

        // A resumed invocation receives the input of the one that asked, so `ask` is there again.
        let answers = match info.trigger {
            Trigger::Resume(answers) => answers,
            _ => vec![],
        };
        if let (Some(question), []) = (input.get("ask"), answers.as_slice()) {
            return Ok(Outcome::Interrupted(vec![Interrupt {
                id: format!("ask-{}", info.run_id),
                reason: "ask".into(),
                payload: question.to_string(),
                answer_schema: None,
            }]));
        }

        // The new values replace the old ones as a whole, so what shall stay is carried over.
        let old = messages::parsed(&thread::values());
        let mut conversation = messages::so_far(&old, new);
        let said = messages::user_texts(&conversation).next_back().unwrap_or_default();
        let reply = if pieces.is_empty() {
            messages::reply(format!("echo: {said}"))
        } else {
            // Whoever watches has seen the pieces; this is the whole that they make up.
            let reply = messages::reply(pieces.concat());
            events::emit(&Event::Message(reply.to_string()))?;
            reply
        };
        conversation.push(reply);
        let mut values = json!({
            "messages": conversation,
            "count": old["count"].as_u64().unwrap_or(0).saturating_add(1),
        });
        if let Some(answer) = answers.first() {
            values["answer"] = messages::parsed(&answer.value);
        }
        Ok(Outcome::Done(values.to_string()))
    }
}

fn invalid(message: String) -> Error {
    error(ErrorCode::InvalidInput, message)
}

fn error(code: ErrorCode, message: String) -> Error {
    Error { code, message, retryable: false, retry_after_ms: None }
}
