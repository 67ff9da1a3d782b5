use serde_json::{Value, json};

use crate::sse::{Event, Stream, names};
use crate::support::{Api, message, text};

async fn run(api: &Api, thread: &str, content: &str) -> Value {
    let mut body = json!({ "assistant_id": "echo", "stream_resumable": true });
    body["input"] = message(content);
    let run = api.post(&format!("{thread}/runs"), body).await.ok();
    let path = format!("{thread}/runs/{}", text(&run, "run_id"));
    api.get(&format!("{path}/join")).await.ok();
    run["run_id"].clone()
}

/// Reads up to and with the end of `runs` runs.
async fn until_done(stream: &mut Stream, runs: usize) -> Vec<Event> {
    let mut events = Vec::new();
    let mut done = 0;
    while done < runs {
        let event = stream.next().await.expect("it goes on");
        done += usize::from(event.data["status"] == "run_done");
        events.push(event);
    }
    events
}

#[tokio::test]
async fn a_thread_shows_all_of_its_runs() {
    let api = Api::start().await;
    let thread = api.thread().await;
    let path = format!("{thread}/stream");
    let mut all = api.join(&path, None).await;
    assert_eq!(all.header("content-type"), "text/event-stream; charset=utf-8");
    let mut lifecycle = api.join(&format!("{path}?stream_mode=lifecycle"), None).await;
    let mut same = api.join(&format!("{path}?stream_modes=lifecycle"), None).await;
    let first = run(&api, &thread, "one").await;
    let second = run(&api, &thread, "two").await;
    let events = until_done(&mut all, 2).await;
    let one = ["metadata", "values", "values", "metadata"];
    assert_eq!(names(&events), [one, one].concat());
    assert_eq!(events[0].data, json!({ "run_id": first, "attempt": 1 }));
    assert_eq!(events[3].data, json!({ "status": "run_done", "run_id": first }));
    assert_eq!(events[7].data, json!({ "status": "run_done", "run_id": second }));
    assert!(events.iter().all(|event| event.id.is_some()));

    let begins_and_ends: Vec<_> =
        events.iter().filter(|event| event.name == "metadata").cloned().collect();
    assert_eq!(until_done(&mut lifecycle, 2).await, begins_and_ends);
    assert_eq!(until_done(&mut same, 2).await, begins_and_ends);
}

#[tokio::test]
async fn a_stream_of_a_thread_is_taken_up_where_it_was_left() {
    let api = Api::start().await;
    let thread = api.thread().await;
    let path = format!("{thread}/stream");
    let mut all = api.join(&path, None).await;
    run(&api, &thread, "one").await;
    run(&api, &thread, "two").await;
    let events = until_done(&mut all, 2).await;
    assert_eq!(until_done(&mut api.join(&path, Some("-")).await, 2).await, events);
    for n in 0..events.len() - 1 {
        let id = events[n].id.as_deref();
        let left = 1 + usize::from(n < 3);
        assert_eq!(until_done(&mut api.join(&path, id).await, left).await, events[n + 1..]);
    }
    let api = api.restart().await;
    let id = events[5].id.as_deref();
    assert_eq!(until_done(&mut api.join(&path, id).await, 1).await, events[6..]);
}

#[tokio::test]
async fn a_change_by_hand_is_shown_to_whoever_asks_for_changes() {
    let api = Api::start().await;
    let thread = api.thread().await;
    run(&api, &thread, "one").await;
    let path = format!("{thread}/stream");
    let mut changes = api.join(&format!("{path}?stream_mode=state_update"), None).await;
    let mut both =
        api.join(&format!("{path}?stream_modes=state_update&stream_modes=lifecycle"), None).await;
    let mut runs = api.join(&path, None).await;
    let state = format!("{thread}/state");
    let mut seen = Vec::new();
    for count in [40, 50] {
        let update = json!({ "values": { "count": count }, "as_node": "echo" });
        api.post(&state, update).await.ok();
        let now = api.get(&state).await.ok();
        assert_eq!(now["values"]["count"], count);
        let event = changes.next().await.unwrap();
        assert_eq!(event.name, "state_update");
        assert_eq!(format!("/threads/{}", text(&event.data, "thread_id")), thread);
        assert_eq!(event.data["state"], now);
        assert!(event.id.is_some());
        seen.push(event);
    }
    run(&api, &thread, "two").await;
    assert_eq!(
        names(&until_done(&mut both, 1).await),
        ["state_update", "state_update", "metadata", "metadata"]
    );
    let events = until_done(&mut runs, 1).await;
    assert_eq!(names(&events), ["metadata", "values", "values", "metadata"]);
    // A refused update is none.
    api.post(&state, json!({ "values": 1 })).await.refused(422);
    api.post(&state, json!({ "values": { "count": 60 } })).await.ok();
    assert_eq!(changes.next().await.unwrap().data["state"]["values"]["count"], 60);
}
