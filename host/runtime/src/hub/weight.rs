use wakeful_core::{Command, GuestEvent, Json, LogLine, LoggedEvent, Object, Outcome, RunEvent};

use crate::ThreadEvent;

/// What any node of a document, and any event, takes beside its text.
const NODE: u64 = 64;

/// About how many bytes of memory an event on a thread takes.
pub(crate) fn of_thread_event(event: &ThreadEvent) -> u64 {
    match event {
        ThreadEvent::Run(event) => of_event(event),
        ThreadEvent::State(change) => {
            let thread = &change.state.thread;
            let values = change.state.checkpoint.as_ref().map_or(0, |it| of_json(&it.values));
            let known = thread.values.as_ref().map_or(0, of_json);
            of_object(&thread.metadata).saturating_add(known).saturating_add(values)
        }
    }
}

/// About how many bytes of memory an event takes.
pub(crate) fn of_event(logged: &LoggedEvent) -> u64 {
    let content = match &logged.event {
        RunEvent::Started(start) => {
            let request = &start.run.request;
            let parts = [&request.config, &request.context, &request.metadata, &request.options];
            let command = request.command.as_ref().map_or(0, of_command);
            parts
                .into_iter()
                .map(of_object)
                .fold(of_json(&request.input).saturating_add(command), u64::saturating_add)
                .saturating_add(of_json(&start.values))
        }
        RunEvent::Guest(event) => of_guest(event),
        RunEvent::Ended(end) => match &end.outcome {
            Outcome::Done(values) => of_object(values),
            Outcome::Interrupted(questions) => {
                questions.iter().map(|question| of_json(&question.payload)).sum()
            }
            Outcome::Failed(failure) => failure.message.len() as u64,
            _ => NODE,
        },
    };
    content.saturating_add(4 * NODE)
}

fn of_command(command: &Command) -> u64 {
    let resume = command.resume.as_ref().map_or(0, of_json);
    let update = command.update.as_ref().map_or(0, of_object);
    let goto = command.goto.as_ref().map_or(0, String::len) as u64;
    resume.saturating_add(update).saturating_add(goto)
}

fn of_guest(event: &GuestEvent) -> u64 {
    match event {
        GuestEvent::TextDelta(text) => text.len() as u64,
        GuestEvent::Message(json) | GuestEvent::Values(json) => of_json(json),
        GuestEvent::Custom { name, data } => of_json(data).saturating_add(name.len() as u64),
        GuestEvent::Log(LogLine { message, fields, .. }) => {
            let fields = fields.iter().map(|(key, value)| (key.len() + value.len()) as u64);
            fields.fold(message.len() as u64, |sum, field| sum.saturating_add(field + NODE))
        }
    }
}

fn of_json(json: &Json) -> u64 {
    match json {
        Json::Null | Json::Bool(_) | Json::Number(_) => NODE,
        Json::String(text) => (text.len() as u64).saturating_add(NODE),
        Json::Array(items) => items.iter().map(of_json).fold(NODE, u64::saturating_add),
        Json::Object(object) => of_object(object),
    }
}

fn of_object(object: &Object) -> u64 {
    object.iter().fold(NODE, |sum, (key, value)| {
        sum.saturating_add(key.len() as u64).saturating_add(NODE).saturating_add(of_json(value))
    })
}
