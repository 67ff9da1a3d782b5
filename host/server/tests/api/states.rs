use serde_json::{Value, json};

use crate::support::{Api, ECHO, NOBODY, assert_keys, message, text};

async fn run(api: &Api, thread: &str, content: &str) -> Value {
    let body = json!({"assistant_id": "echo", "input": message(content)});
    api.post(&format!("{thread}/runs/wait"), body).await.ok()
}

async fn history(api: &Api, thread: &str) -> Vec<Value> {
    let found = api.post(&format!("{thread}/history"), json!({"limit": 100})).await.ok();
    found.as_array().unwrap().clone()
}

#[tokio::test]
async fn a_client_writes_into_the_state() {
    let api = Api::start().await;
    let thread = api.thread().await;
    let state = format!("{thread}/state");
    let values = json!({"values": {"count": 5}});
    assert!(api.post(&state, values.clone()).await.refused(400).contains("graph_id"));
    run(&api, &thread, "hi").await;
    let before = api.get(&state).await.ok();

    let body = json!({"values": {"count": 41, "new": [1]}, "as_node": "echo"});
    let updated = api.post(&state, body).await.ok();
    assert_keys(&updated, &["checkpoint", "configurable", "checkpoint_id"]);
    assert_keys(&updated["checkpoint"], &["thread_id", "checkpoint_ns", "checkpoint_id"]);
    assert_eq!(updated["checkpoint"], updated["configurable"]);
    assert_eq!(updated["checkpoint"]["checkpoint_id"], updated["checkpoint_id"]);

    let after = api.get(&state).await.ok();
    assert_eq!(after["checkpoint"], updated["checkpoint"]);
    assert_eq!(after["parent_checkpoint"], before["checkpoint"]);
    assert_eq!(after["values"]["messages"], before["values"]["messages"]);
    assert_eq!((&after["values"]["count"], &after["values"]["new"]), (&json!(41), &json!([1])));
    let id = text(&after["checkpoint"], "thread_id");
    let facts = json!({
        "graph_id": "echo", "thread_id": id, "source": "update", "step": 1, "parents": {},
    });
    assert_eq!(after["metadata"], facts);
    let shown = api.get(&thread).await.ok();
    assert_eq!((&shown["values"], &shown["error"]), (&after["values"], &Value::Null));
    assert_eq!(run(&api, &thread, "yo").await["count"], 42, "a run goes on from there");

    for body in [json!({"values": null}), json!({"values": [{"count": 1}, {"count": 2}]})] {
        api.post(&state, body).await.ok();
    }
    assert_eq!(api.get(&state).await.ok()["values"]["count"], 2);
    let detail = api.post(&state, json!({"values": {}, "as_node": "nope"})).await.refused(400);
    assert!(detail.contains("Node nope does not exist"), "{detail}");
    for body in [json!({"values": 3}), json!({"values": {}, "checkpoint_id": "x"})] {
        api.post(&state, body).await.refused(422);
    }
    api.post(&state, json!({"values": {}, "checkpoint_id": NOBODY})).await.refused(404);
    api.post(&format!("/threads/{NOBODY}/state"), values.clone()).await.refused(404);
    api.post("/threads/abc/state", values.clone()).await.refused(422);
    assert!(api.patch(&state, json!({"metadata": {}})).await.refused(405).contains("PATCH"));

    let sleeping = api.sleeping_run(&thread).await;
    assert!(api.post(&state, values).await.refused(409).contains("in flight"));
    api.delete(&sleeping).await;
}

#[tokio::test]
async fn an_update_of_an_earlier_checkpoint_forks() {
    let api = Api::start().await;
    let thread = api.thread().await;
    for content in ["hi", "yo"] {
        run(&api, &thread, content).await;
    }
    let first = &history(&api, &thread).await[1]["checkpoint"];
    for origin in [json!({"checkpoint": first}), json!({"checkpoint_id": first["checkpoint_id"]})] {
        let mut body = origin.clone();
        body["values"] = json!({"count": 7});
        let updated = api.post(&format!("{thread}/state"), body).await.ok();
        let state = api.get(&format!("{thread}/state")).await.ok();
        assert_eq!(state["checkpoint"], updated["checkpoint"]);
        assert_eq!(state["parent_checkpoint"], *first, "{origin}");
        assert_eq!(state["values"]["count"], 7);
        assert_eq!(state["values"]["messages"].as_array().unwrap().len(), 2);
        assert_eq!(state["metadata"]["checkpoint_id"], first["checkpoint_id"]);
    }
    let fork = json!({"checkpoint": first, "as_node": "__copy__", "values": null});
    api.post(&format!("{thread}/state"), fork).await.ok();
    let state = api.get(&format!("{thread}/state")).await.ok();
    assert_eq!(
        (&state["metadata"]["source"], &state["values"]["count"]),
        (&json!("fork"), &json!(1))
    );
    let copy_of_more = json!({"as_node": "__copy__", "values": {"a": 1}});
    api.post(&format!("{thread}/state"), copy_of_more).await.refused(400);
}

