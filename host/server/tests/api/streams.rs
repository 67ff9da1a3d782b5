use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use wakeful_server::ServerSettings;

use crate::sse::{data, names};
use crate::support::{Api, NOBODY, message, text};

fn body(input: Value, modes: &[&str]) -> Value {
    json!({ "assistant_id": "echo", "input": input, "stream_mode": modes })
}

#[tokio::test]
async fn a_stream_begins_with_its_run_and_shows_the_whole_values() {
    let api = Api::start().await;
    let thread = api.thread().await;
    let path = format!("{thread}/runs/stream");
    let stream = api.stream(&path, body(message("hi"), &["values"])).await;
    assert_eq!(stream.header("content-type"), "text/event-stream; charset=utf-8");
    assert_eq!(stream.header("cache-control"), "no-store");
    assert_eq!(stream.header("x-accel-buffering"), "no");
    let run = stream.header("content-location").to_owned();
    assert!(run.starts_with(&format!("{thread}/runs/")), "{run}");
    assert_eq!(stream.header("location"), format!("{run}/stream"));

    let events = stream.rest().await;
    assert_eq!(names(&events), ["metadata", "values", "values"]);
    let run_id = run.rsplit('/').next().unwrap();
    assert_eq!(events[0].data, json!({ "run_id": run_id, "attempt": 1 }));
    assert_eq!(events[1].data, message("hi"));
    assert_eq!(events[2].data, api.get(&thread).await.ok()["values"]);
    assert!(events.iter().all(|event| event.id.is_none()), "{events:?}");

    let again = api.stream(&path, body(message("ho"), &["values"])).await.rest().await;
    let contents: Vec<_> = again[1].data["messages"].as_array().unwrap().iter().collect();
    assert_eq!(contents.len(), 3, "the conversation so far, and what is new: {contents:?}");
    assert_eq!(contents[2]["content"], "ho");
}

#[tokio::test]
async fn every_mode_shows_the_run_in_its_own_way() {
    let api = Api::start().await;
    let thread = api.thread().await;
    let mut input = message("hi");
    input["custom"] = json!(2);
    let modes = [
        "values",
        "updates",
        "messages",
        "messages-tuple",
        "custom",
        "tasks",
        "checkpoints",
        "debug",
        "events",
    ];
    let stream = api.stream(&format!("{thread}/runs/stream"), body(input, &modes)).await;
    let events = stream.rest().await;
    assert_eq!(data(&events, "custom"), [&json!({ "i": 0 }), &json!({ "i": 1 })]);
    let reply = json!({ "role": "assistant", "content": "echo: hi" });
    let update = json!({ "echo": { "messages": [reply], "count": 1, "custom": null } });
    assert_eq!(data(&events, "updates"), [&update]);

    let tasks = data(&events, "tasks");
    assert_eq!(tasks.len(), 2);
    assert_eq!(tasks[0]["name"], "echo");
    assert_eq!(tasks[0]["input"]["custom"], 2);
    assert_eq!(tasks[1]["id"], tasks[0]["id"]);
    assert_eq!(tasks[1]["result"], update["echo"]);
    assert_eq!(tasks[1]["error"], Value::Null);
    let kinds: Vec<_> = data(&events, "debug").into_iter().map(|debug| &debug["type"]).collect();
    assert_eq!(kinds, ["task", "task_result", "checkpoint"]);

    let state = api.get(&format!("{thread}/state")).await.ok();
    let [checkpoint] = data(&events, "checkpoints")[..] else { panic!("{events:?}") };
    assert_eq!(checkpoint["values"], state["values"]);
    let address = &checkpoint["config"]["configurable"];
    assert_eq!(address["checkpoint_id"], state["checkpoint"]["checkpoint_id"]);
    assert_eq!(checkpoint["next"], json!([]));

    let [tuple] = data(&events, "messages")[..] else { panic!("{events:?}") };
    assert_eq!(tuple[0]["type"], "ai");
    assert_eq!(tuple[0]["content"], "echo: hi");
    assert_eq!(tuple[1]["langgraph_node"], "echo");
    let complete = data(&events, "messages/complete");
    assert_eq!(complete, [&json!([tuple[0]])]);
    let id = text(&tuple[0], "id");
    assert!(data(&events, "messages/metadata")[0][id]["metadata"].is_object());

    let chain: Vec<_> = data(&events, "events").into_iter().map(|e| text(e, "event")).collect();
    let expected = [
        "on_chain_start",
        "on_chain_start",
        "on_custom_event",
        "on_custom_event",
        "on_chain_stream",
        "on_chain_end",
        "on_chain_end",
    ];
    assert_eq!(chain, expected);
}

