//! What only this backend promises, seen from inside.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;
use wakeful_core::{
    AssistantId, Cron, CronId, Expiry, Lease, Object, Run, RunId, RunRequest, Thread, ThreadId,
    ThreadStatus, Timestamp, Ttl,
};

use super::keys;
use super::table::Table;
use super::{SledConfig, SledStore};
use crate::folder::Purpose;
use crate::{Error, FirePlan, NewRun, StateStore, Store};

fn config(path: &Path) -> SledConfig {
    SledConfig { min_free_bytes: 0, ..SledConfig::new(path) }
}

async fn open() -> (SledStore, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (SledStore::open(config(folder.path())).await.unwrap(), folder)
}

/// What a power cut would leave: the folder as it is now, opened elsewhere.
fn copy(from: &Path) -> TempDir {
    fn all(from: &Path, to: &Path) {
        std::fs::create_dir_all(to).unwrap();
        for entry in std::fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            if entry.path().is_dir() {
                all(&entry.path(), &to.join(entry.file_name()));
            } else {
                std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
            }
        }
    }
    let folder = tempfile::tempdir().unwrap();
    all(from, folder.path());
    folder
}

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

async fn new_thread(store: &SledStore) -> ThreadId {
    let thread = Thread::new(ThreadId::generate(), Object::new(), now());
    store.create_thread(thread.clone()).await.unwrap();
    thread.id
}

fn run_on(thread: ThreadId, input: serde_json::Value) -> NewRun {
    let request = RunRequest { input, ..RunRequest::default() };
    let component = "echo".parse().unwrap();
    let id = RunId::generate();
    let run = Run::new(id, thread, AssistantId::generate(), component, request, now());
    NewRun { run, create_thread: None, thread_metadata: Object::new(), held: false }
}

fn cron() -> Cron {
    let component = "echo".parse().unwrap();
    let cron =
        Cron::new(CronId::generate(), AssistantId::generate(), component, "* * * * *", now());
    Cron { next_run_at: Some(now()), ..cron }
}

fn lease() -> Lease {
    Lease { owner: "host".to_owned(), until: now() }
}

#[tokio::test]
async fn blobs_that_nothing_names_any_more_are_swept() {
    let (store, _folder) = open().await;
    let thread = new_thread(&store).await;
    let new = run_on(thread, json!("x".repeat(9_000)));
    let id = new.run.id;
    store.insert_run(new.clone()).await.unwrap();
    store.insert_run(run_on(thread, json!("y".repeat(9_000)))).await.unwrap();
    assert_eq!(store.sweep_blobs(Duration::ZERO).await.unwrap(), 0);
    store.delete_run(id).await.unwrap();
    assert_eq!(store.sweep(now(), now()).await.unwrap().2, 0, "it is still fresh");
    assert_eq!(store.sweep_blobs(Duration::ZERO).await.unwrap(), 1);
    store.insert_run(new.clone()).await.unwrap();
    assert_eq!(store.run(id).await.unwrap(), Some(new.run));
}

#[tokio::test]
async fn nothing_is_swept_while_a_record_cannot_be_read() {
    let (store, _folder) = open().await;
    let thread = new_thread(&store).await;
    store.insert_run(run_on(thread, json!("x".repeat(9_000)))).await.unwrap();
    let broken = *CronId::generate().as_bytes();
    store
        .write(Purpose::Begin, move |tx| {
            tx.remove(Table::Threads, thread.as_bytes());
            tx.put(Table::Crons, &broken, vec![1, b'{'])
        })
        .await
        .unwrap();
    let swept = store.sweep_blobs(Duration::ZERO).await;
    assert!(matches!(swept, Err(Error::Damaged { what: "cron", .. })), "{swept:?}");
}

#[tokio::test]
async fn a_damaged_thread_keeps_no_other_from_expiring() {
    let (store, _folder) = open().await;
    let ttl = Some(Ttl { after: Duration::from_secs(60), expiry: Expiry::Delete });
    let mut ids = Vec::new();
    for _ in 0..3 {
        let id = ThreadId::generate();
        let thread = Thread::new(id, Default::default(), now()).with_ttl(ttl, now());
        store.create_thread(thread).await.unwrap();
        ids.push(id);
    }
    let broken = ids[1];
    store
        .write(Purpose::Begin, move |tx| tx.put(Table::Threads, broken.as_bytes(), vec![1, b'{']))
        .await
        .unwrap();
    let later = now() + Duration::from_secs(120);
    let expired = store.expire_threads(later, 10).await.unwrap();
    let mut deleted: Vec<_> = expired.iter().map(|it| format!("{it:?}")).collect();
    deleted.sort();
    let mut others: Vec<_> =
        [ids[0], ids[2]].map(|id| format!("{:?}", crate::Expired::Deleted(id))).to_vec();
    others.sort();
    assert_eq!(deleted, others);
    assert_eq!(store.next_expiry().await.unwrap(), None, "it is not tried again at once");
    assert!(store.thread(broken).await.is_err(), "it is still there");
}

