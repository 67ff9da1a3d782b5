//! What a guest is told when the host refuses a call.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;
use wakeful_core::{ErrorCode, Failure, LogLevel, LogLine, LogSource, Object};

use crate::bindings::wakeful::assistant::assistant_types::Error;
use crate::logs::{SharedLogBook, open};
use crate::sandbox::Sandbox;
use crate::{GuestEvent, outcome};

/// How many different refusals are logged; a guest that tries them all would fill its log.
const MOST_REFUSALS: usize = 16;

/// What a call of the host returns that can be refused.
pub(crate) type Answer<T> = Result<T, Error>;

/// The refusals that are in the log of a run. Its parts share them.
#[derive(Clone)]
pub(crate) struct Refusals {
    told: Arc<Mutex<BTreeSet<String>>>,
    logs: SharedLogBook,
    events: mpsc::Sender<GuestEvent>,
}

impl Refusals {
    pub(crate) fn new(logs: SharedLogBook, events: mpsc::Sender<GuestEvent>) -> Self {
        Self { told: Arc::default(), logs, events }
    }

    /// Logs a refusal, where nobody can wait until the run's watchers have it.
    pub(crate) fn tell(&self, message: &str) {
        if let Some(line) = self.log(message) {
            // The report has the line in any case.
            let _ = self.events.try_send(GuestEvent::Log(line));
        }
    }

    /// Logs a refusal once.
    fn log(&self, message: &str) -> Option<LogLine> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() >= MOST_REFUSALS || !told.insert(message.to_owned()) {
            return None;
        }
        drop(told);
        open(&self.logs).push(LogSource::Log, LogLevel::Warn, message, Vec::new())
    }
}

impl Sandbox {
    /// Refuses what the grants do not name, and logs once how it would be granted.
    pub(crate) async fn refuse(&mut self, message: String) -> Error {
        if let Some(line) = self.refusals.log(&message) {
            // A watcher that has left is no reason to stop.
            let _ = self.events.send(GuestEvent::Log(line)).await;
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
