use serde_json::{Value, json};

use crate::support::{Api, NOBODY, message, text};

fn stateless(content: &str) -> Value {
    json!({"assistant_id": "echo", "input": message(content)})
}

#[tokio::test]
async fn a_batch_makes_a_run_of_each_body_in_their_order() {
    let api = Api::start().await;
    let mut keeping = stateless("b2");
    keeping["on_completion"] = json!("keep");
    let runs = api.post("/runs/batch", json!([stateless("b1"), keeping, stateless("b3")])).await;
    let runs = runs.ok();
    let runs = runs.as_array().unwrap();
    assert_eq!(runs.len(), 3);
    for (run, content) in runs.iter().zip(["b1", "b2", "b3"]) {
        assert_eq!(run["status"], "pending");
        assert_eq!(run["kwargs"]["input"], message(content));
        let result = api.get(&format!("/runs/{}/join", text(run, "run_id"))).await.ok();
        assert_eq!(result["messages"][1]["content"], format!("echo: {content}"));
    }
    api.get(&format!("/threads/{}", text(&runs[1], "thread_id"))).await.ok();
    api.get(&format!("/threads/{}", text(&runs[2], "thread_id"))).await.refused(404);
}

#[tokio::test]
async fn a_batch_with_one_bad_body_makes_no_run_at_all() {
    let api = Api::start().await;
    let good = stateless("x");
    let resuming = json!({"assistant_id": "echo", "command": {"resume": 1}});
    let many = vec![good.clone(); 1_001];
    for (body, status, part) in [
        (json!([]), 422, "between 1 and 1000"),
        (json!(many), 422, "between 1 and 1000"),
        (json!({}), 422, "sequence"),
        (json!([good, 3]), 422, "[1]"),
        (json!([good, {"input": {}}]), 422, "[1]: "),
        (json!([good, resuming]), 400, "[1]: "),
        (json!([good, {"assistant_id": "nope"}]), 422, "`nope`"),
        (json!([good, {"assistant_id": NOBODY}]), 404, NOBODY),
        (json!([good, {"assistant_id": "echo", "after_seconds": 1e18}]), 422, "after_seconds"),
    ] {
        let detail = api.post("/runs/batch", body.clone()).await.refused(status);
        assert!(detail.contains(part), "{part}: {detail}");
    }
    assert_eq!(api.get("/runs").await.ok(), json!([]));
}
