use std::time::Duration;

use serde::{Deserialize, Serialize};
use wakeful_core::{
    GuestEvent, Interrupt, Json, LogLevel, LogLine, LogSource, Outcome, Report, Timestamp,
    TokenBudget,
};

use super::job::instant;
use super::{Damaged, Opened, Text, WireFailure};

/// Everything that is known of a run once it has ended.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::runners) struct WireReport {
    outcome: WireOutcome,
    fuel_used: u64,
    peak_memory: u64,
    duration: Duration,
    logs: Vec<WireLine>,
    logs_dropped: u64,
}

#[derive(Debug, Serialize, Deserialize)]
pub(in crate::runners) enum WireOutcome {
    Done(Text),
    Interrupted(Vec<WireInterrupt>),
    Failed(WireFailure),
    OutOfFuel(u64),
    OutOfTokens(u64, String),
    OutOfMemory(u64),
    TimedOut(Duration),
    OutputTooLarge(u64),
    InvalidOutput(String),
    TooManyEvents(u32),
    DiskFull(String),
    Trapped(String),
    Cancelled,
    Refused(String),
    HostFailed(String),
}

#[derive(Debug, Serialize, Deserialize)]
pub(in crate::runners) struct WireInterrupt {
    id: String,
    reason: String,
    payload: Text,
    answer_schema: Option<Text>,
}

/// What a guest tells whoever watches it.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::runners) enum WireEvent {
    TextDelta(String),
    Message(Text),
    Values(Text),
    Custom { name: String, data: Text },
    Log(WireLine),
}

#[derive(Debug, Serialize, Deserialize)]
pub(in crate::runners) struct WireLine {
    at: i128,
    source: String,
    level: String,
    message: String,
    fields: Vec<(String, String)>,
}

impl WireReport {
    pub(in crate::runners) fn new(report: Report) -> Self {
        Self {
            outcome: WireOutcome::new(report.outcome),
            fuel_used: report.fuel_used,
            peak_memory: report.peak_memory,
            duration: report.duration,
            logs: report.logs.into_iter().map(WireLine::new).collect(),
            logs_dropped: report.logs_dropped,
        }
    }

    pub(in crate::runners) fn open(self) -> Opened<Report> {
        Ok(Report {
            fuel_used: self.fuel_used,
            peak_memory: self.peak_memory,
            duration: self.duration,
            logs: self.logs.into_iter().map(WireLine::open).collect::<Opened<_>>()?,
            logs_dropped: self.logs_dropped,
            // What models cost is counted on the host's side.
            ..Report::not_run(self.outcome.open()?)
        })
    }
}

impl WireOutcome {
    pub(super) fn new(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Done(values) => Self::Done(Text::of_object(values)),
            Outcome::Interrupted(questions) => {
                Self::Interrupted(questions.into_iter().map(WireInterrupt::new).collect())
            }
            Outcome::Failed(failure) => Self::Failed(WireFailure::new(failure)),
            Outcome::OutOfFuel { limit } => Self::OutOfFuel(limit),
            Outcome::OutOfTokens { limit, budget } => {
                Self::OutOfTokens(limit, budget.as_str().to_owned())
            }
            Outcome::OutOfMemory { limit } => Self::OutOfMemory(limit),
            Outcome::TimedOut { limit } => Self::TimedOut(limit),
            Outcome::OutputTooLarge { limit } => Self::OutputTooLarge(limit),
            Outcome::InvalidOutput { message } => Self::InvalidOutput(message),
            Outcome::TooManyEvents { limit } => Self::TooManyEvents(limit),
            Outcome::DiskFull { message } => Self::DiskFull(message),
            Outcome::Trapped { message } => Self::Trapped(message),
            Outcome::Cancelled => Self::Cancelled,
            Outcome::Refused { message } => Self::Refused(message),
            Outcome::HostFailed { message } => Self::HostFailed(message),
        }
    }

    pub(super) fn open(self) -> Opened<Outcome> {
        Ok(match self {
            Self::Done(values) => Outcome::Done(values.object()?),
            Self::Interrupted(questions) => Outcome::Interrupted(
                questions.into_iter().map(WireInterrupt::open).collect::<Opened<_>>()?,
            ),
            Self::Failed(failure) => Outcome::Failed(failure.open()?),
            Self::OutOfFuel(limit) => Outcome::OutOfFuel { limit },
            Self::OutOfTokens(limit, budget) => {
                let budget = TokenBudget::parse(&budget).ok_or(Damaged)?;
                Outcome::OutOfTokens { limit, budget }
            }
            Self::OutOfMemory(limit) => Outcome::OutOfMemory { limit },
            Self::TimedOut(limit) => Outcome::TimedOut { limit },
            Self::OutputTooLarge(limit) => Outcome::OutputTooLarge { limit },
            Self::InvalidOutput(message) => Outcome::InvalidOutput { message },
            Self::TooManyEvents(limit) => Outcome::TooManyEvents { limit },
            Self::DiskFull(message) => Outcome::DiskFull { message },
            Self::Trapped(message) => Outcome::Trapped { message },
            Self::Cancelled => Outcome::Cancelled,
            Self::Refused(message) => Outcome::Refused { message },
            Self::HostFailed(message) => Outcome::HostFailed { message },
        })
    }
}

