use serde_json::{Value, json};

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A person.
    User,
    /// The assistant.
    Assistant,
    /// Whoever set the assistant up.
    System,
    /// Something else, such as a tool.
    Other,
}

/// One message of a conversation.
///
/// On the wire it is a JSON object: OpenAI's `role` or LangChain's `type` says who speaks, and
/// `content` is a text or a list of parts such as `{"type": "text", "text": "Hello"}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said: the text of all parts.
    pub text: String,
}

impl Message {
    /// Reads a message; what has no text says nothing.
    pub fn read(message: &Value) -> Self {
        let speaker = message.get("role").or_else(|| message.get("type")).and_then(Value::as_str);
        let role = match speaker {
            Some("user" | "human") => Role::User,
            Some("assistant" | "ai") => Role::Assistant,
            Some("system" | "developer") => Role::System,
            _ => Role::Other,
        };
        let text = match &message["content"] {
            Value::String(text) => text.clone(),
            Value::Array(parts) => {
                parts.iter().filter_map(|part| part.as_str().or(part["text"].as_str())).collect()
            }
            _ => String::new(),
        };
        Self { role, text }
    }

    /// A message of the assistant, as clients expect it.
    pub fn reply(text: impl Into<String>) -> Value {
        json!({ "role": "assistant", "content": text.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_notation_says_who_speaks_and_what() {
        for (message, role, text) in [
            (json!({ "role": "user", "content": "one" }), Role::User, "one"),
            (
                json!({ "type": "human", "content": [{ "type": "text", "text": "t" }, "wo"] }),
                Role::User,
                "two",
            ),
            (Message::reply("three"), Role::Assistant, "three"),
            (json!({ "type": "ai", "content": "four" }), Role::Assistant, "four"),
            (json!({ "role": "tool" }), Role::Other, ""),
            (json!("no message"), Role::Other, ""),
        ] {
            assert_eq!(Message::read(&message), Message { role, text: text.to_owned() });
        }
    }
}
