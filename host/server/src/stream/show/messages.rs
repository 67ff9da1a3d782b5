use serde_json::json;
use wakeful::core::{Json, Object};

use super::context::Context;
use super::with;
use crate::stream::frame::Frames;
use crate::stream::mode::Mode;

/// The parts of an event that are messages.
pub(crate) const PARTS: u64 = 6;

const METADATA: u64 = 0;
const WHOLE: u64 = 1;
const TUPLE: u64 = 2;
const MODEL_START: u64 = 3;
const MODEL: u64 = 4;

/// What the assistant is saying.
#[derive(Debug, Default)]
pub(crate) struct Messages {
    /// The text that has come without the message it belongs to.
    open: Option<Open>,
    /// How many messages there were.
    count: u32,
}

#[derive(Debug)]
struct Open {
    id: String,
    text: String,
}

impl Messages {
    /// Whether anything was said.
    pub(crate) fn any(&self) -> bool {
        self.count > 0
    }

    fn next_id(&mut self, context: &Context) -> String {
        let id = format!("run--{}-{}", context.run.id, self.count);
        self.count = self.count.saturating_add(1);
        id
    }

    /// A piece of text.
    pub(crate) fn text(&mut self, text: &str, context: &Context, frames: &mut Frames) {
        let begins = self.open.is_none();
        if begins {
            let id = self.next_id(context);
            self.open = Some(Open { id, text: String::new() });
        }
        let Some(open) = &mut self.open else { return };
        open.text.push_str(text);
        let id = &open.id;
        if begins {
            frames.add(Mode::Messages, METADATA, "messages/metadata", || metadata(id, context));
        }
        frames.add(Mode::Messages, WHOLE, "messages/partial", || {
            json!([spoken("ai", id, &open.text)])
        });
        frames.add(Mode::MessagesTuple, TUPLE, "messages", || {
            json!([chunk(id, text), context.node_metadata()])
        });
        if begins {
            frames.add(Mode::Events, MODEL_START, "events", || {
                model_event("on_chat_model_start", context, json!({ "input": {} }))
            });
        }
        frames.add(Mode::Events, MODEL, "events", || {
            model_event("on_chat_model_stream", context, json!({ "chunk": chunk(id, text) }))
        });
    }

    /// A complete message; it takes the place of the text that came before it.
    pub(crate) fn message(&mut self, message: &Json, context: &Context, frames: &mut Frames) {
        let open = self.open.take();
        let streamed = open.is_some();
        let id = open.map(|open| open.id).unwrap_or_else(|| self.next_id(context));
        let message = normal(message, &id);
        let known = message.get("id") == Some(&Json::from(id.as_str()));
        if !streamed || !known {
            let id = message.get("id").and_then(Json::as_str).unwrap_or(&id);
            frames.add(Mode::Messages, METADATA, "messages/metadata", || metadata(id, context));
        }
        frames.add(Mode::Messages, WHOLE, "messages/complete", || json!([message]));
        // Whoever puts messages together from pieces has this one.
        if !streamed {
            frames.add(Mode::MessagesTuple, TUPLE, "messages", || {
                json!([message, context.node_metadata()])
            });
        }
        frames.add(Mode::Events, MODEL, "events", || {
            model_event("on_chat_model_end", context, json!({ "output": message }))
        });
    }

    /// The end of a run that returned these messages. They are shown if nothing was said before;
    /// `base` is the number of the first part after one for each.
    pub(crate) fn end(
        &mut self,
        returned: &[Json],
        base: u64,
        context: &Context,
        frames: &mut Frames,
    ) {
        if let Some(open) = self.open.take() {
            frames.add(Mode::Messages, base + WHOLE, "messages/complete", || {
                json!([spoken("ai", &open.id, &open.text)])
            });
            frames.add(Mode::Events, base + MODEL, "events", || {
                let output = spoken("ai", &open.id, &open.text);
                model_event("on_chat_model_end", context, json!({ "output": output }))
            });
            return;
        }
        if self.any() {
            return;
        }
        let said: Vec<_> = returned
            .iter()
            .map(|message| {
                let id = self.next_id(context);
                normal(message, &id)
            })
            .filter(|message| message["type"] != "human")
            .collect();
        for (part, message) in said.iter().enumerate() {
            frames.add(Mode::MessagesTuple, part as u64, "messages", || {
                json!([message, context.node_metadata()])
            });
        }
        if said.is_empty() {
            return;
        }
        frames.add(Mode::Messages, base + METADATA, "messages/metadata", || {
            let ids = said.iter().filter_map(|message| message["id"].as_str());
            let all = ids.map(|id| (id.to_owned(), of_message(context)));
            Json::Object(all.collect())
        });
        frames.add(Mode::Messages, base + WHOLE, "messages/complete", || json!(said));
    }
}

fn metadata(id: &str, context: &Context) -> Json {
    let mut metadata = Object::new();
    metadata.insert(id.to_owned(), of_message(context));
    metadata.into()
}

fn of_message(context: &Context) -> Json {
    json!({ "metadata": context.node_metadata() })
}

/// A message as clients of LangChain know it: with a `type` and an `id`.
pub(crate) fn normal(message: &Json, id: &str) -> Json {
    let Json::Object(given) = message else {
        let text = message.as_str().map_or_else(|| message.to_string(), str::to_owned);
        return spoken("ai", id, &text);
    };
    let mut message = given.clone();
    let role = given.get("role").and_then(Json::as_str).unwrap_or("assistant");
    let kind = match role {
        "assistant" => "ai",
        "user" => "human",
        other => other,
    };
    message.entry("type").or_insert_with(|| kind.into());
    if !message.get("id").is_some_and(Json::is_string) {
        message.insert("id".to_owned(), id.into());
    }
    message.into()
}

fn spoken(kind: &str, id: &str, text: &str) -> Json {
    json!({
        "content": text,
        "additional_kwargs": {},
        "response_metadata": {},
        "type": kind,
        "name": null,
        "id": id,
        "tool_calls": [],
        "invalid_tool_calls": [],
        "usage_metadata": null,
    })
}

fn chunk(id: &str, text: &str) -> Json {
    with(spoken("AIMessageChunk", id, text), "tool_call_chunks", json!([]))
}

fn model_event(event: &str, context: &Context, data: Json) -> Json {
    json!({
        "event": event,
        "data": data,
        "run_id": context.task(),
        "name": context.node(),
        "tags": [format!("graph:step:{}", context.step)],
        "metadata": context.node_metadata(),
        "parent_ids": [context.run.id.to_string()],
    })
}