impl WireInterrupt {
    fn new(question: Interrupt) -> Self {
        let Interrupt { id, reason, payload, answer_schema } = question;
        let answer_schema = answer_schema.as_ref().map(Text::of);
        Self { id, reason, payload: Text::of(&payload), answer_schema }
    }

    fn open(self) -> Opened<Interrupt> {
        Ok(Interrupt {
            id: self.id,
            reason: self.reason,
            payload: self.payload.open()?,
            answer_schema: self.answer_schema.as_ref().map(Text::open).transpose()?,
        })
    }
}

impl WireEvent {
    pub(in crate::runners) fn new(event: GuestEvent) -> Self {
        let text = |value: Json| Text::of(&value);
        match event {
            GuestEvent::TextDelta(delta) => Self::TextDelta(delta),
            GuestEvent::Message(message) => Self::Message(text(message)),
            GuestEvent::Values(values) => Self::Values(text(values)),
            GuestEvent::Custom { name, data } => Self::Custom { name, data: text(data) },
            GuestEvent::Log(line) => Self::Log(WireLine::new(line)),
        }
    }

    pub(in crate::runners) fn open(self) -> Opened<GuestEvent> {
        Ok(match self {
            Self::TextDelta(delta) => GuestEvent::TextDelta(delta),
            Self::Message(message) => GuestEvent::Message(message.open()?),
            Self::Values(values) => GuestEvent::Values(values.open()?),
            Self::Custom { name, data } => GuestEvent::Custom { name, data: data.open()? },
            Self::Log(line) => GuestEvent::Log(line.open()?),
        })
    }

    /// Whether it is a line that the log of the run has as well.
    pub(in crate::runners) fn is_line(&self) -> bool {
        matches!(self, Self::Log(_))
    }

    /// How many bytes it says.
    pub(in crate::runners) fn size(&self) -> usize {
        match self {
            Self::TextDelta(delta) => delta.len(),
            Self::Message(text) | Self::Values(text) => text.len(),
            Self::Custom { name, data } => name.len().saturating_add(data.len()),
            Self::Log(line) => line.size(),
        }
    }
}

impl WireLine {
    fn new(line: LogLine) -> Self {
        Self {
            at: Timestamp::as_nanosecond(line.at),
            source: line.source.as_str().to_owned(),
            level: line.level.as_str().to_owned(),
            message: line.message,
            fields: line.fields,
        }
    }

    fn open(self) -> Opened<LogLine> {
        Ok(LogLine {
            at: instant(self.at)?,
            source: LogSource::parse(&self.source).ok_or(Damaged)?,
            level: LogLevel::parse(&self.level).ok_or(Damaged)?,
            message: self.message,
            fields: self.fields,
        })
    }

