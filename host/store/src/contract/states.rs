//! Laws of what clients do to threads and their states.

use std::time::Duration;

use serde_json::json;
use wakeful_core::{
    Checkpoint, CheckpointId, CheckpointSource, Expiry, Json, Thread, ThreadId, ThreadStatus, Ttl,
};

use super::kit::*;
use crate::{CopyThread, Created, Put, PutCheckpoint, ThreadPatch};

async fn ids(store: &Shared, thread: ThreadId) -> Vec<CheckpointId> {
    let all = store.checkpoints(thread, None, 100).await.unwrap();
    all.into_iter().map(|checkpoint| checkpoint.id).collect()
}

async fn parent(store: &Shared, thread: ThreadId, id: CheckpointId) -> Option<CheckpointId> {
    store.checkpoint(thread, id).await.unwrap().unwrap().parent
}

/// A thread with a checkpoint for each of these values, made by runs.
async fn with_history(store: &Shared, values: &[Json]) -> (ThreadId, Vec<CheckpointId>) {
    let thread = new_thread(store, 0).await;
    let mut made = Vec::new();
    for (n, values) in (1..).zip(values) {
        queued(store, thread, n).await;
        made.push(succeed(store, &claim_one(store, n).await.run, values.clone(), n).await);
    }
    (thread, made)
}

fn written(thread: ThreadId, parent: Option<CheckpointId>, values: Json) -> Checkpoint {
    Checkpoint {
        parent,
        run_id: None,
        source: CheckpointSource::Update,
        ..checkpoint_of(&run_of(thread, 0), values, 50)
    }
}

async fn put(store: &Shared, checkpoint: &Checkpoint, seen: Option<CheckpointId>) -> Put {
    let put = PutCheckpoint { checkpoint: checkpoint.clone(), seen, now: at(50) };
    store.put_checkpoint(put).await.unwrap()
}

/// A thread and its history appear together, or not at all.
pub async fn a_thread_can_begin_with_a_history(store: Shared) {
    let thread = Thread::new(ThreadId::generate(), object(json!({ "graph_id": "echo" })), at(0));
    let history = [json!({ "n": 1 }), large(2)].map(|values| written(thread.id, None, values));
    let created = store.seed_thread(thread.clone(), history.to_vec()).await.unwrap();
    let Created::New(created) = created else { panic!("{created:?}") };
    assert_eq!(created, self::thread(&store, thread.id).await);
    assert_eq!((created.status, created.head), (ThreadStatus::Idle, Some(history[1].id)));
    assert_eq!(created.values, Some(large(2)));
    let found = store.checkpoints(thread.id, None, 10).await.unwrap();
    assert_eq!(found.iter().map(|it| it.step).collect::<Vec<_>>(), [1, 0]);
    assert_eq!(found[0].parent, Some(history[0].id));
    assert_eq!(found[0].source, CheckpointSource::Update);
    let again = store.seed_thread(thread.clone(), history[..1].to_vec()).await.unwrap();
    assert_eq!(again, Created::Existing(created));
    assert_eq!(ids(&store, thread.id).await.len(), 2);
}

/// A patch replaces the keys it has, and no others.
pub async fn a_thread_is_patched_key_by_key(store: Shared) {
    let metadata = object(json!({ "a": { "deep": 1 }, "b": 2 }));
    let thread = Thread::new(ThreadId::generate(), metadata, at(0));
    store.create_thread(thread.clone()).await.unwrap();
    let patch = ThreadPatch {
        id: thread.id,
        metadata: object(json!({ "a": { "other": 1 }, "c": large(1) })),
        ttl: None,
        now: at(7),
    };
    let patched = store.update_thread(patch.clone()).await.unwrap().unwrap();
    assert_eq!(patched, self::thread(&store, thread.id).await);
    let expected = object(json!({ "a": { "other": 1 }, "b": 2, "c": large(1) }));
    assert_eq!(patched.metadata, expected);
    assert_eq!((patched.updated_at, patched.state_updated_at), (at(7), at(0)));
    let ttl = Some(Ttl { after: Duration::from_secs(60), expiry: Expiry::KeepLatest });
    let limited = ThreadPatch { ttl: Some(ttl), ..patch.clone() };
    let limited = store.update_thread(limited).await.unwrap().unwrap();
    assert_eq!((limited.ttl, limited.expires_at), (ttl, Some(at(67))));
    let nobody = ThreadPatch { id: ThreadId::generate(), ..patch };
    assert_eq!(store.update_thread(nobody).await.unwrap(), None);
}

