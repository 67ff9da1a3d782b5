use std::fmt;
use std::time::Duration;

use crate::{Json, Object, RunStatus, Timestamp, TokenBudget, TokenUse};

/// How a run ended. What a guest does wrong is data, never an `Err`.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It returned new values for its thread.
    Done(Object),
    /// It asked questions and stopped until they are answered; without a question, it was stopped
    /// before it began.
    Interrupted(Vec<Interrupt>),
    /// It returned an error.
    Failed(Failure),
    /// It used up its fuel.
    OutOfFuel {
        /// The limit, in units of fuel.
        limit: u64,
    },
    /// A call of a language model would have used more tokens than are left.
    OutOfTokens {
        /// The limit.
        limit: u64,
        /// What it limits.
        budget: TokenBudget,
    },
    /// It asked for more memory than it may have.
    OutOfMemory {
        /// The limit, in bytes.
        limit: u64,
    },
    /// It ran longer than it may.
    TimedOut {
        /// The limit.
        limit: Duration,
    },
    /// It returned or emitted more than it may.
    OutputTooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
    /// It returned something else than the contract allows.
    InvalidOutput {
        /// What is wrong with it.
        message: String,
    },
    /// It emitted more events than it may.
    TooManyEvents {
        /// The limit.
        limit: u32,
    },
    /// Its files grew beyond their limit.
    DiskFull {
        /// What was exceeded.
        message: String,
    },
    /// It crashed.
    Trapped {
        /// The trap, and where it happened if known.
        message: String,
    },
    /// Somebody asked for it to stop.
    Cancelled,
    /// It never began, because the component is missing or unusable.
    Refused {
        /// Why, and what to do.
        message: String,
    },
    /// The host failed; the guest is not to blame.
    HostFailed {
        /// What happened.
        message: String,
    },
}

impl Outcome {
    /// A stable word for the kind of outcome, for records, logs and metrics.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Done(_) => "done",
            Self::Interrupted(_) => "interrupted",
            Self::Failed(_) => "failed",
            Self::OutOfFuel { .. } => "out_of_fuel",
            Self::OutOfTokens { .. } => "out_of_tokens",
            Self::OutOfMemory { .. } => "out_of_memory",
            Self::TimedOut { .. } => "timed_out",
            Self::OutputTooLarge { .. } => "output_too_large",
            Self::InvalidOutput { .. } => "invalid_output",
            Self::TooManyEvents { .. } => "too_many_events",
            Self::DiskFull { .. } => "disk_full",
            Self::Trapped { .. } => "trapped",
            Self::Cancelled => "cancelled",
            Self::Refused { .. } => "refused",
            Self::HostFailed { .. } => "host_failed",
        }
    }

    /// The status that a run with this outcome ends in.
    pub const fn run_status(&self) -> RunStatus {
        match self {
            Self::Done(_) | Self::Interrupted(_) => RunStatus::Success,
            Self::TimedOut { .. } => RunStatus::Timeout,
            Self::Cancelled => RunStatus::Interrupted,
            _ => RunStatus::Error,
        }
    }

    /// Whether the same run may end otherwise if it is tried again.
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Failed(failure) => failure.retryable,
            Self::HostFailed { .. } => true,
            _ => false,
        }
    }

    /// Whether the run's effects on its thread are kept.
    pub const fn commits(&self) -> bool {
        matches!(self, Self::Done(_) | Self::Interrupted(_))
    }
}

impl fmt::Display for Outcome {
    /// What happened, for people; says which limit to raise where that would help.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done(_) => f.write_str("finished"),
            Self::Interrupted(questions) if questions.is_empty() => {
                f.write_str("waits until it is told to go on")
            }
            Self::Interrupted(questions) => {
                write!(f, "waits for {} answer(s)", questions.len())
            }
            Self::Failed(failure) => f.write_str(&failure.message),
            Self::OutOfFuel { limit } => {
                write!(f, "used up its {limit} units of fuel (limit `fuel`)")
            }
            Self::OutOfTokens { limit, budget } => {
                write!(f, "used up the {limit} tokens of {}", budget.explained())
            }
            Self::OutOfMemory { limit } => {
                write!(f, "asked for more than {limit} bytes of memory (limit `memory`)")
            }
            Self::TimedOut { limit } => {
                write!(f, "ran longer than {} ms (limit `timeout`)", limit.as_millis())
            }
            Self::OutputTooLarge { limit } => {
                write!(f, "returned or emitted more than {limit} bytes (limit `output`)")
            }
            Self::TooManyEvents { limit } => {
                write!(f, "emitted more than {limit} events (limit `events`)")
            }
            Self::InvalidOutput { message }
            | Self::DiskFull { message }
            | Self::Trapped { message }
            | Self::Refused { message }
            | Self::HostFailed { message } => f.write_str(message),
            Self::Cancelled => f.write_str("cancelled"),
        }
    }
}