#[tokio::test]
async fn a_value_that_is_too_large_is_refused_and_harms_nothing() {
    let (store, _folder) = open().await;
    let refused = store
        .write(Purpose::Begin, |tx| {
            tx.put(Table::Meta, b"small", vec![1])?;
            tx.put(Table::Meta, b"large", vec![0; 4097])
        })
        .await;
    assert!(matches!(refused, Err(Error::Io(_))));
    assert!(!store.read(|tx| tx.has(Table::Meta, b"small")).await.unwrap());
    store.check().await.unwrap();
}

#[tokio::test]
async fn no_record_is_too_large_however_large_its_parts_are() {
    let (store, _folder) = open().await;
    for length in [700, 790, 800, 810, 5_000] {
        let text = "x".repeat(length);
        let mut thread = Thread::new(ThreadId::generate(), Object::new(), now());
        thread.metadata.insert("t".to_owned(), json!(text));
        thread.values = Some(json!({ "t": text }));
        store.create_thread(thread.clone()).await.unwrap();
        let id = thread.id;
        store.insert_run(run_on(id, json!(text))).await.unwrap();
        let run = store.claim_runs(now(), lease(), 1).await.unwrap().remove(0).run;
        let failure = wakeful_core::Outcome::Trapped { message: text.clone() };
        let checkpoint = wakeful_core::Checkpoint {
            id: wakeful_core::CheckpointId::generate(),
            thread_id: id,
            parent: None,
            run_id: Some(run.id),
            step: 0,
            created_at: now(),
            values: json!({ "t": text }),
            files: wakeful_core::Manifest::default(),
            pending: Some(wakeful_core::Pending { input: json!(text), ..Default::default() }),
            source: wakeful_core::CheckpointSource::Loop,
            metadata: thread.metadata.clone(),
        };
        let finish = crate::FinishRun {
            run_id: run.id,
            epoch: run.epoch,
            digest: None,
            report: wakeful_core::Report::not_run(failure),
            checkpoint: Some(checkpoint),
            crons: Vec::new(),
            events: None,
            now: now(),
        };
        assert_eq!(store.finish_run(finish).await.unwrap(), crate::Finished::Written);
    }
}

#[tokio::test]
async fn a_panic_while_writing_stops_the_store() {
    let (store, _folder) = open().await;
    let thread = new_thread(&store).await;
    let panicked = store.write(Purpose::Begin, |_| -> Result<(), Error> { panic!("damage") }).await;
    assert!(matches!(panicked, Err(Error::Stopped(_))), "{panicked:?}");
    store.end().await.unwrap_err();
    for answer in [store.check().await, store.thread(thread).await.map(drop)] {
        assert!(matches!(answer, Err(Error::Stopped(_))), "{answer:?}");
    }
}

