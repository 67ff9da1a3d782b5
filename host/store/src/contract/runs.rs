//! Laws of runs that have not begun, and of lists of runs.

use serde_json::json;
use wakeful_core::{
    Command, CronId, Digest, MultitaskStrategy, Object, OnCompletion, Outcome, RunId, RunStatus,
    Thread, ThreadId, ThreadStatus,
};

use super::kit::*;
use crate::{Cancelled, Inserted, NewRun, RunQuery};

/// What is written is read back whole, small or large.
pub async fn a_run_reads_back_as_it_was_written(store: Shared) {
    let thread = new_thread(&store, 0).await;
    let mut run = run_of(thread, 1);
    run.request.command = Some(Command {
        resume: Some(json!({ "yes": true })),
        update: Some(object(large(2))),
        goto: Some(Command::END.to_owned()),
    });
    run.request_digest = Some(Digest::of(b"request"));
    run.request.config = object(json!({ "recursion_limit": 5 }));
    run.request.context = object(large(1));
    run.request.metadata = object(json!({ "m": 1 }));
    run.request.options = object(json!({ "stream_mode": ["values"] }));
    run.multitask = MultitaskStrategy::Rollback;
    run.on_completion = OnCompletion::Delete;
    run.trigger = trigger(CronId::generate(), at(1), 3);
    insert(&store, run.clone()).await;
    assert_eq!(store.run(run.id).await.unwrap(), Some(run));
    assert_eq!(store.run(RunId::generate()).await.unwrap(), None);
}

/// There is no run without a thread, and none is made unasked.
pub async fn a_run_needs_a_thread(store: Shared) {
    let run = run_of(ThreadId::generate(), 0);
    let inserted = store.insert_run(request(run.clone())).await.unwrap();
    assert_eq!(inserted, Inserted::NoThread);
    assert_eq!(store.run(run.id).await.unwrap(), None);
    assert_eq!(store.next_available().await.unwrap(), None);
}

/// A run and its new thread appear together; a thread that is there is not replaced.
pub async fn a_run_can_bring_its_thread(store: Shared) {
    let thread = Thread::new(ThreadId::generate(), object(json!({ "first": true })), at(0));
    for n in 1..3 {
        let mut offered = thread.clone();
        offered.metadata = object(json!({ "first": n == 1 }));
        let new = NewRun {
            run: run_of(thread.id, n),
            create_thread: Some(offered),
            thread_metadata: Object::new(),
            held: false,
        };
        assert!(matches!(store.insert_run(new).await.unwrap(), Inserted::Run(_)));
    }
    let found = self::thread(&store, thread.id).await;
    assert_eq!(found.metadata, thread.metadata);
    assert_eq!(found.status, ThreadStatus::Busy);
}

/// `reject` counts pending runs and running ones.
pub async fn a_busy_thread_refuses_a_run_that_says_reject(store: Shared) {
    let thread = new_thread(&store, 0).await;
    let mut run = run_of(thread, 1);
    run.multitask = MultitaskStrategy::Reject;
    insert(&store, run.clone()).await;
    let again = |n| {
        let mut next = run_of(thread, n);
        next.multitask = MultitaskStrategy::Reject;
        next
    };
    let refused = again(2);
    assert_eq!(store.insert_run(request(refused.clone())).await.unwrap(), Inserted::Busy);
    let running = claim_one(&store, 2).await.run;
    assert_eq!(store.insert_run(request(refused.clone())).await.unwrap(), Inserted::Busy);
    assert_eq!(store.run(refused.id).await.unwrap(), None);
    finish(&store, &running, done(), 3).await;
    insert(&store, again(4)).await;
}

/// Keys that the thread has keep their values.
pub async fn thread_metadata_is_merged_where_it_is_absent(store: Shared) {
    let thread = Thread::new(ThreadId::generate(), object(json!({ "a": 1 })), at(0));
    store.create_thread(thread.clone()).await.unwrap();
    let new = NewRun {
        run: run_of(thread.id, 1),
        create_thread: None,
        thread_metadata: object(json!({ "a": 2, "b": large(1) })),
        held: false,
    };
    store.insert_run(new).await.unwrap();
    let found = self::thread(&store, thread.id).await;
    assert_eq!(found.metadata, object(json!({ "a": 1, "b": large(1) })));
    assert_eq!(found.updated_at, at(1));
    assert_eq!(found.state_updated_at, at(0));
}