#[tokio::test]
async fn what_a_guest_emits_arrives_while_it_runs() {
    let api = Api::start().await;
    let thread = api.thread().await;
    let input = json!({ "stream": ["a", "b"], "progress": { "done": 1 }, "sleep": 60 });
    let modes = ["values", "updates", "messages-tuple", "messages"];
    let mut stream = api.stream(&format!("{thread}/runs/stream"), body(input, &modes)).await;
    let run = stream.header("content-location").to_owned();
    for (piece, so_far) in [("a", "a"), ("b", "ab")] {
        let partial = stream.until("messages/partial").await;
        assert_eq!(partial.data[0]["content"], so_far);
        let tuple = stream.until("messages").await;
        assert_eq!(tuple.data[0]["content"], piece);
        assert_eq!(tuple.data[0]["type"], "AIMessageChunk");
        assert_eq!(tuple.data[0]["id"], partial.data[0]["id"]);
    }
    assert_eq!(stream.until("values").await.data["done"], 1);
    assert_eq!(stream.until("updates").await.data, json!({ "echo": { "done": 1 } }));
    assert_eq!(api.get(&run).await.ok()["status"], "running");
    assert_eq!(api.post(&format!("{run}/cancel"), json!({})).await.status, 202);
    assert_eq!(stream.rest().await, [], "a cancelled run just ends");
}

#[tokio::test]
async fn a_streamed_message_is_completed_under_its_id() {
    let api = Api::start().await;
    let input = json!({ "stream": ["a", "b"] });
    let modes = ["messages", "messages-tuple", "events"];
    let events = api.stream("/runs/stream", body(input, &modes)).await.rest().await;
    let [complete] = data(&events, "messages/complete")[..] else { panic!("{events:?}") };
    assert_eq!(complete[0]["content"], "ab");
    assert_eq!(complete[0]["id"], data(&events, "messages/partial")[0][0]["id"]);
    // Whoever joins the pieces by their id has the message already.
    let pieces = data(&events, "messages").into_iter().map(|tuple| text(&tuple[0], "content"));
    assert_eq!(pieces.collect::<String>(), "ab");
    let model: Vec<_> = data(&events, "events")
        .into_iter()
        .map(|event| text(event, "event"))
        .filter(|event| event.starts_with("on_chat_model"))
        .collect();
    let (begin, piece, end) = ("on_chat_model_start", "on_chat_model_stream", "on_chat_model_end");
    assert_eq!(model, [begin, piece, piece, end]);
}

#[tokio::test]
async fn questions_and_answers_show_in_the_stream() {
    let api = Api::start().await;
    let thread = api.thread().await;
    let path = format!("{thread}/runs/stream");
    let modes = ["values", "updates", "checkpoints"];
    let asked = api.stream(&path, body(json!({ "ask": "Sure?" }), &modes)).await.rest().await;
    let [update] = data(&asked, "updates")[..] else { panic!("{asked:?}") };
    assert_eq!(update["__interrupt__"][0]["value"], "Sure?");
    let last = data(&asked, "values").pop().unwrap();
    assert_eq!(last["__interrupt__"], update["__interrupt__"]);
    assert_eq!(data(&asked, "checkpoints")[0]["next"], json!(["echo"]));

    let resume = json!({
        "assistant_id": "echo", "command": { "resume": "yes" }, "stream_mode": modes,
    });
    let answered = api.stream(&path, resume).await.rest().await;
    assert_eq!(data(&answered, "values").pop().unwrap()["answer"], "yes");
}

