//! Laws of crons.

use std::time::Duration;

use serde_json::json;
use wakeful_core::{AssistantId, Catchup, CronId, CronPolicy, Dst, FailureKind, Overlap, Retry};

use super::kit::*;
use crate::{Created, CronQuery, Order, SortBy};

/// What is written is read back whole, small or large.
pub async fn a_cron_reads_back_as_it_was_written(store: Shared) {
    let mut cron = cron_of(None, Some(60));
    cron.end_time = Some(at(600));
    cron.schedules.push("0 9 * * *".to_owned());
    cron.policy = CronPolicy {
        overlap: Overlap::CancelOther,
        catchup: Catchup::None,
        catchup_window: Duration::from_secs(60),
        dst: Dst::SkipAndOnce,
        jitter: Duration::from_millis(1_500),
        start_time: Some(at(5)),
        max_fires: Some(7),
        pause_after_failures: Some(3),
        fuel_per_day: Some(u64::MAX),
        tokens_per_day: Some(1),
        retry: Some(Retry {
            attempts: 4,
            first: Duration::from_secs(1),
            longest: Duration::from_secs(9),
            on: FailureKind::ALL.to_vec(),
        }),
    };
    cron.delay = Duration::from_micros(5);
    cron.offset = Some(-3_600);
    cron.note = Some("why".to_owned());
    cron.paused_from = Some(at(3));
    cron.ended_at = Some(at(4));
    cron.metadata = object(json!({ "owner": "me" }));
    cron.request.input = large(1);
    assert_eq!(store.create_cron(cron.clone()).await.unwrap(), Created::New(cron.clone()));
    assert_eq!(store.cron(cron.id).await.unwrap(), Some(cron.clone()));
    assert_eq!(store.cron(CronId::generate()).await.unwrap(), None);
}

/// Whoever comes second gets the cron of whoever came first.
pub async fn a_cron_id_is_taken_once(store: Shared) {
    let first = cron_of(None, Some(60));
    store.create_cron(first.clone()).await.unwrap();
    let mut second = first.clone();
    second.next_run_at = Some(at(5));
    assert_eq!(store.create_cron(second).await.unwrap(), Created::Existing(first));
    assert_eq!(store.next_due().await.unwrap(), Some(at(60)));
}

/// By assistant, thread, state and metadata; sorted and cut into pages.
pub async fn crons_are_found_by_what_they_contain(store: Shared) {
    let thread = new_thread(&store, 0).await;
    let mut ids = Vec::new();
    for n in 0..4 {
        let mut cron = cron_of((n == 1).then_some(thread), (n != 2).then_some(100 - n));
        cron.created_at = at(n);
        cron.end_time = (n == 3).then_some(at(9));
        cron.enabled = n != 0;
        cron.metadata = object(json!({ "deep": { "odd": n % 2 == 1 } }));
        if n == 3 {
            cron.assistant_id = AssistantId::generate();
        }
        ids.push(cron.id);
        store.create_cron(cron).await.unwrap();
    }
    let base = CronQuery { order: Order::Ascending, limit: 10, ..CronQuery::default() };
    let find = async |query: CronQuery| {
        let page = store.search_crons(query).await.unwrap();
        (page.items.iter().map(|cron| cron.id).collect::<Vec<_>>(), page.total)
    };
    assert_eq!(find(base.clone()).await, (ids.clone(), 4));
    let part = CronQuery { offset: 1, limit: 2, ..base.clone() };
    assert_eq!(find(part).await, (ids[1..3].to_vec(), 4));
    let query = CronQuery { thread_id: Some(thread), ..base.clone() };
    assert_eq!(find(query).await, (vec![ids[1]], 1));
    let query = CronQuery { enabled: Some(false), ..base.clone() };
    assert_eq!(find(query).await, (vec![ids[0]], 1));
    let assistant_id = Some(AssistantId::of_component(&component()));
    let query = CronQuery { assistant_id, enabled: Some(true), ..base.clone() };
    assert_eq!(find(query).await, (ids[1..3].to_vec(), 2));
    let metadata = object(json!({ "deep": { "odd": true } }));
    let query = CronQuery { metadata, ..base.clone() };
    assert_eq!(find(query).await, (vec![ids[1], ids[3]], 2));
    // What has no such time comes last, both ways.
    let query = CronQuery { sort_by: SortBy::NextRunAt, ..base.clone() };
    assert_eq!(find(query.clone()).await.0, [ids[3], ids[1], ids[0], ids[2]]);
    let query = CronQuery { order: Order::Descending, ..query };
    assert_eq!(find(query).await.0, [ids[0], ids[1], ids[3], ids[2]]);
    let query = CronQuery { sort_by: SortBy::EndTime, limit: 1, ..base };
    assert_eq!(find(query).await.0, [ids[3]]);
}