/// The same run twice is one run, however far the first has come.
pub async fn a_run_id_is_used_once(store: Shared) {
    let thread = new_thread(&store, 0).await;
    let run = run_of(thread, 1);
    insert(&store, run.clone()).await;
    let known = async |status: RunStatus| match store.insert_run(request(run.clone())).await {
        Ok(Inserted::Known(known)) => assert_eq!((known.id, known.status), (run.id, status)),
        other => panic!("{other:?}"),
    };
    known(RunStatus::Pending).await;
    let claimed = claim_one(&store, 1).await.run;
    known(RunStatus::Running).await;
    finish(&store, &claimed, done(), 2).await;
    known(RunStatus::Success).await;
    assert!(claim(&store, 3, 10).await.is_empty());
    let query = RunQuery { limit: 10, ..RunQuery::default() };
    assert_eq!(store.runs(query).await.unwrap().total, 1);
    assert_eq!(status(&store, thread).await, ThreadStatus::Idle);
}

/// Runs that are inserted together are there together, or not at all.
pub async fn runs_are_inserted_together_or_not_at_all(store: Shared) {
    let busy = new_thread(&store, 0).await;
    queued(&store, busy, 0).await;
    let fresh = |n: i64| {
        let id = ThreadId::generate();
        let thread = Thread::new(id, Object::new(), at(n));
        NewRun { create_thread: Some(thread), ..request(run_of(id, n)) }
    };
    let new: Vec<_> = (1..40).map(fresh).collect();
    let inserted = store.insert_runs(new.clone()).await.unwrap();
    assert!(inserted.iter().all(|one| matches!(one, Inserted::Run(_))), "{inserted:?}");
    let again = store.insert_runs(vec![fresh(49), new[3].clone(), fresh(49)]).await.unwrap();
    assert!(matches!(again.last(), Some(Inserted::Known(run)) if run.id == new[3].run.id));
    assert_eq!(again.len(), 2);
    let mut refused = request(run_of(busy, 50));
    refused.run.multitask = MultitaskStrategy::Reject;
    let nowhere = request(run_of(ThreadId::generate(), 51));
    for (bad, answer) in [(refused, Inserted::Busy), (nowhere, Inserted::NoThread)] {
        let first = fresh(52);
        let inserted = store.insert_runs(vec![first.clone(), bad, fresh(53)]).await.unwrap();
        assert_eq!(inserted.len(), 2);
        assert_eq!(inserted.last(), Some(&answer));
        assert_eq!(store.run(first.run.id).await.unwrap(), None);
        assert_eq!(store.thread(first.run.thread_id).await.unwrap(), None);
    }
    assert_eq!(claim_ids(&store, 100, 100).await.len(), 40);
}

/// By thread, by cron, by status, and cut into pages.
pub async fn runs_are_listed_newest_first(store: Shared) {
    let (one, two) = (new_thread(&store, 0).await, new_thread(&store, 0).await);
    let cron = CronId::generate();
    let mut ids = Vec::new();
    for n in 0..6 {
        let mut run = run_of(if n % 2 == 0 { one } else { two }, n);
        if n >= 3 {
            run.trigger = trigger(cron, at(n), 0);
        }
        ids.push(insert(&store, run).await);
    }
    let list = async |query: RunQuery| {
        let page = store.runs(query).await.unwrap();
        (page.items.iter().map(|run| run.id).collect::<Vec<_>>(), page.total)
    };
    let all = RunQuery { limit: 10, ..RunQuery::default() };
    let newest: Vec<_> = ids.iter().rev().copied().collect();
    assert_eq!(list(all.clone()).await, (newest.clone(), 6));
    let part = RunQuery { limit: 2, offset: 3, ..RunQuery::default() };
    assert_eq!(list(part).await, (newest[3..5].to_vec(), 6));
    let of_one = RunQuery { thread_id: Some(one), ..all.clone() };
    assert_eq!(list(of_one.clone()).await, (vec![ids[4], ids[2], ids[0]], 3));
    let of_cron = RunQuery { cron_id: Some(cron), ..all.clone() };
    assert_eq!(list(of_cron).await, (vec![ids[5], ids[4], ids[3]], 3));
    let of_both = RunQuery { cron_id: Some(cron), ..of_one.clone() };
    assert_eq!(list(of_both).await, (vec![ids[4]], 1));
    claim(&store, 9, 1).await;
    let running = RunQuery { status: Some(RunStatus::Running), ..all.clone() };
    assert_eq!(list(running).await, (vec![ids[0]], 1));
    let pending = RunQuery { status: Some(RunStatus::Pending), limit: 1, offset: 1, ..of_one };
    assert_eq!(list(pending).await, (vec![ids[2]], 2));
}

