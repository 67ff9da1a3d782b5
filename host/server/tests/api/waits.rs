use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::{Value, json};
use wakeful_server::ServerSettings;

use crate::support::{Api, assert_keys, text};

#[tokio::test]
async fn a_waiting_client_hears_line_ends_and_then_the_result() {
    let settings =
        ServerSettings { keep_alive: Duration::from_millis(20), ..ServerSettings::default() };
    let api = Api::with(settings).await;
    let thread = api.thread().await;
    let body = json!({"assistant_id": "echo", "input": {"sleep": 0.5}});
    let answer = api.post(&format!("{thread}/runs/wait"), body).await;
    assert!(answer.body.starts_with(b"\n\n"), "{:?}", answer.body);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.ok()["count"], 1);
    let location = answer.header("location").unwrap();
    let identity = answer.header("content-location").unwrap();
    assert_eq!(location, format!("{identity}/join"));
    assert!(identity.starts_with(&format!("{thread}/runs/")), "{identity}");
}

#[tokio::test]
async fn a_failed_run_is_a_result_with_a_name_and_a_message() {
    let api = Api::start().await;
    let thread = api.thread().await;
    let body = json!({"assistant_id": "echo", "input": {"fail": "boom"}});
    let answer = api.post(&format!("{thread}/runs/wait"), body).await;
    let result = answer.ok();
    assert_keys(&result, &["__error__"]);
    assert_keys(&result["__error__"], &["error", "message"]);
    assert!(text(&result["__error__"], "message").contains("boom"));
    let run = answer.header("content-location").unwrap();
    assert_eq!(api.get(&format!("{run}/join")).await.ok(), result);
    let shown = api.get(run).await.ok();
    assert_eq!(shown["status"], "error");
    assert_eq!(shown["execution"]["error"], result["__error__"]);
    assert_eq!(shown["execution"]["output"], Value::Null);
}

#[tokio::test]
async fn a_cancelled_run_gives_the_values_that_its_thread_has() {
    let api = Api::start().await;
    let thread = api.thread().await;
    let run = api.sleeping_run(&thread).await;
    let cancelled = api.post(&format!("{run}/cancel?wait=1&action=interrupt"), json!({})).await;
    assert_eq!(cancelled.ok(), json!({}));
    assert_eq!(cancelled.header("content-location"), Some(&*run));
    assert_eq!(api.get(&run).await.ok()["status"], "interrupted");
    assert_eq!(api.get(&thread).await.ok()["status"], "idle");
    assert_eq!(api.get(&format!("{run}/join")).await.ok(), json!({}));
}

#[tokio::test]
async fn a_run_that_is_deleted_meanwhile_does_not_leave_its_waiter_hanging() {
    let api = Api::start().await;
    let thread = api.thread().await;
    let run = api.sleeping_run(&thread).await;
    let join = format!("{run}/join");
    let (joined, deleted) = tokio::join!(api.get(&join), api.delete(&run));
    assert_eq!(deleted.status, 204);
    // The waiter may still have seen how the run ended.
    let result = joined.ok();
    assert!(result == json!({}) || result["__error__"]["error"] == "not_found", "{result}");
}

#[tokio::test]
async fn a_run_ends_with_its_client_only_if_the_client_said_so() {
    let api = Api::start().await;
    for (choice, leaves) in [("cancel", "interrupted"), ("continue", "running")] {
        let thread = api.thread().await;
        let body = json!({
            "assistant_id": "echo", "input": {"sleep": 60}, "on_disconnect": choice,
        });
        let run = begin(&api, &format!("{thread}/runs/wait"), &body).await;
        api.until(&run, |run| run["status"] == leaves).await;
        if leaves == "running" {
            let path = format!("{run}/join?cancel_on_disconnect=1");
            let request = Request::get(path).body(Body::empty()).unwrap();
            drop(api.raw(request).await);
            api.until(&run, |run| run["status"] == "interrupted").await;
        }
    }
}

/// Sends a request whose answer waits, goes away once the run has begun, and returns its path.
async fn begin(api: &Api, path: &str, body: &Value) -> String {
    let request = Request::builder().method(Method::POST).uri(path);
    let response = api.raw(request.body(body.to_string().into()).unwrap()).await;
    let run = response.headers()["content-location"].to_str().unwrap().to_owned();
    api.until(&run, |run| run["status"] == "running").await;
    run
}
