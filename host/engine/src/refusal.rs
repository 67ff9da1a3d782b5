//! What a guest is told when the host refuses a call.

use std::collections::BTreeSet;

use wakeful_core::{ErrorCode, Failure, LogLevel, LogSource, Object};

use crate::bindings::wakeful::assistant::assistant_types::Error;
use crate::logs::open;
use crate::sandbox::Sandbox;
use crate::{GuestEvent, outcome};

/// How many different refusals are logged; a guest that tries them all would fill its log.
const MOST_REFUSALS: usize = 16;

/// What a call of the host returns that can be refused.
pub(crate) type Answer<T> = Result<T, Error>;

/// The refusals that are in the log of a run.
#[derive(Debug, Default)]
pub(crate) struct Refusals(BTreeSet<String>);

impl Sandbox {
    /// Refuses what the grants do not name, and logs once how it would be granted.
    pub(crate) async fn refuse(&mut self, message: String) -> Error {
        if self.refusals.0.len() < MOST_REFUSALS && self.refusals.0.insert(message.clone()) {
            let kept = open(&self.logs).push(LogSource::Log, LogLevel::Warn, &message, Vec::new());
            if let Some(line) = kept {
                // A watcher that has left is no reason to stop.
                let _ = self.events.send(GuestEvent::Log(line)).await;
            }
        }
        error(ErrorCode::Denied, message)
    }
}

pub(crate) fn object(what: &str, text: &str) -> Answer<Object> {
    serde_json::from_str(text)
        .map_err(|reason| invalid(format!("{what} must be a JSON object: {reason}")))
}

pub(crate) fn invalid(reason: impl ToString) -> Error {
    // Labels and operators of any length may stand in there.
    error(ErrorCode::InvalidInput, outcome::shortened(&reason.to_string(), 500))
}

pub(crate) fn exceeded(message: String) -> Error {
    error(ErrorCode::LimitExceeded, message)
}

pub(crate) fn mismatched() -> Error {
    error(ErrorCode::Internal, "the host answered another question")
}

pub(crate) fn error(code: ErrorCode, message: impl Into<String>) -> Error {
    Error {
        code: outcome::word(code),
        message: message.into(),
        retryable: false,
        retry_after_ms: None,
    }
}

pub(crate) fn told(failure: &Failure) -> Error {
    Error {
        code: outcome::word(failure.code),
        message: failure.message.clone(),
        retryable: failure.retryable,
        retry_after_ms: failure
            .retry_after
            .map(|wait| u32::try_from(wait.as_millis()).unwrap_or(u32::MAX)),
    }
}
