//! Laws of claiming crons that are due.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use wakeful_core::{
    Cron, Fire, FireCause, FireStatus, Object, RunId, RunStatus, SkipReason, Thread, ThreadId,
    ThreadStatus,
};

use super::kit::*;
use crate::{Cancelled, FirePlan, Inserted, NewRun, Planner, RunQuery};

/// Fire, run and next due instant appear together, and the run can be claimed.
pub async fn a_due_cron_fires_with_all_that_belongs_to_it(store: Shared) {
    let thread = new_thread(&store, 0).await;
    let cron = new_cron(&store, Some(thread), 60).await;
    let plans = fire_due(&store, 61, 10).await;
    assert_eq!(plans.len(), 1);
    let fired = self::cron(&store, cron.id).await;
    assert_eq!(fired.next_run_at, Some(at(120)));
    assert_eq!(fired.last_scheduled_at, Some(at(60)));
    assert!(fired.version > cron.version);
    assert_eq!(store.next_due().await.unwrap(), Some(at(120)));
    assert_eq!(store.fires(cron.id, None, 10).await.unwrap(), [plans[0].fire.clone()]);
    let id = RunId::of_fire(cron.id, at(60));
    let planned = plans[0].run.as_ref().unwrap().run.clone();
    assert_eq!(store.run(id).await.unwrap(), Some(planned));
    assert_eq!(status(&store, thread).await, ThreadStatus::Busy);
    let query = RunQuery { cron_id: Some(cron.id), limit: 10, ..RunQuery::default() };
    assert_eq!(store.runs(query).await.unwrap().total, 1);
    assert_eq!(claim_ids(&store, 61, 10).await, [id]);
}

/// A limit holds back the latest.
pub async fn due_crons_come_earliest_first_and_at_most_as_many_as_asked(store: Shared) {
    let mut crons = Vec::new();
    for due in [30, 10, 20] {
        crons.push((due, new_cron(&store, None, due).await.id));
    }
    crons.sort_by_key(|(due, _)| *due);
    let fired = async |limit| {
        let plans = fire_due(&store, 40, limit).await;
        plans.iter().map(|plan| plan.fire.cron_id).collect::<Vec<_>>()
    };
    assert_eq!(fired(2).await, [crons[0].1, crons[1].1]);
    assert_eq!(fired(2).await, [crons[2].1]);
    assert_eq!(fired(2).await, []);
}

/// Nothing fires early.
pub async fn a_cron_that_is_not_due_does_not_fire(store: Shared) {
    let cron = new_cron(&store, None, 60).await;
    assert!(fire_due(&store, 59, 10).await.is_empty());
    assert_eq!(self::cron(&store, cron.id).await, cron);
    assert_eq!(fire_due(&store, 60, 10).await.len(), 1);
}

/// Whoever claims, and however many, each instant has one fire and one run.
pub async fn concurrent_claims_fire_each_instant_once(store: Shared) {
    for n in 0..10 {
        new_cron(&store, None, n).await;
    }
    let claims: Vec<_> = (0..8)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { fire_due(&store, 30, 10).await })
        })
        .collect();
    let mut fired = Vec::new();
    for claim in claims {
        fired.extend(claim.await.unwrap().into_iter().map(|plan| plan.fire.cron_id));
    }
    assert_eq!(fired.len(), 10);
    assert_eq!(fired.iter().collect::<BTreeSet<_>>().len(), 10);
    let query = RunQuery { limit: 100, ..RunQuery::default() };
    assert_eq!(store.runs(query).await.unwrap().total, 10);
    assert_eq!(claim(&store, 30, 100).await.len(), 10);
}

