//! What a run takes from its assistant and its thread.

use serde_json::{Value, json};

use crate::support::{Api, ECHO, text};

/// An assistant with everything that a run can inherit, and a thread with metadata.
async fn prepared(api: &Api) -> (Value, String) {
    let body = json!({
        "graph_id": "echo", "metadata": {"from": "assistant", "a": 1},
        "config": {"tags": ["a"], "recursion_limit": 7, "configurable": {"k": "a", "n": 1}},
    });
    let assistant = api.post("/assistants", body).await.ok();
    let metadata = json!({"from": "thread", "t": 1});
    let thread = api.post("/threads", json!({"metadata": metadata})).await.ok();
    (assistant["assistant_id"].clone(), format!("/threads/{}", text(&thread, "thread_id")))
}

/// The configuration of a run without what the host adds.
fn configurable(run: &Value) -> Value {
    let mut keys = run["kwargs"]["config"]["configurable"].as_object().unwrap().clone();
    for own in ["run_id", "thread_id", "graph_id", "assistant_id", "user_id", "cron_id"] {
        keys.remove(own);
    }
    keys.into()
}

#[tokio::test]
async fn a_run_that_asks_for_nothing_is_configured_as_its_assistant_says() {
    let api = Api::start().await;
    let (assistant, thread) = prepared(&api).await;
    let run = api.post(&format!("{thread}/runs"), json!({"assistant_id": assistant})).await.ok();
    assert_eq!(configurable(&run), json!({"k": "a", "n": 1}));
    assert_eq!(run["kwargs"]["context"], json!({"k": "a", "n": 1}));
    assert_eq!(run["kwargs"]["config"]["tags"], json!(["a"]));
    assert_eq!(run["kwargs"]["config"]["recursion_limit"], 7);
    let expected = json!({
        "from": "thread", "a": 1, "t": 1, "graph_id": "echo", "assistant_id": assistant,
    });
    assert_eq!(run["metadata"], expected);
    assert_eq!(run["kwargs"]["config"]["metadata"], expected);
}

#[tokio::test]
async fn what_a_run_asks_for_goes_before_what_its_assistant_says() {
    let api = Api::start().await;
    let (assistant, thread) = prepared(&api).await;
    for body in [
        json!({"config": {"tags": ["b"], "configurable": {"k": "r"}}}),
        json!({"config": {"tags": ["b"]}, "context": {"k": "r"}}),
    ] {
        let mut body = body;
        body["assistant_id"] = assistant.clone();
        body["metadata"] = json!({"from": "run"});
        body["config"]["metadata"] = json!({"from": "config", "c": 1});
        for path in [format!("{thread}/runs"), "/runs".to_owned()] {
            let run = api.post(&path, body.clone()).await.ok();
            assert_eq!(configurable(&run), json!({"k": "r", "n": 1}));
            assert_eq!(run["kwargs"]["context"], json!({"k": "r", "n": 1}));
            assert_eq!(run["kwargs"]["config"]["tags"], json!(["a", "b"]));
            assert_eq!(run["metadata"]["from"], "run");
            assert_eq!((&run["metadata"]["a"], &run["metadata"]["c"]), (&json!(1), &json!(1)));
        }
    }
}

#[tokio::test]
async fn a_thread_does_not_say_which_assistant_or_cron_a_run_is_of() {
    let api = Api::start().await;
    let (assistant, thread) = prepared(&api).await;
    api.post(&format!("{thread}/runs/wait"), json!({"assistant_id": assistant})).await.ok();
    let run = api.post(&format!("{thread}/runs"), json!({"assistant_id": "echo"})).await.ok();
    assert_eq!(run["metadata"]["assistant_id"], ECHO);
    assert_eq!(run["metadata"].get("cron_id"), None);
    assert_eq!(run["kwargs"]["config"].get("tags"), None);
}

#[tokio::test]
async fn a_cron_runs_its_assistant_as_it_is_at_the_fire() {
    let api = Api::start().await;
    let (assistant, thread) = prepared(&api).await;
    let body = json!({
        "assistant_id": assistant, "schedule": "* * * * * *", "context": {"k": "cron"},
        "metadata": {"c": 1}, "enabled": false, "input": {},
    });
    let cron = api.post(&format!("{thread}/runs/crons"), body).await.ok();
    let id = assistant.as_str().unwrap();
    let patch = json!({"context": {"k": "a", "n": 2}});
    api.patch(&format!("/assistants/{id}"), patch).await.ok();
    let cron_path = format!("/runs/crons/{}", text(&cron, "cron_id"));
    let by_hand = api.post(&format!("{cron_path}/trigger"), json!({})).await.ok();
    api.patch(&cron_path, json!({"enabled": true})).await.ok();
    let path = format!("{thread}/runs?limit=1000");
    let runs = api.until(&path, |runs| runs.as_array().unwrap().len() > 1).await;
    assert_eq!(api.delete(&cron_path).await.status, 204);
    let fired = runs.as_array().unwrap().iter().find(|run| run["run_id"] != by_hand["run_id"]);
    for run in [fired.unwrap(), &by_hand] {
        assert_eq!(configurable(run), json!({"k": "cron", "n": 2}));
        assert_eq!(run["kwargs"]["config"]["tags"], json!(["a"]));
        let metadata = &run["metadata"];
        assert_eq!((&metadata["from"], &metadata["a"]), (&json!("thread"), &json!(1)));
        assert_eq!((&metadata["t"], &metadata["c"]), (&json!(1), &json!(1)));
        assert_eq!(metadata["cron_id"], cron["cron_id"]);
        assert_eq!(metadata["assistant_id"], assistant);
    }
}