/// A copy has what its source had, and neither knows of the other from then on.
pub async fn a_copy_goes_its_own_way(store: Shared) {
    let (source, made) = with_history(&store, &[json!({ "n": 1 }), large(2), large(3)]).await;
    let to = ThreadId::generate();
    let copy = CopyThread { from: source, to, limit: 2, now: at(60) };
    let copied = store.copy_thread(copy.clone()).await.unwrap().unwrap();
    assert_eq!(copied, thread(&store, to).await);
    let original = thread(&store, source).await;
    assert_eq!((copied.values.as_ref(), copied.head), (original.values.as_ref(), original.head));
    assert_eq!((copied.created_at, copied.status), (at(60), ThreadStatus::Idle));
    assert_eq!(ids(&store, to).await, [made[2], made[1]]);
    assert_eq!(parent(&store, to, made[2]).await, Some(made[1]));
    assert_eq!(parent(&store, to, made[1]).await, None, "what was not copied is no parent");
    store.delete_thread(source).await.unwrap();
    let kept = store.checkpoint(to, made[2]).await.unwrap().unwrap();
    assert_eq!((kept.thread_id, kept.values), (to, large(3)));
    queued(&store, to, 70).await;
    assert_eq!(claim_one(&store, 70).await.head.unwrap().id, made[2]);
    assert_eq!(store.copy_thread(copy).await.unwrap(), None);
}

/// Whoever writes a state names what he saw, and a run in flight comes first.
pub async fn a_state_is_written_only_where_it_was_seen(store: Shared) {
    let thread = new_thread(&store, 0).await;
    let first = written(thread, None, json!({ "n": 1 }));
    assert_eq!(put(&store, &first, None).await, Put::Written);
    let late = written(thread, None, json!({ "n": 2 }));
    assert_eq!(put(&store, &late, None).await, Put::Moved);
    let stray = written(thread, Some(CheckpointId::generate()), json!({ "n": 2 }));
    assert_eq!(put(&store, &stray, Some(first.id)).await, Put::Moved);
    let nowhere = written(ThreadId::generate(), None, json!({}));
    assert_eq!(put(&store, &nowhere, None).await, Put::NoThread);
    let next = written(thread, Some(first.id), json!({ "n": 2 }));
    queued(&store, thread, 1).await;
    assert_eq!(put(&store, &next, Some(first.id)).await, Put::Busy);
    let run = claim_one(&store, 1).await.run;
    assert_eq!(put(&store, &next, Some(first.id)).await, Put::Busy);
    finish(&store, &run, failed(), 2).await;
    assert_eq!(put(&store, &next, Some(first.id)).await, Put::Written);
    let found = self::thread(&store, thread).await;
    assert_eq!((found.status, found.error), (ThreadStatus::Idle, None));
    assert_eq!((found.head, found.values), (Some(next.id), Some(json!({ "n": 2 }))));
    assert_eq!((found.updated_at, found.state_updated_at), (at(50), at(50)));
    let fork = written(thread, Some(first.id), json!({ "n": 3 }));
    assert_eq!(put(&store, &fork, Some(next.id)).await, Put::Written);
    assert_eq!(ids(&store, thread).await, [fork.id, next.id, first.id]);
    assert_eq!(parent(&store, thread, fork.id).await, Some(first.id));
}

