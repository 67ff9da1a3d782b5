use serde::{Deserialize, Deserializer};
use wakeful_core::{Digest, Json, ModelName, Object};

/// Messages of one request.
const MOST_MESSAGES: usize = 10_000;
/// Tools of one request.
const MOST_TOOLS: usize = 128;
/// Texts that stop an answer.
const MOST_STOPS: usize = 16;

/// What a guest asks a model.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ChatRequest {
    pub(super) messages: Vec<Message>,
    #[serde(default, deserialize_with = "or_none")]
    pub(super) tools: Vec<Tool>,
    /// JSON Schema of the answer.
    pub(super) response_schema: Option<Object>,
    pub(super) temperature: Option<f64>,
    pub(super) max_tokens: Option<u32>,
    #[serde(default, deserialize_with = "or_none")]
    pub(super) stop: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Message {
    pub(super) role: Role,
    #[serde(default, deserialize_with = "text")]
    pub(super) content: String,
    #[serde(default, deserialize_with = "or_none")]
    pub(super) tool_calls: Vec<ToolCall>,
    /// Of a tool's message: the call that it answers.
    pub(super) tool_call_id: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Role {
    System,
    User,
    Assistant,
    Tool,
}

impl Role {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ToolCall {
    pub(super) id: String,
    pub(super) name: String,
    #[serde(default)]
    pub(super) arguments: Object,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tool {
    pub(super) name: String,
    #[serde(default)]
    pub(super) description: String,
    /// JSON Schema of the arguments.
    #[serde(default)]
    pub(super) parameters: Object,
}

impl ChatRequest {
    /// Reads what a guest asks. The error says what to change.
    pub(super) fn read(request: Object) -> Result<Self, String> {
        let request: Self =
            serde_json::from_value(Json::Object(request)).map_err(|error| error.to_string())?;
        request.check()?;
        Ok(request)
    }

    fn check(&self) -> Result<(), String> {
        if self.messages.is_empty() || self.messages.len() > MOST_MESSAGES {
            return Err(format!("`messages` has 1 to {MOST_MESSAGES} messages"));
        }
        if self.messages.iter().all(|message| message.role == Role::System) {
            return Err("`messages` needs one of a role other than `system`".to_owned());
        }
        for (index, message) in self.messages.iter().enumerate() {
            let calls = message.role == Role::Assistant || message.tool_calls.is_empty();
            let answers = (message.role == Role::Tool) == message.tool_call_id.is_some();
            if !calls || !answers {
                return Err(format!(
                    "message {index}: `tool_calls` belongs to the role `assistant`, and `tool_call_id` to the role `tool`, which needs it"
                ));
            }
        }
        if self.tools.len() > MOST_TOOLS {
            return Err(format!("`tools` has at most {MOST_TOOLS} tools"));
        }
        let letter = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let named =
            |tool: &&Tool| (1..=64).contains(&tool.name.len()) && tool.name.chars().all(letter);
        if self.tools.iter().any(|tool| !named(&tool)) {
            return Err("a tool's `name` has 1 to 64 letters, digits, `_` and `-`".to_owned());
        }
        if self.stop.len() > MOST_STOPS || self.stop.iter().any(String::is_empty) {
            return Err(format!("`stop` has at most {MOST_STOPS} texts, none of them empty"));
        }
        if self.temperature.is_some_and(|it| !(0.0..=2.0).contains(&it)) {
            return Err("`temperature` is 0 to 2".to_owned());
        }
        if self.max_tokens == Some(0) {
            return Err("`max_tokens` is at least 1".to_owned());
        }
        Ok(())
    }

    /// The name of the tool that was called under this id.
    pub(super) fn tool_of(&self, id: &str) -> Option<&str> {
        let mut calls = self.messages.iter().flat_map(|message| &message.tool_calls);
        calls.find(|call| call.id == id).map(|call| call.name.as_str())
    }
}

/// Names what was asked of which model.
pub(super) fn digest(model: &ModelName, request: &Object) -> Digest {
    let asked = serde_json::json!([model.as_str(), request]);
    Digest::of(asked.to_string().as_bytes())
}

/// A list, or none in its place.
fn or_none<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// A text, or none, or a list of parts that are texts.
fn text<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Content {
        Text(String),
        Parts(Vec<Part>),
    }
    #[derive(Deserialize)]
    struct Part {
        text: String,
    }
    match Option::<Content>::deserialize(from) {
        Ok(Some(Content::Text(text))) => Ok(text),
        Ok(Some(Content::Parts(parts))) => Ok(parts.into_iter().map(|part| part.text).collect()),
        Ok(None) => Ok(String::new()),
        Err(_) => Err(serde::de::Error::custom(
            "`content` is a text, or a list of parts that each have a `text`",
        )),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(request: Json) -> Result<ChatRequest, String> {
        ChatRequest::read(request.as_object().unwrap().clone())
    }

    #[test]
    fn a_request_reads_with_the_names_that_people_know() {
        let request = read(json!({
            "messages": [
                { "role": "system", "content": "be brief" },
                { "role": "user", "content": [{ "type": "text", "text": "hi" }, { "text": "!" }] },
                { "role": "assistant", "content": null,
                  "tool_calls": [{ "id": "c1", "name": "look", "arguments": { "at": 1 } }] },
                { "role": "tool", "tool_call_id": "c1", "content": "{}" },
            ],
            "tools": [{ "name": "look", "description": "looks", "parameters": { "type": "object" } }],
            "response_schema": { "type": "object" },
            "temperature": 0.5, "max_tokens": 9, "stop": ["END"],
        }))
        .unwrap();
        assert_eq!(request.messages[1].content, "hi!");
        assert_eq!(request.tool_of("c1"), Some("look"));
        assert_eq!(request.tool_of("c2"), None);
        assert!(
            read(json!({ "messages": [{ "role": "user", "content": "hi" }], "tools": null }))
                .is_ok()
        );
    }

    #[test]
    fn a_mistake_in_a_request_is_named() {
        let user = json!({ "role": "user", "content": "hi" });
        for (request, expected) in [
            (json!({}), "messages"),
            (json!({ "messages": [] }), "1 to"),
            (json!({ "messages": [{ "role": "system", "content": "x" }] }), "other than"),
            (json!({ "messages": [{ "role": "robot", "content": "x" }] }), "robot"),
            (json!({ "messages": [{ "role": "user", "content": 3 }] }), "`content` is a text"),
            (json!({ "messages": [{ "role": "tool", "content": "x" }] }), "tool_call_id"),
            (json!({ "messages": [user], "model": "x" }), "model"),
            (json!({ "messages": [user], "temperature": 3 }), "0 to 2"),
            (json!({ "messages": [user], "max_tokens": 0 }), "at least 1"),
            (json!({ "messages": [user], "max_tokens": -1 }), "-1"),
            (json!({ "messages": [user], "tools": [{ "name": "a b" }] }), "letters"),
            (json!({ "messages": [user], "stop": [""] }), "empty"),
        ] {
            let message = read(request.clone()).unwrap_err();
            assert!(message.contains(expected), "{request}: {message}");
        }
    }

    #[test]
    fn only_the_same_question_to_the_same_model_has_the_same_digest() {
        let of = |model: &str, request: Json| {
            digest(&model.parse().unwrap(), request.as_object().unwrap())
        };
        assert_eq!(of("a", json!({ "n": 1 })), of("a", json!({ "n": 1 })));
        assert_ne!(of("a", json!({ "n": 1 })), of("b", json!({ "n": 1 })));
        assert_ne!(of("a", json!({ "n": 1 })), of("a", json!({ "n": 2 })));
    }
}
