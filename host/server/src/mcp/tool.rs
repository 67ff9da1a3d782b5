use std::collections::BTreeMap;
use std::sync::Arc;

use rmcp::model::{Tool, ToolAnnotations};
use serde_json::json;
use wakeful::core::{Assistant, AssistantId, Object};
use wakeful::{AssistantQuery, AssistantSort, ComponentState, ComponentStatus, Host, Order};

use crate::rpc::RpcError;

/// The longest name that every language model's interface takes.
const NAME_MAX: usize = 64;

/// Every assistant, by the name of its tool.
pub(crate) async fn by_name(host: &Host) -> Result<BTreeMap<String, Assistant>, RpcError> {
    let query = AssistantQuery {
        sort_by: AssistantSort::CreatedAt,
        order: Order::Ascending,
        limit: usize::MAX,
        ..AssistantQuery::default()
    };
    let mut assistants = host.search_assistants(query).await?.items;
    // A component's own assistant keeps its plain name, whatever else is called the same.
    assistants
        .sort_by_key(|assistant| assistant.id != AssistantId::of_component(&assistant.component));
    let mut tools = BTreeMap::new();
    for assistant in assistants {
        let plain = tool_name(&assistant.name);
        let name = if tools.contains_key(&plain) { unique(&plain, &assistant) } else { plain };
        tools.insert(name, assistant);
    }
    Ok(tools)
}

/// A name with nothing in it that a tool's name may not have.
fn tool_name(name: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let plain = name.chars().map(|c| if allowed(c) { c } else { '_' });
    let plain: String = plain.take(NAME_MAX).collect();
    if plain.is_empty() { "assistant".to_owned() } else { plain }
}

/// The name of a tool whose plain name is taken.
fn unique(plain: &str, assistant: &Assistant) -> String {
    let id = assistant.id.uuid().simple().to_string();
    let room = NAME_MAX - id.len() - 1;
    let begin: String = plain.chars().take(room).collect();
    format!("{begin}_{id}")
}

/// What clients learn of a tool.
pub(crate) fn describe(name: &str, assistant: &Assistant, components: &[ComponentStatus]) -> Tool {
    let component = components.iter().find(|one| one.id == assistant.component.as_str());
    let component = component.and_then(|component| component.serving.as_ref());
    let description = assistant.description.clone();
    let description = description
        .or_else(|| component.and_then(|component| component.description.clone()))
        .unwrap_or_else(|| format!("Runs the assistant {}", assistant.name));
    let annotations =
        ToolAnnotations::from_raw(None, Some(false), Some(false), Some(false), Some(true));
    Tool::new(name.to_owned(), description, Arc::new(input_schema(component)))
        .with_title(assistant.name.clone())
        .with_annotations(annotations)
}

/// What an assistant takes, as its component says it. A tool takes nothing but an object.
fn input_schema(component: Option<&ComponentState>) -> Object {
    let said = component.and_then(|component| component.about.as_ref());
    match said.and_then(|about| about.input_schema.clone()) {
        Some(mut schema) if schema.get("type").is_none_or(|kind| kind == "object") => {
            schema.insert("type".to_owned(), "object".into());
            schema
        }
        _ => anything(),
    }
}

/// What an assistant takes that does not say it: messages, and whatever else it understands.
fn anything() -> Object {
    let schema = json!({
        "type": "object",
        "properties": {
            "messages": {
                "type": "array",
                "description": "What is said to the assistant, oldest first.",
                "items": {
                    "type": "object",
                    "properties": { "role": { "type": "string" }, "content": {} },
                },
            },
        },
        "additionalProperties": true,
    });
    schema.as_object().cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use wakeful::core::Timestamp;

    use super::*;

    #[test]
    fn any_name_becomes_one_that_a_tool_may_have() {
        for (name, tool) in [
            ("echo", "echo"),
            ("Weekly report, v1.2", "Weekly_report__v1_2"),
            ("Tagesübersicht", "Tages_bersicht"),
            ("", "assistant"),
        ] {
            assert_eq!(tool_name(name), tool, "{name}");
        }
        assert_eq!(tool_name(&"ü".repeat(100)).len(), NAME_MAX);
    }

    #[test]
    fn a_name_that_is_taken_is_told_apart_by_the_id_of_its_assistant() {
        let component = "echo".parse().unwrap();
        let assistant = Assistant::default_of(component, Timestamp::UNIX_EPOCH);
        let name = unique(&tool_name(&"x".repeat(100)), &assistant);
        assert_eq!(name.len(), NAME_MAX);
        assert!(name.ends_with("_046b5dc72108582c9c6c31d556d138f0"), "{name}");
    }
}