#[tokio::test]
async fn a_failed_run_ends_its_stream_with_an_error() {
    let api = Api::start().await;
    let input = json!({ "fail": "kaboom" });
    let events = api.stream("/runs/stream", body(input, &["updates"])).await.rest().await;
    assert_eq!(names(&events), ["metadata", "error"]);
    assert_eq!(events[1].data, json!({ "error": "failed", "message": "kaboom" }));
}

#[tokio::test]
async fn a_stateless_stream_leads_to_where_it_can_be_had_again() {
    let api = Api::start().await;
    let mut request = body(message("hi"), &["values"]);
    request["stream_resumable"] = json!(true);
    let stream = api.stream("/runs/stream", request).await;
    let location = stream.header("location").to_owned();
    assert_eq!(location, format!("{}/stream", stream.header("content-location")));
    assert!(location.starts_with("/runs/"), "{location}");
    let events = stream.rest().await;
    assert_eq!(api.join(&location, Some("0")).await.rest().await, events);
}

#[tokio::test]
async fn a_resumable_stream_is_replayed_exactly_from_anywhere() {
    let api = Api::start().await;
    let thread = api.thread().await;
    let mut request = body(json!({ "custom": 3, "stream": ["a", "b"] }), &["values", "custom"]);
    request["stream_resumable"] = json!(true);
    let stream = api.stream(&format!("{thread}/runs/stream"), request).await;
    let path = stream.header("location").to_owned();
    let events = stream.rest().await;
    assert_eq!(names(&events)[..2], ["metadata", "values"]);
    let id = |n: usize| events[n].id.clone().unwrap();
    let numbers = |n: usize| {
        let id = id(n);
        let (ms, number) = id.split_once('-').unwrap();
        (ms.parse::<u64>().unwrap(), number.parse::<u64>().unwrap())
    };
    assert!((1..events.len()).all(|n| numbers(n - 1) < numbers(n)), "{events:?}");

    for all in ["0", "-"] {
        assert_eq!(api.join(&path, Some(all)).await.rest().await, events, "{all}");
    }
    for n in 0..events.len() {
        let rest = api.join(&path, Some(&id(n))).await.rest().await;
        assert_eq!(rest, events[n + 1..], "after {}", id(n));
    }
    assert_eq!(api.join(&path, None).await.rest().await, [], "nothing new will come");
    for query in
        ["stream_mode=custom", "stream_mode=[\"custom\"]", "stream_mode=custom&stream_mode="]
    {
        let query = query.replace('"', "%22").replace('[', "%5B").replace(']', "%5D");
        let custom = api.join(&format!("{path}?{query}"), Some("0")).await.rest().await;
        let expected: Vec<_> = events.iter().filter(|e| e.name == "custom").cloned().collect();
        assert_eq!(custom, expected, "{query}");
    }
}

#[tokio::test]
async fn a_replay_survives_a_restart() {
    let api = Api::start().await;
    let thread = api.thread().await;
    let mut request = body(json!({ "custom": 3, "stream": ["a"] }), &["values", "messages"]);
    request["stream_resumable"] = json!(true);
    let stream = api.stream(&format!("{thread}/runs/stream"), request).await;
    let path = stream.header("location").to_owned();
    let events = stream.rest().await;
    let api = api.restart().await;
    assert_eq!(api.join(&path, Some("-")).await.rest().await, events);
    let id = events[1].id.clone().unwrap();
    assert_eq!(api.join(&path, Some(&id)).await.rest().await, events[2..]);
}