/// Either the update is seen by the fire, or the fire by the update.
pub async fn an_update_and_a_fire_exclude_each_other(store: Shared) {
    let before = new_cron(&store, None, 60).await;
    assert_eq!(fire_due(&store, 60, 10).await.len(), 1);
    let mut stale = before.clone();
    stale.schedules = vec!["5 * * * *".to_owned()];
    assert_eq!(store.update_cron(stale, None).await.unwrap(), None);
    // Whether the update moves the due instant or leaves it, the plan is of an older cron.
    for next in [120, 300] {
        let other = store.clone();
        let runtime = tokio::runtime::Handle::current();
        let meddling: Planner = Arc::new(move |due| {
            let mut cron = due.cron.clone();
            cron.next_run_at = Some(at(next));
            runtime.block_on(other.update_cron(cron, None)).unwrap().unwrap();
            plan(due, at(130))
        });
        assert!(store.claim_due(at(130), 10, meddling).await.unwrap().is_empty());
        assert_eq!(store.next_due().await.unwrap(), Some(at(next)));
        assert_eq!(store.fires(before.id, None, 10).await.unwrap().len(), 1);
        let run = RunId::of_fire(before.id, at(120));
        assert_eq!(store.run(run).await.unwrap(), None);
    }
}

/// Skipping is an answer too: it is on record, and the schedule goes on.
pub async fn a_skipped_fire_is_recorded_without_a_run(store: Shared) {
    let thread = new_thread(&store, 0).await;
    queued(&store, thread, 1).await;
    let cron = new_cron(&store, Some(thread), 60).await;
    let skipping: Planner = Arc::new(|due| {
        assert!(due.thread_busy);
        let mut skipped = plan(due, at(60));
        skipped.fire.status = FireStatus::Skipped(SkipReason::Overlap);
        FirePlan { run: None, ..skipped }
    });
    assert_eq!(store.claim_due(at(60), 10, skipping).await.unwrap().len(), 1);
    let fires = store.fires(cron.id, None, 10).await.unwrap();
    assert_eq!(fires[0].status, FireStatus::Skipped(SkipReason::Overlap));
    assert_eq!(store.next_due().await.unwrap(), Some(at(120)));
    let query = RunQuery { cron_id: Some(cron.id), limit: 10, ..RunQuery::default() };
    assert_eq!(store.runs(query).await.unwrap().total, 0);
}

/// A schedule that is set back brings no second run of an instant that had one.
pub async fn an_instant_fires_once_even_if_it_comes_up_again(store: Shared) {
    let cron = new_cron(&store, None, 60).await;
    let first = fire_due(&store, 60, 10).await;
    let run = claim_one(&store, 60).await.run;
    finish(&store, &run, done(), 61).await;
    let mut back = self::cron(&store, cron.id).await;
    back.next_run_at = Some(at(60));
    store.update_cron(back, None).await.unwrap().unwrap();
    assert!(fire_due(&store, 70, 10).await.is_empty());
    assert_eq!(store.next_due().await.unwrap(), Some(at(120)));
    assert_eq!(store.fires(cron.id, None, 10).await.unwrap(), [first[0].fire.clone()]);
    assert_eq!(store.run(run.id).await.unwrap().unwrap().status, RunStatus::Success);
    assert!(claim(&store, 70, 10).await.is_empty());
}

/// What the plan was told about the thread is still true when it is written.
pub async fn a_thread_that_became_busy_is_planned_anew(store: Shared) {
    let thread = new_thread(&store, 0).await;
    for _ in 0..2 {
        new_cron(&store, Some(thread), 60).await;
    }
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let counting: Planner = Arc::new(move |due| {
        let call = counted.fetch_add(1, Ordering::SeqCst);
        assert_eq!(due.thread_busy, call == 2);
        plan(due, at(60))
    });
    assert_eq!(store.claim_due(at(60), 10, counting.clone()).await.unwrap().len(), 1);
    assert_eq!(store.claim_due(at(60), 10, counting).await.unwrap().len(), 1);
    assert_eq!(calls.load(Ordering::SeqCst), 3);
}

/// A cron without a thread gets a new one for each fire.
pub async fn a_fire_on_a_fresh_thread_creates_it(store: Shared) {
    let cron = new_cron(&store, None, 60).await;
    fire_due(&store, 60, 10).await;
    let id = ThreadId::of_run(RunId::of_fire(cron.id, at(60)));
    assert_eq!(status(&store, id).await, ThreadStatus::Busy);
    let run = claim_one(&store, 60).await.run;
    assert_eq!(run.thread_id, id);
    succeed(&store, &run, json!({}), 61).await;
    assert_eq!(store.thread(id).await.unwrap(), None);
    assert_eq!(store.run(run.id).await.unwrap().unwrap().status, RunStatus::Success);
}

