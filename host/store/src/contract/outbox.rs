//! Laws of the outbox: a run that has a webhook and ends leaves one delivery.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use wakeful_core::{
    AfterAttempt, Attempt, AttemptResult, Delivery, DeliveryId, DeliveryStatus, OnCompletion,
    Outcome, Report, Run, RunId, ThreadId,
};

use super::kit::*;
use crate::{Cancelled, ClaimDeliveries, DeliveryQuery, Redelivery};

/// A run on the thread that tells `url` of its end.
fn telling(thread: ThreadId, created: i64, url: &str) -> Run {
    let mut run = run_of(thread, created);
    run.request.options.insert("webhook".into(), url.into());
    run
}

/// A run that tells `url` of its end and has failed.
async fn ended(store: &Shared, now: i64, url: &str) -> RunId {
    let thread = new_thread(store, now).await;
    let id = insert(store, telling(thread, now, url)).await;
    let run = claim_one(store, now).await.run;
    finish(store, &run, failed(), now).await;
    id
}

async fn of_run(store: &Shared, run: RunId) -> Option<Delivery> {
    store.delivery(DeliveryId::of_run(run)).await.unwrap()
}

fn taking(now: i64, limit: usize) -> ClaimDeliveries {
    ClaimDeliveries {
        now: at(now),
        until: at(now + 60),
        limit,
        per_origin: 10,
        busy: BTreeMap::new(),
    }
}

async fn take(store: &Shared, now: i64, limit: usize) -> Vec<RunId> {
    let taken = store.claim_deliveries(taking(now, limit)).await.unwrap();
    taken.into_iter().map(|delivery| delivery.run_id).collect()
}

fn answered(now: i64, status: u16) -> Attempt {
    let result = AttemptResult::Answered { status, body: "b".repeat(200) };
    Attempt { at: at(now), took: Duration::from_millis(5), result }
}

/// And a run without a webhook leaves none.
pub async fn a_run_that_ends_leaves_a_delivery_if_it_has_a_webhook(store: Shared) {
    let url = format!("https://example.com/{}", "x".repeat(2_000));
    let thread = new_thread(&store, 0).await;
    let id = insert(&store, telling(thread, 1, &url)).await;
    let run = claim_one(&store, 2).await.run;
    assert_eq!(of_run(&store, id).await, None);
    succeed(&store, &run, json!({ "n": 1 }), 3).await;
    let delivery = of_run(&store, id).await.unwrap();
    assert_eq!((delivery.run_id, delivery.url), (id, url));
    assert_eq!((delivery.created_at, delivery.next_attempt_at), (at(3), Some(at(3))));
    assert_eq!((delivery.status, delivery.tries), (DeliveryStatus::Pending, 0));
    assert_eq!((delivery.values, delivery.attempts), (None, Vec::new()));
    assert_eq!(store.next_delivery().await.unwrap(), Some(at(3)));

    let silent = queued(&store, thread, 4).await;
    finish(&store, &claim_one(&store, 5).await.run, failed(), 6).await;
    assert_eq!(of_run(&store, silent).await, None);
}

/// By its own fault, by a cancellation before it began, and by a host that stopped too often.
pub async fn every_way_to_end_leaves_a_delivery(store: Shared) {
    let failing = ended(&store, 1, "http://a/").await;
    let thread = new_thread(&store, 0).await;
    let cancelled = insert(&store, telling(thread, 2, "http://a/")).await;
    assert_eq!(store.cancel_pending(cancelled, at(3)).await.unwrap(), Cancelled::Done);
    let lost = insert(&store, telling(thread, 4, "http://a/")).await;
    claim_one(&store, 5).await;
    store.recover_runs(at(900), "other", false, 1).await.unwrap();
    for id in [failing, cancelled, lost] {
        let status = store.run(id).await.unwrap().unwrap().status;
        assert!(status.is_final());
        assert!(of_run(&store, id).await.is_some(), "{status:?}");
    }
}

/// Its end is still to come, or nobody is to hear of it.
pub async fn a_run_that_is_put_back_or_discarded_leaves_none(store: Shared) {
    let thread = new_thread(&store, 0).await;
    let first = insert(&store, telling(thread, 1, "http://a/")).await;
    let run = claim_one(&store, 2).await.run;
    store.requeue_run(first, run.epoch, at(3), None, at(3)).await.unwrap();
    assert_eq!(of_run(&store, first).await, None);

    let run = claim_one(&store, 4).await.run;
    let second = insert(&store, telling(thread, 5, "http://a/")).await;
    assert_eq!(store.discard_run(first, None).await.unwrap(), Cancelled::Running);
    assert_eq!(store.discard_run(first, Some(0)).await.unwrap(), Cancelled::Running);
    assert_eq!(store.discard_run(first, Some(run.epoch)).await.unwrap(), Cancelled::Done);
    assert_eq!(store.discard_run(first, Some(run.epoch)).await.unwrap(), Cancelled::Missing);
    assert_eq!(store.discard_run(second, None).await.unwrap(), Cancelled::Done);
    for id in [first, second] {
        assert_eq!(store.run(id).await.unwrap(), None);
        assert_eq!(of_run(&store, id).await, None);
    }
    assert_eq!(status(&store, thread).await, wakeful_core::ThreadStatus::Idle);
    let third = queued(&store, thread, 6).await;
    assert_eq!(claim_ids(&store, 7, 10).await, [third]);

    let over = ended(&store, 8, "http://a/").await;
    assert_eq!(store.discard_run(over, None).await.unwrap(), Cancelled::Ended);
}

