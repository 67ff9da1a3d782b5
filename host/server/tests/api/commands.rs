use serde_json::{Value, json};

use crate::sse::data;
use crate::support::{Api, message, text};

impl Api {
    async fn wait(&self, thread: &str, fields: Value) -> Value {
        let mut body = json!({"assistant_id": "echo"});
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        self.post(&format!("{thread}/runs/wait"), body).await.ok()
    }
}

#[tokio::test]
async fn an_update_changes_keys_and_invokes_nothing_unless_it_says_where_to_go() {
    let api = Api::start().await;
    let thread = api.thread().await;
    let first = api.wait(&thread, json!({"input": message("i")})).await;
    let mut expected = first.clone();
    for update in
        [json!({"count": 100, "more": {"a": 1}}), json!([["count", 100], ["more", {"a": 1}]])]
    {
        let updated = api.wait(&thread, json!({"command": {"update": update}})).await;
        expected["count"] = json!(100);
        expected["more"] = json!({"a": 1});
        assert_eq!(updated, expected);
        assert_eq!(api.get(&thread).await.ok()["values"], expected);
    }
    let state = api.get(&format!("{thread}/state")).await.ok();
    assert_eq!(state["metadata"]["source"], "update");
    let ended =
        api.wait(&thread, json!({"command": {"update": {"count": 5}, "goto": "__end__"}})).await;
    assert_eq!(ended["count"], 5);
    let gone = json!({"command": {"update": {"count": 41}, "goto": ["echo"]}});
    assert_eq!(api.wait(&thread, gone).await["count"], 42);
    let run = api.get(&format!("{thread}/runs?limit=1")).await.ok();
    assert_eq!(run[0]["kwargs"]["command"], json!({"update": {"count": 41}, "goto": "echo"}));
    let state = api.get(&format!("{thread}/state")).await.ok();
    assert_eq!(state["metadata"]["source"], "loop");
}

#[tokio::test]
async fn an_update_needs_no_thread_that_is_known() {
    let api = Api::start().await;
    let body = json!({"assistant_id": "echo", "command": {"update": {"count": 1}, "goto": "echo"}});
    assert_eq!(api.post("/runs/wait", body).await.ok()["count"], 2);
}

#[tokio::test]
async fn a_run_stops_before_it_begins_if_it_is_told_to() {
    let api = Api::start().await;
    let thread = api.thread().await;
    let before = api.wait(&thread, json!({"input": message("i")})).await;
    for names in [json!("*"), json!(["echo"]), json!(["other", "echo"])] {
        let parked = json!({"input": message("parked"), "interrupt_before": names});
        let count = api.get(&thread).await.ok()["values"]["count"].as_u64().unwrap();
        let result = api.wait(&thread, parked).await;
        assert_eq!(result["count"], count);
        assert_eq!(result.get("__interrupt__"), None);
        let shown = api.get(&thread).await.ok();
        assert_eq!((&shown["status"], &shown["interrupts"]), (&json!("interrupted"), &json!({})));
        let state = api.get(&format!("{thread}/state")).await.ok();
        assert_eq!((&state["next"], &state["interrupts"]), (&json!(["echo"]), &json!([])));
        assert_eq!(state["tasks"][0]["name"], "echo");
        assert_eq!(state["tasks"][0]["interrupts"], json!([]));
        let run = api.get(&format!("{thread}/runs?limit=1")).await.ok();
        assert_eq!(run[0]["status"], "success");
        let result = api.wait(&thread, json!({"input": null})).await;
        assert_eq!(result["count"], count + 1);
        let last = result["messages"].as_array().unwrap().last().unwrap();
        assert_eq!(text(last, "content"), "echo: parked");
        assert_eq!(api.get(&thread).await.ok()["status"], "idle");
    }
    assert_eq!(before["count"], 1);
    for other in [json!({"interrupt_before": ["node"]}), json!({"interrupt_after": "*"})] {
        let mut fields = json!({"input": message("on")});
        fields.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
        api.wait(&thread, fields).await;
        assert_eq!(api.get(&thread).await.ok()["status"], "idle");
    }
}

#[tokio::test]
async fn questions_wait_on_unless_they_are_answered_or_left() {
    let api = Api::start().await;
    let thread = api.thread().await;
    let asked = api.wait(&thread, json!({"input": {"ask": "sure?"}})).await;
    let question = &asked["__interrupt__"][0];
    for fields in [json!({"input": null}), json!({"command": {"update": {"n": 1}}})] {
        let result = api.wait(&thread, fields).await;
        assert_eq!(&result["__interrupt__"][0], question);
        assert_eq!(api.get(&thread).await.ok()["status"], "interrupted");
    }
    let mut answers = serde_json::Map::new();
    answers.insert(text(question, "id").to_owned(), json!({"yes": true}));
    let result = api.wait(&thread, json!({"command": {"resume": answers}})).await;
    assert_eq!(result["answer"], json!({"yes": true}));
    assert_eq!(api.get(&thread).await.ok()["status"], "idle");
    let late = api.wait(&thread, json!({"command": {"resume": "late"}})).await;
    assert_eq!(late, result);

    api.wait(&thread, json!({"input": {"ask": "again?"}})).await;
    api.wait(&thread, json!({"command": {"goto": "__end__"}})).await;
    let shown = api.get(&thread).await.ok();
    assert_eq!((&shown["status"], &shown["values"]), (&json!("idle"), &result));
}

#[tokio::test]
async fn a_stream_begins_with_the_values_as_they_are_after_an_update() {
    let api = Api::start().await;
    let thread = api.thread().await;
    api.wait(&thread, json!({"input": message("i")})).await;
    let command = json!({"update": {"count": 100}, "goto": "echo"});
    let body =
        json!({"assistant_id": "echo", "command": command, "stream_mode": ["values", "tasks"]});
    let events = api.stream(&format!("{thread}/runs/stream"), body).await.rest().await;
    let shown = data(&events, "values");
    assert_eq!((&shown[0]["count"], &shown[1]["count"]), (&json!(100), &json!(101)));
    let body = json!({"assistant_id": "echo", "command": {"update": {"count": 7}},
        "stream_mode": ["values", "checkpoints"]});
    let events = api.stream(&format!("{thread}/runs/stream"), body).await.rest().await;
    assert!(data(&events, "values").iter().all(|values| values["count"] == 7));
    // On a thread without values as well.
    let body = json!({"assistant_id": "echo", "command": {"update": {"count": 1}, "goto": "echo"}});
    let events = api.stream("/runs/stream", body).await.rest().await;
    assert_eq!(data(&events, "values")[0]["count"], 1);
}
