use serde_json::{Value, json};

use crate::support::{Answer, Api, message, text};

fn is_replay(answer: &Answer) -> bool {
    answer.header("idempotent-replayed") == Some("true")
}

#[tokio::test]
async fn whatever_is_created_under_a_key_is_created_once() {
    let api = Api::start().await;
    let thread = api.thread().await;
    let cron = json!({"assistant_id": "echo", "schedule": "0 0 1 1 *", "input": {}});
    let run = json!({"assistant_id": "echo", "input": message("k")});
    let made = api.post("/runs/crons", cron.clone()).await.ok();
    let trigger = format!("/runs/crons/{}/trigger", text(&made, "cron_id"));
    for (path, body, id, total) in [
        ("/threads".to_owned(), json!({"metadata": {"m": 1}}), "thread_id", "/threads/count"),
        (
            "/assistants".to_owned(),
            json!({"graph_id": "echo", "name": "mine"}),
            "assistant_id",
            "/assistants/count",
        ),
        (format!("{thread}/runs"), run.clone(), "run_id", ""),
        ("/runs".to_owned(), run.clone(), "run_id", ""),
        ("/runs/crons".to_owned(), cron.clone(), "cron_id", "/runs/crons/count"),
        (format!("{thread}/runs/crons"), cron.clone(), "cron_id", "/runs/crons/count"),
        (trigger, json!({}), "run_id", ""),
    ] {
        let first = api.post_once(&path, "key-1", &body).await;
        assert!(!is_replay(&first), "{path}");
        let first = first.ok();
        let count = match total {
            "" => Value::Null,
            total => api.post(total, json!({})).await.ok(),
        };
        for _ in 0..2 {
            let again = api.post_once(&path, "key-1", &body).await;
            assert!(is_replay(&again), "{path}");
            assert_eq!(again.ok()[id], first[id]);
        }
        if !total.is_empty() {
            assert_eq!(api.post(total, json!({})).await.ok(), count, "{path}");
        }
        let other = api.post_once(&path, "key-2", &body).await;
        assert!(!is_replay(&other), "{path}");
        assert_ne!(other.ok()[id], first[id], "{path}");
        let mut changed = body.clone();
        changed["metadata"] = json!({"changed": true});
        let detail = api.post_once(&path, "key-1", &changed).await.refused(422);
        assert!(detail.starts_with("Idempotency-Key: "), "{path}: {detail}");
    }
}

#[tokio::test]
async fn a_wait_that_is_sent_again_waits_for_the_same_run() {
    let api = Api::start().await;
    let thread = api.thread().await;
    let body = json!({"assistant_id": "echo", "input": message("w")});
    for path in [format!("{thread}/runs/wait"), "/runs/wait".to_owned()] {
        let first = api.post_once(&path, "w", &body).await;
        let again = api.post_once(&path, "w", &body).await;
        assert_eq!((is_replay(&first), is_replay(&again)), (false, true));
        assert_eq!(first.ok(), again.ok());
        assert_eq!(first.header("content-location"), again.header("content-location"));
    }
    assert_eq!(api.get(&format!("{thread}/runs")).await.ok().as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_stream_that_is_sent_again_shows_the_same_run() {
    let api = Api::start().await;
    let thread = api.thread().await;
    let body = json!({
        "assistant_id": "echo", "input": message("s"), "stream_mode": "values",
        "stream_resumable": true,
    });
    for path in [format!("{thread}/runs/stream"), "/runs/stream".to_owned()] {
        let first = api.post_once(&path, "s", &body).await;
        let again = api.post_once(&path, "s", &body).await;
        assert_eq!((first.status.as_u16(), again.status.as_u16()), (200, 200));
        assert_eq!((is_replay(&first), is_replay(&again)), (false, true));
        assert_eq!(first.header("content-location"), again.header("content-location"));
        assert_eq!(first.body, again.body);
        assert!(String::from_utf8_lossy(&first.body).contains("echo: s"));
    }
    assert_eq!(api.get(&format!("{thread}/runs")).await.ok().as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_batch_that_is_sent_again_makes_nothing_more() {
    let api = Api::start().await;
    let body = |content: &str| json!({"assistant_id": "echo", "input": message(content)});
    let batch = json!([body("1"), body("2"), body("3")]);
    let first = api.post_once("/runs/batch", "b", &batch).await.ok();
    let again = api.post_once("/runs/batch", "b", &batch).await;
    assert!(is_replay(&again));
    let ids = |runs: &Value| -> Vec<String> {
        runs.as_array().unwrap().iter().map(|run| text(run, "run_id").to_owned()).collect()
    };
    assert_eq!(ids(&first), ids(&again.ok()));
    let longer = json!([body("1"), body("2"), body("3"), body("4")]);
    api.post_once("/runs/batch", "b", &longer).await.refused(422);
    assert_eq!(api.get("/runs").await.ok().as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_run_that_took_the_place_of_others_does_so_only_once() {
    let api = Api::start().await;
    let thread = api.thread().await;
    let old = api.sleeping_run(&thread).await;
    let body = json!({
        "assistant_id": "echo", "input": message("new"), "multitask_strategy": "interrupt",
    });
    let path = format!("{thread}/runs/wait");
    api.post_once(&path, "i", &body).await.ok();
    assert_eq!(api.get(&old).await.ok()["status"], "interrupted");
    let next = api.sleeping_run(&thread).await;
    assert!(is_replay(&api.post_once(&path, "i", &body).await));
    assert_eq!(api.get(&next).await.ok()["status"], "running");
    // So does one that would be refused by now.
    let rejecting = json!({"assistant_id": "echo", "input": {}, "multitask_strategy": "reject"});
    api.post_once(&format!("{thread}/runs"), "r", &rejecting).await.refused(409);
}

#[tokio::test]
async fn a_thread_with_an_id_of_its_own_is_recognised_too() {
    let api = Api::start().await;
    let id = "11111111-1111-4111-8111-111111111111";
    let body = json!({"thread_id": id});
    api.post_once("/threads", "t", &body).await.ok();
    assert!(is_replay(&api.post_once("/threads", "t", &body).await));
    api.post_once("/threads", "u", &body).await.refused(409);
    let lenient = json!({"thread_id": id, "if_exists": "do_nothing"});
    assert_eq!(api.post("/threads", lenient).await.ok()["thread_id"], id);
}

#[tokio::test]
async fn a_key_that_cannot_be_kept_is_refused() {
    let api = Api::start().await;
    let body = json!({"assistant_id": "echo", "input": {}});
    let long = "k".repeat(256);
    for key in ["", "two words", "kéy", &long] {
        let detail = api.post_once("/runs", key, &body).await.refused(400);
        assert!(detail.starts_with("Idempotency-Key: "), "{detail}");
    }
    assert_eq!(api.get("/runs").await.ok(), json!([]));
}
