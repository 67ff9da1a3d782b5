//! Laws of threads.

use serde_json::json;
use wakeful_core::{Json, RunError, Thread, ThreadId, ThreadStatus};

use super::kit::*;
use crate::{Created, Finished, Order, RunQuery, SortBy, ThreadQuery};

/// What is written is read back whole, small or large.
pub async fn a_thread_reads_back_as_it_was_written(store: Shared) {
    let mut small = Thread::new(ThreadId::generate(), object(json!({ "b": 1, "a": [2] })), at(0));
    small.status = ThreadStatus::Error;
    small.error = Some(RunError { name: "trapped".to_owned(), message: "é\n\"\\".to_owned() });
    let mut big = Thread::new(ThreadId::generate(), object(large(1)), at(1));
    big.values = Some(large(2));
    for thread in [small, big] {
        let created = store.create_thread(thread.clone()).await.unwrap();
        assert_eq!(created, Created::New(thread.clone()));
        let metadata = store.thread_metadata(thread.id).await.unwrap();
        assert_eq!(metadata.as_ref(), Some(&thread.metadata));
        assert_eq!(store.thread(thread.id).await.unwrap(), Some(thread));
    }
    assert_eq!(store.thread(ThreadId::generate()).await.unwrap(), None);
    assert_eq!(store.thread_metadata(ThreadId::generate()).await.unwrap(), None);
}

/// Of two that want one id the first gets it, and the second sees the first.
pub async fn an_id_is_taken_once(store: Shared) {
    let first = Thread::new(ThreadId::generate(), object(json!({ "n": 1 })), at(0));
    let second = Thread::new(first.id, object(json!({ "n": 2 })), at(1));
    assert_eq!(store.create_thread(first.clone()).await.unwrap(), Created::New(first.clone()));
    assert_eq!(store.create_thread(second).await.unwrap(), Created::Existing(first.clone()));
    assert_eq!(thread(&store, first.id).await, first);
}

/// Filters are containment at any depth; temporary threads are never found.
pub async fn threads_are_found_by_what_they_contain(store: Shared) {
    let mut made = Vec::new();
    for n in 0..4 {
        let metadata = json!({ "n": n, "deep": { "odd": n % 2 == 1, "tags": ["t", n] } });
        let mut thread = Thread::new(ThreadId::generate(), object(metadata), at(n));
        thread.values = (n < 2).then(|| json!({ "messages": [{ "role": "user", "n": n }] }));
        thread.temporary = n == 3;
        made.push(thread.id);
        store.create_thread(thread).await.unwrap();
    }
    let find = async |metadata: Json, values: Json, ids: Option<Vec<ThreadId>>| {
        let query = ThreadQuery {
            ids,
            metadata: object(metadata),
            values: object(values),
            order: Order::Ascending,
            limit: 10,
            ..ThreadQuery::default()
        };
        let page = store.search_threads(query).await.unwrap();
        assert_eq!(page.total, page.items.len());
        page.items.iter().map(|thread| thread.id).collect::<Vec<_>>()
    };
    assert_eq!(find(json!({}), json!({}), None).await, made[..3]);
    assert_eq!(
        find(json!({ "deep": { "odd": false } }), json!({}), None).await,
        [made[0], made[2]]
    );
    assert_eq!(find(json!({ "deep": { "tags": [2] } }), json!({}), None).await, [made[2]]);
    assert_eq!(find(json!({ "odd": true }), json!({}), None).await, []);
    let user = json!({ "messages": [{ "role": "user" }] });
    assert_eq!(find(json!({}), user, None).await, made[..2]);
    let some = vec![made[3], made[1], made[1], ThreadId::generate()];
    assert_eq!(find(json!({}), json!({}), Some(some)).await, [made[1]]);
    assert_eq!(find(json!({}), json!({}), Some(Vec::new())).await, []);
    let busy = made[0];
    queued(&store, busy, 9).await;
    let query =
        ThreadQuery { status: Some(ThreadStatus::Busy), limit: 10, ..ThreadQuery::default() };
    let found = store.search_threads(query).await.unwrap().items;
    assert_eq!(found.iter().map(|thread| thread.id).collect::<Vec<_>>(), [busy]);
}

