//! What Weekly Todos says of itself.

use serde_json::{Value, json};

use crate::Todo;
use crate::exports::wakeful::assistant::metadata::{Description, Guest};

impl Guest for Todo {
    fn describe() -> Description {
        Description {
            name: "Weekly Todos".to_owned(),
            description: "Keeps the list of the week, in a file of its thread".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            input_schema: Some(input().to_string()),
            output_schema: Some(values().to_string()),
            config_schema: None,
        }
    }
}

fn input() -> Value {
    json!({
        "type": "object",
        "title": "Input",
        "properties": { "messages": conversation("`add buy milk`, `done 2` or `list`, one per message") },
    })
}

fn values() -> Value {
    let item = json!({
        "type": "object",
        "properties": { "text": { "type": "string" }, "done": { "type": "boolean" } },
        "required": ["text", "done"],
    });
    json!({
        "type": "object",
        "title": "Values",
        "properties": {
            "messages": conversation("the conversation so far"),
            "todo": { "type": "array", "items": item },
        },
        "required": ["messages", "todo"],
    })
}

fn conversation(description: &str) -> Value {
    json!({ "type": "array", "items": { "type": "object" }, "description": description })
}
