use serde_json::Value;
use wakeful::core::{EventId, LoggedEvent};

use super::mode::{Mode, Modes};

/// One event of a stream.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Frame {
    pub(crate) id: EventId,
    pub(crate) event: &'static str,
    pub(crate) data: Value,
}

impl Frame {
    /// Writes the frame as the protocol has it: one line of data, and the id last if it is shown.
    pub(crate) fn write(&self, with_id: bool, out: &mut Vec<u8>) {
        write(self.event, &self.data.to_string(), with_id.then(|| self.id.to_string()), out);
    }
}

/// Writes one event of a stream.
pub(crate) fn write(event: &str, data: &str, id: Option<String>, out: &mut Vec<u8>) {
    for part in ["event: ", event, "\r\ndata: ", data, "\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
    if let Some(id) = id {
        for part in ["id: ", &id, "\r\n"] {
            out.extend_from_slice(part.as_bytes());
        }
    }
    out.extend_from_slice(b"\r\n");
}

/// What a client wants to see, and from where on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) modes: Modes,
    /// Whether it also wants to know which run it sees.
    pub(crate) metadata: Metadata,
    /// Nothing up to this id.
    pub(crate) after: Option<EventId>,
}

/// Whether a client is told which run it sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Metadata {
    Hidden,
    /// Like everything else.
    Shown,
    /// Even though that happened before what it wants to see.
    Always,
}

/// The frames of one event of the log, of those that are wanted.
pub(crate) struct Frames {
    wanted: Wanted,
    id: EventId,
    frames: Vec<Frame>,
}

impl Frames {
    pub(crate) fn of(logged: &LoggedEvent, wanted: Wanted) -> Self {
        Self { wanted, id: logged.id, frames: Vec::new() }
    }

    /// Whether a part of the event is wanted in a mode.
    fn wants(&self, mode: Mode, part: u64) -> bool {
        self.wanted.modes.contains(mode) && self.is_new(part)
    }

    fn is_new(&self, part: u64) -> bool {
        self.wanted.after.is_none_or(|after| after < self.id.part(part))
    }

    /// Adds a part if its mode is wanted. Each part of an event has a number of its own, whatever
    /// else is wanted, so that its id is the same for every client; parts come in this order.
    pub(crate) fn add(
        &mut self,
        mode: Mode,
        part: u64,
        event: &'static str,
        data: impl FnOnce() -> Value,
    ) {
        if self.wants(mode, part) {
            self.push(part, event, data());
        }
    }

    /// Adds the part that says which run this is.
    pub(crate) fn add_metadata(&mut self, part: u64, data: Value) {
        let shown = match self.wanted.metadata {
            Metadata::Hidden => false,
            Metadata::Shown => self.is_new(part),
            Metadata::Always => true,
        };
        if shown {
            self.push(part, "metadata", data);
        }
    }

    /// Adds a part that is wanted in every mode.
    pub(crate) fn add_always(&mut self, part: u64, event: &'static str, data: Value) {
        if self.is_new(part) {
            self.push(part, event, data);
        }
    }

    fn push(&mut self, part: u64, event: &'static str, data: Value) {
        self.frames.push(Frame { id: self.id.part(part), event, data });
    }

    pub(crate) fn into_vec(self) -> Vec<Frame> {
        self.frames
    }
}
