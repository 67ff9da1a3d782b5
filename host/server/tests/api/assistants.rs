use serde_json::{Value, json};

use crate::support::{Api, ECHO, NOBODY, assert_keys};

const KEYS: [&str; 10] = [
    "assistant_id",
    "graph_id",
    "config",
    "context",
    "metadata",
    "name",
    "created_at",
    "updated_at",
    "version",
    "description",
];

#[tokio::test]
async fn a_component_has_an_assistant_with_the_id_that_langgraph_derives() {
    let api = Api::start().await;
    let assistant = api.get(&format!("/assistants/{ECHO}")).await.ok();
    assert_keys(&assistant, &KEYS);
    assert_eq!(assistant["graph_id"], "echo");
    assert_eq!(assistant["name"], "echo");
    assert_eq!(assistant["metadata"], json!({"created_by": "system"}));
    assert_eq!(assistant["version"], 1);
    assert_eq!(assistant["description"], Value::Null);
    let created = assistant["created_at"].as_str().unwrap();
    assert!(created.ends_with("+00:00") && created.len() == 32, "{created}");
}

#[tokio::test]
async fn assistants_are_found_by_graph_name_and_metadata() {
    let api = Api::start().await;
    for (filter, found) in [
        (json!({}), 1),
        (json!({"graph_id": "echo"}), 1),
        (json!({"name": "EC"}), 1),
        (json!({"name": "other"}), 0),
        (json!({"metadata": {"created_by": "system"}}), 1),
        (json!({"metadata": {"team": "a"}}), 0),
        (json!({"offset": 1}), 0),
        (json!({"sort_by": "name", "sort_order": "asc"}), 1),
        (json!({"metadata": null, "unknown": 1}), 1),
    ] {
        let answer = api.post("/assistants/search", filter.clone()).await;
        assert_eq!(answer.ok().as_array().unwrap().len(), found, "{filter}");
        let whole = if filter.get("offset").is_some() { 1 } else { found };
        assert_eq!(answer.header("x-pagination-total"), Some(&*whole.to_string()), "{filter}");
        assert_eq!(answer.header("x-pagination-next"), None, "{filter}");
        assert_eq!(api.post("/assistants/count", filter).await.ok(), json!(whole));
    }
    let selected = json!({"select": ["assistant_id", "name"]});
    let selected = api.post("/assistants/search", selected).await.ok();
    assert_eq!(selected, json!([{"assistant_id": ECHO, "name": "echo"}]));
}

#[tokio::test]
async fn an_assistant_that_is_not_there_is_refused_as_the_protocol_says() {
    let api = Api::start().await;
    assert!(api.get("/assistants/echo").await.refused(422).contains("Invalid assistant ID"));
    assert!(api.get(&format!("/assistants/{NOBODY}")).await.refused(404).contains(NOBODY));
    for path in ["/assistants/search", "/assistants/count"] {
        let detail = api.post(path, json!({"graph_id": "nope"})).await.refused(404);
        assert!(detail.contains("`echo`"), "{detail}");
    }
    for (body, field) in [
        (json!({"select": ["bogus"]}), "select[0]"),
        (json!({"sort_by": "bogus"}), "sort_by"),
        (json!({"sort_order": "up"}), "sort_order"),
        (json!({"limit": 0}), "limit"),
        (json!({"limit": 5000}), "limit"),
        (json!({"offset": -1}), "offset"),
    ] {
        let detail = api.post("/assistants/search", body).await.refused(422);
        assert!(detail.starts_with(field), "{detail}");
    }
}
