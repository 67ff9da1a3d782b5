use std::borrow::Cow;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use wakeful_core::{
    ErrorCode, Failure, Interrupt, Json, LogLevel, LogLine, LogSource, Object, Outcome, Report,
    Timestamp, TokenBudget, TokenUse,
};

use super::codec::{micros, word};

word!(source, wakeful_core::LogSource);
word!(level, wakeful_core::LogLevel);
word!(budget, wakeful_core::TokenBudget);

#[derive(Serialize, Deserialize)]
pub(super) struct StoredReport<'a> {
    outcome: StoredOutcome<'a>,
    fuel_used: u64,
    peak_memory: u64,
    duration: Duration,
    logs: Vec<StoredLine<'a>>,
    logs_dropped: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tokens: Option<StoredTokens>,
}

/// What calls of language models used.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct StoredTokens {
    calls: u64,
    input: u64,
    output: u64,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    estimated: bool,
}

impl StoredTokens {
    pub(super) fn new(tokens: TokenUse) -> Self {
        let TokenUse { calls, input, output, estimated } = tokens;
        Self { calls, input, output, estimated }
    }

    pub(super) fn open(self) -> TokenUse {
        let Self { calls, input, output, estimated } = self;
        TokenUse { calls, input, output, estimated }
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct StoredLine<'a> {
    #[serde(with = "micros")]
    at: Timestamp,
    #[serde(with = "source")]
    source: LogSource,
    #[serde(with = "level")]
    level: LogLevel,
    message: Cow<'a, str>,
    fields: Cow<'a, [(String, String)]>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredOutcome<'a> {
    Done(Cow<'a, Object>),
    Interrupted(Vec<StoredInterrupt<'a>>),
    Failed(StoredFailure<'a>),
    OutOfFuel(u64),
    OutOfTokens {
        limit: u64,
        #[serde(with = "budget")]
        budget: TokenBudget,
    },
    OutOfMemory(u64),
    TimedOut(Duration),
    OutputTooLarge(u64),
    InvalidOutput(Cow<'a, str>),
    TooManyEvents(u32),
    DiskFull(Cow<'a, str>),
    Trapped(Cow<'a, str>),
    Cancelled,
    Refused(Cow<'a, str>),
    HostFailed(Cow<'a, str>),
}

#[derive(Serialize, Deserialize)]
struct StoredFailure<'a> {
    #[serde(with = "code")]
    code: ErrorCode,
    message: Cow<'a, str>,
    retryable: bool,
    retry_after: Option<Duration>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct StoredInterrupt<'a> {
    id: Cow<'a, str>,
    reason: Cow<'a, str>,
    payload: Cow<'a, Json>,
    answer_schema: Option<Cow<'a, Json>>,
}

impl<'a> StoredReport<'a> {
    pub(super) fn new(report: &'a Report) -> Self {
        Self {
            outcome: StoredOutcome::new(&report.outcome),
            fuel_used: report.fuel_used,
            peak_memory: report.peak_memory,
            duration: report.duration,
            logs: report.logs.iter().map(StoredLine::new).collect(),
            logs_dropped: report.logs_dropped,
            tokens: (report.tokens != TokenUse::default())
                .then(|| StoredTokens::new(report.tokens)),
        }
    }

    pub(super) fn open(self) -> Report {
        Report {
            outcome: self.outcome.open(),
            fuel_used: self.fuel_used,
            peak_memory: self.peak_memory,
            duration: self.duration,
            logs: self.logs.into_iter().map(StoredLine::open).collect(),
            logs_dropped: self.logs_dropped,
            tokens: self.tokens.unwrap_or_default().open(),
        }
    }
}

impl<'a> StoredLine<'a> {
    pub(super) fn new(line: &'a LogLine) -> Self {
        Self {
            at: line.at,
            source: line.source,
            level: line.level,
            message: Cow::Borrowed(&line.message),
            fields: Cow::Borrowed(&line.fields),
        }
    }

    pub(super) fn open(self) -> LogLine {
        LogLine {
            at: self.at,
            source: self.source,
            level: self.level,
            message: self.message.into_owned(),
            fields: self.fields.into_owned(),
        }
    }
}

impl<'a> StoredOutcome<'a> {
    fn new(outcome: &'a Outcome) -> Self {
        match outcome {
            Outcome::Done(values) => Self::Done(Cow::Borrowed(values)),
            Outcome::Interrupted(questions) => {
                Self::Interrupted(questions.iter().map(StoredInterrupt::new).collect())
            }
            Outcome::Failed(failure) => Self::Failed(StoredFailure {
                code: failure.code,
                message: Cow::Borrowed(&failure.message),
                retryable: failure.retryable,
                retry_after: failure.retry_after,
            }),
            Outcome::OutOfFuel { limit } => Self::OutOfFuel(*limit),
            Outcome::OutOfTokens { limit, budget } => {
                Self::OutOfTokens { limit: *limit, budget: *budget }
            }
            Outcome::OutOfMemory { limit } => Self::OutOfMemory(*limit),
            Outcome::TimedOut { limit } => Self::TimedOut(*limit),
            Outcome::OutputTooLarge { limit } => Self::OutputTooLarge(*limit),
            Outcome::InvalidOutput { message } => Self::InvalidOutput(Cow::Borrowed(message)),
            Outcome::TooManyEvents { limit } => Self::TooManyEvents(*limit),
            Outcome::DiskFull { message } => Self::DiskFull(Cow::Borrowed(message)),
            Outcome::Trapped { message } => Self::Trapped(Cow::Borrowed(message)),
            Outcome::Cancelled => Self::Cancelled,
            Outcome::Refused { message } => Self::Refused(Cow::Borrowed(message)),
            Outcome::HostFailed { message } => Self::HostFailed(Cow::Borrowed(message)),
        }
    }

    fn open(self) -> Outcome {
        let text = Cow::into_owned;
        match self {
            Self::Done(values) => Outcome::Done(values.into_owned()),
            Self::Interrupted(questions) => {
                Outcome::Interrupted(questions.into_iter().map(StoredInterrupt::open).collect())
            }
            Self::Failed(failure) => Outcome::Failed(Failure {
                code: failure.code,
                message: text(failure.message),
                retryable: failure.retryable,
                retry_after: failure.retry_after,
            }),
            Self::OutOfFuel(limit) => Outcome::OutOfFuel { limit },
            Self::OutOfTokens { limit, budget } => Outcome::OutOfTokens { limit, budget },
            Self::OutOfMemory(limit) => Outcome::OutOfMemory { limit },
            Self::TimedOut(limit) => Outcome::TimedOut { limit },
            Self::OutputTooLarge(limit) => Outcome::OutputTooLarge { limit },
            Self::InvalidOutput(message) => Outcome::InvalidOutput { message: text(message) },
            Self::TooManyEvents(limit) => Outcome::TooManyEvents { limit },
            Self::DiskFull(message) => Outcome::DiskFull { message: text(message) },
            Self::Trapped(message) => Outcome::Trapped { message: text(message) },
            Self::Cancelled => Outcome::Cancelled,
            Self::Refused(message) => Outcome::Refused { message: text(message) },
            Self::HostFailed(message) => Outcome::HostFailed { message: text(message) },
        }
    }
}

impl<'a> StoredInterrupt<'a> {
    pub(super) fn new(interrupt: &'a Interrupt) -> Self {
        Self {
            id: Cow::Borrowed(&interrupt.id),
            reason: Cow::Borrowed(&interrupt.reason),
            payload: Cow::Borrowed(&interrupt.payload),
            answer_schema: interrupt.answer_schema.as_ref().map(Cow::Borrowed),
        }
    }

    pub(super) fn open(self) -> Interrupt {
        Interrupt {
            id: self.id.into_owned(),
            reason: self.reason.into_owned(),
            payload: self.payload.into_owned(),
            answer_schema: self.answer_schema.map(Cow::into_owned),
        }
    }
}

mod code {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};
    use wakeful_core::ErrorCode;

    const ALL: [ErrorCode; 10] = [
        ErrorCode::InvalidInput,
        ErrorCode::Denied,
        ErrorCode::NotFound,
        ErrorCode::Conflict,
        ErrorCode::RateLimited,
        ErrorCode::Timeout,
        ErrorCode::Unavailable,
        ErrorCode::Cancelled,
        ErrorCode::LimitExceeded,
        ErrorCode::Internal,
    ];

    pub(super) fn serialize<S: Serializer>(value: &ErrorCode, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(value.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<ErrorCode, D::Error> {
        let word = String::deserialize(from)?;
        ALL.into_iter()
            .find(|code| code.as_str() == word)
            .ok_or_else(|| D::Error::custom(format!("no error code is {word:?}")))
    }
}