/// The total counts what matches, not what is returned.
pub async fn pages_are_cut_from_a_sorted_whole(store: Shared) {
    let mut made = Vec::new();
    for n in 0..5 {
        let mut thread = Thread::new(ThreadId::generate(), object(json!({})), at(n));
        thread.updated_at = at(100 - n);
        thread.state_updated_at = at((n * 7) % 5);
        made.push(thread.clone());
        store.create_thread(thread).await.unwrap();
    }
    let ids = async |sort_by, order, offset, limit| {
        let query = ThreadQuery { sort_by, order, offset, limit, ..ThreadQuery::default() };
        let page = store.search_threads(query).await.unwrap();
        assert_eq!(page.total, 5);
        page.items.into_iter().map(|thread| thread.id).collect::<Vec<_>>()
    };
    let sorted = |key: fn(&Thread) -> wakeful_core::Timestamp| {
        let mut sorted: Vec<_> = made.iter().collect();
        sorted.sort_by_key(|thread| key(thread));
        sorted.into_iter().map(|thread| thread.id).collect::<Vec<_>>()
    };
    let created = sorted(|thread| thread.created_at);
    assert_eq!(ids(SortBy::CreatedAt, Order::Ascending, 0, 9).await, created);
    assert_eq!(ids(SortBy::CreatedAt, Order::Ascending, 1, 2).await, created[1..3]);
    assert_eq!(ids(SortBy::CreatedAt, Order::Ascending, 5, 2).await, []);
    assert_eq!(ids(SortBy::CreatedAt, Order::Ascending, 0, 0).await, []);
    let newest: Vec<_> = created.iter().rev().copied().collect();
    assert_eq!(ids(SortBy::default(), Order::default(), 0, 9).await, newest);
    let updated = sorted(|thread| thread.updated_at);
    assert_eq!(ids(SortBy::UpdatedAt, Order::Ascending, 0, 9).await, updated);
    let state = sorted(|thread| thread.state_updated_at);
    assert_eq!(ids(SortBy::StateUpdatedAt, Order::Ascending, 0, 9).await, state);
    let mut by_id = created.clone();
    by_id.sort();
    assert_eq!(ids(SortBy::Id, Order::Ascending, 0, 9).await, by_id);
    assert_eq!(ids(SortBy::ThreadId, Order::Ascending, 0, 9).await, by_id);
}

/// Numbers, key order and depth survive: values go through the store at every run.
pub async fn values_come_back_to_the_last_bit_and_at_any_depth(store: Shared) {
    let mut deep = json!([0.1 + 0.2]);
    for _ in 0..120 {
        deep = json!({ "d": deep });
    }
    let values = json!({
        "z": [u64::MAX, i64::MIN, 5e-324, 1.797_693_134_862_315_7e308, -0.0, 123_456_789.123_456_79],
        "a": deep,
        "": "\u{0}\u{7f}\u{1F600}",
    });
    let mut thread = Thread::new(ThreadId::generate(), object(values.clone()), at(0));
    thread.values = Some(values.clone());
    store.create_thread(thread.clone()).await.unwrap();
    let found = self::thread(&store, thread.id).await;
    assert_eq!(found.values.unwrap().to_string(), values.to_string());
    assert_eq!(found.metadata, thread.metadata);
}

/// Checkpoints, runs and crons go with their thread, and nothing of them is left in any list.
pub async fn deleting_a_thread_deletes_all_of_it(store: Shared) {
    let (gone, other) = (new_thread(&store, 0).await, new_thread(&store, 0).await);
    let ended = queued(&store, gone, 1).await;
    let checkpoint = succeed(&store, &claim_one(&store, 1).await.run, json!({}), 2).await;
    let pending = queued(&store, gone, 3).await;
    let cron = new_cron(&store, Some(gone), 60).await;
    let kept = new_cron(&store, Some(other), 90).await;
    assert_eq!(store.delete_thread(gone).await.unwrap(), Some(Vec::new()));
    assert_eq!(store.thread(gone).await.unwrap(), None);
    assert_eq!(store.checkpoint(gone, checkpoint).await.unwrap(), None);
    assert_eq!(store.checkpoints(gone, None, 10).await.unwrap(), []);
    for run in [ended, pending] {
        assert_eq!(store.run(run).await.unwrap(), None);
    }
    let query = RunQuery { limit: 10, ..RunQuery::default() };
    assert_eq!(store.runs(query).await.unwrap().total, 0);
    assert_eq!(store.cron(cron.id).await.unwrap(), None);
    assert_eq!(store.next_due().await.unwrap(), kept.next_run_at);
    assert_eq!(store.next_available().await.unwrap(), None);
    assert!(claim(&store, 100, 10).await.is_empty());
    assert_eq!(store.delete_thread(gone).await.unwrap(), None);
}

/// Whoever runs a run of a deleted thread learns it, and writes nothing any more.
pub async fn deleting_a_thread_fences_its_running_run(store: Shared) {
    let thread = new_thread(&store, 0).await;
    let id = queued(&store, thread, 1).await;
    let run = claim_one(&store, 1).await.run;
    assert_eq!(store.delete_thread(thread).await.unwrap(), Some(vec![id]));
    let checkpoint = checkpoint_of(&run, json!({}), 2);
    let finished = store.finish_run(end(&run, done(), Some(checkpoint), 2)).await.unwrap();
    assert_eq!(finished, Finished::Fenced);
    assert_eq!(store.thread(thread).await.unwrap(), None);
    assert_eq!(store.checkpoints(thread, None, 10).await.unwrap(), []);
    let recovered = store.recover_runs(at(999), "other", true, 3).await.unwrap();
    assert_eq!(recovered, crate::Recovered::default());
}
