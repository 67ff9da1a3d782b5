use std::time::Duration;

use wakeful_core::{ErrorCode, Failure};

/// Characters of what a provider says that a guest is told.
const LONGEST: usize = 500;

/// Why an attempt of a call came to nothing.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Trouble {
    code: ErrorCode,
    message: String,
    /// Whether another attempt may come to something.
    pub(super) passes: bool,
    /// Whether the provider has worked for it, and so wants its money.
    pub(super) paid: bool,
    /// The least wait before it.
    pub(super) wait: Option<Duration>,
}

impl Trouble {
    /// The provider cannot be reached.
    pub(super) fn unreachable(reason: impl std::fmt::Display) -> Self {
        Self::passing(ErrorCode::Unavailable, format!("the provider cannot be reached: {reason}"))
    }

    /// It took too long.
    pub(super) fn slow(what: &str, limit: Duration) -> Self {
        let limit = wakeful_core::duration_text(limit);
        Self::passing(ErrorCode::Timeout, format!("the provider took longer than {limit} {what}"))
    }

    /// The same, once it has the request.
    pub(super) fn slow_answer(what: &str, limit: Duration) -> Self {
        Self { paid: true, ..Self::slow(what, limit) }
    }

    /// What came is no answer.
    pub(super) fn malformed(reason: impl std::fmt::Display) -> Self {
        let message = format!("the provider's answer cannot be read: {reason}");
        Self { paid: true, ..Self::passing(ErrorCode::Unavailable, message) }
    }

    /// The provider answered with an error.
    pub(super) fn status(status: u16, said: &str, wait: Option<Duration>) -> Self {
        let said = said.trim();
        let said = if said.is_empty() { "nothing more" } else { said };
        let (code, about) = match status {
            429 => (ErrorCode::RateLimited, "has too many requests"),
            401 | 403 => (ErrorCode::Unavailable, "does not accept the host's key"),
            300..400 => (ErrorCode::Unavailable, "points elsewhere, which is not followed"),
            408 => (ErrorCode::Timeout, "gave up waiting"),
            400..500 => (ErrorCode::InvalidInput, "refuses the request"),
            _ => (ErrorCode::Unavailable, "has failed"),
        };
        let passes = matches!(status, 408 | 409 | 425 | 429 | 500..);
        let message = format!("the provider {about} (status {status}); it says: {said}");
        Self { wait, passes, ..Self::passing(code, message) }
    }

    /// The host itself cannot make the call.
    pub(super) fn own(message: impl Into<String>) -> Self {
        Self { passes: false, ..Self::passing(ErrorCode::Unavailable, message.into()) }
    }

    fn passing(code: ErrorCode, message: String) -> Self {
        let message = match message.char_indices().nth(LONGEST) {
            Some((end, _)) => format!("{}…", message.get(..end).unwrap_or_default()),
            None => message,
        };
        Self { code, message, passes: true, paid: false, wait: None }
    }

    /// What the guest is told.
    pub(super) fn told(self) -> Failure {
        Failure {
            code: self.code,
            message: self.message,
            retryable: self.passes,
            retry_after: self.wait,
        }
    }

    /// For the host's log.
    pub(super) fn message(&self) -> &str {
        &self.message
    }
}