/// Also when its thread goes away with it.
pub async fn a_delivery_has_the_values_that_its_run_did_not_return(store: Shared) {
    for values in [json!({ "n": 1 }), large(1)] {
        let thread = new_thread(&store, 0).await;
        queued(&store, thread, 1).await;
        succeed(&store, &claim_one(&store, 2).await.run, values.clone(), 2).await;
        let mut last = telling(thread, 3, "http://a/");
        last.on_completion = OnCompletion::Delete;
        let id = insert(&store, last).await;
        let run = claim_one(&store, 4).await.run;
        finish(&store, &run, Report::not_run(Outcome::Cancelled), 5).await;
        assert_eq!(store.thread(thread).await.unwrap(), None);
        assert_eq!(of_run(&store, id).await.unwrap().values, Some(values));
    }
}

/// Whoever took it may have died.
pub async fn a_claimed_delivery_comes_up_again_only_later(store: Shared) {
    let first = ended(&store, 1, "http://a/").await;
    let second = ended(&store, 2, "http://b/").await;
    assert_eq!(take(&store, 0, 10).await, []);
    assert_eq!(take(&store, 5, 1).await, [first]);
    assert_eq!(take(&store, 5, 10).await, [second]);
    assert_eq!(take(&store, 64, 10).await, []);
    assert_eq!(store.next_delivery().await.unwrap(), Some(at(65)));
    assert_eq!(take(&store, 65, 10).await.len(), 2);
}

/// However many of its deliveries are due before theirs.
pub async fn a_slow_origin_holds_up_no_other(store: Shared) {
    for n in 1..=3 {
        ended(&store, n, "http://slow/x").await;
    }
    let other = ended(&store, 4, "http://fast/").await;
    let claim = |busy: usize| ClaimDeliveries {
        per_origin: 2,
        busy: BTreeMap::from([("http://slow".to_owned(), busy)]),
        ..taking(5, 10)
    };
    let urls = |taken: Vec<Delivery>| taken.into_iter().map(|d| d.url).collect::<Vec<_>>();
    let taken = store.claim_deliveries(claim(1)).await.unwrap();
    assert_eq!(taken.last().map(|delivery| delivery.run_id), Some(other));
    assert_eq!(urls(taken), ["http://slow/x", "http://fast/"]);
    assert_eq!(urls(store.claim_deliveries(claim(2)).await.unwrap()), [""; 0]);
    assert_eq!(urls(store.claim_deliveries(claim(0)).await.unwrap()), ["http://slow/x"; 2]);
}

/// Until it is final; then nothing is due any more.
pub async fn an_attempt_is_noted_with_what_follows_from_it(store: Shared) {
    let run = ended(&store, 1, "http://a/").await;
    let id = DeliveryId::of_run(run);
    take(&store, 2, 1).await;
    assert!(store.note_attempt(id, answered(2, 500), AfterAttempt::Again(at(30))).await.unwrap());
    let delivery = of_run(&store, run).await.unwrap();
    assert_eq!((delivery.tries, delivery.next_attempt_at), (1, Some(at(30))));
    assert_eq!(delivery.attempts, [answered(2, 500)]);
    assert_eq!(take(&store, 29, 1).await, []);
    for n in 0..Delivery::KEPT + 2 {
        let now = 30 + i64::try_from(n).unwrap();
        assert_eq!(take(&store, now, 1).await, [run]);
        let again = AfterAttempt::Again(at(now + 1));
        assert!(store.note_attempt(id, answered(now, 503), again).await.unwrap());
    }
    let last = AfterAttempt::Delivered;
    assert!(store.note_attempt(id, answered(90, 204), last).await.unwrap());
    let delivery = of_run(&store, run).await.unwrap();
    assert_eq!((delivery.status, delivery.next_attempt_at), (DeliveryStatus::Delivered, None));
    assert_eq!(delivery.attempts.len(), Delivery::KEPT);
    assert_eq!(delivery.attempts.last(), Some(&answered(90, 204)));
    assert_eq!(store.next_delivery().await.unwrap(), None);

    let missing = DeliveryId::generate();
    assert!(!store.note_attempt(missing, answered(90, 204), last).await.unwrap());
}

