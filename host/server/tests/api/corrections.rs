//! Where LangGraph's own server is wrong, and this one is not: one test for each.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::sse::{data, names};
use crate::support::{Answer, Api, NOBODY, message, text};

/// Every second.
const EVERY_SECOND: &str = "* * * * * *";

async fn cron(api: &Api, path: &str, more: Value) -> Value {
    let mut body = json!({"assistant_id": "echo", "schedule": EVERY_SECOND});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    api.post(path, body).await.ok()
}

#[tokio::test]
async fn a_cron_with_an_end_fires_up_to_it_and_ends_and_others_fire_on() {
    let api = Api::start().await;
    let end = Timestamp::now() + Duration::from_secs(3);
    let ending = cron(&api, "/runs/crons", json!({"end_time": end.to_string()})).await;
    let endless = cron(&api, "/runs/crons", json!({})).await;
    let path = format!("/runs/crons/{}", text(&ending, "cron_id"));
    let ended = api.until(&path, |cron| cron["ended"] == true).await;
    assert_eq!((&ended["next_run_date"], &ended["enabled"]), (&Value::Null, &json!(true)));
    let fires = api.get(&format!("{path}/fires")).await.ok();
    assert!(!fires.as_array().unwrap().is_empty(), "it fired before its end");
    for fire in fires.as_array().unwrap() {
        let scheduled: Timestamp = text(fire, "scheduled_at").parse().unwrap();
        assert!(scheduled <= end, "{fire} is after {end}");
    }
    let known = fires.as_array().unwrap().len();
    let others = format!("/runs/crons/{}/fires", text(&endless, "cron_id"));
    api.until(&others, |fires| fires.as_array().unwrap().len() > known + 1).await;
    assert_eq!(api.get(&format!("{path}/fires")).await.ok(), fires);
}

#[tokio::test]
async fn a_cron_without_what_it_needs_is_refused_and_says_so() {
    let api = Api::start().await;
    for (body, part) in [
        (
            json!({"assistant_id": "echo", "schedule": "0 9 * * *", "end_time": "whenever"}),
            "end_time",
        ),
        (json!({"assistant_id": "echo"}), "schedule"),
        (json!({"schedule": "0 9 * * *"}), "assistant_id"),
    ] {
        let thread = api.thread().await;
        for path in ["/runs/crons".to_owned(), format!("{thread}/runs/crons")] {
            let detail = api.post(&path, body.clone()).await.refused(422);
            assert!(detail.contains(part), "{detail}");
        }
    }
    assert_eq!(api.post("/runs/crons/count", json!({})).await.ok(), 0);
}

#[tokio::test]
async fn a_cron_that_is_enabled_again_goes_on_from_now_and_fires_nothing_it_slept_through() {
    let api = Api::start().await;
    let made = cron(&api, "/runs/crons", json!({"enabled": false})).await;
    let path = format!("/runs/crons/{}", text(&made, "cron_id"));
    // Two instants pass while it is paused.
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    let before = Timestamp::now();
    let enabled = api.patch(&path, json!({"enabled": true})).await.ok();
    let next: Timestamp = text(&enabled, "next_run_date").parse().unwrap();
    assert!(next > before, "{next} is not after {before}");
    let started = |fire: &Value| fire["status"] == "started";
    let fires = api.until(&format!("{path}/fires"), |fires| started(&fires[0])).await;
    // What it slept through is on record, and started nothing.
    let (started, skipped): (Vec<_>, Vec<_>) =
        fires.as_array().unwrap().iter().partition(|fire| started(fire));
    assert!(skipped.iter().any(|fire| fire["reason"] == "paused"), "{fires}");
    for fire in started {
        let scheduled: Timestamp = text(fire, "scheduled_at").parse().unwrap();
        assert!(scheduled > before, "{fire}");
    }
}

#[tokio::test]
async fn a_history_can_begin_before_a_checkpoint_named_in_any_way() {
    let api = Api::start().await;
    let thread = api.thread().await;
    for word in ["one", "two"] {
        let body = json!({"assistant_id": "echo", "input": message(word)});
        api.post(&format!("{thread}/runs/wait"), body).await.ok();
    }
    let path = format!("{thread}/history");
    let whole = api.post(&path, json!({"limit": 10})).await.ok();
    let newest = &whole[0]["checkpoint"];
    let older: Vec<_> = whole.as_array().unwrap()[1..].to_vec();
    for before in
        [newest.clone(), newest["checkpoint_id"].clone(), json!({ "configurable": newest })]
    {
        let found = api.post(&path, json!({"limit": 10, "before": before})).await.ok();
        assert_eq!(found, json!(older), "{before}");
    }
}

#[tokio::test]
async fn threads_without_values_do_not_keep_others_from_being_found_by_theirs() {
    let api = Api::start().await;
    let (_, full) = (api.thread().await, api.thread().await);
    let body = json!({"assistant_id": "echo", "input": message("hi")});
    api.post(&format!("{full}/runs/wait"), body).await.ok();
    let found = api.post("/threads/search", json!({"values": {"count": 1}})).await.ok();
    assert_eq!(found.as_array().unwrap().len(), 1);
    assert_eq!(format!("/threads/{}", text(&found[0], "thread_id")), full);
}

#[tokio::test]
async fn items_are_searched_without_a_prefix() {
    let api = Api::start().await;
    let item = json!({"namespace": ["a", "b"], "key": "k", "value": {"n": 1}});
    assert_eq!(api.text(Method::PUT, "/store/items", &item.to_string()).await.status, 204);
    let found = api.post("/store/items/search", json!({})).await.ok();
    assert_eq!(found["items"][0]["key"], "k");
}