/// A run may begin at an earlier checkpoint; what it makes comes from there and is the newest.
pub async fn a_run_begins_where_it_says(store: Shared) {
    let (thread, made) = with_history(&store, &[json!({ "n": 1 }), json!({ "n": 2 })]).await;
    let mut run = run_of(thread, 10);
    run.checkpoint = Some(made[0]);
    insert(&store, run).await;
    let claimed = claim_one(&store, 10).await;
    assert_eq!(claimed.head.unwrap().values, json!({ "n": 1 }));
    let fork = succeed(&store, &claimed.run, json!({ "n": 3 }), 11).await;
    assert_eq!(ids(&store, thread).await, [fork, made[1], made[0]]);
    assert_eq!(parent(&store, thread, fork).await, Some(made[0]));
    assert_eq!(self::thread(&store, thread).await.head, Some(fork));
    // Where a run began is noted, so that a later attempt begins there as well.
    queued(&store, thread, 12).await;
    let claimed = claim_one(&store, 12).await.run;
    assert_eq!(claimed.checkpoint, Some(fork));
    finish(&store, &claimed, done(), 13).await;
    let mut lost = run_of(thread, 14);
    lost.checkpoint = Some(CheckpointId::generate());
    insert(&store, lost.clone()).await;
    let claimed = claim_one(&store, 14).await;
    assert_eq!((claimed.head, claimed.run.checkpoint), (None, lost.checkpoint));
}

/// A run that is deleted takes what it did to its thread along.
pub async fn deleting_a_run_reverts_its_thread(store: Shared) {
    let (thread, made) = with_history(&store, &[json!({ "n": 1 }), json!({ "n": 2 })]).await;
    let asks = queued(&store, thread, 10).await;
    let run = claim_one(&store, 10).await.run;
    let question = asking(&run, 10);
    store.finish_run(end(&run, done(), Some(question.clone()), 10)).await.unwrap();
    assert_eq!(status(&store, thread).await, ThreadStatus::Interrupted);
    assert!(store.delete_run(asks).await.unwrap());
    let found = self::thread(&store, thread).await;
    assert_eq!((found.status, found.head), (ThreadStatus::Idle, Some(made[1])));
    assert_eq!(found.values, Some(json!({ "n": 2 })));
    assert_eq!(store.checkpoint(thread, question.id).await.unwrap(), None);
    // From the middle: the one after it comes from the one before it.
    queued(&store, thread, 20).await;
    let last = succeed(&store, &claim_one(&store, 20).await.run, json!({ "n": 3 }), 20).await;
    let middle = store.checkpoint(thread, made[1]).await.unwrap().unwrap().run_id.unwrap();
    assert!(store.delete_run(middle).await.unwrap());
    assert_eq!(ids(&store, thread).await, [last, made[0]]);
    assert_eq!(parent(&store, thread, last).await, Some(made[0]));
    assert_eq!(self::thread(&store, thread).await.values, Some(json!({ "n": 3 })));
}

/// Only the newest checkpoint stays, and whatever a run in flight begins at.
pub async fn keeping_the_latest_drops_the_rest(store: Shared) {
    let values = [json!({ "n": 1 }), json!({ "n": 2 }), json!({ "n": 3 }), json!({ "n": 4 })];
    let (thread, made) = with_history(&store, &values).await;
    let mut waiting = run_of(thread, 10);
    waiting.checkpoint = Some(made[1]);
    insert(&store, waiting).await;
    assert_eq!(store.keep_latest(thread).await.unwrap(), Some(2));
    assert_eq!(ids(&store, thread).await, [made[3], made[1]]);
    assert_eq!(parent(&store, thread, made[3]).await, Some(made[1]));
    let claimed = claim_one(&store, 10).await;
    assert_eq!(store.keep_latest(thread).await.unwrap(), Some(0));
    let last = succeed(&store, &claimed.run, json!({ "n": 5 }), 11).await;
    assert_eq!(store.keep_latest(thread).await.unwrap(), Some(2));
    assert_eq!(ids(&store, thread).await, [last]);
    assert_eq!(parent(&store, thread, last).await, None);
    assert_eq!(self::thread(&store, thread).await.values, Some(json!({ "n": 5 })));
    queued(&store, thread, 12).await;
    succeed(&store, &claim_one(&store, 12).await.run, json!({ "n": 6 }), 12).await;
    assert_eq!(ids(&store, thread).await.len(), 2);
    assert_eq!(store.keep_latest(new_thread(&store, 0).await).await.unwrap(), Some(0));
    assert_eq!(store.keep_latest(ThreadId::generate()).await.unwrap(), None);
}
