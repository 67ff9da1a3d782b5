//! Laws of claiming crons that are due.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use wakeful_core::{FireStatus, RunId, RunStatus, SkipReason, ThreadId, ThreadStatus};

use super::kit::*;
use crate::{FirePlan, Planner, RunQuery};

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
