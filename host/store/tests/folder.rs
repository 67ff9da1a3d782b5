//! What a data folder goes through: crashes, damage, rivals, backups.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the lints know only functions that are tests"
)]

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::json;
use tempfile::{TempDir, tempdir};
use wakeful_core::{Object, Thread, ThreadId, Timestamp};
use wakeful_store::{Error, SledConfig, SledStore, Store, WEBHOOK_SECRET, restore};

fn config(path: &Path) -> SledConfig {
    SledConfig { min_free_bytes: 0, ..SledConfig::new(path) }
}

async fn open(path: &Path) -> Result<SledStore, Error> {
    SledStore::open(config(path)).await
}

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

/// Writes threads, every other one too large for a record.
async fn fill(store: &SledStore, count: usize) -> Vec<Thread> {
    let mut threads = Vec::new();
    for n in 0..count {
        let mut thread = Thread::new(ThreadId::generate(), Object::new(), now());
        let length = if n % 2 == 0 { 10 } else { 20_000 };
        thread.values = Some(json!({ "n": n, "text": "x".repeat(length) }));
        store.create_thread(thread.clone()).await.unwrap();
        threads.push(thread);
    }
    threads
}

async fn check(store: &SledStore, threads: &[Thread]) {
    for thread in threads {
        assert_eq!(store.thread(thread.id).await.unwrap().as_ref(), Some(thread));
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.path().is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

async fn filled() -> (TempDir, Vec<Thread>) {
    let folder = tempdir().unwrap();
    let store = open(folder.path()).await.unwrap();
    let threads = fill(&store, 40).await;
    store.close().await.unwrap();
    (folder, threads)
}

#[tokio::test]
async fn a_closed_folder_opens_again_at_once() {
    let (folder, threads) = filled().await;
    for _ in 0..2 {
        let store = open(folder.path()).await.unwrap();
        check(&store, &threads).await;
        store.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_dropped_store_leaves_its_folder_to_the_next() {
    let folder = tempdir().unwrap();
    let store = open(folder.path()).await.unwrap();
    let threads = fill(&store, 4).await;
    drop(store);
    check(&open(folder.path()).await.unwrap(), &threads).await;
}

#[tokio::test]
async fn what_was_acknowledged_is_in_a_copy_of_the_folder_as_it_stands() {
    let folder = tempdir().unwrap();
    let store = open(folder.path()).await.unwrap();
    let mut threads = Vec::new();
    for _ in 0..3 {
        threads.extend(fill(&store, 10).await);
        let crashed = tempdir().unwrap();
        copy(folder.path(), crashed.path());
        check(&open(crashed.path()).await.unwrap(), &threads).await;
    }
}

#[tokio::test]
async fn a_second_program_is_told_who_has_the_folder() {
    let folder = tempdir().unwrap();
    let first = open(folder.path()).await.unwrap();
    match open(folder.path()).await.unwrap_err() {
        Error::InUse { path, holder } => {
            assert_eq!(path, folder.path().join("wakeful.lock"));
            assert!(holder.contains(&format!("process {}", std::process::id())), "{holder}");
        }
        other => panic!("{other}"),
    }
    first.check().await.unwrap();
}

#[tokio::test]
async fn a_folder_that_cannot_be_one_is_named() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("file");
    File::create(&file).unwrap();
    for bad in [file.clone(), file.join("below")] {
        match open(&bad).await.unwrap_err() {
            Error::Unusable { path, reason } => {
                assert_eq!(path, bad);
                assert!(reason.contains("directory"), "{reason}");
            }
            other => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn only_the_owner_may_look_into_the_folder() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("deep/data");
    let store = open(&path).await.unwrap();
    fill(&store, 2).await;
    for inside in ["", "db", "blobs"] {
        let mode = fs::metadata(path.join(inside)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{inside}");
    }
}

#[tokio::test]
async fn a_snapshot_that_was_not_finished_is_cleared_away() {
    let (folder, threads) = filled().await;
    let left = folder.path().join("db/snap.0000000000001234.generating");
    fs::write(&left, b"half").unwrap();
    check(&open(folder.path()).await.unwrap(), &threads).await;
    assert!(!left.exists());
}

#[tokio::test]
async fn a_damaged_database_is_an_error_and_stays_as_it_is() {
    let (sound, threads) = filled().await;
    let log = fs::read(sound.path().join("db/db")).unwrap();
    let mut refused = 0;
    for part in 0..8 {
        let folder = tempdir().unwrap();
        copy(sound.path(), folder.path());
        let path = folder.path().join("db/db");
        let mut file = OpenOptions::new().write(true).open(&path).unwrap();
        file.seek(SeekFrom::Start((log.len() / 8 * part) as u64)).unwrap();
        file.write_all(&vec![0xA5; log.len() / 8]).unwrap();
        drop(file);
        let answer = match open(folder.path()).await {
            Ok(store) => {
                let mut answer = Ok(());
                for thread in &threads {
                    match store.thread(thread.id).await {
                        Ok(found) => assert_eq!(found.as_ref(), Some(thread), "silently lost"),
                        Err(error) => answer = Err(error),
                    }
                }
                answer
            }
            Err(error) => Err(error),
        };
        if let Err(error) = answer {
            let known = matches!(error, Error::Damaged { .. } | Error::Unusable { .. });
            assert!(known, "{error}");
            refused += 1;
        }
        assert!(path.exists());
    }
    assert!(refused > 0, "no damage was seen");
}

#[tokio::test]
async fn a_missing_blob_is_an_error_for_those_who_need_it() {
    let (folder, threads) = filled().await;
    fs::remove_dir_all(folder.path().join("blobs")).unwrap();
    let store = open(folder.path()).await.unwrap();
    check(&store, &threads[..1]).await;
    let missing = store.thread(threads[1].id).await;
    assert!(matches!(missing, Err(Error::Damaged { .. })), "{missing:?}");
    store.check().await.unwrap();
}

#[tokio::test]
async fn a_backup_holds_one_instant_and_can_be_restored() {
    let folder = tempdir().unwrap();
    let data = folder.path().join("data");
    let store = std::sync::Arc::new(open(&data).await.unwrap());
    fs::write(data.join(WEBHOOK_SECRET), "whsec_made_up\n").unwrap();
    let threads = fill(&store, 30).await;
    let writing = {
        let store = store.clone();
        tokio::spawn(async move { fill(&store, 60).await })
    };
    let target = folder.path().join("backup");
    let backup = store.backup(&target, now()).await.unwrap();
    let later = writing.await.unwrap();
    check(&store, &later).await;
    assert_eq!(backup.path, target);
    assert!(backup.files > 15 && backup.bytes > 15 * 20_000, "{backup:?}");

    let again = store.backup(&target, now()).await.unwrap_err();
    assert!(again.to_string().contains("not empty"), "{again}");
    let over = restore(&target, &data).unwrap_err();
    assert!(over.to_string().contains(&data.display().to_string()), "{over}");

    let restored = folder.path().join("restored");
    fs::create_dir_all(folder.path().join("restored.partial/left")).unwrap();
    assert_eq!(restore(&target, &restored).unwrap().files, backup.files);
    for copy in [&target, &restored] {
        let secret = copy.join(WEBHOOK_SECRET);
        assert_eq!(std::fs::read_to_string(&secret).unwrap(), "whsec_made_up\n");
        let mode = std::fs::metadata(&secret).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    assert!(!folder.path().join("restored.partial").exists());
    let copy = open(&restored).await.unwrap();
    check(&copy, &threads).await;
    let mut gaps = 0;
    for thread in &later {
        match copy.thread(thread.id).await.unwrap() {
            Some(found) => {
                assert!(gaps == 0 && found == *thread, "a later write without an earlier")
            }
            None => gaps += 1,
        }
    }
    fill(&copy, 4).await;
    copy.close().await.unwrap();
    check(&store, &threads).await;
}

#[tokio::test]
async fn a_backup_that_was_tampered_with_is_refused() {
    let folder = tempdir().unwrap();
    let (data, _) = filled().await;
    let store = open(data.path()).await.unwrap();
    let backup = folder.path().join("backup");
    store.backup(&backup, now()).await.unwrap();
    store.close().await.unwrap();
    let target = folder.path().join("target");
    let refused = |changed: &Path| {
        let error = restore(&backup, &target).unwrap_err();
        assert!(error.to_string().contains(&changed.display().to_string()), "{error}");
        assert!(!target.exists() && !folder.path().join("target.partial").exists());
    };

    let log = backup.join("db/db");
    let mut bytes = Vec::new();
    File::open(&log).unwrap().read_to_end(&mut bytes).unwrap();
    let mut changed = bytes.clone();
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    fs::write(&log, &changed).unwrap();
    refused(&log);
    fs::write(&log, &bytes).unwrap();

    let list = backup.join("backup.json");
    let text = fs::read_to_string(&list).unwrap();
    fs::write(&list, text.replacen("\"db/", "\"../db/", 1)).unwrap();
    refused(&backup);
    fs::write(&list, text.replacen("\"format\": 1", "\"format\": 2", 1)).unwrap();
    assert!(matches!(restore(&backup, &target), Err(Error::TooNew { found: 2, .. })));
    fs::remove_file(&list).unwrap();
    refused(&list);
    fs::write(&list, &text).unwrap();
    restore(&backup, &target).unwrap();
}
