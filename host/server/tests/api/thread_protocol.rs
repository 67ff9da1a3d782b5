use axum::http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::sse::{Event, Stream, names};
use crate::support::{Api, message};

/// The path of a thread that is not there yet, as clients make it up.
fn made_up() -> String {
    format!("/threads/{}", Uuid::new_v4())
}

async fn command(api: &Api, thread: &str, method: &str, params: Value) -> Value {
    let body = json!({ "id": 7, "method": method, "params": params });
    let answer = api.post(&format!("{thread}/commands"), body).await.ok();
    assert_eq!(answer["id"], 7, "{answer}");
    answer
}

async fn start(api: &Api, thread: &str, input: Value) -> Value {
    let params = json!({ "assistant_id": "echo", "input": input });
    let answer = command(api, thread, "run.start", params).await;
    assert_eq!(answer["type"], "success", "{answer}");
    assert_eq!(answer["meta"], json!({ "applied_through_seq": 0 }));
    answer["result"]["run_id"].clone()
}

async fn watch(api: &Api, thread: &str, channels: &[&str]) -> Stream {
    api.stream(&format!("{thread}/stream/events"), json!({ "channels": channels })).await
}

/// Reads up to and with the end of a run.
async fn until_end(stream: &mut Stream) -> Vec<Event> {
    let mut events = Vec::new();
    loop {
        let event = stream.next().await.expect("it goes on");
        let ended = ["completed", "failed", "interrupted"].map(Value::from);
        let ends = event.name == "lifecycle" && ended.contains(&inner(&event)["event"]);
        events.push(event);
        if ends {
            return events;
        }
    }
}

fn inner(event: &Event) -> &Value {
    &event.data["params"]["data"]
}

fn inners<'a>(events: &'a [Event], name: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event.name == name).map(inner).collect()
}

fn seq(event: &Event) -> u64 {
    event.data["seq"].as_u64().unwrap()
}

#[tokio::test]
async fn a_thread_is_watched_before_a_command_creates_it() {
    let api = Api::start().await;
    let thread = made_up();
    let mut stream = watch(&api, &thread, &["values", "lifecycle", "input"]).await;
    assert_eq!(stream.header("content-type"), "text/event-stream; charset=utf-8");
    let run = start(&api, &thread, message("hi")).await;
    let run = run.as_str().unwrap();

    let events = until_end(&mut stream).await;
    assert_eq!(names(&events), ["lifecycle", "values", "values", "lifecycle"]);
    for event in &events {
        assert_eq!(event.data["type"], "event");
        assert_eq!(event.data["method"], event.name);
        assert_eq!(event.id, Some(event.data["seq"].to_string()));
        assert_eq!(event.data["params"]["namespace"], json!([]));
        assert!(event.data["params"]["timestamp"].is_u64(), "{event:?}");
    }
    assert!(events.is_sorted_by_key(seq));
    assert_eq!(inner(&events[0]), &json!({ "event": "running", "graph_name": "echo" }));
    assert_eq!(events[0].data["event_id"], format!("synth:{run}:lc||running"));
    assert_eq!(inner(&events[3]), &json!({ "event": "completed", "graph_name": "echo" }));
    let spoken = &inner(&events[2])["messages"];
    assert_eq!((&spoken[0]["type"], &spoken[1]["type"]), (&json!("human"), &json!("ai")));
    assert_eq!(spoken[1]["content"], "echo: hi");
    api.get(&format!("{thread}/runs/{run}")).await.ok();
}

#[tokio::test]
async fn a_question_is_answered_and_a_failure_is_told() {
    let api = Api::start().await;
    let thread = made_up();
    let mut stream = watch(&api, &thread, &["lifecycle", "input"]).await;
    start(&api, &thread, json!({ "ask": "Sure?" })).await;
    let events = until_end(&mut stream).await;
    assert_eq!(names(&events), ["lifecycle", "input.requested", "lifecycle"]);
    let asked = inner(&events[1]);
    assert_eq!(asked["payload"], "Sure?");
    assert_eq!(inner(&events[2])["event"], "interrupted");

    let wrong = json!({ "interrupt_id": "other", "namespace": [], "response": 1 });
    let refused = command(&api, &thread, "input.respond", wrong).await;
    assert_eq!(refused["error"], "no_such_interrupt");
    let entry = json!({ "interrupt_id": asked["interrupt_id"], "response": "yes" });
    let respond = command(&api, &thread, "input.respond", json!({ "responses": [entry] })).await;
    assert_eq!((&respond["type"], &respond["result"]), (&json!("success"), &json!({})));
    let events = until_end(&mut stream).await;
    assert_eq!(inner(events.last().unwrap())["event"], "completed");
    assert_eq!(api.get(&thread).await.ok()["values"]["answer"], "yes");

    start(&api, &thread, json!({ "fail": "broken" })).await;
    let events = until_end(&mut stream).await;
    let failed = inner(events.last().unwrap());
    assert_eq!(failed["event"], "failed");
    assert!(failed["error"].as_str().unwrap().contains("broken"), "{failed}");
}

