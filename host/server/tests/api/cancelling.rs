use serde_json::json;

use crate::support::{Api, NOBODY, text};

impl Api {
    /// Creates a run that begins in an hour, and returns its path and its id.
    async fn delayed_run(&self, thread: &str) -> (String, String) {
        let body = json!({"assistant_id": "echo", "input": {}, "after_seconds": 3600});
        let run = self.post(&format!("{thread}/runs"), body).await.ok();
        let id = text(&run, "run_id").to_owned();
        (format!("{thread}/runs/{id}"), id)
    }

    async fn status(&self, run: &str) -> String {
        text(&self.get(run).await.ok(), "status").to_owned()
    }
}

#[tokio::test]
async fn many_runs_are_cancelled_by_their_status() {
    let api = Api::start().await;
    let (one, two) = (api.thread().await, api.thread().await);
    for (word, ends) in [
        ("pending", ["running", "interrupted"]),
        ("running", ["interrupted", "pending"]),
        ("all", ["interrupted", "interrupted"]),
    ] {
        let running = api.sleeping_run(&one).await;
        let (pending, _) = api.delayed_run(&two).await;
        let answer = api.post("/runs/cancel?action=interrupt", json!({"status": word})).await;
        assert_eq!((answer.status.as_u16(), answer.body.len()), (204, 0), "{word}");
        for (run, end) in [(&running, ends[0]), (&pending, ends[1])] {
            api.until(run, |run| run["status"] == end).await;
            assert_eq!(api.delete(run).await.status, 204);
        }
    }
    for word in ["pending", "running", "all"] {
        api.post("/runs/cancel", json!({"status": word})).await.refused(404);
    }
}

#[tokio::test]
async fn many_runs_are_cancelled_by_their_ids() {
    let api = Api::start().await;
    let (thread, other) = (api.thread().await, api.thread().await);
    let id = thread.trim_start_matches("/threads/");
    let (first, first_id) = api.delayed_run(&thread).await;
    let (second, second_id) = api.delayed_run(&thread).await;
    let (foreign, foreign_id) = api.delayed_run(&other).await;
    let body = json!({"thread_id": id, "run_ids": [first_id, foreign_id, NOBODY]});
    assert_eq!(api.post("/runs/cancel", body.clone()).await.status, 204);
    assert_eq!(api.status(&first).await, "interrupted");
    assert_eq!(
        (api.status(&second).await, api.status(&foreign).await),
        ("pending".into(), "pending".into())
    );
    // By now none of them is left.
    api.post("/runs/cancel", body).await.refused(404);
    let running = api.sleeping_run(&other).await;
    let running_id = running.rsplit('/').next().unwrap();
    for (thread, run) in
        [(id, second_id.as_str()), (other.trim_start_matches("/threads/"), running_id)]
    {
        let body = json!({"thread_id": thread, "run_ids": [run]});
        assert_eq!(api.post("/runs/cancel?action=rollback", body).await.status, 204);
        api.get(&format!("/runs/{run}")).await.refused(404);
    }
    assert_eq!(api.get(&thread).await.ok()["status"], "idle");
}

#[tokio::test]
async fn what_is_to_be_cancelled_is_said_in_one_way() {
    let api = Api::start().await;
    let many = vec![NOBODY; 1_001];
    for (body, part) in [
        (json!({}), "either `status`"),
        (json!({"thread_id": NOBODY}), "either `status`"),
        (json!({"run_ids": [NOBODY]}), "either `status`"),
        (json!({"status": "all", "thread_id": NOBODY, "run_ids": [NOBODY]}), "either `status`"),
        (json!({"status": "done"}), "status: "),
        (json!({"thread_id": NOBODY, "run_ids": []}), "run_ids: "),
        (json!({"thread_id": NOBODY, "run_ids": many}), "run_ids: "),
        (json!({"thread_id": NOBODY, "run_ids": ["x"]}), "Invalid run ID"),
        (json!({"thread_id": "x", "run_ids": [NOBODY]}), "Invalid thread ID"),
    ] {
        let detail = api.post("/runs/cancel", body).await.refused(422);
        assert!(detail.contains(part), "{detail}");
    }
    api.post("/runs/cancel?action=explode", json!({"status": "all"})).await.refused(422);
    api.get("/runs/cancel").await.refused(405);
}

#[tokio::test]
async fn a_reason_for_cancelling_is_accepted() {
    let api = Api::start().await;
    let (run, _) = api.delayed_run(&api.thread().await).await;
    let path = format!("{run}/cancel?wait=1&action=interrupt&reason=bored");
    assert_eq!(api.post(&path, json!({"reason": "bored"})).await.ok(), json!({}));
    api.post(&path, json!({"reason": "bored"})).await.refused(404);
    assert_eq!(api.status(&run).await, "interrupted");
}
