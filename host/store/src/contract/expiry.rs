//! Laws of threads that nobody uses.

use std::time::Duration;

use serde_json::json;
use wakeful_core::{CheckpointId, Expiry, Object, Thread, ThreadId, Ttl};

use super::kit::*;
use crate::{CopyThread, Expired, PutCheckpoint, ThreadPatch};

fn ttl(seconds: u64, expiry: Expiry) -> Option<Ttl> {
    Some(Ttl { after: Duration::from_secs(seconds), expiry })
}

async fn limited(store: &Shared, seconds: u64, expiry: Expiry) -> ThreadId {
    let thread = Thread::new(ThreadId::generate(), Object::new(), at(0))
        .with_ttl(ttl(seconds, expiry), at(0));
    store.create_thread(thread.clone()).await.unwrap();
    assert_eq!(self::thread(store, thread.id).await, thread);
    thread.id
}

async fn expire(store: &Shared, now: i64) -> Vec<Expired> {
    store.expire_threads(at(now), 10).await.unwrap()
}

/// The time of each thread is its own, and one without a time stays.
pub async fn threads_expire_in_the_order_of_their_time(store: Shared) {
    let forever = new_thread(&store, 0).await;
    let late = limited(&store, 30, Expiry::Delete).await;
    let early = limited(&store, 10, Expiry::Delete).await;
    let middle = limited(&store, 20, Expiry::Delete).await;
    let cron = new_cron(&store, Some(early), 60).await;
    assert_eq!(store.next_expiry().await.unwrap(), Some(at(10)));
    assert_eq!(expire(&store, 9).await, []);
    let first = store.expire_threads(at(25), 1).await.unwrap();
    assert_eq!(first, [Expired::Deleted(early)]);
    assert_eq!(store.cron(cron.id).await.unwrap(), None);
    assert_eq!(expire(&store, 25).await, [Expired::Deleted(middle)]);
    assert_eq!(store.next_expiry().await.unwrap(), Some(at(30)));
    assert_eq!(store.thread(early).await.unwrap(), None);
    store.delete_thread(late).await.unwrap();
    assert_eq!(store.next_expiry().await.unwrap(), None);
    assert_eq!(expire(&store, 1_000).await, []);
    assert!(store.thread(forever).await.unwrap().is_some());
}

/// A run, a patch and a new state each start the time anew.
pub async fn using_a_thread_restarts_its_time(store: Shared) {
    let id = limited(&store, 10, Expiry::Delete).await;
    let patch = ThreadPatch { id, metadata: Object::new(), ttl: None, now: at(5) };
    store.update_thread(patch.clone()).await.unwrap();
    assert_eq!(store.next_expiry().await.unwrap(), Some(at(15)));
    let checkpoint = checkpoint_of(&run_of(id, 0), json!({}), 7);
    let put = PutCheckpoint { checkpoint, seen: None, now: at(7) };
    store.put_checkpoint(put).await.unwrap();
    assert_eq!(store.next_expiry().await.unwrap(), Some(at(17)));
    queued(&store, id, 8).await;
    finish(&store, &claim_one(&store, 8).await.run, failed(), 9).await;
    assert_eq!(store.next_expiry().await.unwrap(), Some(at(19)));
    assert_eq!(thread(&store, id).await.expires_at, Some(at(19)));
    let copy = CopyThread { from: id, to: ThreadId::generate(), limit: 9, now: at(12) };
    let copied = store.copy_thread(copy).await.unwrap().unwrap();
    assert_eq!(copied.expires_at, Some(at(22)));
    store.update_thread(ThreadPatch { ttl: Some(None), ..patch }).await.unwrap();
    assert_eq!(expire(&store, 20).await, []);
    assert_eq!(expire(&store, 22).await, [Expired::Deleted(copied.id)]);
    assert!(store.thread(id).await.unwrap().is_some());
}

/// However long a run waits or runs, its thread stays.
pub async fn a_busy_thread_never_expires(store: Shared) {
    let id = limited(&store, 10, Expiry::Delete).await;
    queued(&store, id, 1).await;
    let dropped = queued(&store, id, 2).await;
    assert_eq!(store.next_expiry().await.unwrap(), None);
    assert_eq!(expire(&store, 100).await, []);
    let run = claim_one(&store, 100).await.run;
    store.delete_run(dropped).await.unwrap();
    assert_eq!(expire(&store, 200).await, []);
    finish(&store, &run, done(), 201).await;
    assert_eq!(store.next_expiry().await.unwrap(), Some(at(211)));
    let waiting = queued(&store, id, 205).await;
    store.delete_run(waiting).await.unwrap();
    assert_eq!(store.next_expiry().await.unwrap(), Some(at(215)));
    assert_eq!(expire(&store, 215).await, [Expired::Deleted(id)]);
}

/// A thread that keeps its newest checkpoint shrinks once, and again only after it was used.
pub async fn a_thread_can_shrink_instead_of_going(store: Shared) {
    let id = limited(&store, 10, Expiry::KeepLatest).await;
    let mut newest: Option<CheckpointId> = None;
    for n in 1..4 {
        queued(&store, id, n).await;
        let run = claim_one(&store, n).await.run;
        newest = Some(succeed(&store, &run, json!({ "n": n }), n).await);
    }
    assert_eq!(expire(&store, 13).await, [Expired::Shrunk(id, 2)]);
    let kept = store.checkpoints(id, None, 10).await.unwrap();
    assert_eq!(kept.iter().map(|kept| Some(kept.id)).collect::<Vec<_>>(), [newest]);
    assert_eq!(kept[0].parent, None);
    let shrunk = thread(&store, id).await;
    assert_eq!((shrunk.ttl, shrunk.expires_at), (ttl(10, Expiry::KeepLatest), None));
    assert_eq!(shrunk.values, Some(json!({ "n": 3 })));
    assert_eq!(store.next_expiry().await.unwrap(), None);
    queued(&store, id, 20).await;
    succeed(&store, &claim_one(&store, 20).await.run, json!({ "n": 4 }), 20).await;
    assert_eq!(expire(&store, 30).await, [Expired::Shrunk(id, 1)]);
}
