//! What the laws are written with.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use wakeful_core::{
    AssistantId, Checkpoint, CheckpointId, CheckpointSource, Coalesced, ComponentId, Cron, CronId,
    CronTrigger, Digest, Fire, FireCause, FireStatus, Interrupt, Json, Lease, Manifest, NextFire,
    Object, Outcome, Pending, Report, Run, RunError, RunId, RunRequest, Thread, ThreadId,
    ThreadStatus, Timestamp, Trigger,
};

use crate::{
    ClaimedRun, Created, DueCron, FinishRun, Finished, FirePlan, Inserted, NewRun, Planner, Store,
};

pub(super) type Shared = Arc<dyn Store>;

/// `seconds` after the beginning of the law.
pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

pub(super) fn component() -> ComponentId {
    "echo".parse().unwrap()
}

pub(super) fn object(json: Json) -> Object {
    match json {
        Json::Object(object) => object,
        other => panic!("{other} is no object"),
    }
}

/// A document too large to stand in a record.
pub(super) fn large(seed: u64) -> Json {
    json!({ "text": format!("{seed} ").repeat(20_000), "list": [1, 2.5, null] })
}

pub(super) fn lease(owner: &str, until: i64) -> Lease {
    Lease { owner: owner.to_owned(), until: at(until) }
}

pub(super) async fn new_thread(store: &Shared, created: i64) -> ThreadId {
    let thread = Thread::new(ThreadId::generate(), Object::new(), at(created));
    let id = thread.id;
    assert!(matches!(store.create_thread(thread).await.unwrap(), Created::New(_)));
    id
}

pub(super) async fn thread(store: &Shared, id: ThreadId) -> Thread {
    store.thread(id).await.unwrap().unwrap()
}

pub(super) async fn status(store: &Shared, id: ThreadId) -> ThreadStatus {
    thread(store, id).await.status
}

pub(super) fn run_of(thread: ThreadId, created: i64) -> Run {
    Run::new(
        RunId::generate(),
        thread,
        AssistantId::of_component(&component()),
        component(),
        RunRequest { input: json!({ "created": created }), ..RunRequest::default() },
        at(created),
    )
}

pub(super) fn request(run: Run) -> NewRun {
    NewRun { run, create_thread: None, thread_metadata: Object::new(), held: false }
}

pub(super) async fn insert(store: &Shared, run: Run) -> RunId {
    let id = run.id;
    match store.insert_run(request(run)).await.unwrap() {
        Inserted::Run(run) => assert_eq!(run.id, id),
        other => panic!("{other:?}"),
    }
    id
}

/// A pending run on the thread.
pub(super) async fn queued(store: &Shared, thread: ThreadId, created: i64) -> RunId {
    insert(store, run_of(thread, created)).await
}

pub(super) async fn claim(store: &Shared, now: i64, limit: usize) -> Vec<ClaimedRun> {
    store.claim_runs(at(now), lease("host", now + 60), limit).await.unwrap()
}

/// The one run that can be claimed.
pub(super) async fn claim_one(store: &Shared, now: i64) -> ClaimedRun {
    let mut claimed = claim(store, now, 10).await;
    assert_eq!(claimed.len(), 1, "{claimed:?}");
    claimed.remove(0)
}

pub(super) async fn claim_ids(store: &Shared, now: i64, limit: usize) -> Vec<RunId> {
    claim(store, now, limit).await.into_iter().map(|claimed| claimed.run.id).collect()
}

pub(super) fn done() -> Report {
    Report::not_run(Outcome::Done(object(json!({ "answer": 42 }))))
}

pub(super) fn failed() -> Report {
    Report::not_run(Outcome::Trapped { message: "unreachable".to_owned() })
}

pub(super) fn question() -> Interrupt {
    Interrupt {
        id: "q".to_owned(),
        reason: "approval".to_owned(),
        payload: json!({ "sure": null }),
        answer_schema: Some(json!({ "type": "boolean" })),
    }
}

pub(super) fn checkpoint_of(run: &Run, values: Json, now: i64) -> Checkpoint {
    Checkpoint {
        id: CheckpointId::generate(),
        thread_id: run.thread_id,
        parent: None,
        run_id: Some(run.id),
        step: 0,
        created_at: at(now),
        values,
        files: Manifest::default(),
        pending: None,
        source: CheckpointSource::Loop,
        metadata: object(json!({ "by": "run" })),
    }
}

pub(super) fn asking(run: &Run, now: i64) -> Checkpoint {
    Checkpoint {
        pending: Some(Pending {
            interrupts: vec![question()],
            input: json!("again"),
            answers: vec![("earlier".to_owned(), json!({ "no": 1 }))],
        }),
        ..checkpoint_of(run, json!({ "asked": true }), now)
    }
}

