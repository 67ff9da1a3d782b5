use serde_json::{Value, json};

use crate::support::{Api, ECHO, NOBODY, assert_keys, message, text};

const RUN: [&str; 11] = [
    "run_id",
    "thread_id",
    "assistant_id",
    "metadata",
    "status",
    "kwargs",
    "multitask_strategy",
    "created_at",
    "updated_at",
    "langsmith_session_name",
    // Ours.
    "execution",
];
const KWARGS: [&str; 14] = [
    "input",
    "command",
    "config",
    "context",
    "stream_mode",
    "interrupt_before",
    "interrupt_after",
    "webhook",
    "feedback_keys",
    "temporary",
    "subgraphs",
    "resumable",
    "checkpoint_during",
    "durability",
];
const EXECUTION: [&str; 17] = [
    "attempt",
    "fire",
    "parent_run_id",
    "checkpoint_id",
    "outcome",
    "digest",
    "fuel_used",
    "tokens",
    "peak_memory_bytes",
    "started_at",
    "ended_at",
    "duration_ms",
    "output",
    "error",
    "last_error",
    "log_tail",
    "logs_dropped",
];

#[tokio::test]
async fn a_run_is_created_joined_listed_and_deleted() {
    let api = Api::start().await;
    let thread = api.thread().await;
    let body = json!({
        "assistant_id": "echo", "input": message("bg"), "metadata": {"m": 1, "run_id": "spoof"},
        "config": {"tags": ["t"], "configurable": {"k": "v", "thread_id": "spoof"}},
        "stream_mode": "updates", "stream_resumable": true, "assistantId": "junk",
    });
    let created = api.post(&format!("{thread}/runs"), body).await;
    let run = created.ok();
    let path = format!("{thread}/runs/{}", text(&run, "run_id"));
    assert_eq!(created.header("content-location"), Some(&*path));
    assert_keys(&run, &RUN);
    assert_keys(&run["kwargs"], &KWARGS);
    assert_keys(&run["execution"], &EXECUTION);
    assert_eq!(run["assistant_id"], ECHO);
    assert_eq!(run["status"], "pending");
    assert_eq!(run["execution"]["outcome"], Value::Null);
    assert_eq!(
        run["metadata"],
        json!({"created_by": "system", "m": 1, "graph_id": "echo", "assistant_id": ECHO})
    );
    assert_eq!(run["kwargs"]["stream_mode"], json!(["updates"]));
    assert_eq!(run["kwargs"]["resumable"], true);
    assert_eq!(run["kwargs"]["temporary"], false);
    assert_eq!(run["kwargs"]["config"]["tags"], json!(["t"]));
    assert_eq!(
        run["kwargs"]["config"]["configurable"],
        json!({
            "k": "v", "run_id": run["run_id"], "thread_id": run["thread_id"],
            "graph_id": "echo", "assistant_id": ECHO, "user_id": "",
        })
    );

    let joined = api.get(&format!("{path}/join?cancel_on_disconnect=0")).await;
    assert_eq!(joined.ok()["messages"][1]["content"], "echo: bg");
    assert_eq!(joined.header("location"), Some(&*format!("{path}/join")));
    assert_eq!(joined.header("content-location"), Some(&*path));
    let ended = api.get(&path).await.ok();
    assert_eq!(ended["status"], "success");
    let execution = &ended["execution"];
    assert_eq!(execution["outcome"], "done");
    assert_eq!(execution["attempt"], 1);
    assert_eq!(execution["output"], joined.json());
    assert!(execution["fuel_used"].as_u64().unwrap() > 0);
    assert!(execution["duration_ms"].as_f64().unwrap() > 0.0);
    assert_eq!(text(execution, "digest").len(), 64);

    let id = text(&run, "run_id");
    let listed = api.get(&format!("{thread}/runs?limit=10&offset=0&status=success")).await.ok();
    assert_eq!(listed, json!([ended]));
    let picked = api.get(&format!("{thread}/runs?select=run_id&select=status")).await.ok();
    assert_eq!(picked, json!([{"run_id": id, "status": "success"}]));
    assert_eq!(api.get(&format!("{thread}/runs?status=error")).await.ok(), json!([]));
    assert_eq!(api.get(&format!("/runs/{id}")).await.ok(), ended);
    assert_eq!(
        api.get(&format!("/runs?thread_id={}", text(&run, "thread_id"))).await.ok(),
        json!([ended])
    );
    assert_eq!(api.get(&format!("/runs?cron_id={NOBODY}&status=")).await.ok(), json!([]));

    assert_eq!(api.delete(&path).await.status, 204);
    api.get(&path).await.refused(404);
    api.delete(&path).await.refused(404);
}