#[tokio::test]
async fn writing_as_the_component_answers_its_questions() {
    let api = Api::start().await;
    let thread = api.thread().await;
    let ask = json!({"assistant_id": "echo", "input": {"ask": {"q": "ok?"}}});
    api.post(&format!("{thread}/runs/wait"), ask).await.ok();
    let state = format!("{thread}/state");
    api.post(&state, json!({"values": {"seen": true}})).await.ok();
    let waiting = api.get(&state).await.ok();
    assert_eq!((&waiting["next"], &waiting["values"]["seen"]), (&json!(["echo"]), &json!(true)));
    assert_eq!(waiting["interrupts"].as_array().unwrap().len(), 1);
    assert_eq!(api.get(&thread).await.ok()["status"], "interrupted");

    let asked = waiting["checkpoint"].clone();
    api.post(&state, json!({"values": null, "as_node": "echo"})).await.ok();
    let settled = api.get(&state).await.ok();
    assert_eq!((&settled["next"], &settled["interrupts"]), (&json!([]), &json!([])));
    assert_eq!(api.get(&thread).await.ok()["status"], "idle");

    // The questions are still there where they were asked, and a run can begin there.
    let resume = json!({"assistant_id": "echo", "command": {"resume": "yes"}, "checkpoint": asked});
    assert_eq!(api.post(&format!("{thread}/runs/wait"), resume).await.ok()["answer"], "yes");
}

#[tokio::test]
async fn a_run_begins_at_the_checkpoint_it_names() {
    let api = Api::start().await;
    let thread = api.thread().await;
    for content in ["one", "two"] {
        run(&api, &thread, content).await;
    }
    let first = history(&api, &thread).await[1]["checkpoint"].clone();
    for origin in [
        json!({"checkpoint": first}),
        json!({"checkpoint_id": first["checkpoint_id"]}),
        json!({"checkpoint": {"configurable": first}}),
    ] {
        let mut body = origin.clone();
        body["assistant_id"] = json!("echo");
        body["input"] = message("other");
        let result = api.post(&format!("{thread}/runs/wait"), body).await.ok();
        assert_eq!(result["count"], 2, "{origin}");
        assert_eq!(result["messages"][2]["content"], "other");
        let newest = &history(&api, &thread).await[0];
        assert_eq!(newest["parent_checkpoint"], first);
        assert_eq!(newest["values"], result);
    }
    assert_eq!(history(&api, &thread).await.len(), 5);
    let runs = api.get(&format!("{thread}/runs?limit=1")).await.ok();
    assert_eq!(runs[0]["execution"]["checkpoint_id"], first["checkpoint_id"]);
    assert_eq!(run(&api, &thread, "more").await["count"], 3, "the fork is the newest");

    let body = json!({"assistant_id": "echo", "checkpoint_id": NOBODY});
    let detail = api.post(&format!("{thread}/runs"), body.clone()).await.refused(404);
    assert!(detail.contains(&format!("checkpoint {NOBODY}")), "{detail}");
    assert!(api.post("/runs", body).await.refused(422).starts_with("checkpoint: "));
    let body = json!({"assistant_id": "echo", "checkpoint_id": "abc"});
    api.post(&format!("{thread}/runs"), body).await.refused(422);
}