    fn size(&self) -> usize {
        let fields = self.fields.iter().map(|(key, value)| key.len() + value.len());
        fields.fold(self.message.len(), usize::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use wakeful_core::{ErrorCode, Failure, Object};

    use super::*;

    fn through<T: Serialize + for<'a> Deserialize<'a>>(shape: &T) -> T {
        postcard::from_bytes(&postcard::to_stdvec(shape).unwrap()).unwrap()
    }

    fn report(outcome: Outcome) -> Report {
        let line = LogLine {
            at: Timestamp::from_nanosecond(1_795_334_347_957_123_456).unwrap(),
            source: LogSource::Stderr,
            level: LogLevel::Critical,
            message: "ö\n\0".to_owned(),
            fields: vec![("key".to_owned(), "value".to_owned())],
        };
        let (duration, logs) = (Duration::from_nanos(1_234_567_891), vec![line]);
        Report {
            fuel_used: u64::MAX,
            peak_memory: 1,
            duration,
            logs,
            logs_dropped: 3,
            ..Report::not_run(outcome)
        }
    }

    #[test]
    fn every_report_arrives_as_it_was_sent() {
        let values: Object =
            json!({ "z": 1, "a": [0.1, 1e300, -5, null, u64::MAX], "": { "\u{0}": "\u{10ffff}" } })
                .as_object()
                .unwrap()
                .clone();
        // As deep as anything that was read can be.
        let deep: Json =
            serde_json::from_str(&format!("{}{}", "[".repeat(126), "]".repeat(126))).unwrap();
        let text = || "what\nhappened".to_owned();
        let limit = Duration::from_millis(7);
        for outcome in [
            Outcome::Done(values),
            Outcome::Done(Object::from_iter([("deep".to_owned(), deep.clone())])),
            Outcome::Interrupted(Vec::new()),
            Outcome::Interrupted(vec![Interrupt {
                id: text(),
                reason: text(),
                payload: deep,
                answer_schema: Some(json!({ "type": "string" })),
            }]),
            Outcome::Failed(Failure {
                code: ErrorCode::RateLimited,
                message: text(),
                retryable: true,
                retry_after: Some(limit),
            }),
            Outcome::OutOfFuel { limit: 1 },
            Outcome::OutOfMemory { limit: 2 },
            Outcome::TimedOut { limit },
            Outcome::OutputTooLarge { limit: 3 },
            Outcome::InvalidOutput { message: text() },
            Outcome::TooManyEvents { limit: 4 },
            Outcome::DiskFull { message: text() },
            Outcome::Trapped { message: text() },
            Outcome::Cancelled,
            Outcome::Refused { message: text() },
            Outcome::HostFailed { message: text() },
        ] {
            let sent = report(outcome);
            let arrived = through(&WireReport::new(sent.clone())).open();
            assert_eq!(arrived, Ok(sent));
        }
    }

    #[test]
    fn every_event_arrives_as_it_was_sent() {
        let line = report(Outcome::Cancelled).logs.remove(0);
        for sent in [
            GuestEvent::TextDelta("ö".to_owned()),
            GuestEvent::Message(json!({ "role": "ai" })),
            GuestEvent::Values(json!(null)),
            GuestEvent::Custom { name: "n".to_owned(), data: json!([1]) },
            GuestEvent::Log(line),
        ] {
            assert_eq!(through(&WireEvent::new(sent.clone())).open(), Ok(sent));
        }
    }

    #[test]
    fn words_and_texts_that_stand_for_nothing_are_damaged() {
        let mut line = WireLine::new(report(Outcome::Cancelled).logs.remove(0));
        line.level = "loud".to_owned();
        assert_eq!(line.open(), Err(Damaged));
        let mut line = WireLine::new(report(Outcome::Cancelled).logs.remove(0));
        line.at = i128::MAX;
        assert_eq!(line.open(), Err(Damaged));
        let half: Text = postcard::from_bytes(&postcard::to_stdvec("{\"a\":").unwrap()).unwrap();
        assert_eq!(half.object(), Err(Damaged));
    }
}
