use serde_json::json;
use wakeful::core::{
    End, EventId, GuestEvent, Json, LoggedEvent, Object, Outcome, RunError, RunEvent, Start,
};

use super::context::Context;
use super::messages::{self, Messages};
use super::values::Values;
use super::{chain, tasks};
use crate::stream::body::Show;
use crate::stream::frame::{Frame, Frames, Wanted};
use crate::stream::mode::Mode;
use crate::wire::Asked;

/// Makes frames of the events of one run. It has to see all of them, from the first on, also those
/// of which nothing is wanted.
pub(crate) struct RunShow {
    wanted: Wanted,
    attempt: Option<Attempt>,
}

/// What is known of the attempt in progress.
struct Attempt {
    context: Context,
    values: Values,
    messages: Messages,
}

impl RunShow {
    pub(crate) fn new(wanted: Wanted) -> Self {
        Self { wanted, attempt: None }
    }

    pub(crate) fn frames(&mut self, logged: &LoggedEvent) -> Vec<Frame> {
        let mut frames = Frames::of(logged, self.wanted);
        match (&logged.event, &mut self.attempt) {
            (RunEvent::Started(start), attempt) => {
                attempt.insert(Attempt::new(start)).begin(logged.id, &mut frames);
            }
            (_, None) => {}
            (RunEvent::Guest(event), Some(attempt)) => attempt.emitted(event, &mut frames),
            (RunEvent::Ended(end), Some(attempt)) => attempt.end(logged, end, &mut frames),
        }
        frames.into_vec()
    }
}

impl Attempt {
    fn new(start: &Start) -> Self {
        let context = Context::new(start);
        Self { context, values: Values::at(start), messages: Messages::default() }
    }

    fn begin(&self, id: EventId, frames: &mut Frames) {
        let Self { context, values, .. } = self;
        let run = &context.run;
        let shown = || values.get().cloned().unwrap_or_default();
        frames.add_metadata(0, json!({ "run_id": run.id.to_string(), "attempt": run.attempt }));
        if let Some(values) = values.get() {
            frames.add(Mode::Values, 1, "values", || json!(values));
        }
        frames.add(Mode::Tasks, 2, "tasks", || tasks::task(&shown(), context));
        frames.add(Mode::Debug, 3, "debug", || {
            tasks::debug("task", id, tasks::task(&shown(), context), context)
        });
        frames.add(Mode::Events, 4, "events", || {
            chain::of_run("on_chain_start", context, json!({ "input": run.request.input }))
        });
        frames.add(Mode::Events, 5, "events", || {
            chain::of_node("on_chain_start", context, json!({ "input": shown() }))
        });
    }

    fn emitted(&mut self, event: &GuestEvent, frames: &mut Frames) {
        let Self { context, values, messages } = self;
        match event {
            GuestEvent::TextDelta(text) => messages.text(text, context, frames),
            GuestEvent::Message(message) => messages.message(message, context, frames),
            GuestEvent::Values(some) => {
                values.replace(some);
                if let Some(values) = values.get() {
                    frames.add(Mode::Values, 0, "values", || json!(values));
                }
                frames.add(Mode::Updates, 1, "updates", || update(context, some.clone()));
                frames.add(Mode::Events, 2, "events", || {
                    chain::of_node("on_chain_stream", context, json!({ "chunk": some }))
                });
            }
            GuestEvent::Custom { name, data } => {
                frames.add(Mode::Custom, 0, "custom", || data.clone());
                frames.add(Mode::Events, 1, "events", || chain::custom(name, data, context));
            }
            // Log lines are for operators.
            GuestEvent::Log(_) => {}
        }
    }

    fn end(&mut self, logged: &LoggedEvent, end: &End, frames: &mut Frames) {
        let Self { context, values, messages } = self;
        // The parts before this one are messages, of which there may be many.
        let base = logged.event.returned_messages();
        let after = base + messages::PARTS;
        let nothing = Object::new();
        let before = values.get().cloned().unwrap_or_default();
        let none = json!([]);
        let (returned, changes, questions, error) = match &end.outcome {
            Outcome::Done(new) => {
                messages.end(values.new_messages(new), base, context, frames);
                (Some(new), values.changes(new), none, None)
            }
            Outcome::Interrupted(questions) => {
                messages.end(&[], base, context, frames);
                let asked: Vec<_> = questions.iter().map(Asked::from).collect();
                (None, nothing, json!(asked), None)
            }
            Outcome::Cancelled => return,
            outcome => {
                messages.end(&[], base, context, frames);
                (None, nothing, none, Some(error_of(outcome)))
            }
        };
        let asked = questions.as_array().is_some_and(|questions| !questions.is_empty());
        if asked {
            frames.add(Mode::Updates, after, "updates", || json!({ "__interrupt__": questions }));
        } else if returned.is_some() {
            frames.add(Mode::Updates, after, "updates", || update(context, json!(changes)));
        }
        let result = || {
            let error = error.as_ref().map(|error| error.message.as_str());
            tasks::result(&changes, error, &questions, context)
        };
        frames.add(Mode::Tasks, after + 1, "tasks", result);
        frames.add(Mode::Debug, after + 2, "debug", || {
            tasks::debug("task_result", logged.id, result(), context)
        });
        let last = returned.unwrap_or(&before);
        if error.is_none() {
            frames.add(Mode::Values, after + 3, "values", || {
                let mut shown = last.clone();
                if asked {
                    shown.insert("__interrupt__".to_owned(), questions.clone());
                }
                shown.into()
            });
        }
        if let Some(committed) = &end.committed {
            let checkpoint = || tasks::checkpoint(committed, last, &questions, context);
            frames.add(Mode::Checkpoints, after + 4, "checkpoints", checkpoint);
            frames.add(Mode::Debug, after + 5, "debug", || {
                let checkpoint = tasks::debug_checkpoint(checkpoint(), committed, context);
                tasks::debug("checkpoint", logged.id, checkpoint, context)
            });
        }
        if returned.is_some() {
            let node = |event: &str, data: Json| chain::of_node(event, context, data);
            frames.add(Mode::Events, after + 6, "events", || {
                node("on_chain_stream", json!({ "chunk": changes }))
            });
            frames.add(Mode::Events, after + 7, "events", || {
                node("on_chain_end", json!({ "output": changes, "input": before }))
            });
            frames.add(Mode::Events, after + 8, "events", || {
                chain::of_run("on_chain_end", context, json!({ "output": last }))
            });
        }
        if let Some(RunError { name, message }) = error {
            frames.add_always(after + 9, "error", json!({ "error": name, "message": message }));
        }
    }
}

/// What the component changed.
fn update(context: &Context, changes: Json) -> Json {
    let mut update = Object::new();
    update.insert(context.node().to_owned(), changes);
    update.into()
}

fn error_of(outcome: &Outcome) -> RunError {
    RunError { name: outcome.kind().to_owned(), message: outcome.to_string() }
}

/// A stream of one run.
pub(crate) struct RunStream {
    show: RunShow,
    /// Only streams that can be taken up again have ids.
    with_ids: bool,
}

impl RunStream {
    pub(crate) fn new(wanted: Wanted, with_ids: bool) -> Self {
        Self { show: RunShow::new(wanted), with_ids }
    }
}

impl Show for RunStream {
    fn show(&mut self, event: &LoggedEvent, out: &mut Vec<u8>) {
        for frame in self.show.frames(event) {
            frame.write(self.with_ids, out);
        }
    }
}
