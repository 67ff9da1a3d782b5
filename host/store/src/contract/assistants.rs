//! Laws of assistants and their versions.

use std::sync::{Arc, Mutex};

use serde_json::json;
use wakeful_core::{
    Assistant, AssistantId, AssistantPatch, Json, RunStatus, Thread, ThreadId, ThreadStatus,
};

use super::kit::*;
use crate::{
    AssistantQuery, AssistantSort, Created, DeletedAssistant, Order, RunQuery, VersionQuery,
};

async fn new_assistant(
    store: &Shared,
    created: i64,
    change: impl FnOnce(&mut Assistant),
) -> Assistant {
    let mut assistant = Assistant::default_of(component(), at(created));
    assistant.id = AssistantId::generate();
    assistant.metadata.clear();
    change(&mut assistant);
    let made = store.create_assistant(assistant.clone()).await.unwrap();
    assert_eq!(made, Created::New(assistant.clone()));
    assistant
}

async fn rename(store: &Shared, id: AssistantId, name: &str, now: i64) -> Assistant {
    let patch = AssistantPatch { name: Some(name.to_owned()), ..AssistantPatch::default() };
    store.update_assistant(id, patch, at(now)).await.unwrap().unwrap()
}

async fn versions(store: &Shared, id: AssistantId) -> Vec<Assistant> {
    let query = VersionQuery { limit: 100, ..VersionQuery::default() };
    let page = store.assistant_versions(id, query).await.unwrap();
    assert_eq!(page.total, page.items.len());
    page.items
}

/// Of two that want one id the first gets it, and the second sees the first.
pub async fn an_assistant_is_made_once(store: Shared) {
    let mut first = Assistant::default_of(component(), at(0));
    first.context = object(large(3));
    let mut second = first.clone();
    second.name = "other".to_owned();
    let made = store.create_assistant(first.clone()).await.unwrap();
    assert_eq!(made, Created::New(first.clone()));
    let made = store.create_assistant(second).await.unwrap();
    assert_eq!(made, Created::Existing(first.clone()));
    assert_eq!(store.assistant(first.id).await.unwrap(), Some(first.clone()));
    assert_eq!(store.assistant(AssistantId::generate()).await.unwrap(), None);
    assert_eq!(versions(&store, first.id).await, [first]);
}

/// By component, name and metadata; sorted and cut into pages.
pub async fn assistants_are_found_by_what_they_contain(store: Shared) {
    let mut ids = Vec::new();
    for n in 0..4 {
        let assistant = new_assistant(&store, n, |it| {
            it.name = format!("{}-Clerk", ["d", "b", "c", "a"][usize::try_from(n).unwrap()]);
            it.metadata = object(json!({ "deep": { "odd": n % 2 == 1, "n": n } }));
            it.updated_at = at(10 - n);
            if n == 3 {
                it.component = "zebra".parse().unwrap();
            }
        })
        .await;
        ids.push(assistant.id);
    }
    let base = AssistantQuery { order: Order::Ascending, limit: 10, ..AssistantQuery::default() };
    let find = async |query: AssistantQuery| {
        let page = store.search_assistants(query).await.unwrap();
        (page.items.iter().map(|found| found.id).collect::<Vec<_>>(), page.total)
    };
    assert_eq!(find(base.clone()).await, (ids.clone(), 4));
    let part = AssistantQuery { offset: 1, limit: 2, ..base.clone() };
    assert_eq!(find(part).await, (ids[1..3].to_vec(), 4));
    let newest = AssistantQuery { limit: 1, ..AssistantQuery::default() };
    assert_eq!(find(newest).await, (vec![ids[3]], 4));
    let query = AssistantQuery { components: Some(vec![component()]), ..base.clone() };
    assert_eq!(find(query).await, (ids[..3].to_vec(), 3));
    let query = AssistantQuery { components: Some(Vec::new()), ..base.clone() };
    assert_eq!(find(query).await, (Vec::new(), 0));
    let query = AssistantQuery { name: Some("B-cLERK".to_owned()), ..base.clone() };
    assert_eq!(find(query).await, (vec![ids[1]], 1));
    let metadata = object(json!({ "deep": { "odd": true } }));
    let query = AssistantQuery { metadata, ..base.clone() };
    assert_eq!(find(query).await, (vec![ids[1], ids[3]], 2));
    let sorted = async |sort_by| find(AssistantQuery { sort_by, ..base.clone() }).await.0;
    assert_eq!(sorted(AssistantSort::Name).await, [ids[3], ids[1], ids[2], ids[0]]);
    assert_eq!(sorted(AssistantSort::UpdatedAt).await, [ids[3], ids[2], ids[1], ids[0]]);
    assert_eq!(sorted(AssistantSort::Component).await[3], ids[3]);
    let mut by_id = ids.clone();
    by_id.sort();
    assert_eq!(sorted(AssistantSort::Id).await, by_id);
}

