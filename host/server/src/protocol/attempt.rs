use serde_json::json;
use wakeful::core::{
    CheckpointSource, End, GuestEvent, Interrupt, Json, Object, Outcome, RunId, Start,
};

use super::event::Events;
use super::said::Said;
use super::subscription::Channel;
use crate::stream::{Context, Values, tasks};
use crate::wire::Asked;

/// What is known of an attempt at a run that is in progress.
pub(crate) struct Attempt {
    context: Context,
    values: Values,
    said: Said,
}

impl Attempt {
    pub(crate) fn new(start: &Start) -> Self {
        let context = Context::new(start);
        Self { context, values: Values::at(start), said: Said::default() }
    }

    pub(crate) fn begin(&self, events: &mut Events<'_>) {
        let Self { context, values, .. } = self;
        lifecycle("running", None, context, events);
        // A run that answers a question goes on from what the run that asked has shown, which is
        // more than the thread has.
        if let (Some(values), None) = (values.get(), &context.run.request.command) {
            events.add(Channel::Values, || typed(values));
        }
        events.add(Channel::Tasks, || {
            tasks::task(&values.get().cloned().unwrap_or_default(), context)
        });
    }

    pub(crate) fn emitted(&mut self, event: &GuestEvent, events: &mut Events<'_>) {
        let Self { context, values, said } = self;
        match event {
            GuestEvent::TextDelta(text) => said.text(text, context, events),
            GuestEvent::Message(message) => said.message(message, context, events),
            GuestEvent::Values(some) => {
                values.replace(some);
                if let Some(values) = values.get() {
                    events.add(Channel::Values, || typed(values));
                }
                events.add(Channel::Updates, || update(context, some));
            }
            GuestEvent::Custom { name, data } => {
                events.add_custom(name, || json!({ "name": name, "payload": data }));
            }
            // Log lines are for operators.
            GuestEvent::Log(_) => {}
        }
    }

    /// The end of the run. What it came to is told first, because clients stop listening to it at
    /// the event that says how the run ended.
    pub(crate) fn end(&mut self, end: &End, events: &mut Events<'_>) {
        let Self { context, values, said } = self;
        let nothing = Object::new();
        match &end.outcome {
            Outcome::Done(new) => {
                said.end(values.new_messages(new), context, events);
                let changes = values.changes(new);
                events.add(Channel::Updates, || update(context, &json!(changes)));
                events.add(Channel::Tasks, || tasks::result(&changes, None, &json!([]), context));
                events.add(Channel::Values, || typed(new));
                checkpoint(end, events);
                lifecycle("completed", None, context, events);
            }
            Outcome::Interrupted(questions) => {
                said.end(&[], context, events);
                events.add(Channel::Tasks, || {
                    let asked: Vec<_> = questions.iter().map(Asked::from).collect();
                    tasks::result(&nothing, None, &json!(asked), context)
                });
                if let Some(values) = values.get() {
                    events.add(Channel::Values, || typed(values));
                }
                checkpoint(end, events);
                questions.iter().for_each(|question| ask(question, context, events));
                lifecycle("interrupted", None, context, events);
            }
            // A run that was cancelled as well: at `interrupted`, Python's client would go on waiting
            // for the output of a run that is paused.
            outcome => {
                said.end(&[], context, events);
                let error = outcome.to_string();
                events.add(Channel::Tasks, || {
                    tasks::result(&nothing, Some(&error), &json!([]), context)
                });
                lifecycle("failed", Some(&error), context, events);
            }
        }
    }
}

fn lifecycle(event: &str, error: Option<&str>, context: &Context, events: &mut Events<'_>) {
    let mut data = json!({ "event": event, "graph_name": context.node() });
    if let (Some(error), Some(data)) = (error, data.as_object_mut()) {
        data.insert("error".to_owned(), error.into());
    }
    events.add_once(Channel::Lifecycle, lifecycle_id(context.run.id, event), || data);
}

fn lifecycle_id(run: RunId, event: &str) -> String {
    format!("synth:{run}:lc||{event}")
}

/// The end of a run that never began.
pub(super) fn end_unbegun(run: RunId, end: &End, events: &mut Events<'_>) {
    let data = || json!({ "event": "failed", "error": end.outcome.to_string() });
    events.add_once(Channel::Lifecycle, lifecycle_id(run, "failed"), data);
}

fn ask(question: &Interrupt, context: &Context, events: &mut Events<'_>) {
    let id = format!("synth:{}:input||{}", context.run.id, question.id);
    events.add_once(Channel::Input, id, || {
        // Python's client looks for the question in `value`, the others in `payload`.
        json!({
            "interrupt_id": question.id,
            "payload": question.payload,
            "value": question.payload,
        })
    });
}

fn update(context: &Context, changes: &Json) -> Json {
    json!({ "node": context.node(), "values": changes })
}

fn checkpoint(end: &End, events: &mut Events<'_>) {
    let Some(committed) = &end.committed else { return };
    events.add(Channel::Checkpoints, || {
        json!({
            "id": committed.id.to_string(),
            "parent_id": committed.parent.map(|parent| parent.to_string()),
            "step": committed.step,
            "source": CheckpointSource::Loop.as_str(),
        })
    });
}

/// Values whose messages have the `type` that clients tell them apart by.
fn typed(values: &Object) -> Json {
    let mut values = values.clone();
    let messages = values.get_mut("messages").and_then(Json::as_array_mut);
    for message in messages.into_iter().flatten().filter_map(Json::as_object_mut) {
        let kind = match message.get("role").and_then(Json::as_str) {
            Some("assistant") => "ai",
            Some("user") => "human",
            Some(other) => other,
            None => continue,
        };
        let kind = Json::from(kind);
        message.entry("type").or_insert(kind);
    }
    values.into()
}
