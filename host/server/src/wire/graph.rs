use serde_json::json;
use wakeful::Description;
use wakeful::core::{ComponentId, Json, Object};

/// A component as a graph: one node between start and end.
pub(crate) fn graph(component: &ComponentId) -> Json {
    let id = component.as_str();
    let node = |id: &str| json!({ "id": id, "type": "runnable", "data": { "name": id } });
    json!({
        "nodes": [node("__start__"), node(id), { "id": "__end__" }],
        "edges": [
            { "source": "__start__", "target": id },
            { "source": id, "target": "__end__" },
        ],
    })
}

/// The schemas of a component, `null` where it says nothing. A thread's values are what a run
/// returns, and the context is the configuration under another name.
pub(crate) fn schemas(component: &ComponentId, about: Option<&Description>) -> Json {
    let schema =
        |pick: fn(&Description) -> &Option<Object>| about.and_then(|about| pick(about).as_ref());
    let output = schema(|about| &about.output_schema);
    let config = schema(|about| &about.config_schema);
    json!({
        "graph_id": component.as_str(),
        "input_schema": schema(|about| &about.input_schema),
        "output_schema": output,
        "state_schema": output,
        "config_schema": config,
        "context_schema": config,
    })
}
