use std::collections::HashMap;

use serde_json::json;
use wakeful::StateChange;
use wakeful::core::{EventId, LoggedEvent, RunEvent, RunId};

use super::run::RunShow;
use crate::error::Error;
use crate::extract::Params;
use crate::stream::body::Show;
use crate::stream::frame::{Frame, Metadata, Wanted};
use crate::stream::mode::{Modes, words};
use crate::wire::State;

/// The part of the end of a run that says so, after all others.
const DONE: u64 = 31;

/// What a client wants to see of a thread.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ThreadModes {
    /// What its runs show, each in the modes that it was created with.
    runs: bool,
    /// When its runs begin and end.
    lifecycle: bool,
    /// What clients write into its state by hand.
    changes: bool,
}

impl ThreadModes {
    /// The parameter `stream_modes`, or `stream_mode`, as clients call it.
    pub(crate) fn of_params(params: &Params) -> Result<Self, Error> {
        let mut modes = Self::default();
        let mut given = words(params, "stream_modes")?;
        given.extend(words(params, "stream_mode")?);
        for word in &given {
            match word.as_str() {
                "run_modes" => modes.runs = true,
                "lifecycle" => modes.lifecycle = true,
                "state_update" => modes.changes = true,
                _ => {
                    return Err(Error::unprocessable(format!(
                        "Invalid stream mode: `{word}` is not one of `run_modes`, `lifecycle`, `state_update`"
                    )));
                }
            }
        }
        modes.runs |= given.is_empty();
        Ok(modes)
    }
}

/// Makes frames of the events on a thread, run by run.
pub(crate) struct ThreadShow {
    modes: ThreadModes,
    after: Option<EventId>,
    runs: HashMap<RunId, RunShow>,
}

impl ThreadShow {
    pub(crate) fn new(modes: ThreadModes, after: Option<EventId>) -> Self {
        Self { modes, after, runs: HashMap::new() }
    }

    fn frames(&mut self, logged: &LoggedEvent) -> Vec<Frame> {
        if !self.modes.runs && !self.modes.lifecycle {
            return Vec::new();
        }
        let run_id = logged.run_id;
        if let RunEvent::Started(start) = &logged.event {
            let modes = match self.modes.runs {
                true => Modes::of_options(&start.run.request.options),
                false => Modes::default(),
            };
            let wanted = Wanted { modes, metadata: Metadata::Shown, after: self.after };
            // A run that begins anew keeps what it has shown.
            self.runs.entry(run_id).or_insert_with(|| RunShow::new(wanted));
        }
        let Some(run) = self.runs.get_mut(&run_id) else { return Vec::new() };
        let mut frames = run.frames(logged);
        if !self.modes.runs {
            frames.retain(|frame| frame.event == "metadata");
        }
        if let RunEvent::Ended(_) = &logged.event {
            self.runs.remove(&run_id);
            let id = logged.id.part(logged.event.returned_messages() + DONE);
            if self.after.is_none_or(|after| after < id) {
                let data = json!({ "status": "run_done", "run_id": run_id.to_string() });
                frames.push(Frame { id, event: "metadata", data });
            }
        }
        frames
    }
}

impl Show for ThreadShow {
    fn show(&mut self, event: &LoggedEvent, out: &mut Vec<u8>) {
        for frame in self.frames(event) {
            frame.write(true, out);
        }
    }

    fn show_change(&mut self, change: &StateChange, out: &mut Vec<u8>) {
        let StateChange { id, state } = change;
        if !self.modes.changes || self.after.is_some_and(|after| after >= *id) {
            return;
        }
        if let Some(checkpoint) = &state.checkpoint {
            let shown = State::at(&state.thread, checkpoint);
            let data = json!({ "thread_id": state.thread.id.to_string(), "state": shown });
            Frame { id: *id, event: "state_update", data }.write(true, out);
        }
    }
}