/// A cron that has ended stays, and is never due again.
pub async fn the_last_fire_leaves_nothing_due(store: Shared) {
    let cron = new_cron(&store, None, 60).await;
    let last: Planner = Arc::new(|due| FirePlan { next: None, ..plan(due, at(60)) });
    assert_eq!(store.claim_due(at(60), 10, last).await.unwrap().len(), 1);
    assert_eq!(store.next_due().await.unwrap(), None);
    assert!(self::cron(&store, cron.id).await.has_ended());
}

/// A list begins at the newest and can go on from any instant.
pub async fn fires_are_listed_newest_first(store: Shared) {
    let cron = new_cron(&store, None, 60).await;
    new_cron(&store, None, 60).await;
    for n in 1..=4 {
        fire_due(&store, n * 60, 10).await;
    }
    let list = async |before: Option<i64>, limit| {
        let fires = store.fires(cron.id, before.map(at), limit).await.unwrap();
        fires.iter().map(|fire| fire.scheduled_at).collect::<Vec<_>>()
    };
    assert_eq!(list(None, 10).await, [at(240), at(180), at(120), at(60)]);
    assert_eq!(list(None, 1).await, [at(240)]);
    assert_eq!(list(Some(180), 10).await, [at(120), at(60)]);
    assert_eq!(list(Some(60), 10).await, []);
}

/// The run of this second of a cron without a thread, to be inserted by hand.
fn by_hand(cron: &Cron, second: i64, held: bool) -> (Fire, NewRun) {
    let id = RunId::generate();
    let thread = ThreadId::of_run(id);
    let mut run = run_of(thread, second);
    run.id = id;
    run.trigger = trigger(cron.id, at(second), 0);
    let fire =
        Fire { cause: FireCause::Backfill, ..fire(cron.id, at(second), FireStatus::Started(id)) };
    let create_thread = Some(Thread::new(thread, Object::new(), at(second)));
    (fire, NewRun { create_thread, held, ..request(run) })
}

/// The runs of a cron that are to take turns begin one after the other, whichever way the one
/// before comes to its end.
pub async fn held_runs_begin_when_those_before_have_ended(store: Shared) {
    let cron = new_cron(&store, None, 1_000).await;
    let new: Vec<_> = (1..=5).map(|n| by_hand(&cron, n, true)).collect();
    let ids: Vec<_> = new.iter().map(|(_, new)| new.run.id).collect();
    store.insert_fires(new).await.unwrap();
    assert_eq!(store.open_runs(cron.id).await.unwrap(), ids);
    let first = claim_one(&store, 10).await.run;
    assert_eq!(first.id, ids[0]);
    assert!(claim(&store, 500, 10).await.is_empty());
    // An attempt that is to be repeated has not ended.
    store.requeue_run(first.id, first.epoch, at(11), Some(slow()), at(10)).await.unwrap();
    let again = claim_one(&store, 11).await.run;
    assert_eq!(again.id, ids[0]);
    finish(&store, &again, failed(), 12).await;
    let second = claim_one(&store, 12).await.run;
    assert_eq!(second.id, ids[1]);
    assert_eq!(store.discard_run(second.id, Some(second.epoch)).await.unwrap(), Cancelled::Done);
    let third = claim_one(&store, 13).await.run;
    assert_eq!(third.id, ids[2]);
    // One that waits can go, too.
    assert_eq!(store.cancel_pending(ids[3], at(13)).await.unwrap(), Cancelled::Done);
    assert!(claim(&store, 500, 10).await.is_empty());
    assert!(store.delete_thread(third.thread_id).await.unwrap().is_some());
    assert_eq!(claim_ids(&store, 14, 10).await, [ids[4]]);
    assert_eq!(store.open_runs(cron.id).await.unwrap(), [ids[4]]);
}

