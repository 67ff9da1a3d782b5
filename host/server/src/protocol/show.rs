use std::collections::HashMap;

use wakeful::core::{Json, LoggedEvent, Object, Outcome, RunEvent, RunId, Start};

use super::attempt::{Attempt, end_unbegun};
use super::event::{Event, Events, Wants};
use super::subscription::Subscription;
use crate::stream::{Show, write};

/// Makes events of what happens on a thread, run by run. It has to see all of that, also what
/// nobody wants.
#[derive(Default)]
pub(crate) struct ThreadEvents {
    runs: HashMap<RunId, Attempt>,
    /// What the newest run returned.
    values: Option<Object>,
    /// The newest number.
    last: u64,
}

impl ThreadEvents {
    /// The newest number so far.
    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    pub(crate) fn events(&mut self, logged: &LoggedEvent, wants: Wants<'_>) -> Vec<Event> {
        let mut events = Events::of(logged.id, &mut self.last, wants);
        match &logged.event {
            RunEvent::Started(start) => {
                let attempt = match &self.values {
                    // Of a run whose events were not kept, nobody knows where it began.
                    Some(values) if start.values.is_null() => Attempt::new(&Start {
                        values: Json::Object(values.clone()),
                        ..Start::clone(start)
                    }),
                    _ => Attempt::new(start),
                };
                attempt.begin(&mut events);
                self.runs.insert(logged.run_id, attempt);
            }
            RunEvent::Guest(event) => {
                if let Some(attempt) = self.runs.get_mut(&logged.run_id) {
                    attempt.emitted(event, &mut events);
                }
            }
            RunEvent::Ended(end) => {
                match self.runs.remove(&logged.run_id) {
                    Some(mut attempt) => attempt.end(end, &mut events),
                    None => end_unbegun(logged.run_id, end, &mut events),
                }
                if let Outcome::Done(values) = &end.outcome {
                    self.values = Some(values.clone());
                }
            }
        }
        events.into_vec()
    }
}

/// The events of a thread as a stream of server-sent events.
pub(crate) struct EventShow {
    thread: ThreadEvents,
    wanted: Subscription,
}

impl EventShow {
    pub(crate) fn new(wanted: Subscription) -> Self {
        Self { thread: ThreadEvents::default(), wanted }
    }
}

impl Show for EventShow {
    fn show(&mut self, logged: &LoggedEvent, out: &mut Vec<u8>) {
        let wanted = &self.wanted;
        let wants = |channel, name: Option<&str>, seq| wanted.wants(channel, name, seq);
        for event in self.thread.events(logged, &wants) {
            let (data, id) = (event.to_json().to_string(), event.seq.to_string());
            write(event.method(), &data, Some(id), out);
        }
    }
}