#[tokio::test]
async fn a_stateless_run_leaves_a_record_but_no_thread() {
    let api = Api::start().await;
    let body = json!({"assistant_id": ECHO, "input": message("s")});
    let created = api.post("/runs", body.clone()).await;
    let run = created.ok();
    let path = format!("/runs/{}", text(&run, "run_id"));
    assert_eq!(created.header("content-location"), Some(&*path));
    assert_eq!(run["kwargs"]["temporary"], true);
    let joined = api.get(&format!("{path}/join")).await.ok();
    assert_eq!(joined["messages"][1]["content"], "echo: s");
    assert_eq!(api.get(&path).await.ok()["execution"]["output"], joined);
    api.get(&format!("/threads/{}", text(&run, "thread_id"))).await.refused(404);

    let mut keeping = body;
    keeping["on_completion"] = json!("keep");
    let waited = api.post("/runs/wait", keeping).await;
    assert_eq!(waited.ok()["count"], 1);
    let path = waited.header("content-location").unwrap().to_owned();
    let thread = path.split_once("/runs/").unwrap().0;
    assert!(thread.starts_with("/threads/"), "{path}");
    assert_eq!(api.get(thread).await.ok()["values"], waited.json());
    assert_eq!(api.get(&format!("{path}/join")).await.ok(), waited.json());
}

#[tokio::test]
async fn a_thread_is_made_for_a_run_that_asks_for_it() {
    let api = Api::start().await;
    let path = format!("/threads/{NOBODY}/runs/wait");
    let mut body = json!({"assistant_id": "echo", "input": message("x")});
    assert!(api.post(&path, body.clone()).await.refused(404).contains(NOBODY));
    body["if_not_exists"] = json!("reject");
    api.post(&path, body.clone()).await.refused(404);
    body["if_not_exists"] = json!("create");
    assert_eq!(api.post(&path, body).await.ok()["count"], 1);
    assert_eq!(api.get(&format!("/threads/{NOBODY}")).await.ok()["status"], "idle");
}

#[tokio::test]
async fn a_delayed_run_waits_and_can_be_cancelled() {
    let api = Api::start().await;
    let thread = api.thread().await;
    let body = json!({"assistant_id": "echo", "input": {}, "after_seconds": 3600});
    let run = api.post(&format!("{thread}/runs"), body.clone()).await.ok();
    let path = format!("{thread}/runs/{}", text(&run, "run_id"));
    assert!(text(&run, "created_at") > text(&api.get(&thread).await.ok(), "updated_at"));
    assert_eq!(api.get(&thread).await.ok()["status"], "busy");
    let mut rejecting = body.clone();
    rejecting["multitask_strategy"] = json!("reject");
    api.post(&format!("{thread}/runs"), rejecting).await.refused(409);

    let cancelled = api.post(&format!("{path}/cancel?wait=0&action=interrupt"), json!({})).await;
    assert_eq!((cancelled.status.as_u16(), cancelled.body.len()), (202, 0));
    assert_eq!(api.get(&path).await.ok()["status"], "interrupted");
    for again in [format!("{path}/cancel"), format!("{thread}/runs/{NOBODY}/cancel")] {
        api.post(&again, json!({})).await.refused(404);
    }

    let run = api.post(&format!("{thread}/runs"), body).await.ok();
    let path = format!("/runs/{}", text(&run, "run_id"));
    let rolled_back =
        api.post(&format!("{path}/cancel?action=rollback&wait=true"), json!({})).await;
    assert_eq!(rolled_back.ok(), json!({}));
    api.get(&path).await.refused(404);
    for bad in ["wait=maybe", "action=explode"] {
        api.post(&format!("{path}/cancel?{bad}"), json!({})).await.refused(404);
        let run = api.sleeping_run(&thread).await;
        api.post(&format!("{run}/cancel?{bad}"), json!({})).await.refused(422);
        assert_eq!(api.delete(&run).await.status, 204);
    }
}