pub(super) fn end(
    run: &Run,
    report: Report,
    checkpoint: Option<Checkpoint>,
    now: i64,
) -> FinishRun {
    FinishRun {
        run_id: run.id,
        epoch: run.epoch,
        digest: None,
        report,
        checkpoint,
        crons: Vec::new(),
        events: None,
        now: at(now),
    }
}

/// Ends a claimed run well, with new values.
pub(super) async fn succeed(store: &Shared, run: &Run, values: Json, now: i64) -> CheckpointId {
    let checkpoint = checkpoint_of(run, values, now);
    let id = checkpoint.id;
    let finish = end(run, done(), Some(checkpoint), now);
    assert_eq!(store.finish_run(finish).await.unwrap(), Finished::Written);
    id
}

/// Ends a claimed run without values.
pub(super) async fn finish(store: &Shared, run: &Run, report: Report, now: i64) {
    let finished = store.finish_run(end(run, report, None, now)).await.unwrap();
    assert_eq!(finished, Finished::Written);
}

pub(super) fn cron_of(thread: Option<ThreadId>, next: Option<i64>) -> Cron {
    let assistant = AssistantId::of_component(&component());
    Cron {
        thread_id: thread,
        timezone: Some("Europe/Berlin".to_owned()),
        request: RunRequest { input: json!({ "tick": true }), ..RunRequest::default() },
        next_run_at: next.map(at),
        request_digest: Some(Digest::of(b"request")),
        ..Cron::new(CronId::generate(), assistant, component(), "* * * * *", at(0))
    }
}

/// The trigger of a run that this cron started at this second.
pub(super) fn trigger(cron: CronId, scheduled_at: Timestamp, missed: u64) -> Trigger {
    Trigger::Cron(CronTrigger {
        cron_id: cron,
        scheduled_at,
        missed,
        cause: FireCause::Schedule,
        previous_at: None,
        late: Duration::ZERO,
    })
}

/// A fire on time.
pub(super) fn fire(cron: CronId, scheduled_at: Timestamp, status: FireStatus) -> Fire {
    Fire {
        cron_id: cron,
        scheduled_at,
        recorded_at: scheduled_at,
        late: Duration::ZERO,
        cause: FireCause::Schedule,
        status,
        coalesced: None,
    }
}

pub(super) async fn new_cron(store: &Shared, thread: Option<ThreadId>, next: i64) -> Cron {
    let cron = cron_of(thread, Some(next));
    store.create_cron(cron.clone()).await.unwrap();
    cron
}

pub(super) async fn cron(store: &Shared, id: CronId) -> Cron {
    store.cron(id).await.unwrap().unwrap()
}

/// What a scheduler plans for a cron that is due every minute.
pub(super) fn plan(due: &DueCron, now: Timestamp) -> FirePlan {
    let cron = &due.cron;
    let scheduled = cron.next_run_at.unwrap();
    let id = RunId::of_fire(cron.id, scheduled);
    let thread = cron.thread_id.unwrap_or_else(|| ThreadId::of_run(id));
    let request = cron.request.clone();
    let mut run = Run::new(id, thread, cron.assistant_id, cron.component.clone(), request, now);
    run.on_completion = cron.on_run_completed;
    run.trigger = trigger(cron.id, scheduled, 1);
    let mut fresh = Thread::new(thread, Object::new(), now);
    fresh.temporary = true;
    let missed = Coalesced { count: 1, at_least: false, first: scheduled, last: scheduled };
    FirePlan {
        fire: Fire {
            recorded_at: now,
            coalesced: Some(missed),
            ..fire(cron.id, scheduled, FireStatus::Started(id))
        },
        run: Some(NewRun {
            run,
            create_thread: cron.thread_id.is_none().then_some(fresh),
            thread_metadata: Object::new(),
            held: false,
        }),
        next: Some(NextFire {
            at: scheduled + Duration::from_secs(60),
            delay: Duration::ZERO,
            offset: 3_600,
        }),
    }
}

pub(super) fn planner(now: i64) -> Planner {
    Arc::new(move |due| plan(due, at(now)))
}

pub(super) async fn fire_due(store: &Shared, now: i64, limit: usize) -> Vec<FirePlan> {
    store.claim_due(at(now), limit, planner(now)).await.unwrap()
}

/// Why an attempt failed.
pub(super) fn slow() -> RunError {
    RunError { name: "timed_out".to_owned(), message: "slow ".repeat(2_000) }
}