/// An error that an assistant returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What kind of error.
    pub code: ErrorCode,
    /// For people.
    pub message: String,
    /// Whether the same run may succeed later.
    pub retryable: bool,
    /// The least wait before the next try.
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// What a host tells a guest. What is unavailable now may not be so later.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        let retryable = code == ErrorCode::Unavailable;
        Self { code, message: message.into(), retryable, retry_after: None }
    }
}

/// The kinds of error an assistant can return.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words are the contract's own and say it all")]
pub enum ErrorCode {
    InvalidInput,
    Denied,
    NotFound,
    Conflict,
    RateLimited,
    Timeout,
    Unavailable,
    Cancelled,
    LimitExceeded,
    Internal,
}

impl ErrorCode {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::InvalidInput,
        Self::Denied,
        Self::NotFound,
        Self::Conflict,
        Self::RateLimited,
        Self::Timeout,
        Self::Unavailable,
        Self::Cancelled,
        Self::LimitExceeded,
        Self::Internal,
    ];

    /// The code with this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.as_str() == word)
    }

    /// The word for it, as the contract spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidInput => "invalid-input",
            Self::Denied => "denied",
            Self::NotFound => "not-found",
            Self::Conflict => "conflict",
            Self::RateLimited => "rate-limited",
            Self::Timeout => "timeout",
            Self::Unavailable => "unavailable",
            Self::Cancelled => "cancelled",
            Self::LimitExceeded => "limit-exceeded",
            Self::Internal => "internal",
        }
    }
}

/// A question for a person or another system.
#[derive(Debug, Clone, PartialEq)]
pub struct Interrupt {
    /// Names the question within its run.
    pub id: String,
    /// Why the assistant asks.
    pub reason: String,
    /// The question.
    pub payload: Json,
    /// JSON Schema of the expected answer.
    pub answer_schema: Option<Json>,
}

/// Everything that is known of a run once it has ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// How it ended.
    pub outcome: Outcome,
    /// Units of fuel it burned.
    pub fuel_used: u64,
    /// The most bytes its memories and tables had at once.
    pub peak_memory: u64,
    /// From the start of instantiation to the outcome.
    pub duration: Duration,
    /// What it logged and printed, oldest first.
    pub logs: Vec<LogLine>,
    /// How many lines or parts of lines did not fit the limit.
    pub logs_dropped: u64,
    /// What its calls of language models used, in all its attempts.
    pub tokens: TokenUse,
}

impl Report {
    /// The report of a run that never began.
    pub fn not_run(outcome: Outcome) -> Self {
        Self {
            outcome,
            fuel_used: 0,
            peak_memory: 0,
            duration: Duration::ZERO,
            logs: Vec::new(),
            logs_dropped: 0,
            tokens: TokenUse::default(),
        }
    }
}

/// One line a guest logged or printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When the host received it.
    pub at: Timestamp,
    /// Where it came from.
    pub source: LogSource,
    /// How much it matters.
    pub level: LogLevel,
    /// The text, without a line end.
    pub message: String,
    /// Structured fields.
    pub fields: Vec<(String, String)>,
}

/// Where a log line came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogSource {
    /// The contract's `log` interface.
    Log,
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// How much a log line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the usual levels")]
pub enum LogLevel {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
    Critical,
}

macro_rules! words {
    ($type:ident { $($variant:ident = $word:literal),* $(,)? }) => {
        impl $type {
            /// The word for it, on the wire and in the store.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }

            /// The value with this word.
            pub fn parse(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

words!(LogSource { Log = "log", Stdout = "stdout", Stderr = "stderr" });
words!(LogLevel {
    Trace = "trace",
    Debug = "debug",
    Info = "info",
    Warn = "warn",
    Error = "error",
    Critical = "critical",
});
