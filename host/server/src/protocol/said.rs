use serde_json::json;
use wakeful::core::{Json, Object};

use super::event::Events;
use super::subscription::Channel;
use crate::stream::Context;

/// What the assistant is saying, message by message and block by block.
#[derive(Debug, Default)]
pub(crate) struct Said {
    /// The text that has come without the message it belongs to.
    open: Option<String>,
    /// How many messages there were.
    count: u32,
}

impl Said {
    /// A piece of text.
    pub(crate) fn text(&mut self, text: &str, context: &Context, events: &mut Events<'_>) {
        if self.open.is_none() {
            self.start("ai", None, context, events);
            start_text(0, events);
        }
        delta(0, text, events);
        self.open.get_or_insert_default().push_str(text);
    }

    /// A complete message; it takes the place of the text that came before it.
    pub(crate) fn message(&mut self, message: &Json, context: &Context, events: &mut Events<'_>) {
        if let Some(text) = self.open.take() {
            let whole = message.get("content").and_then(Json::as_str).unwrap_or(&text);
            finish_block(0, &text_block(whole), events);
            for (place, block) in calls(message).into_iter().enumerate() {
                whole_block(place.saturating_add(1), &block, events);
            }
        } else {
            let Some(role) = role(message) else { return };
            self.start(role, message.get("id").and_then(Json::as_str), context, events);
            let blocks = contents(message).into_iter().chain(calls(message));
            for (place, block) in blocks.enumerate() {
                whole_block(place, &block, events);
            }
        }
        events.add(Channel::Messages, || {
            match message.get("usage_metadata").filter(|usage| usage.is_object()) {
                Some(usage) => json!({ "event": "message-finish", "usage": usage }),
                None => json!({ "event": "message-finish" }),
            }
        });
    }

    /// The end of a run that returned these messages. They are shown if nothing was said before.
    pub(crate) fn end(&mut self, returned: &[Json], context: &Context, events: &mut Events<'_>) {
        if let Some(text) = self.open.take() {
            finish_block(0, &text_block(&text), events);
            events.add(Channel::Messages, || json!({ "event": "message-finish" }));
        } else if self.count == 0 {
            for message in returned.iter().filter(|message| role(message) == Some("ai")) {
                self.message(message, context, events);
            }
        }
    }

    fn start(&mut self, role: &str, id: Option<&str>, context: &Context, events: &mut Events<'_>) {
        let run = &context.run;
        let own = || format!("run--{}-{}", run.id, self.count);
        events.add(Channel::Messages, || {
            json!({
                "event": "message-start",
                "role": role,
                "id": id.map_or_else(own, str::to_owned),
                "metadata": {
                    "run_id": run.id.to_string(),
                    "thread_id": run.thread_id.to_string(),
                    "langgraph_node": context.node(),
                },
            })
        });
        self.count = self.count.saturating_add(1);
    }
}

/// The word that clients have for whoever said this; `None` if they have none.
fn role(message: &Json) -> Option<&'static str> {
    let word = |key: &str| message.get(key).and_then(Json::as_str);
    match word("type").or_else(|| word("role")).unwrap_or("ai") {
        "ai" | "assistant" => Some("ai"),
        "human" | "user" => Some("human"),
        "system" => Some("system"),
        _ => None,
    }
}

fn text_block(text: &str) -> Json {
    json!({ "type": "text", "text": text })
}

/// The blocks of a message's content.
fn contents(message: &Json) -> Vec<Json> {
    match message.get("content").unwrap_or(message) {
        Json::String(text) => vec![text_block(text)],
        Json::Array(blocks) => {
            let blocks = blocks.iter().map(|block| match block {
                Json::String(text) => text_block(text),
                other => other.clone(),
            });
            blocks.filter(|block| block.get("type").is_some_and(Json::is_string)).collect()
        }
        _ => Vec::new(),
    }
}

/// The blocks of the tools that a message calls.
fn calls(message: &Json) -> Vec<Json> {
    let calls = message.get("tool_calls").and_then(Json::as_array);
    let block = |call: &Json| {
        let name = call.get("name")?.as_str()?;
        let args = call.get("args").filter(|args| args.is_object()).cloned();
        let args = args.unwrap_or_else(|| Object::new().into());
        Some(json!({ "type": "tool_call", "id": call.get("id"), "name": name, "args": args }))
    };
    calls.into_iter().flatten().filter_map(block).collect()
}

fn start_text(index: usize, events: &mut Events<'_>) {
    start_block(index, &text_block(""), events);
}

fn start_block(index: usize, block: &Json, events: &mut Events<'_>) {
    events.add(
        Channel::Messages,
        || json!({ "event": "content-block-start", "index": index, "content": block }),
    );
}

fn delta(index: usize, text: &str, events: &mut Events<'_>) {
    events.add(Channel::Messages, || {
        json!({
            "event": "content-block-delta",
            "index": index,
            "delta": { "type": "text-delta", "text": text },
        })
    });
}

fn finish_block(index: usize, block: &Json, events: &mut Events<'_>) {
    events.add(
        Channel::Messages,
        || json!({ "event": "content-block-finish", "index": index, "content": block }),
    );
}

/// A block that comes in one piece.
fn whole_block(index: usize, block: &Json, events: &mut Events<'_>) {
    let text = block.get("text").and_then(Json::as_str);
    match text.filter(|_| block.get("type") == Some(&Json::from("text"))) {
        Some(text) => {
            start_text(index, events);
            delta(index, text, events);
        }
        None => start_block(index, block, events),
    }
    finish_block(index, block, events);
}