#[tokio::test]
async fn a_newcomer_takes_the_place_of_a_running_run_if_it_says_so() {
    let api = Api::start().await;
    let thread = api.thread().await;
    for (strategy, old) in [("interrupt", 200), ("rollback", 404)] {
        let running = api.sleeping_run(&thread).await;
        let body = json!({
            "assistant_id": "echo", "input": message(strategy), "multitask_strategy": strategy,
        });
        let result = api.post(&format!("{thread}/runs/wait"), body).await.ok();
        let last = result["messages"].as_array().unwrap().last().unwrap();
        assert_eq!(last["content"], format!("echo: {strategy}"));
        let old_run = api.get(&running).await;
        assert_eq!(old_run.status, old, "{strategy}");
        if old == 200 {
            assert_eq!(old_run.ok()["status"], "interrupted");
        }
    }
}

#[tokio::test]
async fn the_logs_of_a_run_can_be_read() {
    let api = Api::start().await;
    let run = api.post("/runs", json!({"assistant_id": "echo", "input": {}})).await.ok();
    let path = format!("/runs/{}", text(&run, "run_id"));
    api.get(&format!("{path}/join")).await.ok();
    let logs = api.get(&format!("{path}/logs")).await.ok();
    assert_keys(&logs, &["logs", "dropped"]);
    assert_eq!(logs["dropped"], 0);
    assert!(logs["logs"].is_array());
    assert_eq!(api.get(&path).await.ok()["execution"]["log_tail"], logs["logs"]);
    api.get(&format!("/runs/{NOBODY}/logs")).await.refused(404);
}

#[tokio::test]
async fn a_run_that_is_not_there_is_refused() {
    let api = Api::start().await;
    let thread = api.thread().await;
    for path in [
        format!("{thread}/runs/{NOBODY}"),
        format!("{thread}/runs/{NOBODY}/join"),
        format!("/threads/{NOBODY}/runs/{NOBODY}"),
        format!("/threads/{NOBODY}/runs"),
        format!("/runs/{NOBODY}"),
        format!("/runs/{NOBODY}/join"),
    ] {
        api.get(&path).await.refused(404);
    }
    for (path, part) in [
        (format!("{thread}/runs/abc"), "Invalid run ID: must be a UUID"),
        ("/runs/abc".to_owned(), "Invalid run ID: must be a UUID"),
        ("/threads/abc/runs".to_owned(), "Invalid thread ID: must be a UUID"),
        (format!("{thread}/runs?select=bogus"), "select[0]: "),
        (format!("{thread}/runs?limit=0"), "limit: "),
        (format!("{thread}/runs?offset=x"), "offset: "),
        (format!("{thread}/runs?status=x"), "status: "),
        ("/runs?thread_id=x".to_owned(), "Invalid thread ID"),
        ("/runs?cron_id=x".to_owned(), "Invalid cron ID"),
    ] {
        let detail = api.get(&path).await.refused(422);
        assert!(detail.starts_with(part), "{path}: {detail}");
    }
    // A run of one thread is not found under another.
    let body = json!({"assistant_id": "echo", "input": {}});
    let run = api.post(&format!("{thread}/runs"), body).await.ok();
    let other = api.thread().await;
    api.get(&format!("{other}/runs/{}", text(&run, "run_id"))).await.refused(404);
}
