//! What a run's end means.

use std::time::Duration;

use serde_json::Value;
use wakeful_core::{ErrorCode, Failure, Interrupt, Limits, Outcome};
use wasmtime::{PoolConcurrencyLimitError, Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use crate::bindings::wakeful::assistant::assistant_types as contract;
use crate::sandbox::Sandbox;

/// Bytes of a message that the host keeps about a crash.
const MESSAGE: usize = 1_000;

/// What a question counts beside its texts; else a hundred thousand empty ones were free.
const QUESTION: usize = 64;

/// The outcome of a guest that returned.
pub(crate) fn returned(
    result: Result<contract::Outcome, contract::Error>,
    limits: &Limits,
) -> Outcome {
    match result {
        Ok(contract::Outcome::Done(values)) => done(&values, limits),
        Ok(contract::Outcome::Interrupted(questions)) => interrupted(questions, limits),
        Err(error) => Outcome::Failed(Failure {
            code: code(error.code),
            message: shortened(
                &error.message,
                usize::try_from(limits.output).unwrap_or(usize::MAX),
            ),
            retryable: error.retryable,
            retry_after: error.retry_after_ms.map(|ms| Duration::from_millis(ms.into())),
        }),
    }
}

fn done(values: &str, limits: &Limits) -> Outcome {
    if values.len() as u64 > limits.output {
        return Outcome::OutputTooLarge { limit: limits.output };
    }
    match serde_json::from_str(values) {
        Ok(Value::Object(values)) => Outcome::Done(values),
        Ok(other) => Outcome::InvalidOutput {
            message: format!("`done` must carry a JSON object, and this is {}", kind(&other)),
        },
        Err(error) => {
            Outcome::InvalidOutput { message: format!("`done` must carry JSON: {error}") }
        }
    }
}

fn interrupted(questions: Vec<contract::Interrupt>, limits: &Limits) -> Outcome {
    let bytes = |question: &contract::Interrupt| {
        [
            QUESTION,
            question.id.len(),
            question.reason.len(),
            question.payload.len(),
            question.answer_schema.as_ref().map_or(0, String::len),
        ]
        .into_iter()
        .fold(0_u64, |sum, len| sum.saturating_add(len as u64))
    };
    if questions.iter().map(bytes).fold(0, u64::saturating_add) > limits.output {
        return Outcome::OutputTooLarge { limit: limits.output };
    }
    if questions.is_empty() {
        return Outcome::InvalidOutput {
            message: "`interrupted` must ask at least one question".into(),
        };
    }
    let questions: Result<Vec<_>, _> = questions.into_iter().map(interrupt).collect();
    questions.map_or_else(|message| Outcome::InvalidOutput { message }, Outcome::Interrupted)
}

fn interrupt(question: contract::Interrupt) -> Result<Interrupt, String> {
    let json = |what: &str, text: &str| {
        serde_json::from_str(text).map_err(|error| {
            format!(
                "the {what} of interrupt `{}` must be JSON: {error}",
                shortened(&question.id, 100)
            )
        })
    };
    Ok(Interrupt {
        payload: json("payload", &question.payload)?,
        answer_schema: question
            .answer_schema
            .as_deref()
            .map(|schema| json("answer schema", schema))
            .transpose()?,
        id: question.id,
        reason: question.reason,
    })
}

fn code(code: contract::ErrorCode) -> ErrorCode {
    match code {
        contract::ErrorCode::InvalidInput => ErrorCode::InvalidInput,
        contract::ErrorCode::Denied => ErrorCode::Denied,
        contract::ErrorCode::NotFound => ErrorCode::NotFound,
        contract::ErrorCode::Conflict => ErrorCode::Conflict,
        contract::ErrorCode::RateLimited => ErrorCode::RateLimited,
        contract::ErrorCode::Timeout => ErrorCode::Timeout,
        contract::ErrorCode::Unavailable => ErrorCode::Unavailable,
        contract::ErrorCode::Cancelled => ErrorCode::Cancelled,
        contract::ErrorCode::LimitExceeded => ErrorCode::LimitExceeded,
        contract::ErrorCode::Internal => ErrorCode::Internal,
    }
}

/// The contract's word for a kind of error.
pub(crate) fn word(code: ErrorCode) -> contract::ErrorCode {
    match code {
        ErrorCode::InvalidInput => contract::ErrorCode::InvalidInput,
        ErrorCode::Denied => contract::ErrorCode::Denied,
        ErrorCode::NotFound => contract::ErrorCode::NotFound,
        ErrorCode::Conflict => contract::ErrorCode::Conflict,
        ErrorCode::RateLimited => contract::ErrorCode::RateLimited,
        ErrorCode::Timeout => contract::ErrorCode::Timeout,
        ErrorCode::Unavailable => contract::ErrorCode::Unavailable,
        ErrorCode::Cancelled => contract::ErrorCode::Cancelled,
        ErrorCode::LimitExceeded => contract::ErrorCode::LimitExceeded,
        ErrorCode::Internal => contract::ErrorCode::Internal,
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// The outcome of a guest that did not return.
pub(crate) fn ended(error: &wasmtime::Error, sandbox: &mut Sandbox) -> Outcome {
    if let Some(verdict) = sandbox.verdict.take() {
        return verdict;
    }
    let limits = &sandbox.limits;
    if sandbox.limiter.denied() {
        return Outcome::OutOfMemory { limit: limits.memory };
    }
    if let Some(trap) = error.downcast_ref::<Trap>() {
        return match trap {
            Trap::OutOfFuel => Outcome::OutOfFuel { limit: limits.fuel },
            trap => Outcome::Trapped { message: located(&trap.to_string(), error) },
        };
    }
    if let Some(I32Exit(status)) = error.downcast_ref() {
        return Outcome::Trapped {
            message: format!("the assistant exited with status {status} instead of returning"),
        };
    }
    let message = format!("{:#}", error.root_cause());
    if error.is::<PoolConcurrencyLimitError>() || error.is::<std::io::Error>() {
        return Outcome::HostFailed { message: shortened(&message, MESSAGE) };
    }
    // The two errors below have no type that could be asked for.
    if message.contains("fuel allocated for hostcalls has been exhausted") {
        return Outcome::OutputTooLarge { limit: limits.output };
    }
    if message.starts_with("resource limit exceeded") {
        return Outcome::Refused {
            message: format!("the component has too many parts: {}", shortened(&message, MESSAGE)),
        };
    }
    Outcome::Trapped { message: located(&message, error) }
}

/// A message with the innermost functions on the guest's stack, where they have names.
fn located(message: &str, error: &wasmtime::Error) -> String {
    let mut text = shortened(message, MESSAGE);
    let names: Vec<_> = error
        .downcast_ref::<WasmBacktrace>()
        .into_iter()
        .flat_map(|trace| trace.frames())
        .filter_map(|frame| frame.func_name())
        .take(4)
        .map(|name| shortened(name, 100))
        .collect();
    if !names.is_empty() {
        text.push_str(&format!(" in {}", names.join(" < ")));
    }
    text
}

/// The longest beginning of `text` that has at most `max` bytes.
pub(crate) fn floor(text: &str, max: usize) -> &str {
    text.get(..text.floor_char_boundary(max)).unwrap_or(text)
}

/// `text` cut to about `max` bytes, with a mark where it was cut.
pub(crate) fn shortened(text: &str, max: usize) -> String {
    let kept = floor(text, max);
    if kept.len() == text.len() { text.to_owned() } else { format!("{kept}…") }
}
