use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use wakeful_core::{
    CheckpointId, Committed, End, EventId, GuestEvent, Json, LoggedEvent, Run, RunEvent, Start,
};

use super::codec::{text, text_option};
use super::report::StoredLine;

/// Everything that happened to a run, without what its record and its report say already.
#[derive(Serialize, Deserialize)]
pub(crate) struct StoredEvents<'a>(Vec<StoredEntry<'a>>);

#[derive(Serialize, Deserialize)]
struct StoredEntry<'a> {
    ms: u64,
    number: u64,
    event: StoredEvent<'a>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredEvent<'a> {
    Started {
        attempt: u32,
        values: Cow<'a, Json>,
        step: u64,
    },
    Text(Cow<'a, str>),
    Message(Cow<'a, Json>),
    Values(Cow<'a, Json>),
    Custom {
        name: Cow<'a, str>,
        data: Cow<'a, Json>,
    },
    Log(StoredLine<'a>),
    /// The outcome is in the report.
    Ended {
        committed: Option<StoredCommitted>,
    },
}

#[derive(Serialize, Deserialize)]
struct StoredCommitted {
    #[serde(with = "text")]
    id: CheckpointId,
    #[serde(with = "text_option")]
    parent: Option<CheckpointId>,
    step: u64,
}

impl<'a> StoredEvents<'a> {
    pub(crate) fn new(events: &'a [Arc<LoggedEvent>]) -> Self {
        Self(events.iter().map(|event| StoredEntry::new(event)).collect())
    }

    /// The events of the run, which has ended.
    pub(crate) fn open(self, run: &Run) -> Vec<LoggedEvent> {
        self.0.into_iter().filter_map(|entry| entry.open(run)).collect()
    }
}

impl<'a> StoredEntry<'a> {
    fn new(logged: &'a LoggedEvent) -> Self {
        let event =
            match &logged.event {
                RunEvent::Started(start) => StoredEvent::Started {
                    attempt: start.run.attempt,
                    values: Cow::Borrowed(&start.values),
                    step: start.step,
                },
                RunEvent::Guest(event) => match event {
                    GuestEvent::TextDelta(text) => StoredEvent::Text(Cow::Borrowed(text)),
                    GuestEvent::Message(message) => StoredEvent::Message(Cow::Borrowed(message)),
                    GuestEvent::Values(values) => StoredEvent::Values(Cow::Borrowed(values)),
                    GuestEvent::Custom { name, data } => {
                        StoredEvent::Custom { name: Cow::Borrowed(name), data: Cow::Borrowed(data) }
                    }
                    GuestEvent::Log(line) => StoredEvent::Log(StoredLine::new(line)),
                },
                RunEvent::Ended(end) => StoredEvent::Ended {
                    committed: end
                        .committed
                        .map(|Committed { id, parent, step }| StoredCommitted { id, parent, step }),
                },
            };
        Self { ms: logged.id.ms, number: logged.id.number, event }
    }

    fn open(self, run: &Run) -> Option<LoggedEvent> {
        let event = match self.event {
            StoredEvent::Started { attempt, values, step } => {
                let run = Run { attempt, report: None, ..run.clone() };
                RunEvent::Started(Box::new(Start { run, values: values.into_owned(), step }))
            }
            StoredEvent::Text(text) => RunEvent::Guest(GuestEvent::TextDelta(text.into_owned())),
            StoredEvent::Message(message) => {
                RunEvent::Guest(GuestEvent::Message(message.into_owned()))
            }
            StoredEvent::Values(values) => RunEvent::Guest(GuestEvent::Values(values.into_owned())),
            StoredEvent::Custom { name, data } => RunEvent::Guest(GuestEvent::Custom {
                name: name.into_owned(),
                data: data.into_owned(),
            }),
            StoredEvent::Log(line) => RunEvent::Guest(GuestEvent::Log(line.open())),
            StoredEvent::Ended { committed } => RunEvent::Ended(Box::new(End {
                outcome: run.report.as_ref()?.outcome.clone(),
                committed: committed.map(|StoredCommitted { id, parent, step }| Committed {
                    id,
                    parent,
                    step,
                }),
            })),
        };
        Some(LoggedEvent {
            id: EventId { ms: self.ms, number: self.number },
            run_id: run.id,
            event,
        })
    }
}
