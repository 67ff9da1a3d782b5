//! Anthropic's messages.

use serde_json::{Value as Json, json};
use wakeful_core::Object;

use super::openai::parameters;
use super::reply::{Finish, Reply};
use super::request::{ChatRequest, Message, Role};
use super::trouble::Trouble;
use super::wire::{number, text};

pub(super) const PATH: &str = "/v1/messages";
pub(super) const VERSION: &str = "2023-06-01";

/// The tool that the model is made to call where an answer has to follow a schema: of all models
/// and all versions of the API, this is what each can do.
pub(super) const ANSWER: &str = "answer_with_json";

/// The body of a request, without what is the same for all.
pub(super) fn body(request: &ChatRequest, most: u32) -> Object {
    let mut body = Object::new();
    let system: Vec<_> = of_role(request, Role::System).map(|it| it.content.as_str()).collect();
    if !system.is_empty() {
        body.insert("system".into(), system.join("\n\n").into());
    }
    body.insert("messages".into(), messages(request));
    body.insert("max_tokens".into(), most.into());
    let mut tools: Vec<_> = request
        .tools
        .iter()
        .map(|tool| {
            json!({ "name": tool.name, "description": tool.description,
                    "input_schema": parameters(&tool.parameters) })
        })
        .collect();
    if let Some(schema) = &request.response_schema {
        let choice = if tools.is_empty() {
            json!({ "type": "tool", "name": ANSWER })
        } else {
            json!({ "type": "any" })
        };
        tools.push(json!({ "name": ANSWER, "description": "Gives the final answer",
                           "input_schema": schema }));
        body.insert("tool_choice".into(), choice);
    }
    if !tools.is_empty() {
        body.insert("tools".into(), tools.into());
    }
    if let Some(temperature) = request.temperature {
        // Its scale ends at 1.
        body.insert("temperature".into(), temperature.min(1.0).into());
    }
    if !request.stop.is_empty() {
        body.insert("stop_sequences".into(), request.stop.clone().into());
    }
    body
}

fn of_role(request: &ChatRequest, role: Role) -> impl Iterator<Item = &Message> {
    request.messages.iter().filter(move |message| message.role == role)
}

/// The messages, of which those of one side that follow each other are one.
fn messages(request: &ChatRequest) -> Json {
    let mut turns: Vec<(&'static str, Vec<Json>)> = Vec::new();
    for message in request.messages.iter().filter(|it| it.role != Role::System) {
        let role = if message.role == Role::Assistant { "assistant" } else { "user" };
        let mut blocks = Vec::new();
        if message.role == Role::Tool {
            blocks.push(json!({ "type": "tool_result", "tool_use_id": message.tool_call_id,
                                "content": message.content }));
        } else if !message.content.is_empty() {
            blocks.push(json!({ "type": "text", "text": message.content }));
        }
        blocks.extend(message.tool_calls.iter().map(|call| {
            json!({ "type": "tool_use", "id": call.id, "name": call.name,
                    "input": call.arguments })
        }));
        match turns.last_mut() {
            Some((last, all)) if *last == role => all.append(&mut blocks),
            _ => turns.push((role, blocks)),
        }
    }
    turns.into_iter().map(|(role, content)| json!({ "role": role, "content": content })).collect()
}

/// Reads a whole answer.
pub(super) fn whole(answer: &Json, reply: &mut Reply) -> Result<(), Trouble> {
    let content = answer.get("content").and_then(Json::as_array);
    let content = content.ok_or(Trouble::malformed("it has no content"))?;
    for (index, block) in (0..).zip(content) {
        match text(block, "/type") {
            Some("text") => reply.text(text(block, "/text").unwrap_or_default()),
            Some("tool_use") => {
                let input = block.get("input").map(Json::to_string).unwrap_or_default();
                reply.tool(index, text(block, "/id"), text(block, "/name"), &input)?;
            }
            _ => {}
        }
    }
    reply.model(text(answer, "/model"));
    finish(answer.get("stop_reason"), reply);
    usage(answer.get("usage"), reply);
    reply.end();
    Ok(())
}

/// Reads one event of a streamed answer; returns the text in it.
pub(super) fn event(
    data: &str,
    schema: bool,
    reply: &mut Reply,
) -> Result<Option<String>, Trouble> {
    let event: Json = serde_json::from_str(data).map_err(Trouble::malformed)?;
    let index = number(&event, "/index").unwrap_or_default();
    match text(&event, "/type") {
        Some("message_start") => {
            reply.model(text(&event, "/message/model"));
            usage(event.pointer("/message/usage"), reply);
        }
        Some("content_block_start") => {
            if let Some(block) = event.get("content_block")
                && text(block, "/type") == Some("tool_use")
            {
                reply.tool(index, text(block, "/id"), text(block, "/name"), "")?;
            }
        }
        Some("content_block_delta") => {
            if let Some(piece) = text(&event, "/delta/text").filter(|piece| !piece.is_empty()) {
                reply.text(piece);
                // With a schema the answer is what the made-up tool is given, and nothing else.
                return Ok((!schema).then(|| piece.to_owned()));
            }
            if let Some(piece) = text(&event, "/delta/partial_json") {
                reply.tool(index, None, None, piece)?;
                if schema && reply.is_call_of(index, ANSWER) && !piece.is_empty() {
                    return Ok(Some(piece.to_owned()));
                }
            }
        }
        Some("message_delta") => {
            finish(event.pointer("/delta/stop_reason"), reply);
            usage(event.get("usage"), reply);
        }
        Some("message_stop") => reply.end(),
        Some("error") => {
            let said = text(&event, "/error/message").unwrap_or_default();
            let status =
                if text(&event, "/error/type") == Some("rate_limit_error") { 429 } else { 500 };
            return Err(Trouble::status(status, said, None));
        }
        _ => {}
    }
    Ok(None)
}

fn finish(reason: Option<&Json>, reply: &mut Reply) {
    if let Some(reason) = reason.and_then(Json::as_str) {
        reply.finish(match reason {
            "end_turn" | "stop_sequence" => Finish::Stop,
            "max_tokens" | "model_context_window_exceeded" => Finish::Length,
            "tool_use" => Finish::ToolCalls,
            "refusal" => Finish::Filtered,
            _ => Finish::Other,
        });
    }
}

/// What was read from a cache, and written to one, was sent as well.
fn usage(usage: Option<&Json>, reply: &mut Reply) {
    let Some(usage) = usage else { return };
    let cached = ["/cache_creation_input_tokens", "/cache_read_input_tokens"];
    let cached = cached.into_iter().filter_map(|place| number(usage, place));
    let cached = cached.fold(0, u64::saturating_add);
    let input = number(usage, "/input_tokens").map(|input| input.saturating_add(cached));
    reply.usage(input, number(usage, "/output_tokens"));
}
