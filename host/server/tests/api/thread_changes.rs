use std::time::{Duration, Instant};

use axum::http::Request;
use serde_json::{Value, json};
use wakeful::core::{Expiry, Ttl};

use crate::support::{Api, NOBODY, assert_keys, message, text};

fn path(thread: &Value) -> String {
    format!("/threads/{}", text(thread, "thread_id"))
}

#[tokio::test]
async fn a_patch_is_merged_key_by_key() {
    let api = Api::start().await;
    let thread = api.thread().await;
    let before = api.get(&thread).await.ok();
    api.patch(&thread, json!({"metadata": {"a": {"x": 1}}})).await.ok();
    let body = json!({"metadata": {"a": {"y": 1}, "b": 2}});
    let patched = api.patch(&thread, body).await.ok();
    assert_eq!(patched["metadata"], json!({"a": {"y": 1}, "b": 2}));
    assert_eq!(patched, api.get(&thread).await.ok());
    assert_ne!(patched["updated_at"], before["updated_at"]);
    assert_eq!(patched["state_updated_at"], before["state_updated_at"]);
    api.patch(&thread, json!({"metadata": null})).await.ok();

    let minimal = Request::patch(&thread)
        .header("prefer", "respond-async, Return=Minimal")
        .body(json!({"metadata": {"c": 3}}).to_string().into());
    let minimal = api.send(minimal.unwrap()).await;
    assert_eq!((minimal.status.as_u16(), minimal.body.len()), (204, 0));
    assert_eq!(api.get(&thread).await.ok()["metadata"]["c"], 3);

    api.patch(&format!("/threads/{NOBODY}"), json!({"metadata": {}})).await.refused(404);
    api.patch("/threads/abc", json!({})).await.refused(422);
    for (body, part) in [(json!({"metadata": 3}), "metadata: "), (json!({"ttl": 0}), "ttl: ")] {
        let detail = api.patch(&thread, body).await.refused(422);
        assert!(detail.starts_with(part), "{detail}");
    }
}

#[tokio::test]
async fn a_time_to_live_is_shown_when_asked_for() {
    let api = Api::start().await;
    let body = json!({"ttl": {"ttl": 1.5, "strategy": "keep_latest"}});
    let created = api.post("/threads", body).await.ok();
    assert_eq!(created["ttl"], Value::Null, "it is not part of a thread");
    let thread = path(&created);
    let shown = api.get(&format!("{thread}?include=ttl")).await.ok();
    assert_keys(&shown["ttl"], &["strategy", "ttl_minutes", "expires_at"]);
    assert_eq!(shown["ttl"]["strategy"], "keep_latest");
    assert_eq!(shown["ttl"]["ttl_minutes"], 1.5);
    assert!(text(&shown["ttl"], "expires_at") > text(&shown, "created_at"));
    let ttl = async |patch: Value| {
        api.patch(&thread, patch).await.ok();
        api.get(&format!("{thread}?include=ttl")).await.ok()["ttl"].clone()
    };
    let restarted = ttl(json!({"metadata": {}})).await;
    assert!(text(&restarted, "expires_at") > text(&shown["ttl"], "expires_at"));
    assert_eq!(ttl(json!({"ttl": 60})).await["strategy"], "delete");
    assert_eq!(ttl(json!({"ttl": {"ttl": 7}})).await["ttl_minutes"], 7.0);
    assert_eq!(ttl(json!({"ttl": null})).await, Value::Null);

    api.get(&format!("{thread}?include=bogus")).await.refused(422);
    for bad in [
        json!({"ttl": 0}),
        json!({"ttl": -1}),
        json!({"ttl": 1e300}),
        json!({"ttl": "1h"}),
        json!({"ttl": 5, "strategy": "bogus"}),
        json!({"strategy": "delete"}),
    ] {
        api.post("/threads", json!({"ttl": bad})).await.refused(422);
    }
}