#[tokio::test]
async fn text_comes_in_pieces_and_other_events_under_their_names() {
    let api = Api::start().await;
    let thread = made_up();
    let channels = ["messages", "updates", "tasks", "custom:custom", "checkpoints", "lifecycle"];
    let mut stream = watch(&api, &thread, &channels).await;
    start(&api, &thread, json!({ "stream": ["a", "b"], "custom": 1 })).await;
    let events = until_end(&mut stream).await;
    let messages = inners(&events, "messages");
    let kinds: Vec<_> = messages.iter().map(|data| data["event"].as_str().unwrap()).collect();
    let delta = "content-block-delta";
    assert_eq!(
        kinds,
        [
            "message-start",
            "content-block-start",
            delta,
            delta,
            "content-block-finish",
            "message-finish"
        ]
    );
    assert_eq!(messages[0]["role"], "ai");
    assert_eq!(messages[3]["delta"], json!({ "type": "text-delta", "text": "b" }));
    assert_eq!(messages[4]["content"], json!({ "type": "text", "text": "ab" }));
    assert_eq!(inners(&events, "custom"), [&json!({ "name": "custom", "payload": { "i": 0 } })]);
    let updates = inners(&events, "updates");
    assert_eq!(updates[0]["node"], "echo");
    assert_eq!(updates[0]["values"]["messages"][0]["content"], "ab");
    assert_eq!(inners(&events, "tasks").len(), 2);
    assert_eq!(inners(&events, "checkpoints")[0]["source"], "loop");

    let mut others = watch(&api, &thread, &["custom:other", "lifecycle"]).await;
    assert_eq!(names(&until_end(&mut others).await), ["lifecycle", "lifecycle"]);
}

#[tokio::test]
async fn the_past_is_told_again_from_where_a_client_stopped() {
    let api = Api::start().await;
    let thread = made_up();
    let channels = ["values", "lifecycle"];
    let mut stream = watch(&api, &thread, &channels).await;
    start(&api, &thread, message("one")).await;
    let first = until_end(&mut stream).await;
    start(&api, &thread, message("two")).await;
    let second = until_end(&mut stream).await;

    let mut again = watch(&api, &thread, &channels).await;
    assert_eq!(until_end(&mut again).await, first);
    assert_eq!(until_end(&mut again).await, second);
    let api = api.restart().await;
    let mut again = watch(&api, &thread, &channels).await;
    assert_eq!(until_end(&mut again).await, first);
    assert_eq!(until_end(&mut again).await, second);
    let path = format!("{thread}/stream/events");
    for n in 0..second.len() - 1 {
        let since = json!({ "channels": channels, "since": seq(&second[n]) });
        let left = until_end(&mut api.stream(&path, since).await).await;
        assert_eq!(left, second[n + 1..]);
    }
}

#[tokio::test]
async fn a_run_whose_events_were_not_kept_is_told_in_outline() {
    let api = Api::start().await;
    let thread = api.thread().await;
    for content in ["one", "two"] {
        let body = json!({ "assistant_id": "echo", "input": message(content) });
        api.post(&format!("{thread}/runs/wait"), body).await.ok();
    }
    let api = api.restart().await;
    let mut stream = watch(&api, &thread, &["values", "lifecycle"]).await;
    let first = until_end(&mut stream).await;
    assert_eq!(names(&first), ["lifecycle", "values", "values", "lifecycle"]);
    let second = until_end(&mut stream).await;
    let lengths = inners(&second, "values").into_iter().map(|values| {
        let messages = values["messages"].as_array().unwrap();
        messages.len()
    });
    assert_eq!(lengths.collect::<Vec<_>>(), [3, 4]);
}

