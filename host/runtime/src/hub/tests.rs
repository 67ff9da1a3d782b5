use serde_json::json;
use wakeful_core::{AssistantId, Object, Outcome, RunRequest};

use super::*;

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap()
}

fn run_on(thread: ThreadId) -> Run {
    let request = RunRequest::default();
    let (assistant, component) = (AssistantId::generate(), "echo".parse().unwrap());
    Run::new(RunId::generate(), thread, assistant, component, request, at(0))
}

fn run() -> Run {
    run_on(ThreadId::generate())
}

fn text(text: &str) -> GuestEvent {
    GuestEvent::TextDelta(text.to_owned())
}

fn finish(hub: &Hub, run: &Run, now: Timestamp) {
    let end = End { outcome: Outcome::Done(Object::new()), committed: None };
    let ended = hub.ending(run.id, end, now).pop().unwrap();
    hub.end(run.id);
    hub.announce_end(run.id, Some((run.thread_id, ended)), now);
}

async fn all(log: &EventLog) -> Vec<Arc<LoggedEvent>> {
    let mut place = 0;
    let mut events = Vec::new();
    while let Some(event) = log.next(&mut place).await {
        events.push(event);
    }
    events
}

#[tokio::test]
async fn nothing_is_left_of_those_who_waited_or_watched() {
    let hub = Hub::default();
    let run = run();
    drop(hub.listen(run.id));
    let mut listener = hub.listen(run.id);
    hub.announce_end(run.id, None, at(0));
    listener.ended().await;
    drop(listener);
    let first = hub.watch(run.id, run.thread_id);
    let second = hub.watch(run.id, run.thread_id);
    hub.unwatch(run.id, first);
    assert_eq!(hub.logs(), 1, "somebody still watches");
    hub.unwatch(run.id, second);
    let feed = hub.watch_thread(run.thread_id).feed;
    hub.unwatch_thread(run.thread_id, feed);
    assert!(hub.lock().waiting.is_empty());
    assert_eq!(hub.logs(), 0);
}

#[tokio::test]
async fn a_slow_watcher_misses_nothing_and_delays_nobody() {
    let hub = Hub::default();
    let run = run();
    let early = hub.watch(run.id, run.thread_id);
    hub.begin(&run, None, at(5));
    for n in 0..10_000 {
        hub.publish(&run, text(&n.to_string()), at(5));
    }
    let late = hub.watch(run.id, run.thread_id);
    finish(&hub, &run, at(6));
    let events = all(&early).await;
    assert_eq!(events.len(), 10_002);
    assert_eq!(events, all(&late).await);
    assert!(events.is_sorted_by(|a, b| a.last_id() < b.id));
}

#[tokio::test]
async fn ids_grow_even_if_the_clock_runs_backwards() {
    let hub = Hub::default();
    let mut run = run();
    let log = hub.watch(run.id, run.thread_id);
    hub.begin(&run, None, at(1_000));
    hub.publish(&run, text("a"), at(900));
    run.attempt += 1;
    hub.begin(&run, None, at(800));
    finish(&hub, &run, at(1_001));
    let ids: Vec<_> = all(&log).await.iter().map(|event| event.id.ms).collect();
    assert_eq!(ids, [1_000, 1_000, 1_000, 1_001]);
    assert!(all(&log).await.is_sorted_by(|a, b| a.last_id() < b.id));
}

#[tokio::test]
async fn what_has_ended_is_kept_for_a_while_and_not_without_bound() {
    let hub = Hub::default();
    let old = run();
    hub.begin(&old, None, at(0));
    finish(&hub, &old, at(0));
    assert_eq!(all(&hub.watch(old.id, old.thread_id)).await.len(), 2);
    hub.forget_old(at(119_000));
    assert_eq!(hub.logs(), 1);
    hub.forget_old(at(121_000));
    assert_eq!(hub.logs(), 0);

    for _ in 0..100 {
        let mut large = run();
        large.request.input = json!("x".repeat(4 << 20));
        hub.begin(&large, None, at(130_000));
        finish(&hub, &large, at(130_000));
    }
    assert!(hub.logs() < 20, "{}", hub.logs());
}

#[tokio::test]
async fn a_thread_shows_its_runs_one_after_the_other() {
    let hub = Hub::default();
    let thread = ThreadId::generate();
    let (first, second, other) = (run_on(thread), run_on(thread), run());
    hub.begin(&first, None, at(1));
    let view = hub.watch_thread(thread);
    assert_eq!(view.past.len(), 1);
    finish(&hub, &first, at(2));
    for run in [&other, &second] {
        hub.begin(run, None, at(3));
        finish(&hub, run, at(3));
    }
    hub.close();
    let mut place = view.place;
    let mut seen = Vec::new();
    while let Some(event) = view.feed.next(&mut place).await {
        let crate::ThreadEvent::Run(event) = event else { panic!("{event:?}") };
        seen.push(event.run_id);
    }
    assert_eq!(seen, [first.id, second.id, second.id]);
    let view = hub.watch_thread(thread);
    assert_eq!(view.past.len(), 4);
    assert!(view.feed.next(&mut 0).await.is_none(), "the host has stopped");
}

#[tokio::test]
async fn a_deleted_thread_ends_what_is_watched_of_it() {
    let hub = Hub::default();
    let pending = run();
    let log = hub.watch(pending.id, pending.thread_id);
    let feed = hub.watch_thread(pending.thread_id).feed;
    hub.end_thread(pending.thread_id);
    assert_eq!(log.next(&mut 0).await, None);
    assert!(feed.next(&mut 0).await.is_none());
    assert_eq!(hub.logs(), 0);
}

#[test]
fn a_later_watcher_does_not_see_what_happened_on_a_deleted_thread() {
    let hub = Hub::default();
    let thread = ThreadId::generate();
    let (ended, running, new) = (run_on(thread), run_on(thread), run_on(thread));
    hub.begin(&ended, None, at(1));
    finish(&hub, &ended, at(2));
    hub.begin(&running, None, at(3));
    assert_eq!(hub.watch_thread(thread).past.len(), 3);
    hub.end_thread(thread);
    finish(&hub, &running, at(4));
    assert_eq!(hub.watch_thread(thread).past, []);
    hub.begin(&new, None, at(5));
    assert_eq!(hub.watch_thread(thread).past.len(), 1);
}