#[tokio::test]
async fn a_pending_run_can_be_joined_before_it_begins() {
    let api = Api::start().await;
    let thread = api.thread().await;
    let slow = api.sleeping_run(&thread).await;
    let run = api.post(&format!("{thread}/runs"), body(message("hi"), &["values"])).await.ok();
    let path = format!("{thread}/runs/{}", text(&run, "run_id"));
    let mut joined = api.join(&format!("{path}/stream"), None).await;
    let dropped = api.join(&format!("{path}/stream"), None).await;
    drop(dropped);
    api.post(&format!("{slow}/cancel?wait=1"), json!({})).await.ok();
    assert_eq!(joined.next().await.unwrap().data["run_id"], run["run_id"]);
    assert_eq!(names(&joined.rest().await), ["values", "values"]);
}

#[tokio::test]
async fn whoever_joins_in_the_middle_learns_the_run_and_sees_what_is_new() {
    let api = Api::start().await;
    let thread = api.thread().await;
    let input = json!({ "custom": 2, "sleep": 60 });
    let mut first = api.stream(&format!("{thread}/runs/stream"), body(input, &["custom"])).await;
    let path = first.header("location").to_owned();
    first.until("custom").await;
    first.until("custom").await;
    let joined = api.join(&path, None).await;
    let run = path.strip_suffix("/stream").unwrap();
    api.post(&format!("{run}/cancel?wait=1"), json!({})).await.ok();
    assert_eq!(names(&joined.rest().await), ["metadata"]);
}

#[tokio::test]
async fn streams_of_runs_that_go_away_end() {
    let api = Api::start().await;
    let thread = api.thread().await;
    let slow = api.sleeping_run(&thread).await;
    let queue = async || {
        let run = api.post(&format!("{thread}/runs"), body(message("hi"), &["values"])).await.ok();
        let path = format!("{thread}/runs/{}", text(&run, "run_id"));
        (api.join(&format!("{path}/stream"), None).await, path)
    };
    let (cancelled, path) = queue().await;
    api.post(&format!("{path}/cancel"), json!({})).await;
    assert_eq!(cancelled.rest().await, []);
    let (deleted, path) = queue().await;
    assert_eq!(api.delete(&path).await.status, 204);
    assert_eq!(deleted.rest().await, []);
    let (pending, _) = queue().await;
    let running = api.join(&format!("{slow}/stream"), None).await;
    let all = api.join(&format!("{thread}/stream"), None).await;
    assert_eq!(api.delete(&thread).await.status, 204);
    assert_eq!(pending.rest().await, []);
    assert_eq!(names(&running.rest().await), ["metadata"]);
    assert_eq!(all.rest().await, []);
}

#[tokio::test]
async fn what_cannot_be_streamed_is_refused_before_the_first_byte() {
    let api = Api::start().await;
    let thread = api.thread().await;
    let streams = format!("{thread}/runs/stream");
    let unknown = format!("/threads/{NOBODY}/runs/stream");
    api.post(&unknown, body(json!({}), &["values"])).await.refused(404);
    api.post(&streams, json!({ "assistant_id": "nobody" })).await.refused(422);
    api.post(&streams, body(json!({}), &["weird"])).await.refused(422);
    api.post(&streams, json!([])).await.refused(422);
    let slow = api.sleeping_run(&thread).await;
    let mut rejected = body(json!({}), &["values"]);
    rejected["multitask_strategy"] = json!("reject");
    api.post(&streams, rejected).await.refused(409);
    for path in [format!("{thread}/runs/{NOBODY}/stream"), format!("/runs/{NOBODY}/stream")] {
        api.get(&path).await.refused(404);
    }
    assert!(
        api.get(&format!("{slow}/stream?stream_mode=weird")).await.refused(422).contains("weird")
    );
    api.get(&format!("{slow}/stream?stream_mode=%5Bvalues")).await.refused(422);
    api.get(&format!("{thread}/stream?stream_modes=weird")).await.refused(422);
    api.get(&format!("/threads/{NOBODY}/stream")).await.refused(404);
    for path in [format!("{slow}/stream"), format!("{thread}/stream")] {
        for id in ["zzz", "1-2-3", "-1"] {
            let request = Request::get(&path).header("last-event-id", id);
            api.send(request.body(Body::empty()).unwrap()).await.refused(422);
        }
    }
}