/// A run that never began ends as interrupted; others are left alone.
pub async fn cancelling_a_pending_run_frees_its_thread(store: Shared) {
    let thread = new_thread(&store, 0).await;
    let (first, second) = (queued(&store, thread, 1).await, queued(&store, thread, 2).await);
    assert_eq!(store.cancel_pending(first, at(3)).await.unwrap(), Cancelled::Done);
    let cancelled = store.run(first).await.unwrap().unwrap();
    assert_eq!(cancelled.status, RunStatus::Interrupted);
    assert_eq!(cancelled.ended_at, Some(at(3)));
    assert_eq!(cancelled.report.unwrap().outcome, Outcome::Cancelled);
    assert_eq!(status(&store, thread).await, ThreadStatus::Busy);
    assert_eq!(store.cancel_pending(first, at(4)).await.unwrap(), Cancelled::Ended);
    let running = claim_one(&store, 5).await.run;
    assert_eq!(running.id, second);
    assert_eq!(store.cancel_pending(second, at(6)).await.unwrap(), Cancelled::Running);
    let third = queued(&store, thread, 7).await;
    assert_eq!(store.cancel_pending(third, at(8)).await.unwrap(), Cancelled::Done);
    assert_eq!(status(&store, thread).await, ThreadStatus::Busy);
    finish(&store, &running, done(), 9).await;
    assert_eq!(status(&store, thread).await, ThreadStatus::Idle);
    let missing = store.cancel_pending(RunId::generate(), at(9)).await.unwrap();
    assert_eq!(missing, Cancelled::Missing);
    let last = queued(&store, thread, 10).await;
    assert_eq!(store.cancel_pending(last, at(11)).await.unwrap(), Cancelled::Done);
    assert_eq!(status(&store, thread).await, ThreadStatus::Idle);
    assert_eq!(store.next_available().await.unwrap(), None);
}

/// Ended and pending runs go; a running one stays.
pub async fn deleting_a_run_spares_one_that_is_running(store: Shared) {
    let thread = new_thread(&store, 0).await;
    let id = queued(&store, thread, 1).await;
    let run = claim_one(&store, 1).await.run;
    assert!(!store.delete_run(id).await.unwrap());
    assert!(store.run(id).await.unwrap().is_some());
    finish(&store, &run, done(), 2).await;
    assert!(store.delete_run(id).await.unwrap());
    assert!(!store.delete_run(id).await.unwrap());
    assert_eq!(store.run(id).await.unwrap(), None);
    let query = RunQuery { thread_id: Some(thread), limit: 10, ..RunQuery::default() };
    assert_eq!(store.runs(query).await.unwrap().total, 0);
    assert_eq!(status(&store, thread).await, ThreadStatus::Idle);
}

/// A queue goes on without the run that was deleted.
pub async fn deleting_the_first_of_a_queue_offers_the_second(store: Shared) {
    let thread = new_thread(&store, 0).await;
    let (first, second) = (queued(&store, thread, 1).await, queued(&store, thread, 2).await);
    assert!(store.delete_run(first).await.unwrap());
    assert_eq!(store.next_available().await.unwrap(), Some(at(2)));
    assert_eq!(status(&store, thread).await, ThreadStatus::Busy);
    assert!(store.delete_run(second).await.unwrap());
    assert_eq!(store.next_available().await.unwrap(), None);
    assert_eq!(status(&store, thread).await, ThreadStatus::Idle);
}