/// A pending one is on its way as it is.
pub async fn a_final_delivery_can_be_asked_for_again(store: Shared) {
    let run = ended(&store, 1, "http://a/").await;
    let id = DeliveryId::of_run(run);
    assert_eq!(store.redeliver(id, at(2)).await.unwrap(), Redelivery::Pending);
    for (now, then) in [(3, AfterAttempt::GivenUp), (5, AfterAttempt::Delivered)] {
        take(&store, now, 1).await;
        store.note_attempt(id, answered(now, 410), then).await.unwrap();
        let Redelivery::Due(delivery) = store.redeliver(id, at(now + 1)).await.unwrap() else {
            panic!("it is final");
        };
        assert_eq!((delivery.status, delivery.tries), (DeliveryStatus::Pending, 0));
        assert_eq!(delivery.next_attempt_at, Some(at(now + 1)));
        assert!(!delivery.attempts.is_empty());
    }
    assert_eq!(take(&store, 6, 1).await, [run]);
    let missing = store.redeliver(DeliveryId::generate(), at(9)).await.unwrap();
    assert_eq!(missing, Redelivery::Missing);
}

/// What waits for its next attempt goes on waiting.
pub async fn a_host_that_starts_releases_what_was_handed_out(store: Shared) {
    let waiting = ended(&store, 1, "http://a/").await;
    take(&store, 2, 1).await;
    let again = AfterAttempt::Again(at(500));
    store.note_attempt(DeliveryId::of_run(waiting), answered(2, 500), again).await.unwrap();
    let taken = ended(&store, 3, "http://a/").await;
    assert_eq!(take(&store, 4, 9).await, [taken]);
    assert_eq!(store.release_deliveries(at(5)).await.unwrap(), 1);
    assert_eq!(take(&store, 5, 9).await, [taken]);
    assert_eq!(of_run(&store, waiting).await.unwrap().next_attempt_at, Some(at(500)));
}

/// With their number, whatever part is asked for.
pub async fn deliveries_are_listed_newest_first(store: Shared) {
    let mut runs = Vec::new();
    for n in 1..=3 {
        runs.push(ended(&store, n, "http://a/").await);
    }
    take(&store, 4, 1).await;
    let first = DeliveryId::of_run(runs[0]);
    store.note_attempt(first, answered(4, 200), AfterAttempt::Delivered).await.unwrap();
    for (query, expected, total) in [
        (DeliveryQuery { limit: 10, ..Default::default() }, vec![2, 1, 0], 3),
        (DeliveryQuery { limit: 1, offset: 1, ..Default::default() }, vec![1], 3),
        (
            DeliveryQuery { limit: 9, status: Some(DeliveryStatus::Pending), ..Default::default() },
            vec![2, 1],
            2,
        ),
        (DeliveryQuery { limit: 9, run_id: Some(runs[1]), ..Default::default() }, vec![1], 1),
        (
            DeliveryQuery { limit: 9, run_id: Some(RunId::generate()), ..Default::default() },
            vec![],
            0,
        ),
    ] {
        let page = store.deliveries(query.clone()).await.unwrap();
        let found: Vec<_> = page.items.iter().map(|delivery| delivery.run_id).collect();
        let expected: Vec<_> = expected.into_iter().map(|n: usize| runs[n]).collect();
        assert_eq!((found, page.total), (expected, total), "{query:?}");
    }
}

/// The record of the run is what a delivery tells.
pub async fn a_delivery_goes_with_its_run_and_a_pending_one_keeps_it(store: Shared) {
    let deleted = ended(&store, 1, "http://a/").await;
    assert!(store.delete_run(deleted).await.unwrap());
    assert_eq!(of_run(&store, deleted).await, None);
    assert_eq!(store.next_delivery().await.unwrap(), None);

    let thread = new_thread(&store, 2).await;
    let mut run = telling(thread, 2, "http://a/");
    run.on_completion = OnCompletion::Delete;
    let id = insert(&store, run).await;
    finish(&store, &claim_one(&store, 3).await.run, failed(), 3).await;
    store.sweep(at(900), at(0)).await.unwrap();
    assert!(store.run(id).await.unwrap().is_some(), "its delivery is pending");
    take(&store, 4, 1).await;
    let delivery = DeliveryId::of_run(id);
    store.note_attempt(delivery, answered(4, 200), AfterAttempt::Delivered).await.unwrap();
    store.sweep(at(900), at(0)).await.unwrap();
    assert_eq!(store.run(id).await.unwrap(), None);
    assert_eq!(of_run(&store, id).await, None);

    let with_thread = ended(&store, 5, "http://a/").await;
    let thread = store.run(with_thread).await.unwrap().unwrap().thread_id;
    store.delete_thread(thread).await.unwrap();
    assert_eq!(of_run(&store, with_thread).await, None);
}

/// But none that is pending.
pub async fn a_sweep_forgets_old_deliveries(store: Shared) {
    let mut runs = Vec::new();
    for n in 1..=3 {
        runs.push(ended(&store, n, "http://a/").await);
    }
    take(&store, 4, 9).await;
    for n in [1, 2] {
        let id = DeliveryId::of_run(runs[n]);
        store.note_attempt(id, answered(4, 200), AfterAttempt::Delivered).await.unwrap();
    }
    assert_eq!(store.sweep_deliveries(at(3)).await.unwrap(), 1);
    for (n, there) in [true, false, true].into_iter().enumerate() {
        assert_eq!(of_run(&store, runs[n]).await.is_some(), there, "{n}");
        assert!(store.run(runs[n]).await.unwrap().is_some());
    }
}