#[tokio::test]
async fn a_command_that_cannot_be_carried_out_says_why() {
    let api = Api::start().await;
    let thread = made_up();
    for (method, params, code, part) in [
        ("bogus.x", json!({}), "unknown_command", "bogus.x"),
        ("run.start", json!({}), "invalid_argument", "assistant_id"),
        ("run.start", json!({ "assistant_id": 3 }), "invalid_argument", "assistant_id"),
        ("run.start", json!({ "assistant_id": "nope" }), "unknown_error", "422"),
        ("run.start", json!({ "assistant_id": "echo", "config": 1 }), "unknown_error", "config"),
        ("input.respond", json!({}), "invalid_argument", "interrupt_id"),
        ("input.respond", json!({ "responses": [] }), "invalid_argument", "responses"),
        ("input.respond", json!({ "responses": [1] }), "invalid_argument", "responses"),
        ("input.respond", json!({ "interrupt_id": "x" }), "unknown_error", "404"),
    ] {
        let answer = command(&api, &thread, method, params).await;
        assert_eq!((&answer["type"], &answer["error"]), (&json!("error"), &json!(code)));
        let told = answer["message"].as_str().unwrap();
        assert!(told.contains(part), "{told}");
    }
    for text in ["", "{", "1", "[]", "{}", r#"{"id":1}"#, r#"{"id":"1","method":"x"}"#] {
        let answer = api.text(Method::POST, &format!("{thread}/commands"), text).await;
        assert_eq!(answer.status, 400, "{text}");
        let answer = answer.json();
        assert_eq!((&answer["type"], &answer["id"]), (&json!("error"), &Value::Null));
        assert_eq!(answer["error"], "invalid_argument");
    }
    let params = r#"{"id":1,"method":"run.start","params":[]}"#;
    let answer = api.text(Method::POST, &format!("{thread}/commands"), params).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["id"]), (400, &json!(1)));
    api.get(&thread).await.refused(404);
}

#[tokio::test]
async fn a_subscription_that_nobody_can_serve_is_refused() {
    let api = Api::start().await;
    let path = format!("{}/stream/events", made_up());
    let many = vec!["values"; 257];
    for (body, status, part) in [
        (json!({ "channels": ["debug"] }), 400, "debug"),
        (json!({ "channels": ["custom:"] }), 400, "custom:"),
        (json!({ "channels": many }), 400, "256"),
        (json!({ "channels": "values" }), 400, "channels"),
        (json!({}), 400, "channels"),
        (json!({ "channels": [], "since": -1 }), 400, "since"),
        (json!({ "channels": [], "depth": "all" }), 400, "depth"),
        (json!({ "channels": [], "namespaces": ["a"] }), 400, "namespaces"),
        (json!([]), 422, "request body"),
    ] {
        let told = api.post(&path, body).await.refused(status);
        assert!(told.contains(part), "{told}");
    }
    let body = json!({ "channels": ["values"] });
    api.post("/threads/no-id/stream/events", body).await.refused(422);
    // What is no WebSocket is told so.
    assert!(api.get(&path).await.status.is_client_error());
}

#[tokio::test]
async fn a_deleted_thread_ends_its_streams_and_has_no_past() {
    let api = Api::start().await;
    let thread = made_up();
    let mut stream = watch(&api, &thread, &["lifecycle"]).await;
    let first = start(&api, &thread, message("one")).await;
    until_end(&mut stream).await;
    assert_eq!(api.delete(&thread).await.status, 204);
    assert_eq!(stream.next().await, None);
    let mut stream = watch(&api, &thread, &["lifecycle"]).await;
    let second = start(&api, &thread, message("two")).await;
    assert_ne!(first, second);
    let begun = format!("synth:{}:lc||running", second.as_str().unwrap());
    assert_eq!(until_end(&mut stream).await[0].data["event_id"], begun);
}