/// Even one that changes nothing, and even after going back.
pub async fn every_change_makes_a_version_after_all_others(store: Shared) {
    let first = new_assistant(&store, 0, |_| {}).await;
    let second = rename(&store, first.id, "second", 1).await;
    assert_eq!((second.version, second.updated_at), (2, at(1)));
    assert_eq!(second.created_at, first.created_at);
    let nothing = AssistantPatch::default();
    let third = store.update_assistant(first.id, nothing.clone(), at(2)).await.unwrap().unwrap();
    assert_eq!((third.version, third.name.as_str()), (3, "second"));
    assert_eq!(store.assistant(first.id).await.unwrap(), Some(third.clone()));
    store.revert_assistant(first.id, 1, at(3)).await.unwrap().unwrap();
    let fourth = rename(&store, first.id, "fourth", 4).await;
    assert_eq!(fourth.version, 4);
    assert_eq!(versions(&store, first.id).await, [fourth, third, second, first]);
    let unknown = store.update_assistant(AssistantId::generate(), nothing, at(5)).await.unwrap();
    assert_eq!(unknown, None);
}

/// Of two changes at once neither undoes the other.
pub async fn a_change_is_merged_into_what_is_there(store: Shared) {
    let made = new_assistant(&store, 0, |it| {
        it.context = object(large(1));
        it.metadata = object(json!({ "a": 1, "b": 1 }));
    })
    .await;
    let change = |key: &str| AssistantPatch {
        metadata: object(json!({ key: 2 })),
        ..AssistantPatch::default()
    };
    let (a, b) = tokio::join!(
        store.update_assistant(made.id, change("b"), at(1)),
        store.update_assistant(made.id, change("c"), at(1)),
    );
    let mut numbers = [a.unwrap().unwrap().version, b.unwrap().unwrap().version];
    numbers.sort_unstable();
    assert_eq!(numbers, [2, 3]);
    let now = store.assistant(made.id).await.unwrap().unwrap();
    assert_eq!(now.metadata, object(json!({ "a": 1, "b": 2, "c": 2 })));
    assert_eq!(now.context, made.context);
}

/// The version itself stays as it was.
pub async fn going_back_to_a_version_brings_all_of_it_back(store: Shared) {
    let first = new_assistant(&store, 0, |it| it.context = object(large(1))).await;
    let patch = AssistantPatch {
        component: Some("other".parse().unwrap()),
        context: Some(object(json!({ "k": 2 }))),
        ..AssistantPatch::default()
    };
    let second = store.update_assistant(first.id, patch, at(1)).await.unwrap().unwrap();
    let back = store.revert_assistant(first.id, 1, at(2)).await.unwrap().unwrap();
    assert_eq!(back, Assistant { updated_at: at(2), ..first.clone() });
    assert_eq!(store.assistant(first.id).await.unwrap(), Some(back));
    assert_eq!(versions(&store, first.id).await, [second.clone(), first.clone()]);
    assert_eq!(store.assistant_version(first.id, 2).await.unwrap(), Some(second));
    assert_eq!(store.assistant_version(first.id, 3).await.unwrap(), None);
    assert_eq!(store.revert_assistant(first.id, 3, at(3)).await.unwrap(), None);
    assert_eq!(store.revert_assistant(AssistantId::generate(), 1, at(3)).await.unwrap(), None);
}

