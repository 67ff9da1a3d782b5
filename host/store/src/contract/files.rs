//! Laws of files, of sweeping, and of the end.

use std::io::Read;
use std::path::PathBuf;

use wakeful_core::{Digest, FileEntry, FileKind, Manifest, ThreadId};

use super::kit::*;
use crate::{Error, RunQuery};

/// A folder for files of a law; removed when it is dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("wakeful-contract-{}", ThreadId::generate()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The same bytes are kept once; a target that exists is not overwritten.
pub async fn a_file_comes_back_under_its_digest(store: Shared) {
    let folder = Scratch::new();
    for (n, bytes) in [Vec::new(), b"small".to_vec(), vec![7; 3 << 20]].into_iter().enumerate() {
        let (source, target) = (folder.0.join(format!("s{n}")), folder.0.join(format!("t{n}")));
        std::fs::write(&source, &bytes).unwrap();
        let expected = (Digest::of(&bytes), bytes.len() as u64);
        assert_eq!(store.put_file(&source).await.unwrap(), expected);
        assert_eq!(store.put_file(&source).await.unwrap(), expected);
        store.fetch_file(expected.0, &target).await.unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), bytes);
        assert!(store.fetch_file(expected.0, &target).await.is_err());
        let (mut file, mut read) = (store.open_file(expected.0).await.unwrap(), Vec::new());
        file.read_to_end(&mut read).unwrap();
        assert_eq!(read, bytes);
    }
    let digest = store.put_bytes(b"held".to_vec()).await.unwrap();
    assert_eq!(digest, Digest::of(b"held"));
    store.fetch_file(digest, &folder.0.join("held")).await.unwrap();
    let missing = store.open_file(Digest::of(b"missing")).await;
    assert!(matches!(missing, Err(Error::Damaged { .. })));
    let missing = store.fetch_file(Digest::of(b"missing"), &folder.0.join("m")).await;
    assert!(matches!(missing, Err(Error::Damaged { .. })));
}

/// Large values and files that a record names outlast every sweep.
pub async fn a_sweep_keeps_what_is_named(store: Shared) {
    let folder = Scratch::new();
    let source = folder.0.join("source");
    std::fs::write(&source, b"named").unwrap();
    let (digest, size) = store.put_file(&source).await.unwrap();
    let thread = new_thread(&store, 0).await;
    queued(&store, thread, 1).await;
    let run = claim_one(&store, 1).await.run;
    let mut checkpoint = checkpoint_of(&run, large(1), 2);
    let entry = FileEntry { path: "f".to_owned(), kind: FileKind::File { digest, size } };
    checkpoint.files = Manifest { entries: vec![entry] };
    store.finish_run(end(&run, done(), Some(checkpoint.clone()), 2)).await.unwrap();
    assert_eq!(store.sweep(at(1_000), at(1_000)).await.unwrap(), (0, 0, 0));
    store.fetch_file(digest, &folder.0.join("target")).await.unwrap();
    assert_eq!(store.checkpoint(thread, checkpoint.id).await.unwrap(), Some(checkpoint));
    assert!(store.run(run.id).await.unwrap().is_some());
}

/// Runs whose thread went with them stay for a while; those of threads that stay, for ever.
pub async fn a_sweep_forgets_old_runs_without_a_thread(store: Shared) {
    let stays = new_thread(&store, 0).await;
    let kept = queued(&store, stays, 1).await;
    finish(&store, &claim_one(&store, 1).await.run, done(), 2).await;
    let cron = new_cron(&store, None, 60).await;
    let mut runs = Vec::new();
    for n in 1..=3 {
        fire_due(&store, n * 60, 10).await;
        let run = claim_one(&store, n * 60).await.run;
        finish(&store, &run, done(), n * 60).await;
        runs.push(run.id);
    }
    assert_eq!(store.sweep(at(120), at(0)).await.unwrap().0, 1);
    assert_eq!(store.run(runs[0]).await.unwrap(), None);
    assert!(store.run(runs[1]).await.unwrap().is_some());
    assert_eq!(store.sweep(at(9_999), at(0)).await.unwrap().0, 2);
    assert!(store.run(kept).await.unwrap().is_some());
    let query = RunQuery { cron_id: Some(cron.id), limit: 10, ..RunQuery::default() };
    assert_eq!(store.runs(query).await.unwrap().total, 0);
}

/// By when they were recorded.
pub async fn a_sweep_forgets_old_fires(store: Shared) {
    let cron = new_cron(&store, None, 60).await;
    for n in 1..=3 {
        fire_due(&store, n * 60, 10).await;
    }
    assert_eq!(store.sweep(at(0), at(180)).await.unwrap().1, 2);
    let left = store.fires(cron.id, None, 10).await.unwrap();
    assert_eq!(left.iter().map(|fire| fire.scheduled_at).collect::<Vec<_>>(), [at(180)]);
}

/// A check may be repeated for ever.
pub async fn a_check_passes_while_the_store_is_open(store: Shared) {
    for _ in 0..3 {
        store.check().await.unwrap();
    }
    assert_eq!(store.next_due().await.unwrap(), None);
}

/// After the end there is neither reading nor writing.
pub async fn a_closed_store_refuses_everything(store: Shared) {
    let thread = new_thread(&store, 0).await;
    store.close().await.unwrap();
    let stopped = |error: Error| assert!(matches!(error, Error::Stopped(_)), "{error}");
    stopped(store.check().await.unwrap_err());
    stopped(store.thread(thread).await.unwrap_err());
    stopped(store.insert_run(request(run_of(thread, 1))).await.unwrap_err());
    stopped(store.claim_due(at(0), 1, planner(0)).await.unwrap_err());
    stopped(store.close().await.unwrap_err());
}