/// Python's client waits at `interrupted` for the run to go on, and for ever if it was cancelled.
#[tokio::test]
async fn a_cancelled_run_has_failed() {
    let api = Api::start().await;
    let thread = made_up();
    let mut stream = watch(&api, &thread, &["lifecycle", "tasks"]).await;
    let running = start(&api, &thread, json!({ "sleep": 60 })).await;
    let path = |run: &Value| format!("{thread}/runs/{}", run.as_str().unwrap());
    api.until(&path(&running), |run| run["status"] == "running").await;
    let waiting = start(&api, &thread, message("never")).await;
    for run in [&waiting, &running] {
        let cancelled = api.post(&format!("{}/cancel?wait=1", path(run)), json!({})).await;
        assert!(cancelled.status.is_success());
    }
    let first = until_end(&mut stream).await;
    assert_eq!(names(&first), ["lifecycle", "tasks", "lifecycle"]);
    let never = first.last().unwrap();
    assert_eq!(inner(never), &json!({ "event": "failed", "error": "cancelled" }));
    let id = format!("synth:{}:lc||failed", waiting.as_str().unwrap());
    assert_eq!(never.data["event_id"], id);
    let second = until_end(&mut stream).await;
    assert_eq!(names(&second), ["tasks", "lifecycle"]);
    let failed = json!({ "event": "failed", "graph_name": "echo", "error": "cancelled" });
    assert_eq!(inner(second.last().unwrap()), &failed);

    // Nor does a run that left nothing behind leave its watchers without an end.
    let gone = start(&api, &thread, json!({ "sleep": 60 })).await;
    api.until(&path(&gone), |run| run["status"] == "running").await;
    let cancel = format!("{}/cancel?wait=1&action=rollback", path(&gone));
    assert!(api.post(&cancel, json!({})).await.status.is_success());
    let third = until_end(&mut stream).await;
    assert_eq!(inner(third.last().unwrap()), &failed);

    let api = api.restart().await;
    let mut again = watch(&api, &thread, &["lifecycle"]).await;
    let mut told = Vec::new();
    for _ in 0..2 {
        told.push(until_end(&mut again).await.pop().unwrap());
    }
    let told: Vec<_> = told.iter().map(|event| event.data["event_id"].clone()).collect();
    let ends =
        [&waiting, &running].map(|run| format!("synth:{}:lc||failed", run.as_str().unwrap()));
    assert_eq!(told, ends);
}

#[tokio::test]
async fn a_command_under_a_key_is_carried_out_once() {
    let api = Api::start().await;
    let thread = made_up();
    let path = format!("{thread}/commands");
    let command = |id: u32, method: &str, params: &Value| json!({ "id": id, "method": method, "params": params });
    let replayed = |answer: &crate::support::Answer| answer.header("idempotent-replayed").is_some();
    let params = json!({ "assistant_id": "echo", "input": { "ask": "Sure?" } });
    let first = api.post_once(&path, "k1", &command(1, "run.start", &params)).await;
    assert!(!replayed(&first));
    let run = first.ok()["result"]["run_id"].clone();
    // The id only tells answers apart.
    let again = api.post_once(&path, "k1", &command(2, "run.start", &params)).await;
    assert!(replayed(&again));
    let again = again.ok();
    assert_eq!((&again["id"], &again["result"]["run_id"]), (&json!(2), &run));
    let other = json!({ "assistant_id": "echo", "input": { "ask": "Really?" } });
    let refused = api.post_once(&path, "k1", &command(3, "run.start", &other)).await.ok();
    let told = refused["message"].as_str().unwrap();
    assert!(told.contains("Idempotency-Key"), "{told}");

    let asked = api.until(&thread, |thread| thread["status"] == "interrupted").await;
    let asked = asked["interrupts"].as_object().unwrap().values().next().unwrap()[0]["id"].clone();
    let answer = json!({ "interrupt_id": asked, "response": "yes" });
    let once = api.post_once(&path, "k2", &command(4, "input.respond", &answer)).await;
    assert!(!replayed(&once));
    assert_eq!(once.ok()["type"], "success");
    api.until(&thread, |thread| thread["status"] == "idle").await;
    let twice = api.post_once(&path, "k2", &command(4, "input.respond", &answer)).await;
    assert!(replayed(&twice));
    assert_eq!(twice.ok()["type"], "success");
    let late = api.post_once(&path, "k3", &command(4, "input.respond", &answer)).await.ok();
    assert_eq!(late["error"], "no_such_interrupt");
    let runs = api.get(&format!("{thread}/runs")).await.ok();
    assert_eq!(runs.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_long_history_is_told_in_part_and_says_so() {
    const RUNS: usize = 23;
    let api = Api::start().await;
    let thread = made_up();
    let channels = ["lifecycle"];
    let mut stream = watch(&api, &thread, &channels).await;
    assert_eq!(stream.header("x-history-truncated"), "");
    let mut ends = Vec::new();
    for n in 0..RUNS {
        start(&api, &thread, message(&n.to_string())).await;
        ends.push(until_end(&mut stream).await);
    }
    // What is in memory is told in any case.
    let api = api.restart().await;
    let mut newest = watch(&api, &thread, &channels).await;
    assert_eq!(newest.header("x-history-truncated"), "true");
    for end in &ends[RUNS - 20..] {
        assert_eq!(&until_end(&mut newest).await, end);
    }
    // Who comes back misses nothing.
    let path = format!("{thread}/stream/events");
    let since = json!({ "channels": channels, "since": seq(ends[0].last().unwrap()) });
    let mut rest = api.stream(&path, since).await;
    assert_eq!(rest.header("x-history-truncated"), "");
    for end in &ends[1..] {
        assert_eq!(&until_end(&mut rest).await, end);
    }
}