/// Of two updates of one version the second is told to read again.
pub async fn an_update_names_the_version_it_read(store: Shared) {
    let mut cron = new_cron(&store, None, 60).await;
    cron.schedules = vec!["5 * * * *".to_owned()];
    cron.request.input = large(1);
    let updated = store.update_cron(cron.clone(), None).await.unwrap().unwrap();
    assert_eq!(updated.version, 2);
    assert_eq!((&updated.schedules, &updated.request), (&cron.schedules, &cron.request));
    assert_eq!(self::cron(&store, cron.id).await, updated);
    cron.schedules = vec!["6 * * * *".to_owned()];
    assert_eq!(store.update_cron(cron.clone(), None).await.unwrap(), None);
    assert_eq!(self::cron(&store, cron.id).await, updated);
    assert!(store.delete_cron(cron.id).await.unwrap());
    assert_eq!(store.update_cron(updated, None).await.unwrap(), None);
    assert_eq!(store.next_due().await.unwrap(), None);
}

/// A cron is due once, at its new instant; a paused one never.
pub async fn an_update_moves_the_due_instant(store: Shared) {
    let cron = new_cron(&store, None, 60).await;
    assert_eq!(store.next_due().await.unwrap(), Some(at(60)));
    let mut later = cron.clone();
    later.next_run_at = Some(at(120));
    let mut later = store.update_cron(later, None).await.unwrap().unwrap();
    assert_eq!(store.next_due().await.unwrap(), Some(at(120)));
    assert!(fire_due(&store, 119, 10).await.is_empty());
    later.enabled = false;
    let mut paused = store.update_cron(later, None).await.unwrap().unwrap();
    assert_eq!(store.next_due().await.unwrap(), None);
    assert!(fire_due(&store, 500, 10).await.is_empty());
    paused.enabled = true;
    let resumed = store.update_cron(paused, None).await.unwrap().unwrap();
    assert_eq!(store.next_due().await.unwrap(), resumed.next_run_at);
    assert_eq!(fire_due(&store, 500, 10).await.len(), 1);
}

/// An update that was made from an older copy takes no account back.
pub async fn the_last_accounted_instant_only_grows(store: Shared) {
    let cron = new_cron(&store, None, 60).await;
    fire_due(&store, 60, 10).await;
    let mut fired = self::cron(&store, cron.id).await;
    assert_eq!(fired.last_scheduled_at, Some(at(60)));
    fired.last_scheduled_at = None;
    let updated = store.update_cron(fired, None).await.unwrap().unwrap();
    assert_eq!(updated.last_scheduled_at, Some(at(60)));
}

/// Its runs stay, for whoever asks what became of them.
pub async fn deleting_a_cron_deletes_its_fires(store: Shared) {
    let cron = new_cron(&store, None, 60).await;
    let plans = fire_due(&store, 60, 10).await;
    assert!(store.delete_cron(cron.id).await.unwrap());
    assert!(!store.delete_cron(cron.id).await.unwrap());
    assert_eq!(store.cron(cron.id).await.unwrap(), None);
    assert_eq!(store.fires(cron.id, None, 10).await.unwrap(), []);
    assert_eq!(store.next_due().await.unwrap(), None);
    let run = plans[0].run.as_ref().unwrap().run.id;
    assert!(store.run(run).await.unwrap().is_some());
}