/// Filters and pages are those of every other list.
pub async fn versions_are_found_by_what_they_contain(store: Shared) {
    let made = new_assistant(&store, 0, |it| it.metadata = object(json!({ "n": 1 }))).await;
    for n in 2..=5 {
        let metadata = object(json!({ "n": n % 2 }));
        let patch = AssistantPatch { metadata, ..AssistantPatch::default() };
        store.update_assistant(made.id, patch, at(n)).await.unwrap();
    }
    let find = async |metadata: Json, offset, limit| {
        let query = VersionQuery { metadata: object(metadata), offset, limit };
        let page = store.assistant_versions(made.id, query).await.unwrap();
        (page.items.iter().map(|found| found.version).collect::<Vec<_>>(), page.total)
    };
    assert_eq!(find(json!({}), 1, 2).await, (vec![4, 3], 5));
    assert_eq!(find(json!({ "n": 1 }), 0, 10).await, (vec![5, 3, 1], 3));
    assert_eq!(find(json!({ "n": 1 }), 1, 1).await, (vec![3], 3));
    let query = VersionQuery { limit: 10, ..VersionQuery::default() };
    let unknown = store.assistant_versions(AssistantId::generate(), query).await.unwrap();
    assert_eq!((unknown.items.len(), unknown.total), (0, 0));
}

/// Whoever deletes it again learns that it is gone; a new one of the id begins anew.
pub async fn deleting_an_assistant_takes_its_versions_and_crons(store: Shared) {
    let made = new_assistant(&store, 0, |_| {}).await;
    rename(&store, made.id, "renamed", 1).await;
    let mut own = cron_of(None, Some(60));
    own.assistant_id = made.id;
    store.create_cron(own.clone()).await.unwrap();
    let other = new_cron(&store, None, 90).await;
    let deleted = store.delete_assistant(made.id, false, at(2)).await.unwrap();
    assert_eq!(deleted, Some(DeletedAssistant::default()));
    assert_eq!(store.assistant(made.id).await.unwrap(), None);
    assert_eq!(versions(&store, made.id).await, []);
    assert_eq!(store.cron(own.id).await.unwrap(), None);
    assert_eq!(store.next_due().await.unwrap(), other.next_run_at);
    assert_eq!(store.delete_assistant(made.id, true, at(3)).await.unwrap(), None);
    let again = store.create_assistant(made.clone()).await.unwrap();
    assert_eq!(again, Created::New(made.clone()));
    assert_eq!(versions(&store, made.id).await, [made]);
}

/// What is pending ends at once; what is running is named, for its owner to stop.
pub async fn deleting_an_assistant_stops_its_runs(store: Shared) {
    let made = new_assistant(&store, 0, |_| {}).await;
    let (busy, idle) = (new_thread(&store, 0).await, new_thread(&store, 0).await);
    let of = |thread, created| {
        let mut run = run_of(thread, created);
        run.assistant_id = made.id;
        run
    };
    let running = insert(&store, of(busy, 1)).await;
    assert_eq!(claim_one(&store, 1).await.run.id, running);
    let waiting = insert(&store, of(busy, 2)).await;
    let pending = [insert(&store, of(idle, 3)).await, insert(&store, of(idle, 4)).await];
    let other = queued(&store, busy, 5).await;
    let deleted = store.delete_assistant(made.id, false, at(6)).await.unwrap().unwrap();
    assert_eq!(deleted.running, [running]);
    let mut cancelled = deleted.cancelled;
    cancelled.sort();
    let mut expected = [waiting, pending[0], pending[1]];
    expected.sort();
    assert_eq!(cancelled, expected);
    for run in expected {
        let run = store.run(run).await.unwrap().unwrap();
        assert_eq!((run.status, run.ended_at), (RunStatus::Interrupted, Some(at(6))));
    }
    assert_eq!(status(&store, idle).await, ThreadStatus::Idle);
    assert_eq!(status(&store, busy).await, ThreadStatus::Busy);
    assert_eq!(store.run(other).await.unwrap().unwrap().status, RunStatus::Pending);
}

