//! Laws of what is told about the store itself.

use std::time::Duration;

use wakeful_core::Run;

use super::kit::*;
use crate::StoreStats;

/// Pending runs count, and those that may begin are told by how long they have waited.
pub async fn the_queue_is_measured(store: Shared) {
    let seconds = |n| Some(Duration::from_secs(n));
    let idle = store.stats(at(0)).await.unwrap();
    assert_eq!((idle.pending, idle.longest_wait, idle.median_wait), (0, None, None));
    let busy = new_thread(&store, 0).await;
    for created in [0, 10, 20] {
        queued(&store, busy, created).await;
    }
    assert_eq!(claim(&store, 30, 1).await.len(), 1);
    let free = new_thread(&store, 0).await;
    queued(&store, free, 40).await;
    let later = Run { available_at: at(1_000), ..run_of(new_thread(&store, 0).await, 50) };
    insert(&store, later).await;
    let stats = store.stats(at(60)).await.unwrap();
    assert_eq!(stats.pending, 4);
    assert_eq!(stats.longest_wait, seconds(50));
    assert_eq!(stats.median_wait, seconds(40));
    assert_eq!(stats.longest_unblocked_wait, seconds(20));
}

/// Every acknowledged write was made durable by then.
pub async fn writes_that_were_made_durable_are_counted(store: Shared) {
    let StoreStats { syncs: before, .. } = store.stats(at(0)).await.unwrap();
    new_thread(&store, 0).await;
    let after = store.stats(at(0)).await.unwrap();
    assert!(before < after.syncs, "{after:?}");
}
