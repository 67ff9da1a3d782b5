//! Messages: what the example assistants share to read and continue a conversation.
//!
//! A message is a JSON object. OpenAI's `role` or LangChain's `type` says who speaks; `content`
//! is a string, or a list of parts such as `{"type": "text", "text": "Hello"}`.

use serde_json::{Map, Value, json};

/// The input of an invocation as an object; `null` is an empty one.
pub fn input(json: &str) -> Result<Map<String, Value>, String> {
    match serde_json::from_str(json) {
        Ok(Value::Object(input)) => Ok(input),
        Ok(Value::Null) => Ok(Map::new()),
        Ok(_) => Err(r#"the input must be a JSON object, such as {"messages": []}"#.into()),
        Err(error) => Err(format!("the input is not JSON: {error}")),
    }
}

/// The messages that the input brings.
pub fn of(input: &Map<String, Value>) -> Result<&[Value], String> {
    match input.get("messages") {
        Some(Value::Array(messages)) => Ok(messages),
        Some(_) => Err("`messages` in the input must be a list".into()),
        None => Ok(&[]),
    }
}

/// What the host hands over as JSON, such as the values of a thread.
pub fn parsed(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or_default()
}

/// The messages that the thread holds so far, then the new ones.
pub fn so_far(values: &Value, new: &[Value]) -> Vec<Value> {
    let old = values["messages"].as_array().map_or(&[][..], Vec::as_slice);
    [old, new].concat()
}

/// What the assistant says.
pub fn reply(text: impl Into<String>) -> Value {
    json!({ "role": "assistant", "content": text.into() })
}

/// What the user says in each of these messages; nothing for what others say.
pub fn user_texts(messages: &[Value]) -> impl DoubleEndedIterator<Item = String> {
    messages.iter().filter(|message| is_user(message)).map(text)
}

fn is_user(message: &Value) -> bool {
    let speaker = message.get("role").or_else(|| message.get("type"));
    speaker.is_some_and(|speaker| speaker == "user" || speaker == "human")
}

fn text(message: &Value) -> String {
    match &message["content"] {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            parts.iter().filter_map(|part| part.as_str().or(part["text"].as_str())).collect()
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_speaks_in_either_notation() {
        let messages = [
            json!({ "role": "user", "content": "one" }),
            json!({ "role": "assistant", "content": "no" }),
            json!({ "type": "human", "content": [{ "type": "text", "text": "t" }, "wo"] }),
            json!({ "type": "ai", "content": "no" }),
            json!("no"),
        ];
        assert_eq!(user_texts(&messages).collect::<Vec<_>>(), ["one", "two"]);
    }

    #[test]
    fn a_conversation_goes_on_where_it_stopped() {
        let values = json!({ "messages": [json!("a"), reply("b")] });
        assert_eq!(so_far(&values, &[json!("c")]), [json!("a"), reply("b"), json!("c")]);
        assert_eq!(so_far(&Value::Null, &[json!("c")]), [json!("c")]);
    }

    #[test]
    fn only_an_object_or_null_is_an_input() {
        assert_eq!(input("null"), Ok(Map::new()));
        assert!(input(r#"{"messages": []}"#).is_ok());
        assert!(input("[1]").unwrap_err().contains("must be a JSON object"));
        assert!(input("{").unwrap_err().contains("not JSON"));
    }
}
