use serde_json::{Value, json};

use crate::support::{Api, ECHO, NOBODY, text};

#[tokio::test]
async fn a_component_is_drawn_as_one_node() {
    let api = Api::start().await;
    let expected = json!({
        "nodes": [
            {"id": "__start__", "type": "runnable", "data": {"name": "__start__"}},
            {"id": "echo", "type": "runnable", "data": {"name": "echo"}},
            {"id": "__end__"},
        ],
        "edges": [
            {"source": "__start__", "target": "echo"},
            {"source": "echo", "target": "__end__"},
        ],
    });
    for id in [ECHO, "echo"] {
        for query in ["", "?xray=false", "?xray=True", "?xray=2", "?xray="] {
            let path = format!("/assistants/{id}/graph{query}");
            assert_eq!(api.get(&path).await.ok(), expected, "{path}");
        }
    }
    for query in ["0", "-1", "deep"] {
        let detail = api.get(&format!("/assistants/{ECHO}/graph?xray={query}")).await.refused(422);
        assert!(detail.contains("xray"), "{detail}");
    }
    for id in [NOBODY, "nope", "a%20b"] {
        api.get(&format!("/assistants/{id}/graph")).await.refused(404);
    }
    for path in ["subgraphs", "subgraphs?recurse=true", "subgraphs/echo?recurse=false"] {
        assert_eq!(api.get(&format!("/assistants/{ECHO}/{path}")).await.ok(), json!({}), "{path}");
        api.get(&format!("/assistants/{NOBODY}/{path}")).await.refused(404);
        api.get(&format!("/assistants/echo/{path}")).await.refused(422);
    }
    api.get(&format!("/assistants/{ECHO}/subgraphs?recurse=some")).await.refused(422);
}

#[tokio::test]
async fn schemas_are_what_the_component_says_of_itself() {
    let api = Api::start().await;
    let names =
        ["input_schema", "output_schema", "state_schema", "config_schema", "context_schema"];
    let silent = api.get(&format!("/assistants/{ECHO}/schemas")).await.ok();
    assert_eq!(silent["graph_id"], "echo");
    for name in names {
        assert_eq!(silent.get(name), Some(&Value::Null), "{name}");
    }
    api.add("weekly-todos").await;
    let made = api.post("/assistants", json!({"graph_id": "weekly-todos"})).await.ok();
    let path = format!("/assistants/{}", text(&made, "assistant_id"));
    let schemas = api.get(&format!("{path}/schemas")).await.ok();
    assert_eq!(schemas["graph_id"], "weekly-todos");
    assert_eq!(schemas["input_schema"]["properties"]["messages"]["type"], "array");
    assert_eq!(schemas["output_schema"]["properties"]["todo"]["type"], "array");
    assert_eq!(schemas["state_schema"], schemas["output_schema"]);
    assert_eq!(schemas.get("config_schema"), Some(&Value::Null));
    api.get(&format!("/assistants/{NOBODY}/schemas")).await.refused(404);
    api.get("/assistants/todo/schemas").await.refused(422);

    let components = api.get("/components").await.ok();
    let (echo, todo) = (&components[0], &components[1]);
    assert_eq!((&echo["name"], &echo["schemas"]), (&Value::Null, &Value::Null));
    assert_eq!(todo["name"], "Weekly Todos");
    assert_eq!(todo["schemas"]["input"], schemas["input_schema"]);
    assert!(text(todo, "description").contains("list") && !text(todo, "version").is_empty());
}
