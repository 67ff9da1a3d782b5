//! OpenAI's chat completions, which many other providers speak as well.

use serde_json::{Value as Json, json};
use wakeful_core::Object;

use super::reply::{Finish, Reply};
use super::request::{ChatRequest, Message, Role};
use super::trouble::Trouble;
use super::wire::{number, text};

pub(super) const PATH: &str = "/chat/completions";

/// The body of a request, without what is the same for all.
pub(super) fn body(request: &ChatRequest, host: &str, most: u32) -> Object {
    let mut body = Object::new();
    body.insert("messages".into(), request.messages.iter().map(message).collect());
    // OpenAI has renamed it for its newer models; the others know only the old name.
    let own = host.ends_with("openai.com") || host.ends_with("azure.com");
    body.insert(if own { "max_completion_tokens" } else { "max_tokens" }.into(), most.into());
    if !request.tools.is_empty() {
        let tools = request.tools.iter().map(|tool| {
            json!({ "type": "function", "function": {
                "name": tool.name,
                "description": tool.description,
                "parameters": parameters(&tool.parameters),
            } })
        });
        body.insert("tools".into(), tools.collect());
    }
    if let Some(schema) = &request.response_schema {
        let format = json!({ "type": "json_schema", "json_schema": {
            "name": "answer", "strict": is_strict(&Json::Object(schema.clone())), "schema": schema,
        } });
        body.insert("response_format".into(), format);
    }
    if let Some(temperature) = request.temperature {
        body.insert("temperature".into(), temperature.into());
    }
    if !request.stop.is_empty() {
        body.insert("stop".into(), request.stop.clone().into());
    }
    body
}

/// What a streamed request says in addition.
pub(super) fn streamed(body: &mut Object) {
    body.insert("stream".into(), true.into());
    body.insert("stream_options".into(), json!({ "include_usage": true }));
}

fn message(message: &Message) -> Json {
    let mut shown = Object::new();
    let says_nothing = message.content.is_empty() && !message.tool_calls.is_empty();
    let content = Some(message.content.as_str()).filter(|_| !says_nothing);
    shown.insert("role".into(), message.role.as_str().into());
    shown.insert("content".into(), content.into());
    if !message.tool_calls.is_empty() {
        let calls = message.tool_calls.iter().map(|call| {
            let arguments = Json::Object(call.arguments.clone()).to_string();
            json!({ "id": call.id, "type": "function",
                    "function": { "name": call.name, "arguments": arguments } })
        });
        shown.insert("tool_calls".into(), calls.collect());
    }
    if message.role == Role::Tool {
        shown.insert("tool_call_id".into(), message.tool_call_id.as_deref().into());
    }
    shown.into()
}

/// A schema of arguments; none means that there are none.
pub(super) fn parameters(schema: &Object) -> Json {
    if schema.is_empty() {
        return json!({ "type": "object", "properties": {} });
    }
    Json::Object(schema.clone())
}

/// Whether a schema is of the kind that OpenAI holds answers to strictly: its objects have no
/// other fields than those they name, and need them all. It refuses others if told to be strict.
fn is_strict(schema: &Json) -> bool {
    match schema {
        Json::Array(list) => list.iter().all(is_strict),
        Json::Object(object) => {
            let fits = match object.get("properties").and_then(Json::as_object) {
                Some(properties) => {
                    let required = object.get("required").and_then(Json::as_array);
                    let needs = |name: &String| {
                        required.is_some_and(|list| list.iter().any(|it| it == name))
                    };
                    object.get("additionalProperties") == Some(&Json::Bool(false))
                        && properties.keys().all(needs)
                }
                None => object.get("type").is_none_or(|kind| kind != "object"),
            };
            fits && object.values().all(is_strict)
        }
        _ => true,
    }
}

/// Reads a whole answer.
pub(super) fn whole(answer: &Json, reply: &mut Reply) -> Result<(), Trouble> {
    let choice = answer.pointer("/choices/0").ok_or(Trouble::malformed("it has no choice"))?;
    let message = choice.get("message").ok_or(Trouble::malformed("it has no message"))?;
    reply.model(text(answer, "/model"));
    reply.text(text(message, "/content").or(text(message, "/refusal")).unwrap_or_default());
    calls(message, reply)?;
    finish(choice, reply);
    usage(answer, reply);
    reply.end();
    Ok(())
}

/// Reads one event of a streamed answer; returns the text in it.
pub(super) fn event(data: &str, reply: &mut Reply) -> Result<Option<String>, Trouble> {
    if data.trim() == "[DONE]" {
        reply.end();
        return Ok(None);
    }
    let event: Json = serde_json::from_str(data).map_err(Trouble::malformed)?;
    if let Some(error) = event.get("error").filter(|error| !error.is_null()) {
        let said = text(error, "/message").map_or_else(|| error.to_string(), str::to_owned);
        return Err(Trouble::status(500, &said, None));
    }
    reply.model(text(&event, "/model"));
    usage(&event, reply);
    let Some(choice) = event.pointer("/choices/0") else { return Ok(None) };
    finish(choice, reply);
    let Some(delta) = choice.get("delta") else { return Ok(None) };
    calls(delta, reply)?;
    let piece = text(delta, "/content").filter(|piece| !piece.is_empty());
    Ok(piece.map(|piece| {
        reply.text(piece);
        piece.to_owned()
    }))
}

fn calls(message: &Json, reply: &mut Reply) -> Result<(), Trouble> {
    let list = message.get("tool_calls").and_then(Json::as_array);
    for (place, call) in (0..).zip(list.into_iter().flatten()) {
        let index = number(call, "/index").unwrap_or(place);
        // Some send the arguments as an object.
        let arguments = match call.pointer("/function/arguments") {
            Some(Json::String(text)) => text.clone(),
            Some(Json::Object(object)) => Json::Object(object.clone()).to_string(),
            _ => String::new(),
        };
        reply.tool(index, text(call, "/id"), text(call, "/function/name"), &arguments)?;
    }
    Ok(())
}

fn finish(choice: &Json, reply: &mut Reply) {
    if let Some(reason) = text(choice, "/finish_reason") {
        reply.finish(match reason {
            "stop" => Finish::Stop,
            "length" => Finish::Length,
            "tool_calls" | "function_call" => Finish::ToolCalls,
            "content_filter" => Finish::Filtered,
            _ => Finish::Other,
        });
    }
}

fn usage(answer: &Json, reply: &mut Reply) {
    reply.usage(number(answer, "/usage/prompt_tokens"), number(answer, "/usage/completion_tokens"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_schemas_without_leeway_are_strict() {
        let closed = json!({ "type": "object", "properties": { "a": { "type": "string" } },
                             "required": ["a"], "additionalProperties": false });
        assert!(is_strict(&closed));
        for (key, value) in [("required", json!([])), ("additionalProperties", json!(true))] {
            let mut open = closed.clone();
            open[key] = value;
            assert!(!is_strict(&open), "{open}");
            assert!(!is_strict(&json!({ "type": "array", "items": open })));
        }
        assert!(!is_strict(&json!({ "type": "object" })));
    }
}
