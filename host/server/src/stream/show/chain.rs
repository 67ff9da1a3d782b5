use serde_json::json;
use wakeful::core::Json;

use super::context::Context;
use super::with;

/// An event of the run as a whole, as LangChain's `astream_events` has it.
pub(crate) fn of_run(event: &str, context: &Context, data: Json) -> Json {
    json!({
        "event": event,
        "data": data,
        "name": context.node(),
        "tags": [],
        "run_id": context.run.id.to_string(),
        "metadata": context.run_metadata(),
        "parent_ids": [],
    })
}

/// An event of the component, which is the run's only node.
pub(crate) fn of_node(event: &str, context: &Context, data: Json) -> Json {
    json!({
        "event": event,
        "data": data,
        "name": context.node(),
        "tags": [format!("graph:step:{}", context.step)],
        "run_id": context.task(),
        "metadata": context.node_metadata(),
        "parent_ids": [context.run.id.to_string()],
    })
}

/// What the component sent under a name of its choice.
pub(crate) fn custom(name: &str, data: &Json, context: &Context) -> Json {
    with(of_node("on_custom_event", context, data.clone()), "name", name)
}