#[tokio::test]
async fn a_state_shows_what_was_selected() {
    let api = Api::start().await;
    let thread = api.thread().await;
    run(&api, &thread, "hi").await;
    let whole = api.get(&format!("{thread}/state")).await.ok();
    let checkpoint = &whole["checkpoint"];
    let id = text(checkpoint, "checkpoint_id");
    let query = "subgraphs=true&select=values.count&select=next";
    let picked = json!({"values": {"count": 1}, "next": []});
    assert_eq!(api.get(&format!("{thread}/state?{query}")).await.ok(), picked);
    assert_eq!(api.get(&format!("{thread}/state/{id}?{query}")).await.ok(), picked);
    let select = json!(["values.count", "next"]);
    let body = json!({"checkpoint": checkpoint, "subgraphs": true, "select": select});
    assert_eq!(api.post(&format!("{thread}/state/checkpoint"), body).await.ok(), picked);
    let body = json!({"select": select});
    assert_eq!(api.post(&format!("{thread}/history"), body).await.ok(), json!([picked]));
    let all = api.get(&format!("{thread}/state?select=values&select=values.count")).await.ok();
    assert_eq!(all, json!({"values": whole["values"]}));
    for query in ["select=bogus", "select=values.", "subgraphs=perhaps"] {
        api.get(&format!("{thread}/state?{query}")).await.refused(422);
    }
    api.post(&format!("{thread}/history"), json!({"select": ["x"]})).await.refused(422);
}

#[tokio::test]
async fn a_history_is_filtered_by_what_its_states_show() {
    let api = Api::start().await;
    let thread = api.thread().await;
    run(&api, &thread, "hi").await;
    api.post(&format!("{thread}/state"), json!({"values": {"count": 9}})).await.ok();
    run(&api, &thread, "yo").await;
    let all = history(&api, &thread).await;
    let middle = &all[1]["checkpoint"];
    let run_id = &all[2]["metadata"]["run_id"];
    for (body, expected) in [
        (json!({"metadata": {"source": "update"}}), &all[1..2]),
        (json!({"metadata": {"run_id": run_id}}), &all[2..]),
        (json!({"metadata": {"assistant_id": ECHO}, "limit": 1}), &all[..1]),
        (json!({"before": {"configurable": middle}}), &all[2..]),
        (json!({"before": {"checkpoint_id": middle["checkpoint_id"]}}), &all[2..]),
        (json!({"checkpoint": middle, "metadata": {"source": "loop"}}), &all[2..]),
    ] {
        let found = api.post(&format!("{thread}/history"), body.clone()).await.ok();
        assert_eq!(found, json!(expected), "{body}");
    }
}

#[tokio::test]
async fn deleting_a_run_reverts_the_state() {
    let api = Api::start().await;
    let thread = api.thread().await;
    for content in ["hi", "yo"] {
        run(&api, &thread, content).await;
    }
    let states = history(&api, &thread).await;
    let path = |state: &Value| format!("{thread}/runs/{}", text(&state["metadata"], "run_id"));
    assert_eq!(api.delete(&path(&states[0])).await.status, 204);
    api.delete(&path(&states[0])).await.refused(404);
    assert_eq!(api.get(&format!("{thread}/state")).await.ok(), states[1]);
    assert_eq!(api.get(&thread).await.ok()["values"], states[1]["values"]);
    assert_eq!(api.delete(&path(&states[1])).await.status, 204);
    assert_eq!(api.get(&format!("{thread}/state")).await.ok()["checkpoint"], Value::Null);
    let shown = api.get(&thread).await.ok();
    assert_eq!((&shown["values"], &shown["status"]), (&Value::Null, &json!("idle")));
    assert_eq!(run(&api, &thread, "again").await["count"], 1);
}

#[tokio::test]
async fn storage_is_counted_by_channel() {
    let api = Api::start().await;
    let thread = api.thread().await;
    let empty = api.get(&format!("{thread}/storage")).await.ok();
    assert_eq!((&empty["total_bytes"], &empty["checkpoints"]["count"]), (&json!(0), &json!(0)));
    run(&api, &thread, "hi").await;
    api.post(&format!("{thread}/state"), json!({"values": {"count": 1234}})).await.ok();
    let storage = api.get(&format!("{thread}/storage")).await.ok();
    assert_eq!(storage["checkpoints"]["count"], 2);
    let channels = &storage["channel_values"]["by_channel"];
    assert_eq!(channels["count"], json!({"versions": 2, "bytes": 5}));
    assert_eq!(channels["messages"]["versions"], 1);
    assert_eq!(storage["channel_values"]["count"], 3);
    assert_eq!(storage["pending_writes"], json!({"count": 0, "bytes": 0}));
    assert!(storage["total_bytes"].as_u64() > storage["channel_values"]["bytes"].as_u64());
    api.get(&format!("/threads/{NOBODY}/storage")).await.refused(404);
    api.get("/threads/abc/storage").await.refused(422);
}
