use serde_json::{Value, json};

use crate::support::{Api, NOBODY};

/// A run with these fields beside the necessary ones.
fn with(fields: Value) -> Value {
    let mut body = json!({"assistant_id": "echo", "input": {}});
    for (key, value) in fields.as_object().unwrap() {
        body[key] = value.clone();
    }
    body
}

#[tokio::test]
async fn a_run_that_cannot_be_carried_out_as_asked_is_refused() {
    let api = Api::start().await;
    let thread = api.thread().await;
    for (fields, status, part) in [
        (json!({"assistant_id": "nope"}), 422, "`echo`"),
        (json!({"assistant_id": NOBODY}), 404, NOBODY),
        (json!({"assistant_id": 3}), 422, "assistant_id: "),
        (json!({"assistant_id": null}), 422, "assistant_id: "),
        (json!({"config": {"configurable": {"a": 1}}, "context": {"b": 2}}), 400, "context"),
        (json!({"config": {"configurable": 3}}), 422, "config.configurable: "),
        (json!({"config": []}), 422, "config: "),
        (json!({"command": {"update": 3}}), 422, "command.update: expected an object"),
        (json!({"command": {"update": [["a"]]}}), 422, "command.update: expected an object"),
        (json!({"command": {"goto": "n"}}), 422, "command.goto: `n` is neither `echo` nor"),
        (json!({"command": {"goto": 3}}), 422, "command.goto: expected"),
        (json!({"command": {"goto": ["echo", "echo"]}}), 422, "command.goto: expected"),
        (json!({"feedback_keys": "f"}), 422, "feedback_keys: "),
        (json!({"config": {"recursion_limit": -1}}), 422, "config.recursion_limit: "),
        (json!({"command": 3}), 422, "command: "),
        (json!({"webhook": "http://127.0.0.1/"}), 422, "webhook: "),
        (json!({"webhook": 3}), 422, "webhook: "),
        (json!({"stream_mode": "weird"}), 422, "stream_mode: "),
        (json!({"stream_mode": ["tools"]}), 422, "stream_mode: "),
        (json!({"stream_subgraphs": "yes"}), 422, "stream_subgraphs: "),
        (json!({"durability": "never"}), 422, "durability: "),
        (json!({"multitask_strategy": "x"}), 422, "multitask_strategy: "),
        (json!({"if_not_exists": "x"}), 422, "if_not_exists: "),
        (json!({"on_disconnect": "x"}), 422, "on_disconnect: "),
        (json!({"on_completion": "x"}), 422, "on_completion: "),
        (json!({"after_seconds": -1}), 422, "after_seconds: "),
        (json!({"after_seconds": 1e300}), 422, "after_seconds: "),
        (json!({"after_seconds": 1e18}), 422, "after_seconds"),
        (json!({"checkpoint": {"checkpoint_id": NOBODY}}), 404, "checkpoint "),
        (json!({"checkpoint_id": "x"}), 422, "Invalid checkpoint ID"),
        (json!({"metadata": []}), 422, "metadata: "),
    ] {
        for path in [format!("{thread}/runs"), format!("{thread}/runs/wait")] {
            let detail = api.post(&path, with(fields.clone())).await.refused(status);
            assert!(detail.contains(part), "{fields}: {detail}");
        }
    }
    let missing = api.post(&format!("{thread}/runs"), json!({"input": {}})).await.refused(422);
    assert!(missing.contains("assistant_id"), "{missing}");
    let resumed = with(json!({"command": {"resume": 1}}));
    api.post("/runs/wait", resumed).await.refused(400);
    assert_eq!(api.get("/runs").await.ok(), json!([]));
}

#[tokio::test]
async fn what_a_component_has_no_use_for_does_no_harm() {
    let api = Api::start().await;
    let thread = api.thread().await;
    let path = format!("{thread}/runs/wait");
    for fields in [
        json!({"interrupt_before": ["n"], "interrupt_after": "*", "feedback_keys": ["k"]}),
        json!({"stream_mode": ["values", "messages-tuple"], "stream_subgraphs": true}),
        json!({"durability": "exit", "checkpoint_during": false, "langsmith_tracer": {}}),
        json!({"config": {"recursion_limit": 7, "unheard_of": 1}, "unheard_of": [1]}),
        json!({"webhook": null, "config": null, "context": null, "metadata": null}),
        json!({"command": {"resume": null, "update": null, "goto": null}, "checkpoint": null}),
        json!({"config": {"configurable": {}}, "context": {"a": 1}}),
        json!({"input": null}),
    ] {
        let result = api.post(&path, with(fields.clone())).await.ok();
        assert!(result["count"].is_u64(), "{fields}: {result}");
    }
}

#[tokio::test]
async fn any_json_may_be_an_input_and_the_component_judges_it() {
    let api = Api::start().await;
    for input in [json!([{"a": 1}]), json!("text"), json!(3), json!(true)] {
        let body = json!({"assistant_id": "echo", "input": input});
        let result = api.post("/runs/wait", body).await.ok();
        assert_eq!(result["__error__"]["error"], "failed", "{result}");
    }
}