/// Without anything to wait for, a run that would wait begins.
pub async fn a_held_run_without_others_begins_at_once(store: Shared) {
    let cron = new_cron(&store, None, 1_000).await;
    for (second, held) in [(1, true), (2, false), (3, false)] {
        store.insert_fires(vec![by_hand(&cron, second, held)]).await.unwrap();
    }
    assert_eq!(claim(&store, 5, 10).await.len(), 3);
}

/// A fire that somebody asked for stands beside that of the schedule.
pub async fn fires_by_hand_are_recorded_once_and_beside_those_of_the_schedule(store: Shared) {
    let cron = new_cron(&store, None, 60).await;
    fire_due(&store, 60, 10).await;
    let new = by_hand(&cron, 60, false);
    for _ in 0..2 {
        store.insert_fires(vec![new.clone()]).await.unwrap();
    }
    let fires = store.fires(cron.id, None, 10).await.unwrap();
    assert_eq!(fires.iter().filter(|fire| **fire == new.0).count(), 1);
    assert_eq!(fires.len(), 2);
    let stats = store.cron_stats(cron.id).await.unwrap();
    assert_eq!((stats.started, stats.triggered, stats.missed), (1, 1, 1));
    // None is written if one has no place.
    let (lone, mut homeless) = (by_hand(&cron, 70, false), by_hand(&cron, 80, false));
    homeless.1.create_thread = None;
    let answers = store.insert_fires(vec![lone.clone(), homeless]).await.unwrap();
    assert_eq!(answers.last(), Some(&Inserted::NoThread));
    assert_eq!(store.run(lone.1.run.id).await.unwrap(), None);
    assert_eq!(store.fires(cron.id, None, 10).await.unwrap().len(), 2);
}

/// What is planned from the number of unfinished runs is planned anew when that has changed.
pub async fn a_plan_that_minds_other_runs_is_made_of_those_there_are(store: Shared) {
    let cron = new_cron(&store, None, 60).await;
    store.insert_fires(vec![by_hand(&cron, 1, false)]).await.unwrap();
    let runtime = tokio::runtime::Handle::current();
    let (other, id) = (store.clone(), cron.id);
    let meddling: Planner = Arc::new(move |due| {
        assert_eq!((due.cron.id, due.open, due.running, due.waiting()), (id, 1, 0, 1));
        let run = runtime.block_on(claim_one(&other, 50)).run;
        runtime.block_on(finish(&other, &run, done(), 51));
        let mut skipped = plan(due, at(60));
        skipped.fire.status = FireStatus::Skipped(SkipReason::Overlap);
        FirePlan { run: None, ..skipped }
    });
    assert!(store.claim_due(at(60), 10, meddling).await.unwrap().is_empty());
    let calm: Planner = Arc::new(|due| {
        assert_eq!((due.open, due.running, due.held), (0, 0, 0));
        plan(due, at(60))
    });
    assert_eq!(store.claim_due(at(60), 10, calm).await.unwrap().len(), 1);
}

/// Fires and ends are counted in the transactions that make them.
pub async fn a_cron_is_paused_after_as_many_failures_as_it_says(store: Shared) {
    let mut cron = cron_of(None, Some(60));
    cron.policy.pause_after_failures = Some(2);
    store.create_cron(cron.clone()).await.unwrap();
    for (minute, report) in [(1, failed()), (2, done()), (3, failed()), (4, failed())] {
        assert!(self::cron(&store, cron.id).await.enabled, "{minute}");
        fire_due(&store, minute * 60, 10).await;
        let run = claim_one(&store, minute * 60).await.run;
        finish(&store, &run, report, minute * 60 + 1).await;
    }
    let paused = self::cron(&store, cron.id).await;
    assert_eq!((paused.enabled, paused.next_run_at), (false, None));
    assert_eq!(paused.paused_from, Some(at(300)));
    assert!(paused.note.as_deref().unwrap_or_default().contains("2 failed runs"), "{paused:?}");
    assert_eq!(store.next_due().await.unwrap(), None);
    let stats = store.cron_stats(cron.id).await.unwrap();
    assert_eq!((stats.started, stats.succeeded, stats.failed), (4, 1, 3));
    assert_eq!((stats.failed_in_a_row, stats.last_failure.map(|last| last.at)), (2, Some(at(241))));
    // Resuming begins to count anew.
    let resumed = Cron { enabled: true, next_run_at: Some(at(360)), ..paused };
    store.update_cron(resumed, None).await.unwrap().unwrap();
    assert_eq!(store.cron_stats(cron.id).await.unwrap().failed_in_a_row, 0);
}

