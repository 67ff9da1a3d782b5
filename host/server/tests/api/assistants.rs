use axum::http::Method;
use serde_json::{Value, json};

use crate::support::{Api, ECHO, NOBODY, assert_keys, message, text};

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
    for method in [Method::GET, Method::PATCH, Method::DELETE] {
        let detail = api.text(method, "/assistants/echo", "{}").await.refused(422);
        assert!(detail.contains("Invalid assistant ID"), "{detail}");
    }
    assert!(api.get(&format!("/assistants/{NOBODY}")).await.refused(404).contains(NOBODY));
    for path in ["/assistants/search", "/assistants/count"] {
        let detail = api.post(path, json!({"graph_id": "nope"})).await.refused(404);
        assert!(detail.contains("`echo`"), "{detail}");
        api.post(path, json!({"graph_id": "../nope"})).await.refused(404);
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

/// Creates an assistant, and returns it with its path.
async fn create(api: &Api, body: Value) -> (Value, String) {
    let assistant = api.post("/assistants", body).await.ok();
    let path = format!("/assistants/{}", text(&assistant, "assistant_id"));
    (assistant, path)
}

#[tokio::test]
async fn an_assistant_is_created_as_the_body_says() {
    let api = Api::start().await;
    let config = json!({"configurable": {"k": "v"}, "tags": ["t1"], "recursion_limit": 7});
    let body = json!({
        "graph_id": "echo", "config": config, "metadata": {"team": "a"}, "name": "My Echo",
        "description": "d", "unknown": 1,
    });
    let (made, path) = create(&api, body).await;
    assert_keys(&made, &KEYS);
    assert_eq!(made["config"], config);
    assert_eq!(made["context"], json!({"k": "v"}));
    assert_eq!(made["metadata"], json!({"team": "a"}));
    assert_eq!((&made["name"], &made["description"]), (&json!("My Echo"), &json!("d")));
    assert_eq!(made["version"], 1);
    assert_eq!(api.get(&path).await.ok(), made);

    let (by_context, _) = create(&api, json!({"graph_id": "echo", "context": {"m": 1}})).await;
    assert_eq!(by_context["config"], json!({"configurable": {"m": 1}}));
    assert_eq!(by_context["context"], json!({"m": 1}));
    let nulls = json!({
        "graph_id": "echo", "config": null, "context": null, "metadata": null, "name": null,
        "description": null, "assistant_id": null, "if_exists": null,
    });
    for body in [json!({"graph_id": "echo"}), nulls] {
        let (minimal, _) = create(&api, body).await;
        for empty in ["config", "context", "metadata"] {
            assert_eq!(minimal[empty], json!({}), "{empty}");
        }
        assert_eq!((&minimal["name"], &minimal["description"]), (&json!("Untitled"), &Value::Null));
    }
    assert_eq!(api.post("/assistants/count", json!({})).await.ok(), 5);
    assert_eq!(api.post("/assistants/count", json!({"name": "my e"})).await.ok(), 1);
    let found = api.post("/assistants/search", json!({"metadata": {"team": "a"}})).await.ok();
    assert_eq!(found, json!([made]));
}

#[tokio::test]
async fn an_id_that_is_taken_is_refused_or_returned() {
    let api = Api::start().await;
    let body = |more: Value| {
        let mut body = json!({"graph_id": "echo", "assistant_id": NOBODY, "name": "first"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let (first, _) = create(&api, body(json!({}))).await;
    assert_eq!(first["assistant_id"], NOBODY);
    let detail = api.post("/assistants", body(json!({"name": "second"}))).await.refused(409);
    assert!(detail.contains(NOBODY) && detail.contains("already exists"), "{detail}");
    api.post("/assistants", body(json!({"if_exists": "raise"}))).await.refused(409);
    let again = body(json!({"name": "second", "if_exists": "do_nothing"}));
    assert_eq!(api.post("/assistants", again).await.ok(), first);
}

#[tokio::test]
async fn an_assistant_that_cannot_be_is_refused() {
    let api = Api::start().await;
    for (body, status, part) in [
        (json!({"graph_id": "nope"}), 404, "`echo`"),
        (json!({"graph_id": "../x"}), 404, "`echo`"),
        (json!({}), 422, "graph_id"),
        (json!({"graph_id": 1}), 422, "graph_id"),
        (json!({"graph_id": "echo", "assistant_id": "xyz"}), 422, "Invalid assistant ID"),
        (json!({"graph_id": "echo", "if_exists": "maybe"}), 422, "if_exists"),
        (json!({"graph_id": "echo", "config": []}), 422, "config"),
        (json!({"graph_id": "echo", "config": {"tags": "t"}}), 422, "config.tags"),
        (json!({"graph_id": "echo", "metadata": "m"}), 422, "metadata"),
        (json!({"graph_id": "echo", "name": "n".repeat(501)}), 422, "name"),
        (json!({"graph_id": "echo", "description": "d".repeat(10_001)}), 422, "description"),
        (
            json!({"graph_id": "echo", "config": {"configurable": {"k": 1}}, "context": {"m": 1}}),
            400,
            "context",
        ),
    ] {
        let detail = api.post("/assistants", body.clone()).await.refused(status);
        assert!(detail.contains(part), "{body}: {detail}");
    }
    assert_eq!(api.post("/assistants/count", json!({})).await.ok(), 1);
}

#[tokio::test]
async fn a_change_makes_a_version_and_an_earlier_one_can_be_gone_back_to() {
    let api = Api::start().await;
    api.add("weekly-todos").await;
    let (first, path) = create(
        &api,
        json!({
            "graph_id": "echo", "config": {"configurable": {"k": "v"}, "tags": ["t1"]},
            "metadata": {"team": "a"}, "name": "My Echo", "description": "d",
        }),
    )
    .await;
    let patch = json!({
        "config": {"configurable": {"k": "v2"}}, "metadata": {"n": 2}, "name": "Renamed",
    });
    let second = api.patch(&path, patch).await.ok();
    assert_keys(&second, &KEYS);
    assert_eq!(second["version"], 2);
    assert_eq!(second["config"], json!({"configurable": {"k": "v2"}}));
    assert_eq!(second["context"], json!({"k": "v2"}));
    assert_eq!(second["metadata"], json!({"team": "a", "n": 2}));
    assert_eq!((&second["name"], &second["description"]), (&json!("Renamed"), &json!("d")));
    assert_eq!(second["created_at"], first["created_at"]);
    assert_ne!(second["updated_at"], first["updated_at"]);
    assert_eq!(
        api.patch(&path, json!({"graph_id": "weekly-todos"})).await.ok()["graph_id"],
        "weekly-todos"
    );
    let fourth = api.patch(&path, json!({})).await.ok();
    assert_eq!((&fourth["version"], &fourth["name"]), (&json!(4), &json!("Renamed")));

    let versions = api.post(&format!("{path}/versions"), json!({"limit": 10, "offset": 0})).await;
    let listed = versions.ok();
    let numbers: Vec<_> = listed.as_array().unwrap().iter().map(|it| &it["version"]).collect();
    assert_eq!(numbers, [4, 3, 2, 1]);
    let keys: Vec<_> = KEYS.into_iter().filter(|key| *key != "updated_at").collect();
    assert_keys(&listed[3], &keys);
    assert_eq!(listed[3]["config"], first["config"]);
    assert_eq!(listed[3]["created_at"], first["created_at"]);
    assert_eq!(listed[0]["created_at"], fourth["updated_at"]);
    let part = json!({"metadata": {"n": 2}, "limit": 1, "offset": 1});
    let part = api.post(&format!("{path}/versions"), part).await;
    assert_eq!(part.ok()[0]["version"], 3);
    assert_eq!(part.header("x-pagination-next"), Some("2"));

    let latest = format!("{path}/latest");
    let back = api.post(&latest, json!({"version": 1})).await.ok();
    assert_eq!(api.get(&path).await.ok(), back);
    for same in ["config", "context", "metadata", "name", "graph_id", "version", "created_at"] {
        assert_eq!(back[same], first[same], "{same}");
    }
    let by_query = api.text(Method::POST, &format!("{latest}?version=4"), "").await.ok();
    assert_eq!((&by_query["version"], &by_query["graph_id"]), (&json!(4), &json!("weekly-todos")));
    assert_eq!(api.patch(&path, json!({"description": null})).await.ok()["version"], 5);
    assert_eq!(api.get(&path).await.ok()["description"], Value::Null);
}

#[tokio::test]
async fn a_change_that_cannot_be_is_refused() {
    let api = Api::start().await;
    let (made, path) = create(&api, json!({"graph_id": "echo"})).await;
    let nobody = format!("/assistants/{NOBODY}");
    for (path, body, status, part) in [
        (&nobody, json!({"name": "x"}), 404, NOBODY),
        (&path, json!({"graph_id": "nope"}), 404, "`echo`"),
        (&path, json!({"graph_id": "../x"}), 404, "../x"),
        (&path, json!({"name": 1}), 422, "name"),
        (&path, json!({"name": "n".repeat(501)}), 422, "name"),
        (&path, json!({"config": {"recursion_limit": "many"}}), 422, "config.recursion_limit"),
        (&path, json!({"config": {"configurable": {"k": 1}}, "context": {"m": 1}}), 400, "context"),
    ] {
        let detail = api.patch(path, body.clone()).await.refused(status);
        assert!(detail.contains(part), "{body}: {detail}");
    }
    let missing = text(&made, "assistant_id");
    for (path, body, status, part) in [
        (format!("{nobody}/versions"), json!({}), 404, NOBODY),
        (format!("{path}/versions"), json!({"limit": 0}), 422, "limit"),
        (format!("{nobody}/latest"), json!({"version": 1}), 404, NOBODY),
        (format!("{path}/latest"), json!({"version": 99}), 404, missing),
        (format!("{path}/latest"), json!({"version": "new"}), 422, "version"),
        (format!("{path}/latest"), json!({"version": -1}), 422, "version"),
        (format!("{path}/latest"), json!({}), 422, "version"),
        (format!("{path}/latest?version=new"), json!({}), 422, "version"),
    ] {
        let detail = api.post(&path, body.clone()).await.refused(status);
        assert!(detail.contains(part), "{path} {body}: {detail}");
    }
    assert_eq!(api.get(&path).await.ok(), made);
}

#[tokio::test]
async fn deleting_an_assistant_takes_its_crons_and_stops_its_runs() {
    let api = Api::start().await;
    let (made, path) = create(&api, json!({"graph_id": "echo"})).await;
    let id = text(&made, "assistant_id");
    let cron = json!({"assistant_id": id, "schedule": "0 0 1 1 *"});
    let cron = api.post("/runs/crons", cron).await.ok();
    let thread = api.thread().await;
    let body = json!({"assistant_id": id, "input": {"sleep": 60}});
    let mut runs = Vec::new();
    for _ in 0..2 {
        let run = api.post(&format!("{thread}/runs"), body.clone()).await.ok();
        runs.push(format!("{thread}/runs/{}", text(&run, "run_id")));
    }
    api.until(&runs[0], |run| run["status"] == "running").await;
    assert_eq!(api.delete(&path).await.status, 204);
    for run in &runs {
        let ended = api.until(run, |run| run["status"] != "running").await;
        assert_eq!(ended["status"], "interrupted");
    }
    assert_eq!(api.get(&thread).await.ok()["status"], "idle");
    api.get(&format!("/runs/crons/{}", text(&cron, "cron_id"))).await.refused(404);
    assert!(api.get(&path).await.refused(404).contains(id));
    assert!(api.delete(&path).await.refused(404).contains(id));
    api.post(&format!("{path}/versions"), json!({})).await.refused(404);
    api.post(&format!("{thread}/runs"), body).await.refused(404);
    api.delete(&format!("/assistants/{NOBODY}?delete_threads=true")).await.refused(404);
    api.delete(&format!("/assistants/{NOBODY}?delete_threads=some")).await.refused(422);
}

#[tokio::test]
async fn threads_are_deleted_with_their_assistant_only_if_asked() {
    let api = Api::start().await;
    for (query, status) in
        [("", 200), ("?delete_threads=false", 200), ("?delete_threads=true", 404)]
    {
        let (made, path) = create(&api, json!({"graph_id": "echo"})).await;
        let thread = api.thread().await;
        let body = json!({"assistant_id": made["assistant_id"], "input": message("hi")});
        api.post(&format!("{thread}/runs/wait"), body).await.ok();
        let other = api.thread().await;
        assert_eq!(api.delete(&format!("{path}{query}")).await.status, 204);
        assert_eq!(api.get(&thread).await.status, status, "{query}");
        assert_eq!(api.get(&other).await.status, 200);
    }
}

#[tokio::test]
async fn a_default_assistant_that_was_deleted_comes_back_when_its_component_is_named() {
    let api = Api::start().await;
    let path = format!("/assistants/{ECHO}");
    api.patch(&path, json!({"metadata": {"mine": true}})).await.ok();
    assert_eq!(api.delete(&path).await.status, 204);
    api.get(&path).await.refused(404);
    assert_eq!(api.post("/assistants/search", json!({})).await.ok(), json!([]));
    let body = json!({"assistant_id": "echo", "input": message("hi")});
    let values = api.post("/runs/wait", body).await.ok();
    assert_eq!(values["messages"][1]["content"], "echo: hi");
    let back = api.get(&path).await.ok();
    assert_eq!((&back["version"], &back["name"]), (&json!(1), &json!("echo")));
    assert_eq!(back["metadata"], json!({"created_by": "system"}));
}
