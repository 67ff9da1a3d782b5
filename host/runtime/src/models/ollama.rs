//! Ollama's chat.

use serde_json::{Value as Json, json};
use wakeful_core::Object;

use super::openai::parameters;
use super::reply::{Finish, Reply};
use super::request::{ChatRequest, Message, Role};
use super::trouble::Trouble;
use super::wire::{number, text};

pub(super) const PATH: &str = "/api/chat";

/// The body of a request, without what is the same for all.
pub(super) fn body(request: &ChatRequest, most: u32) -> Object {
    let mut body = Object::new();
    let messages = request.messages.iter().map(|it| message(request, it));
    body.insert("messages".into(), messages.collect());
    if !request.tools.is_empty() {
        let tools = request.tools.iter().map(|tool| {
            json!({ "type": "function", "function": {
                "name": tool.name, "description": tool.description,
                "parameters": parameters(&tool.parameters),
            } })
        });
        body.insert("tools".into(), tools.collect());
    }
    if let Some(schema) = &request.response_schema {
        body.insert("format".into(), Json::Object(schema.clone()));
    }
    let mut options = Object::new();
    options.insert("num_predict".into(), most.into());
    if let Some(temperature) = request.temperature {
        options.insert("temperature".into(), temperature.into());
    }
    if !request.stop.is_empty() {
        options.insert("stop".into(), request.stop.clone().into());
    }
    body.insert("options".into(), options.into());
    body
}

fn message(request: &ChatRequest, message: &Message) -> Json {
    let mut shown = Object::new();
    shown.insert("role".into(), message.role.as_str().into());
    shown.insert("content".into(), message.content.as_str().into());
    if !message.tool_calls.is_empty() {
        let calls = message.tool_calls.iter();
        let calls =
            calls.map(|it| json!({ "function": { "name": it.name, "arguments": it.arguments } }));
        shown.insert("tool_calls".into(), calls.collect());
    }
    if message.role == Role::Tool {
        // It knows calls by the names of their tools.
        let name = message.tool_call_id.as_deref().and_then(|id| request.tool_of(id));
        shown.insert("tool_name".into(), name.into());
    }
    shown.into()
}

/// Reads a whole answer, or one line of a streamed one; returns the text in it.
pub(super) fn line(answer: &Json, reply: &mut Reply) -> Result<Option<String>, Trouble> {
    if let Some(error) = text(answer, "/error") {
        return Err(Trouble::status(500, error, None));
    }
    let message = answer.get("message").ok_or(Trouble::malformed("it has no message"))?;
    reply.model(text(answer, "/model"));
    let calls = message.get("tool_calls").and_then(Json::as_array);
    for call in calls.into_iter().flatten() {
        let arguments = call.pointer("/function/arguments").map(Json::to_string);
        let (index, name) = (reply.next_tool(), text(call, "/function/name"));
        reply.tool(index, text(call, "/id"), name, &arguments.unwrap_or_default())?;
    }
    if answer.get("done").and_then(Json::as_bool).unwrap_or_default() {
        reply.finish(match text(answer, "/done_reason") {
            Some("stop") | None => Finish::Stop,
            Some("length") => Finish::Length,
            Some(_) => Finish::Other,
        });
        reply.usage(number(answer, "/prompt_eval_count"), number(answer, "/eval_count"));
        reply.end();
    }
    let piece = text(message, "/content").filter(|piece| !piece.is_empty());
    Ok(piece.map(|piece| {
        reply.text(piece);
        piece.to_owned()
    }))
}