/// A change can account for instants that are past.
pub async fn an_update_can_record_what_it_passes_over(store: Shared) {
    let cron = new_cron(&store, None, 60).await;
    let past = fire(cron.id, at(60), FireStatus::Skipped(SkipReason::Rescheduled));
    let mut later = cron.clone();
    later.next_run_at = Some(at(600));
    let updated = store.update_cron(later.clone(), Some(past.clone())).await.unwrap().unwrap();
    assert_eq!(updated.last_scheduled_at, Some(at(60)));
    assert_eq!(store.fires(cron.id, None, 10).await.unwrap(), std::slice::from_ref(&past));
    // Nothing of an update of an older version is written.
    let stale = fire(cron.id, at(120), FireStatus::Skipped(SkipReason::Rescheduled));
    assert_eq!(store.update_cron(later, Some(stale)).await.unwrap(), None);
    assert_eq!(store.fires(cron.id, None, 10).await.unwrap(), [past]);
    let stats = store.cron_stats(cron.id).await.unwrap();
    assert_eq!(stats.skipped.get(&SkipReason::Rescheduled), Some(&1));
}

/// Crons that have ended go when they are old, with their fires; no other does.
pub async fn crons_that_have_ended_are_swept(store: Shared) {
    let ended = Cron { ended_at: Some(at(100)), ..cron_of(None, None) };
    let revived = Cron { ended_at: Some(at(100)), ..cron_of(None, None) };
    for cron in [&ended, &revived] {
        store.create_cron(cron.clone()).await.unwrap();
    }
    let live = new_cron(&store, None, 60).await;
    let back = Cron { ended_at: None, next_run_at: Some(at(500)), ..revived.clone() };
    store.update_cron(back, None).await.unwrap().unwrap();
    assert_eq!(store.sweep_crons(at(100)).await.unwrap(), 0);
    assert_eq!(store.sweep_crons(at(101)).await.unwrap(), 1);
    assert_eq!(store.cron(ended.id).await.unwrap(), None);
    let mut left = vec![live.id, revived.id];
    left.sort();
    let found = store.crons_after(None, 10).await.unwrap();
    assert_eq!(found.iter().map(|cron| cron.id).collect::<Vec<_>>(), left);
    let rest = store.crons_after(Some(left[0]), 10).await.unwrap();
    assert_eq!(rest.iter().map(|cron| cron.id).collect::<Vec<_>>(), left[1..]);
    assert_eq!(store.crons_after(Some(left[1]), 10).await.unwrap(), []);
}

/// What is on time does not wait for what is late.
pub async fn crons_on_time_come_before_those_that_are_late(store: Shared) {
    let mut expected = Vec::new();
    for due in [10, 500, 20, 550] {
        expected.push((due < 500, due, new_cron(&store, None, due).await.id));
    }
    expected.sort();
    let fired = fire_due(&store, 550, 10).await;
    let fired: Vec<_> = fired.iter().map(|plan| plan.fire.cron_id).collect();
    assert_eq!(fired, expected.iter().map(|(.., id)| *id).collect::<Vec<_>>());
}

/// The state of the time-zone files is kept as it was noted.
pub async fn the_zones_that_were_seen_are_remembered(store: Shared) {
    assert_eq!(store.zones_seen().await.unwrap(), None);
    store.note_zones("2026a".to_owned()).await.unwrap();
    assert_eq!(store.zones_seen().await.unwrap().as_deref(), Some("2026a"));
}