/// Threads of others stay.
pub async fn threads_go_with_their_assistant_if_asked(store: Shared) {
    let made = new_assistant(&store, 0, |_| {}).await;
    let create = async |assistant: String, more: Json| {
        let metadata = object(json!({ "assistant_id": assistant, "more": more }));
        let thread = Thread::new(ThreadId::generate(), metadata, at(0));
        let id = thread.id;
        store.create_thread(thread).await.unwrap();
        id
    };
    let small = create(made.id.to_string(), json!(1)).await;
    let big = create(made.id.to_string(), large(1)).await;
    let other = create(AssistantId::generate().to_string(), json!(1)).await;
    let run = queued(&store, small, 1).await;
    claim_one(&store, 1).await;
    new_cron(&store, Some(big), 60).await;
    let deleted = store.delete_assistant(made.id, true, at(2)).await.unwrap().unwrap();
    assert_eq!(deleted.running, [run]);
    for gone in [small, big] {
        assert_eq!(store.thread(gone).await.unwrap(), None);
    }
    assert!(store.thread(other).await.unwrap().is_some());
    assert_eq!(store.next_due().await.unwrap(), None);
    let query = RunQuery { limit: 10, ..RunQuery::default() };
    assert_eq!(store.runs(query).await.unwrap().total, 0);
}

/// Together with the metadata of the thread that it is for.
pub async fn a_fire_is_planned_with_the_assistant_as_it_is(store: Shared) {
    let made = new_assistant(&store, 0, |_| {}).await;
    let metadata = object(json!({ "t": 1 }));
    let thread = Thread::new(ThreadId::generate(), metadata.clone(), at(0));
    store.create_thread(thread.clone()).await.unwrap();
    let mut cron = cron_of(Some(thread.id), Some(60));
    cron.assistant_id = made.id;
    store.create_cron(cron).await.unwrap();
    new_cron(&store, None, 60).await;
    let renamed = rename(&store, made.id, "renamed", 1).await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&seen);
    let planner = Arc::new(move |due: &crate::DueCron| {
        noted.lock().unwrap().push((due.assistant.clone(), due.thread_metadata.clone()));
        plan(due, at(60))
    });
    assert_eq!(store.claim_due(at(60), 10, planner).await.unwrap().len(), 2);
    let mut seen = seen.lock().unwrap().clone();
    seen.sort_by_key(|(assistant, _)| assistant.is_none());
    assert_eq!(seen, [(Some(renamed), metadata), (None, object(json!({})))]);
}

/// A fire that was planned from what has changed since is planned anew.
pub async fn a_fire_and_a_change_of_its_assistant_exclude_each_other(store: Shared) {
    let made = new_assistant(&store, 0, |_| {}).await;
    let mut cron = cron_of(None, Some(60));
    cron.assistant_id = made.id;
    store.create_cron(cron).await.unwrap();
    let (runtime, changing, id) = (tokio::runtime::Handle::current(), store.clone(), made.id);
    let planner = Arc::new(move |due: &crate::DueCron| {
        let planned = plan(due, at(60));
        runtime.block_on(rename(&changing, id, "changed meanwhile", 61));
        planned
    });
    assert!(store.claim_due(at(60), 10, planner).await.unwrap().is_empty());
    assert_eq!(fire_due(&store, 62, 10).await.len(), 1);
}