#[tokio::test]
async fn a_thread_goes_or_shrinks_when_its_time_is_over() {
    let api = Api::start().await;
    // A twentieth of a second.
    let create = async |strategy: &str| {
        let body = json!({"ttl": {"ttl": 0.05 / 60.0, "strategy": strategy}});
        path(&api.post("/threads", body).await.ok())
    };
    let goes = create("delete").await;
    let began = Instant::now();
    while api.get(&goes).await.status != 404 {
        assert!(began.elapsed() < Duration::from_secs(30), "the thread is still there");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let shrinks = create("keep_latest").await;
    for _ in 0..2 {
        let body = json!({"assistant_id": "echo", "input": message("hi")});
        api.post(&format!("{shrinks}/runs/wait"), body).await.ok();
    }
    let left = api
        .until(&format!("{shrinks}/history"), |states| states.as_array().unwrap().len() == 1)
        .await;
    assert_eq!(left[0]["values"]["count"], 2);
    let shown = api
        .until(&format!("{shrinks}?include=ttl"), |thread| thread["ttl"]["expires_at"].is_null())
        .await;
    assert_eq!(shown["values"]["count"], 2);
}

#[tokio::test]
async fn new_threads_have_the_time_to_live_of_the_settings() {
    let ttl = Ttl { after: Duration::from_secs(600), expiry: Expiry::KeepLatest };
    let api = Api::with_host(|host| host.retention.threads = Some(ttl)).await;
    let minutes = async |thread: &str| {
        api.get(&format!("{thread}?include=ttl")).await.ok()["ttl"]["ttl_minutes"].clone()
    };
    assert_eq!(minutes(&api.thread().await).await, 10.0);
    let own = api.post("/threads", json!({"ttl": 3})).await.ok();
    assert_eq!(minutes(&path(&own)).await, 3.0);
    let body = json!({"assistant_id": "echo", "on_completion": "keep"});
    let kept = api.post("/runs", body).await.ok();
    assert_eq!(minutes(&path(&kept)).await, 10.0);
}

#[tokio::test]
async fn a_thread_begins_with_the_supersteps_it_is_given() {
    let api = Api::start().await;
    let seed = json!({"messages": [{"role": "user", "content": "seed"}]});
    let body = json!({
        "metadata": {"graph_id": "echo"},
        "supersteps": [
            {"updates": [{"values": seed, "command": null, "as_node": "__input__"}]},
            {"updates": [
                {"values": {"count": 1}, "as_node": "echo"},
                {"values": null, "command": {"update": {"more": true}}, "as_node": "echo"},
            ]},
        ],
    });
    let thread = api.post("/threads", body).await.ok();
    assert_eq!(thread["status"], "idle");
    assert_eq!((&thread["error"], &thread["interrupts"]), (&Value::Null, &json!({})));
    assert_eq!(thread["values"]["count"], 1);
    let states = api.get(&format!("{}/history", path(&thread))).await.ok();
    let shown = |key: &str| json!([states[0]["metadata"][key], states[1]["metadata"][key]]);
    assert_eq!((shown("source"), shown("step")), (json!(["update", "input"]), json!([1, 0])));
    assert_eq!(states[1]["values"], seed);
    assert_eq!(states[0]["parent_checkpoint"], states[1]["checkpoint"]);
    assert_eq!(states[0]["values"]["more"], true);
    let body = json!({"assistant_id": "echo", "input": message("hi")});
    assert_eq!(api.post(&format!("{}/runs/wait", path(&thread)), body).await.ok()["count"], 2);

    let step = |as_node: &str| json!([{"updates": [{"values": {}, "as_node": as_node}]}]);
    for (metadata, supersteps, part) in [
        (json!({}), step("echo"), "graph_id"),
        (json!({"graph_id": "echo"}), step("nope"), "Node nope does not exist"),
        (json!({"graph_id": "echo"}), json!([{"updates": []}]), "supersteps: "),
        (json!({"graph_id": "echo"}), json!([3]), "supersteps[0]"),
        (json!({"graph_id": "echo"}), json!(vec![step("echo")[0].clone(); 257]), "supersteps: "),
    ] {
        let body = json!({"metadata": metadata, "supersteps": supersteps});
        let detail = api.post("/threads", body).await.refused(422);
        assert!(detail.contains(part), "{detail}");
    }
    assert_eq!(api.post("/threads/count", json!({})).await.ok(), 1);
}

#[tokio::test]
async fn a_copy_has_the_history_of_its_source() {
    let api = Api::start().await;
    let body = json!({"metadata": {"u": 1}});
    let thread = path(&api.post("/threads", body).await.ok());
    for content in ["hi", "yo"] {
        let body = json!({"assistant_id": "echo", "input": message(content)});
        api.post(&format!("{thread}/runs/wait"), body).await.ok();
    }
    let copied = api.text(axum::http::Method::POST, &format!("{thread}/copy"), "").await.ok();
    let source = api.get(&thread).await.ok();
    assert_ne!(copied["thread_id"], source["thread_id"]);
    for key in ["metadata", "status", "values"] {
        assert_eq!(copied[key], source[key], "{key}");
    }
    let copy = path(&copied);
    assert_eq!(api.get(&copy).await.ok(), copied);
    let ids = async |thread: &str| {
        let states = api.get(&format!("{thread}/history")).await.ok();
        let states = states.as_array().unwrap().clone();
        states.iter().map(|state| state["checkpoint_id"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&copy).await, ids(&thread).await);
    api.delete(&thread).await;
    let body = json!({"assistant_id": "echo", "input": message("on")});
    assert_eq!(api.post(&format!("{copy}/runs/wait"), body).await.ok()["count"], 3);
    let missing = api.text(axum::http::Method::POST, &format!("{thread}/copy"), "").await;
    assert!(missing.refused(409).starts_with("Conflict"));
    api.text(axum::http::Method::POST, "/threads/abc/copy", "").await.refused(400);
}

#[tokio::test]
async fn pruning_deletes_threads_or_their_earlier_checkpoints() {
    let api = Api::start().await;
    let thread = api.thread().await;
    for content in ["hi", "yo"] {
        let body = json!({"assistant_id": "echo", "input": message(content)});
        api.post(&format!("{thread}/runs/wait"), body).await.ok();
    }
    let id = thread.strip_prefix("/threads/").unwrap();
    let prune = async |body: Value| api.post("/threads/prune", body).await;
    let body = json!({"thread_ids": [id, id, NOBODY], "strategy": "keep_latest"});
    assert_eq!(prune(body).await.ok(), json!({"pruned_count": 1}));
    let states = api.get(&format!("{thread}/history")).await.ok();
    assert_eq!(states.as_array().unwrap().len(), 1);
    assert_eq!(
        (&states[0]["values"]["count"], &states[0]["parent_checkpoint"]),
        (&json!(2), &Value::Null)
    );
    assert_eq!(prune(json!({"thread_ids": []})).await.ok(), json!({"pruned_count": 0}));
    assert_eq!(prune(json!({"thread_ids": [id]})).await.ok(), json!({"pruned_count": 1}));
    api.get(&thread).await.refused(404);
    for body in [
        json!({"thread_ids": ["abc"]}),
        json!({"thread_ids": [id], "strategy": "bogus"}),
        json!({"thread_ids": vec![NOBODY; 1001]}),
        json!({}),
    ] {
        prune(body).await.refused(422);
    }
}
