use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::{CheckpointId, Json, LogLine, Outcome, Run, RunId};

/// What a guest tells whoever watches it.
#[derive(Debug, Clone, PartialEq)]
pub enum GuestEvent {
    /// A piece of text for the end user.
    TextDelta(String),
    /// A complete message.
    Message(Json),
    /// Whole or partial values.
    Values(Json),
    /// Anything else.
    Custom {
        /// The name that the assistant chose.
        name: String,
        /// What it says.
        data: Json,
    },
    /// A line that it logged or printed; the report has it too. Lines of standard output and
    /// standard error are left out here while the channel is full.
    Log(LogLine),
}

/// Something that happened to a run while it ran.
#[derive(Debug, Clone, PartialEq)]
pub enum RunEvent {
    /// An attempt began.
    Started(Box<Start>),
    /// The guest told something.
    Guest(GuestEvent),
    /// The run ended. Nothing follows.
    Ended(Box<End>),
}

/// How an attempt began.
#[derive(Debug, Clone, PartialEq)]
pub struct Start {
    /// The run, as it was claimed; [`Run::attempt`] counts from 1.
    pub run: Run,
    /// The values of its thread at that time; `null` on a new thread.
    pub values: Json,
    /// The number of its thread's next checkpoint.
    pub step: u64,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub struct End {
    /// What came of it.
    pub outcome: Outcome,
    /// What its thread became, if that changed.
    pub committed: Option<Committed>,
}

/// A checkpoint, without its contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// Its id.
    pub id: CheckpointId,
    /// The checkpoint before it.
    pub parent: Option<CheckpointId>,
    /// Its number on its thread.
    pub step: u64,
}

/// An event in the log of its run.
#[derive(Debug, Clone, PartialEq)]
pub struct LoggedEvent {
    /// Its place among all events.
    pub id: EventId,
    /// The run.
    pub run_id: RunId,
    /// What happened.
    pub event: RunEvent,
}

impl LoggedEvent {
    /// What is shown of an event may have several parts, each with an id of its own; these are from
    /// [`Self::id`] to this one. The next event's is larger.
    pub fn last_id(&self) -> EventId {
        let EventId { ms, number } = self.id;
        EventId { ms, number: number.saturating_add(self.event.parts().saturating_sub(1)) }
    }
}

impl RunEvent {
    /// How many parts the event may be shown in, at most.
    pub fn parts(&self) -> u64 {
        const PARTS: u64 = 32;
        self.returned_messages().saturating_add(PARTS)
    }

    /// How many messages are in the values that the run returned. Each may be a part, before those
    /// that every event has.
    pub fn returned_messages(&self) -> u64 {
        let Self::Ended(end) = self else { return 0 };
        let Outcome::Done(values) = &end.outcome else { return 0 };
        values.get("messages").and_then(Json::as_array).map_or(0, Vec::len) as u64
    }
}

/// The place of an event, or of a part of one, among all of them: the time and a number. On the
/// wire `1795334347957-16`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct EventId {
    /// Milliseconds since 1970; never runs backwards, even if the clock does.
    pub ms: u64,
    /// Tells apart what has the same time.
    pub number: u64,
}

impl EventId {
    /// The id of one of the parts of the event with this id.
    pub fn part(self, part: u64) -> Self {
        Self { ms: self.ms, number: self.number.saturating_add(part) }
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ms, self.number)
    }
}

/// Text that is not the id of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("must be milliseconds, or milliseconds and a number as in 1795334347957-16")]
pub struct InvalidEventId;

impl FromStr for EventId {
    type Err = InvalidEventId;

    fn from_str(text: &str) -> Result<Self, InvalidEventId> {
        let (ms, number) = text.split_once('-').unwrap_or((text, "0"));
        let read = |digits: &str| {
            let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| digits.parse().ok()).flatten().ok_or(InvalidEventId)
        };
        Ok(Self { ms: read(ms)?, number: read(number)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_id_is_digits_and_perhaps_a_number() {
        for (text, ms, number) in
            [("0", 0, 0), ("12-7", 12, 7), ("1795334347957-0", 1_795_334_347_957, 0)]
        {
            assert_eq!(text.parse(), Ok(EventId { ms, number }), "{text}");
        }
        for text in ["", "-", "1-", "-1", "+1", "1-2-3", "zzz", "1 ", "99999999999999999999999"] {
            assert_eq!(text.parse::<EventId>(), Err(InvalidEventId), "{text}");
        }
        assert_eq!(EventId { ms: 3, number: 16 }.to_string(), "3-16");
    }
}
