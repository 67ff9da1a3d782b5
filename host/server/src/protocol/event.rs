use serde_json::json;
use wakeful::core::{EventId, Json};

use super::subscription::Channel;

/// 2026-01-01, in milliseconds: numbers count from there, so that every JavaScript client can hold
/// them until late in this century.
const EPOCH_MS: u64 = 1_767_225_600_000;
/// How many numbers a millisecond has.
const PER_MS: u64 = 4096;

/// About when the event with this number happened, and no earlier than it did.
pub(super) fn ms_of(seq: u64) -> u64 {
    EPOCH_MS.saturating_add(seq / PER_MS)
}

/// One event, as clients see it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Event {
    pub(crate) seq: u64,
    id: String,
    channel: Channel,
    ms: u64,
    data: Json,
}

impl Event {
    pub(crate) fn method(&self) -> &'static str {
        self.channel.method()
    }

    pub(crate) fn to_json(&self) -> Json {
        json!({
            "type": "event",
            "event_id": self.id,
            "seq": self.seq,
            "method": self.method(),
            "params": { "namespace": [], "timestamp": self.ms, "data": self.data },
        })
    }
}

/// Whether anybody wants an event of this kind, with this name and number.
pub(crate) type Wants<'a> = &'a dyn Fn(Channel, Option<&str>, u64) -> bool;

/// The events that are made of one event of a run's log, of those that are wanted.
///
/// Clients come back with the largest number they saw, perhaps much later, when the log of a run
/// is no longer in memory and less of it can be told. So a number says when its event happened, not
/// how many there were before. It only ever grows.
pub(crate) struct Events<'a> {
    wants: Wants<'a>,
    /// The newest number.
    last: &'a mut u64,
    id: EventId,
    part: u64,
    events: Vec<Event>,
}

impl<'a> Events<'a> {
    pub(crate) fn of(id: EventId, last: &'a mut u64, wants: Wants<'a>) -> Self {
        Self { wants, last, id, part: 0, events: Vec::new() }
    }

    pub(crate) fn add(&mut self, channel: Channel, data: impl FnOnce() -> Json) {
        self.push(channel, None, None, data);
    }

    /// Adds an event that happens once; its id can be told without the log.
    pub(crate) fn add_once(&mut self, channel: Channel, id: String, data: impl FnOnce() -> Json) {
        self.push(channel, None, Some(id), data);
    }

    pub(crate) fn add_custom(&mut self, name: &str, data: impl FnOnce() -> Json) {
        self.push(Channel::Custom, Some(name), None, data);
    }

    /// Every event has a number and an id, whether it is wanted or not, so that they are the same
    /// for every client.
    fn push(
        &mut self,
        channel: Channel,
        name: Option<&str>,
        id: Option<String>,
        data: impl FnOnce() -> Json,
    ) {
        let place = self.id.part(self.part);
        self.part = self.part.saturating_add(1);
        let since = place.ms.saturating_sub(EPOCH_MS).saturating_mul(PER_MS);
        let seq = since.saturating_add(place.number).max(self.last.saturating_add(1));
        *self.last = seq;
        if (self.wants)(channel, name, seq) {
            let id = id.unwrap_or_else(|| place.to_string());
            self.events.push(Event { seq, id, channel, ms: place.ms, data: data() });
        }
    }

    pub(crate) fn into_vec(self) -> Vec<Event> {
        self.events
    }
}
