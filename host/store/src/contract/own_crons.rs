//! Laws of what runs do to the crons of their own thread.

use serde_json::json;
use wakeful_core::{Cron, OnCompletion, Run, ThreadId};

use super::kit::*;
use crate::{CronChange, CronQuery, Finished};

/// A cron of the thread, made by the run.
fn made_by(run: &Run, next: i64) -> Cron {
    Cron { made_by: Some(run.id), ..cron_of(Some(run.thread_id), Some(next)) }
}

fn create(cron: &Cron) -> CronChange {
    CronChange::Create(Box::new(cron.clone()))
}

async fn count(store: &Shared, thread: ThreadId) -> usize {
    let query = CronQuery { thread_id: Some(thread), limit: 10, ..CronQuery::default() };
    store.search_crons(query).await.unwrap().total
}

/// In the transaction that ends it, and in the order in which it did them.
pub async fn what_a_run_does_to_crons_comes_with_its_end(store: Shared) {
    let thread = new_thread(&store, 0).await;
    let known = new_cron(&store, Some(thread), 50).await;
    queued(&store, thread, 1).await;
    let run = claim_one(&store, 2).await.run;
    let (mut kept, dropped) = (made_by(&run, 70), made_by(&run, 60));
    kept.request.input = large(3);
    let mut finish = end(&run, done(), Some(checkpoint_of(&run, json!({}), 3)), 3);
    finish.crons = vec![
        create(&kept),
        create(&dropped),
        CronChange::Delete(dropped.id),
        CronChange::Delete(known.id),
    ];
    assert_eq!(count(&store, thread).await, 1);
    assert_eq!(store.finish_run(finish).await.unwrap(), Finished::Written);
    assert_eq!(store.cron(kept.id).await.unwrap(), Some(kept));
    assert_eq!(count(&store, thread).await, 1);
    assert_eq!(store.next_due().await.unwrap(), Some(at(70)));
}

/// A run that fails, or that was taken from whoever ends it, has done nothing.
pub async fn a_run_that_fails_leaves_crons_as_they_were(store: Shared) {
    let thread = new_thread(&store, 0).await;
    let known = new_cron(&store, Some(thread), 50).await;
    queued(&store, thread, 1).await;
    let run = claim_one(&store, 2).await.run;
    let changes = vec![create(&made_by(&run, 60)), CronChange::Delete(known.id)];
    let mut fenced = end(&run, done(), None, 3);
    fenced.epoch += 1;
    fenced.crons.clone_from(&changes);
    assert_eq!(store.finish_run(fenced).await.unwrap(), Finished::Fenced);
    let mut finish = end(&run, failed(), None, 3);
    finish.crons = changes;
    assert_eq!(store.finish_run(finish).await.unwrap(), Finished::Written);
    assert_eq!(store.cron(known.id).await.unwrap(), Some(known));
    assert_eq!(count(&store, thread).await, 1);
}

/// A thread that goes with its run takes along what the run made.
pub async fn crons_do_not_outlive_a_thread_that_goes(store: Shared) {
    let thread = new_thread(&store, 0).await;
    let mut run = run_of(thread, 1);
    run.on_completion = OnCompletion::Delete;
    insert(&store, run).await;
    let run = claim_one(&store, 2).await.run;
    let cron = made_by(&run, 60);
    let mut finish = end(&run, done(), None, 3);
    finish.crons = vec![create(&cron)];
    assert_eq!(store.finish_run(finish).await.unwrap(), Finished::Written);
    assert_eq!(store.cron(cron.id).await.unwrap(), None);
    assert_eq!(store.next_due().await.unwrap(), None);
}

/// Only the thread's own crons are within reach of its runs.
pub async fn a_run_deletes_no_cron_of_another_thread(store: Shared) {
    let thread = new_thread(&store, 0).await;
    let other = new_thread(&store, 0).await;
    let foreign = new_cron(&store, Some(other), 50).await;
    queued(&store, thread, 1).await;
    let run = claim_one(&store, 2).await.run;
    let mut finish = end(&run, done(), None, 3);
    finish.crons = vec![CronChange::Delete(foreign.id)];
    store.finish_run(finish).await.unwrap();
    assert_eq!(store.cron(foreign.id).await.unwrap(), Some(foreign));
}

/// Its thread is where it was, without the crons that the run made.
pub async fn a_run_that_is_deleted_takes_its_crons_along(store: Shared) {
    let thread = new_thread(&store, 0).await;
    let known = new_cron(&store, Some(thread), 50).await;
    queued(&store, thread, 1).await;
    let run = claim_one(&store, 2).await.run;
    let mut finish = end(&run, done(), None, 3);
    finish.crons = vec![create(&made_by(&run, 40))];
    store.finish_run(finish).await.unwrap();
    assert_eq!(store.next_due().await.unwrap(), Some(at(40)));
    assert!(store.delete_run(run.id).await.unwrap());
    assert_eq!(count(&store, thread).await, 1);
    assert_eq!(store.next_due().await.unwrap(), known.next_run_at);
}
