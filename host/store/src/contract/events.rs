//! Laws of what runs emitted.

use std::sync::Arc;

use serde_json::json;
use wakeful_core::{
    CheckpointId, Committed, End, EventId, GuestEvent, Json, LogLevel, LogLine, LogSource,
    LoggedEvent, Run, RunEvent, RunId, Start,
};

use super::kit::*;
use crate::Finished;

/// One event of each kind, the last of which is the end.
fn every_event(run: &Run, values: Json) -> Vec<Arc<LoggedEvent>> {
    let attempt = |attempt| Run { attempt, lease: None, digest: None, ..run.clone() };
    let line = LogLine {
        at: at(1),
        source: LogSource::Log,
        level: LogLevel::Warn,
        message: "careful".to_owned(),
        fields: vec![("k".to_owned(), "v".to_owned())],
    };
    let start =
        |n| RunEvent::Started(Box::new(Start { run: attempt(n), values: values.clone(), step: 3 }));
    let committed = Committed { id: CheckpointId::generate(), parent: None, step: 3 };
    let outcome = done().outcome;
    let events = [
        start(1),
        RunEvent::Guest(GuestEvent::TextDelta("a".to_owned())),
        start(2),
        RunEvent::Guest(GuestEvent::Message(json!({ "content": "b" }))),
        RunEvent::Guest(GuestEvent::Values(values.clone())),
        RunEvent::Guest(GuestEvent::Custom { name: "n".to_owned(), data: json!([1.5, null]) }),
        RunEvent::Guest(GuestEvent::Log(line)),
        RunEvent::Ended(Box::new(End { outcome, committed: Some(committed) })),
    ];
    let logged = events.into_iter().enumerate().map(|(n, event)| {
        let id = EventId { ms: 1_800_000_000_000, number: n as u64 * 16 };
        Arc::new(LoggedEvent { id, run_id: run.id, event })
    });
    logged.collect()
}

/// What is kept of a start is its attempt; the rest of its run is as the run ended.
fn comparable(mut event: LoggedEvent) -> LoggedEvent {
    if let RunEvent::Started(start) = &mut event.event {
        let new = Run::new(
            start.run.id,
            start.run.thread_id,
            start.run.assistant_id,
            start.run.component.clone(),
            start.run.request.clone(),
            at(0),
        );
        start.run = Run { attempt: start.run.attempt, ..new };
    }
    event
}

/// Small ones and large ones; without being asked, none.
pub async fn a_run_keeps_its_events_if_asked(store: Shared) {
    for values in [json!({ "n": 1 }), large(1)] {
        let thread = new_thread(&store, 0).await;
        queued(&store, thread, 1).await;
        let run = claim_one(&store, 1).await.run;
        assert_eq!(store.run_events(run.id).await.unwrap(), None);
        let events = every_event(&run, values);
        let mut finish = end(&run, done(), None, 2);
        finish.events = Some(events.clone());
        assert_eq!(store.finish_run(finish).await.unwrap(), Finished::Written);
        let found = store.run_events(run.id).await.unwrap().unwrap();
        let found: Vec<_> = found.into_iter().map(comparable).collect();
        let written: Vec<_> = events.iter().map(|event| comparable((**event).clone())).collect();
        assert_eq!(found, written);
        assert_eq!(store.sweep(at(1_000), at(1_000)).await.unwrap(), (0, 0, 0));
        assert!(store.run_events(run.id).await.unwrap().is_some());
    }
    let thread = new_thread(&store, 0).await;
    queued(&store, thread, 1).await;
    let run = claim_one(&store, 1).await.run;
    finish(&store, &run, done(), 2).await;
    assert_eq!(store.run_events(run.id).await.unwrap(), None);
    assert_eq!(store.run_events(RunId::generate()).await.unwrap(), None);
}

/// They belong to the end that is refused.
pub async fn events_of_a_fenced_end_are_not_kept(store: Shared) {
    let thread = new_thread(&store, 0).await;
    queued(&store, thread, 1).await;
    let run = claim_one(&store, 1).await.run;
    let mut late = end(&run, done(), None, 2);
    late.events = Some(every_event(&run, json!({})));
    late.epoch -= 1;
    assert_eq!(store.finish_run(late).await.unwrap(), Finished::Fenced);
    finish(&store, &run, failed(), 3).await;
    assert_eq!(store.run_events(run.id).await.unwrap(), None);
}