#[tokio::test]
async fn to_join_an_unknown_run_is_to_hear_that_it_is_unknown() {
    let api = Api::start().await;
    let thread = api.thread().await;
    for path in [
        format!("{thread}/runs/{NOBODY}/join"),
        format!("{thread}/runs/{NOBODY}/stream"),
        format!("/runs/{NOBODY}/join"),
        format!("/runs/{NOBODY}/stream"),
    ] {
        api.get(&path).await.refused(404);
    }
}

#[tokio::test]
async fn the_location_of_a_stateless_stream_leads_to_the_run() {
    let api = Api::start().await;
    let body = json!({
        "assistant_id": "echo", "input": message("hi"), "stream_resumable": true,
    });
    let stream = api.stream("/runs/stream", body).await;
    let location = stream.header("location").to_owned();
    let events = stream.rest().await;
    assert!(location.starts_with("/runs/") && location.ends_with("/stream"), "{location}");
    assert_eq!(api.join(&location, Some("0")).await.rest().await, events);
}

#[tokio::test]
async fn ids_of_events_are_unique_and_grow() {
    let api = Api::start().await;
    let thread = api.thread().await;
    let body = json!({
        "assistant_id": "echo", "input": {"custom": 300}, "stream_resumable": true,
        "stream_mode": ["custom", "values", "updates", "debug"],
    });
    let events = api.stream(&format!("{thread}/runs/stream"), body).await.rest().await;
    let ids: Vec<(u64, u64)> = events
        .iter()
        .map(|event| {
            let (ms, number) = event.id.as_deref().unwrap().split_once('-').unwrap();
            (ms.parse().unwrap(), number.parse().unwrap())
        })
        .collect();
    assert_eq!(data(&events, "custom").len(), 300);
    assert!(ids.is_sorted(), "{ids:?}");
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
}

#[tokio::test]
async fn a_thread_stream_shows_what_its_client_asked_for() {
    let api = Api::start().await;
    let thread = api.thread().await;
    for parameter in ["stream_mode", "stream_modes"] {
        let path = format!("{thread}/stream?{parameter}=lifecycle");
        let mut stream = api.join(&path, None).await;
        let body = json!({"assistant_id": "echo", "input": message("hi")});
        api.post(&format!("{thread}/runs/wait"), body).await.ok();
        let mut seen = Vec::new();
        loop {
            let event = stream.next().await.unwrap();
            let done = event.data["status"] == "run_done";
            seen.push(event);
            if done {
                break;
            }
        }
        assert_eq!(names(&seen), ["metadata", "metadata"], "{parameter}");
    }
}

#[tokio::test]
async fn a_backlog_on_one_thread_delays_no_other() {
    let api = Api::start().await;
    let (busy, free) = (api.thread().await, api.thread().await);
    for _ in 0..100 {
        let body = json!({"assistant_id": "echo", "input": {"sleep": 60}});
        api.post(&format!("{busy}/runs"), body).await.ok();
    }
    let body = json!({"assistant_id": "echo", "input": message("hi")});
    assert_eq!(api.post(&format!("{free}/runs/wait"), body).await.ok()["count"], 1);
    let pending = api.get(&format!("{busy}/runs?status=pending&limit=1000")).await.ok();
    assert_eq!(pending.as_array().unwrap().len(), 99);
}

#[tokio::test]
async fn runs_and_threads_of_a_cron_say_so_and_can_be_listed() {
    let api = Api::start().await;
    let kept = json!({"on_run_completed": "keep", "metadata": {"job": "a"}});
    let made = cron(&api, "/runs/crons", kept).await;
    let id = text(&made, "cron_id");
    let listed = format!("/runs?cron_id={id}&limit=100");
    let runs = api.until(&listed, |runs| runs[0]["status"] == "success").await;
    api.patch(&format!("/runs/crons/{id}"), json!({"enabled": false})).await.ok();
    for run in runs.as_array().unwrap() {
        assert_eq!(run["metadata"]["cron_id"], id);
        assert_eq!(run["metadata"]["job"], "a");
    }
    let found = api.post("/threads/search", json!({"metadata": {"cron_id": id}})).await.ok();
    let threads: BTreeSet<_> =
        found.as_array().unwrap().iter().map(|thread| text(thread, "thread_id")).collect();
    assert!(threads.contains(text(&runs[0], "thread_id")), "{found}");
}

#[tokio::test]
async fn a_request_that_is_sent_twice_under_one_key_creates_one_run() {
    let api = Api::start().await;
    let thread = api.thread().await;
    let path = format!("{thread}/runs");
    let send = async |key: &str, word: &str| -> Answer {
        let body = json!({"assistant_id": "echo", "input": message(word)}).to_string();
        let request = Request::post(&path).header("idempotency-key", key).body(Body::from(body));
        api.send(request.unwrap()).await
    };
    let (first, second) = tokio::join!(send("order-1", "hi"), send("order-1", "hi"));
    let (first, second) = (first.ok(), second.ok());
    assert_eq!(first["run_id"], second["run_id"]);
    assert_ne!(send("order-2", "hi").await.ok()["run_id"], first["run_id"]);
    assert!(send("order-1", "other").await.refused(422).contains("dempotency"));
    let runs = api.get(&path).await.ok();
    assert_eq!(runs.as_array().unwrap().len(), 2);
}