#[tokio::test]
async fn a_record_of_a_newer_program_says_so() {
    let (store, folder) = open().await;
    let id = ThreadId::generate();
    store
        .write(Purpose::Begin, move |tx| tx.put(Table::Threads, id.as_bytes(), vec![4, b'{', b'}']))
        .await
        .unwrap();
    match store.thread(id).await.unwrap_err() {
        Error::TooNew { path, found: 4, known: 3 } => assert_eq!(path, folder.path()),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let (store, folder) = open().await;
    store
        .write(Purpose::Begin, |tx| {
            tx.put(Table::Meta, b"schema_version", 4_u32.to_be_bytes().to_vec())
        })
        .await
        .unwrap();
    store.close().await.unwrap();
    let refused = SledStore::open(config(folder.path())).await.unwrap_err();
    assert!(matches!(refused, Error::TooNew { found: 4, known: 3, .. }), "{refused}");
}

#[tokio::test]
async fn a_schema_that_got_lost_is_not_taken_for_an_empty_folder() {
    let (store, folder) = open().await;
    new_thread(&store).await;
    store
        .write(Purpose::Begin, |tx| {
            tx.remove(Table::Meta, b"schema_version");
            Ok(())
        })
        .await
        .unwrap();
    store.close().await.unwrap();
    let refused = SledStore::open(config(folder.path())).await.unwrap_err();
    assert!(matches!(refused, Error::Damaged { what: "schema version", .. }), "{refused}");
}

#[tokio::test]
async fn lost_index_entries_are_mended_after_an_unclean_end() {
    let (store, folder) = open().await;
    let (idle, queued, running) =
        (new_thread(&store).await, new_thread(&store).await, new_thread(&store).await);
    store.insert_run(run_on(running, json!(1))).await.unwrap();
    let claimed = store.claim_runs(now(), lease(), 1).await.unwrap().remove(0).run;
    let waiting = run_on(queued, json!(2));
    store.insert_run(waiting.clone()).await.unwrap();
    let cron = cron();
    store.create_cron(cron.clone()).await.unwrap();
    let (due, run) = (cron.id, waiting.run.clone());
    store
        .write(Purpose::Begin, move |tx| {
            tx.remove(Table::Due, &keys::timed(now(), due.as_bytes()));
            tx.put(Table::Due, &keys::timed(now(), &[9; 16]), Vec::new())?;
            tx.remove(Table::Pending, &keys::owned(queued.as_bytes(), now(), run.id));
            tx.remove(Table::Waiting, &keys::owned(queued.as_bytes(), now(), run.id));
            tx.remove(Table::Ready, &keys::timed(now(), queued.as_bytes()));
            tx.remove(Table::Lanes, queued.as_bytes());
            tx.remove(Table::Running, claimed.id.as_bytes());
            tx.put(Table::Ready, &keys::timed(now(), idle.as_bytes()), Vec::new())?;
            let mut thread: crate::record::StoredThread =
                tx.load(idle.as_bytes())?.expect("it was created");
            thread.status = ThreadStatus::Busy;
            tx.save(idle.as_bytes(), &thread)
        })
        .await
        .unwrap();
    let folder = copy(folder.path());
    let store = SledStore::open(config(folder.path())).await.unwrap();
    assert_eq!(store.thread(idle).await.unwrap().unwrap().status, ThreadStatus::Idle);
    let recovered = store.recover_runs(now(), "host", true, 3).await.unwrap();
    assert_eq!(recovered.requeued, [claimed.id]);
    let claimed = store.claim_runs(now(), lease(), 9).await.unwrap();
    assert_eq!(claimed.len(), 2);
    assert!(claimed.iter().any(|it| it.run.id == waiting.run.id));
    assert_eq!(store.claim_due(now(), 9, Arc::new(skip)).await.unwrap().len(), 1);
    assert_eq!(store.next_due().await.unwrap(), None);
}

#[tokio::test]
async fn a_sound_folder_has_nothing_to_mend() {
    let (store, folder) = open().await;
    for n in 0..3 {
        let thread = new_thread(&store).await;
        for _ in 0..3 {
            let mut new = run_on(thread, json!(n));
            new.run.available_at = now() + Duration::from_secs(n);
            store.insert_run(new).await.unwrap();
        }
        store.create_cron(cron()).await.unwrap();
    }
    store.claim_runs(now(), lease(), 2).await.unwrap();
    let copy = copy(folder.path());
    let store = SledStore::open(config(copy.path())).await.unwrap();
    let inner = store.inner().unwrap();
    assert_eq!(super::repair::repair(&inner).unwrap(), 0);
}

#[tokio::test]
async fn a_disk_that_runs_low_takes_ends_but_no_beginnings() {
    let folder = tempfile::tempdir().unwrap();
    let disk = rustix::fs::statvfs(folder.path()).unwrap();
    let free = disk.f_bavail * disk.f_frsize;
    let thread = Thread::new(ThreadId::generate(), Object::new(), now());
    let store = SledStore::open(config(folder.path())).await.unwrap();
    store.create_thread(thread.clone()).await.unwrap();
    store.close().await.unwrap();
    let low = SledConfig { min_free_bytes: free.saturating_mul(2), ..config(folder.path()) };
    let store = SledStore::open(low).await.unwrap();
    let refused = store.insert_run(run_on(thread.id, json!(1))).await;
    assert!(matches!(refused, Err(Error::Full(_))), "{refused:?}");
    assert!(matches!(store.check().await, Err(Error::Full(_))));
    assert_eq!(store.thread(thread.id).await.unwrap(), Some(thread.clone()));
    assert_eq!(store.delete_thread(thread.id).await.unwrap(), Some(Vec::new()));
    store.close().await.unwrap();
    let full = SledConfig { min_free_bytes: u64::MAX, ..config(folder.path()) };
    assert!(matches!(SledStore::open(full).await, Err(Error::Full(_))));
}

/// Loses every large part that has been stored so far.
fn lose_blobs(folder: &Path) {
    std::fs::remove_dir_all(folder.join("blobs")).unwrap();
}

fn large() -> serde_json::Value {
    json!({ "text": "x".repeat(100_000) })
}

#[tokio::test]
async fn a_queued_run_that_cannot_be_read_fails_and_holds_nobody_up() {
    let (store, folder) = open().await;
    let (bad, good) = (new_thread(&store).await, new_thread(&store).await);
    let broken = run_on(bad, large());
    store.insert_run(broken.clone()).await.unwrap();
    lose_blobs(folder.path());
    store.insert_run(run_on(bad, json!({}))).await.unwrap();
    store.insert_run(run_on(good, json!({}))).await.unwrap();
    let claimed = store.claim_runs(now(), lease(), 10).await.unwrap();
    let threads: Vec<_> = claimed.iter().map(|claimed| claimed.run.thread_id).collect();
    assert_eq!(threads, [good]);
    // The thread goes on with its next run.
    let claimed = store.claim_runs(now(), lease(), 10).await.unwrap();
    assert_eq!(claimed.len(), 1);
    assert_eq!(claimed[0].run.thread_id, bad);
    assert_ne!(claimed[0].run.id, broken.run.id);
}

fn skip(due: &crate::DueCron) -> FirePlan {
    FirePlan {
        fire: wakeful_core::Fire {
            cron_id: due.cron.id,
            scheduled_at: due.cron.next_run_at.unwrap(),
            recorded_at: due.cron.next_run_at.unwrap(),
            late: Duration::ZERO,
            cause: wakeful_core::FireCause::Schedule,
            status: wakeful_core::FireStatus::Skipped(wakeful_core::SkipReason::Overlap),
            coalesced: None,
        },
        run: None,
        next: None,
    }
}

#[tokio::test]
async fn a_cron_that_cannot_be_read_is_paused_and_holds_nobody_up() {
    let (store, folder) = open().await;
    let mut broken = cron();
    broken.request.input = large();
    store.create_cron(broken.clone()).await.unwrap();
    lose_blobs(folder.path());
    let good = cron();
    store.create_cron(good.clone()).await.unwrap();
    let due = good.next_run_at.unwrap();
    let fired = store.claim_due(due, 10, Arc::new(skip)).await.unwrap();
    let fired: Vec<_> = fired.iter().map(|plan| plan.fire.cron_id).collect();
    assert_eq!(fired, [good.id]);
    assert_eq!(store.next_due().await.unwrap(), None, "nothing is left to stumble over");
}

#[tokio::test]
async fn what_cannot_be_read_just_now_is_tried_again() {
    let (store, folder) = open().await;
    let mut cron = cron();
    cron.request.input = large();
    store.create_cron(cron.clone()).await.unwrap();
    let thread = new_thread(&store).await;
    store.insert_run(run_on(thread, large())).await.unwrap();
    let due = cron.next_run_at.unwrap();

    // Both inputs are the same bytes, hence one blob. A folder in its place opens, but has nothing
    // to read, which is not how a lost blob looks.
    let blobs: Vec<_> = std::fs::read_dir(folder.path().join("blobs"))
        .unwrap()
        .flat_map(|shelf| std::fs::read_dir(shelf.unwrap().path()).unwrap())
        .map(|blob| blob.unwrap().path())
        .collect();
    let aside = folder.path().join("aside");
    std::fs::create_dir(&aside).unwrap();
    for blob in &blobs {
        std::fs::rename(blob, aside.join(blob.file_name().unwrap())).unwrap();
        std::fs::create_dir(blob).unwrap();
    }
    assert!(store.claim_due(due, 10, Arc::new(skip)).await.is_err());
    assert!(store.claim_runs(now(), lease(), 10).await.unwrap().is_empty());
    for blob in &blobs {
        std::fs::remove_dir(blob).unwrap();
        std::fs::rename(aside.join(blob.file_name().unwrap()), blob).unwrap();
    }
    assert_eq!(store.claim_due(due, 10, Arc::new(skip)).await.unwrap().len(), 1);
    let later = store.next_available().await.unwrap().unwrap();
    let claimed = store.claim_runs(later, lease(), 10).await.unwrap();
    assert_eq!(claimed[0].run.request.input, large());
    assert_eq!(claimed[0].run.attempt, 1, "what was not the run's fault does not count");
}