#[tokio::test]
async fn a_silent_stream_sends_heartbeats() {
    let settings =
        ServerSettings { keep_alive: Duration::from_millis(20), ..ServerSettings::default() };
    let api = Api::with(settings).await;
    let thread = api.thread().await;
    let input = json!({ "sleep": 60 });
    let mut stream = api.stream(&format!("{thread}/runs/stream"), body(input, &["custom"])).await;
    stream.until("metadata").await;
    assert_eq!(stream.block().await.as_deref(), Some(": heartbeat"));
    assert_eq!(stream.block().await.as_deref(), Some(": heartbeat"));
}

#[tokio::test]
async fn a_run_ends_with_its_stream_only_if_the_client_said_so() {
    let api = Api::start().await;
    for (choice, leaves) in [("cancel", "interrupted"), ("continue", "running")] {
        let thread = api.thread().await;
        let mut request = body(json!({ "sleep": 60 }), &["values"]);
        request["on_disconnect"] = json!(choice);
        let mut stream = api.stream(&format!("{thread}/runs/stream"), request).await;
        let run = stream.header("content-location").to_owned();
        stream.until("metadata").await;
        drop(stream);
        api.until(&run, |run| run["status"] == leaves).await;
        if leaves == "running" {
            drop(api.join(&format!("{run}/stream?cancel_on_disconnect=true"), None).await);
            api.until(&run, |run| run["status"] == "interrupted").await;
        }
    }
}

#[tokio::test]
async fn streams_end_when_the_host_stops() {
    let api = Api::start().await;
    let thread = api.thread().await;
    let path = format!("{thread}/runs/stream");
    let mut running = api.stream(&path, body(json!({ "sleep": 60 }), &["values"])).await;
    running.until("metadata").await;
    let pending = api.stream(&path, body(json!({}), &["values"])).await;
    let all = api.join(&format!("{thread}/stream"), None).await;
    api.host.shutdown().await.unwrap();
    assert_eq!(names(&running.rest().await), ["values"]);
    assert_eq!(pending.rest().await, []);
    assert_eq!(all.rest().await, []);
}

#[tokio::test]
async fn nothing_is_left_of_ten_thousand_clients_that_go_away() {
    let api = Api::start().await;
    let thread = api.thread().await;
    let running = api.sleeping_run(&thread).await;
    let run = api.post(&format!("{thread}/runs"), body(message("hi"), &["values"])).await.ok();
    let pending = format!("{thread}/runs/{}", text(&run, "run_id"));
    let before = api.host.event_logs();
    let shown = async || {
        let metrics = String::from_utf8(api.get("/metrics").await.body.to_vec()).unwrap();
        let line = metrics.lines().find_map(|line| line.strip_prefix("wakeful_http_streams "));
        line.unwrap().parse::<f64>().unwrap()
    };
    assert_eq!(shown().await, 0.0);
    let mut open = Vec::new();
    for _ in 0..3_334 {
        for path in [&running, &pending, &thread] {
            open.push(api.join(&format!("{path}/stream"), None).await);
        }
    }
    assert_eq!(api.host.event_logs(), before + 2, "one for the pending run, one for the thread");
    assert_eq!(shown().await, 10_002.0);
    drop(open);
    assert_eq!(api.host.event_logs(), before);
    assert_eq!(shown().await, 0.0);
    let events = api.stream("/runs/stream", body(message("hi"), &["values"])).await.rest().await;
    assert_eq!(names(&events), ["metadata", "values", "values"]);
}
