//! Laws of leases, fencing and taking runs back.

use serde_json::json;
use wakeful_core::{Outcome, RunStatus, ThreadStatus};

use super::kit::*;
use crate::{Finished, Recovered};

/// Only the newest claim can end a run, and only once.
pub async fn an_older_claim_is_fenced(store: Shared) {
    let thread = new_thread(&store, 0).await;
    queued(&store, thread, 1).await;
    let old = claim_one(&store, 1).await.run;
    store.recover_runs(at(1_000), "other", false, 3).await.unwrap();
    let late = || end(&old, done(), Some(checkpoint_of(&old, json!({ "late": true }), 2)), 2);
    assert_eq!(store.finish_run(late()).await.unwrap(), Finished::Fenced);
    let requeued = store.requeue_run(old.id, old.epoch, at(2), None, at(2)).await.unwrap();
    assert_eq!(requeued, Finished::Fenced);
    let new = claim_one(&store, 1_001).await.run;
    assert_eq!((new.id, new.epoch, new.attempt), (old.id, old.epoch + 1, 2));
    assert_eq!(store.finish_run(late()).await.unwrap(), Finished::Fenced);
    assert_eq!(store.run(new.id).await.unwrap().unwrap().status, RunStatus::Running);
    succeed(&store, &new, json!({ "n": 1 }), 1_002).await;
    let again = store.finish_run(end(&new, failed(), None, 1_003)).await.unwrap();
    assert_eq!(again, Finished::Fenced);
    assert_eq!(self::thread(&store, thread).await.values, Some(json!({ "n": 1 })));
    assert_eq!(status(&store, thread).await, ThreadStatus::Idle);
}

/// A run that was put back goes before runs that were asked for later.
pub async fn a_requeued_run_keeps_its_place(store: Shared) {
    let thread = new_thread(&store, 0).await;
    let first = queued(&store, thread, 1).await;
    let second = queued(&store, thread, 2).await;
    let run = claim_one(&store, 3).await.run;
    let requeued = store.requeue_run(first, run.epoch, at(4), Some(slow()), at(4)).await.unwrap();
    assert_eq!(requeued, Finished::Written);
    let waiting = store.run(first).await.unwrap().unwrap();
    assert_eq!((waiting.status, waiting.lease.clone()), (RunStatus::Pending, None));
    assert_eq!((waiting.available_at, waiting.attempt), (at(4), 1));
    assert_eq!(waiting.last_error, Some(slow()));
    assert_eq!(status(&store, thread).await, ThreadStatus::Busy);
    let run = claim_one(&store, 5).await.run;
    assert_eq!((run.id, &run.last_error), (first, &Some(slow())));
    let put_back = store.requeue_run(first, run.epoch, at(5), None, at(5)).await.unwrap();
    assert_eq!(put_back, Finished::Written);
    let run = claim_one(&store, 5).await.run;
    assert_eq!(run.last_error, Some(slow()), "what was put back without failing has no newer one");
    finish(&store, &run, done(), 6).await;
    assert_eq!(store.run(first).await.unwrap().unwrap().last_error, Some(slow()));
    assert_eq!(claim_ids(&store, 7, 10).await, [second]);
}

/// Renewal reaches the runs of its owner and no other.
pub async fn a_renewed_lease_is_not_taken_back(store: Shared) {
    let mut ids = Vec::new();
    for (n, owner) in ["mine", "theirs"].into_iter().enumerate() {
        let thread = new_thread(&store, 0).await;
        ids.push(queued(&store, thread, n.try_into().unwrap()).await);
        store.claim_runs(at(5), lease(owner, 10), 1).await.unwrap();
    }
    store.renew_leases(lease("mine", 100)).await.unwrap();
    let kept = store.run(ids[0]).await.unwrap().unwrap();
    assert_eq!(kept.lease, Some(lease("mine", 100)));
    let recovered = store.recover_runs(at(50), "mine", false, 3).await.unwrap();
    assert_eq!(recovered, Recovered { requeued: vec![ids[1]], failed: Vec::new() });
}

/// At its end, not before.
pub async fn an_ended_lease_is_taken_back(store: Shared) {
    let thread = new_thread(&store, 0).await;
    let id = queued(&store, thread, 1).await;
    store.claim_runs(at(5), lease("gone", 10), 1).await.unwrap();
    let none = store.recover_runs(at(9), "other", false, 3).await.unwrap();
    assert_eq!(none, Recovered::default());
    let recovered = store.recover_runs(at(10), "other", false, 3).await.unwrap();
    assert_eq!(recovered.requeued, [id]);
    assert_eq!(status(&store, thread).await, ThreadStatus::Busy);
    let run = claim_one(&store, 10).await.run;
    assert_eq!((run.attempt, run.epoch), (2, 2));
    let error = run.last_error.unwrap();
    assert_eq!(error.name, "host_failed");
    assert!(error.message.contains("attempt 1 of 3"), "{}", error.message);
}

/// After a restart every run of an earlier owner is taken back at once.
pub async fn an_exclusive_host_takes_back_every_run_but_its_own(store: Shared) {
    let mut ids = Vec::new();
    for (n, owner) in ["before", "now"].into_iter().enumerate() {
        let thread = new_thread(&store, 0).await;
        ids.push(queued(&store, thread, n.try_into().unwrap()).await);
        store.claim_runs(at(5), lease(owner, 1_000), 1).await.unwrap();
    }
    let none = store.recover_runs(at(6), "now", false, 3).await.unwrap();
    assert_eq!(none, Recovered::default());
    let recovered = store.recover_runs(at(6), "now", true, 3).await.unwrap();
    assert_eq!(recovered, Recovered { requeued: vec![ids[0]], failed: Vec::new() });
}

/// The run fails, its thread says so, and the next run goes on.
pub async fn a_run_without_attempts_left_fails(store: Shared) {
    let thread = new_thread(&store, 0).await;
    let id = queued(&store, thread, 1).await;
    for attempt in 1..=2 {
        assert_eq!(claim_one(&store, 5).await.run.attempt, attempt);
        let recovered = store.recover_runs(at(900), "other", false, 3).await.unwrap();
        assert_eq!(recovered.requeued, [id]);
        assert_eq!(store.next_available().await.unwrap(), Some(at(900)));
        let last = claim_one(&store, 900).await.run;
        store.requeue_run(id, last.epoch, at(5), None, at(900)).await.unwrap();
    }
    let next = queued(&store, thread, 2).await;
    claim(&store, 5, 1).await;
    let recovered = store.recover_runs(at(900), "other", false, 3).await.unwrap();
    assert_eq!(recovered, Recovered { requeued: Vec::new(), failed: vec![id] });
    let run = store.run(id).await.unwrap().unwrap();
    assert_eq!(run.status, RunStatus::Error);
    assert!(matches!(run.report.unwrap().outcome, Outcome::HostFailed { .. }));
    assert_eq!(claim_ids(&store, 901, 10).await, [next]);
}

/// A host that shuts down on purpose costs a run no attempt.
pub async fn a_forgiven_attempt_does_not_count(store: Shared) {
    let thread = new_thread(&store, 0).await;
    let id = queued(&store, thread, 1).await;
    for epoch in 1..=4 {
        let run = claim_one(&store, 5).await.run;
        assert_eq!((run.attempt, run.epoch), (1, epoch));
        store.requeue_run(id, run.epoch, at(5), None, at(5)).await.unwrap();
    }
}
