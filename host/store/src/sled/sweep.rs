use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use wakeful_core::{Digest, RunId, Timestamp};

use super::SledStore;
use super::crons;
use super::jobs::Rank;
use super::keys::{self, Parts};
use super::outbox;
use super::runs;
use super::table::Table;
use super::tx::Tx;
use crate::Error;
use crate::folder::Purpose;
use crate::record::{
    Doc, StoredAssistant, StoredCall, StoredCheckpoint, StoredCron, StoredDelivery, StoredFire,
    StoredItem, StoredRun, StoredThread, StoredVersion,
};

/// How long a blob stays that nothing names: what names it may be about to be written.
pub(super) const GRACE: Duration = Duration::from_secs(600);
/// How many records one transaction deletes.
const PORTION: usize = 100;
/// How many keys are held at a time of what is to be deleted.
const FOUND: usize = 10_000;

impl SledStore {
    /// Deletes runs that ended before `before` and whose thread is gone.
    pub(super) async fn sweep_runs(&self, before: Timestamp) -> Result<u64, Error> {
        let old: Vec<RunId> = self
            .read(move |tx| {
                tx.range(Table::Orphans, ..keys::time(before).to_vec())
                    .map(|entry| keys::last_run(&entry?.0))
                    .collect()
            })
            .await?;
        let mut deleted = 0;
        for portion in old.chunks(PORTION) {
            let portion = portion.to_vec();
            deleted +=
                self.write_as(Rank::Due, Purpose::End, move |tx| forget_runs(tx, &portion)).await?;
        }
        Ok(deleted)
    }

    /// Deletes fires that were recorded before `before`.
    pub(super) async fn sweep_fires(&self, before: Timestamp) -> Result<u64, Error> {
        let mut deleted = 0;
        let mut from = Some(Vec::new());
        while let Some(start) = from {
            let (old, next) = self.read(move |tx| old_fires(tx, start, before)).await?;
            from = next;
            deleted += old.len() as u64;
            self.forget_fires(old).await?;
        }
        Ok(deleted)
    }

    async fn forget_fires(&self, old: Vec<Vec<u8>>) -> Result<(), Error> {
        for portion in old.chunks(PORTION) {
            let portion = portion.to_vec();
            self.write_as(Rank::Due, Purpose::End, move |tx| {
                portion.iter().for_each(|key| tx.remove(Table::Fires, key));
                Ok(())
            })
            .await?;
        }
        Ok(())
    }

    /// Deletes crons that had ended before `before`.
    pub(super) async fn sweep_ended_crons(&self, before: Timestamp) -> Result<u64, Error> {
        let old = self.read(move |tx| crons::ended(tx, before)).await?;
        let mut deleted = 0;
        // Each takes its fires along.
        for portion in old.chunks(1) {
            let portion = portion.to_vec();
            let work = move |tx: &mut Tx<'_>| crons::delete_ended(tx, &portion, before);
            deleted += self.write_as(Rank::Due, Purpose::End, work).await?;
        }
        Ok(deleted)
    }

    /// Deletes blobs that nothing names and that nobody wanted for `age`.
    pub(super) async fn sweep_blobs(&self, age: Duration) -> Result<u64, Error> {
        self.read(move |tx| {
            let before = SystemTime::now().checked_sub(age).unwrap_or(SystemTime::UNIX_EPOCH);
            // Asking every record what it names takes long, and often there is no such blob.
            if !tx.docs().blobs.any(before)? {
                return Ok(0);
            }
            tx.docs().blobs.sweep(&named(tx)?, before)
        })
        .await
    }
}

/// The keys of fires that were recorded before `before`, from a key on, and the key from which to
/// look for more.
#[expect(clippy::type_complexity, reason = "a list, and where it goes on")]
fn old_fires(
    tx: &Tx<'_>,
    from: Vec<u8>,
    before: Timestamp,
) -> Result<(Vec<Vec<u8>>, Option<Vec<u8>>), Error> {
    let mut old = Vec::new();
    for entry in tx.range(Table::Fires, from..) {
        let (key, bytes) = entry?;
        if old.len() >= FOUND {
            return Ok((old, Some(key.to_vec())));
        }
        let mut parts = Parts(&key);
        parts.id()?;
        // Nothing is recorded before its instant, and most records need not be read to know that
        // they stay.
        if parts.time()? < before && tx.read::<StoredFire>(&bytes)?.recorded < before {
            old.push(key.to_vec());
        }
    }
    Ok((old, None))
}

fn forget_runs(tx: &mut Tx<'_>, ids: &[RunId]) -> Result<u64, Error> {
    let mut deleted = 0;
    for id in ids {
        let Some(run) = tx.load::<StoredRun>(id.as_bytes())? else { continue };
        // A thread of the same id may have been created anew.
        let goes = run.status.is_final() && !tx.has(Table::Threads, run.thread.as_bytes())?;
        // What a delivery tells is in the record of its run.
        if goes && !outbox::awaits(tx, &run)? {
            runs::remove(tx, &run)?;
            deleted += 1;
        }
    }
    Ok(deleted)
}

/// Every blob that a record names. Fails on the first record that cannot be read, because what it
/// names cannot be known.
fn named(tx: &Tx<'_>) -> Result<HashSet<Digest>, Error> {
    let mut named = HashSet::new();
    for assistant in tx.all::<StoredAssistant>() {
        named.extend(assistant?.definition.blob());
    }
    for version in tx.all::<StoredVersion>() {
        named.extend(version?.0.definition.blob());
    }
    for thread in tx.all::<StoredThread>() {
        named.extend(thread?.docs().filter_map(Doc::blob));
    }
    for run in tx.all::<StoredRun>() {
        named.extend(run?.docs().filter_map(Doc::blob));
    }
    for call in tx.all::<StoredCall>() {
        named.extend(call?.docs().filter_map(Doc::blob));
    }
    // After threads and runs: a delivery takes over what they name when a run ends.
    for delivery in tx.all::<StoredDelivery>() {
        named.extend(delivery?.docs().filter_map(Doc::blob));
    }
    for cron in tx.all::<StoredCron>() {
        named.extend(cron?.definition.blob());
    }
    for item in tx.all::<StoredItem>() {
        named.extend(item?.value.blob());
    }
    for checkpoint in tx.all::<StoredCheckpoint>() {
        let checkpoint = checkpoint?;
        let seen = checkpoint.files.blob().is_some_and(|files| named.contains(&files));
        if !seen {
            named.extend(StoredCheckpoint::file_blobs(&checkpoint.files, tx.docs())?);
        }
        named.extend(checkpoint.docs().filter_map(Doc::blob));
    }
    Ok(named)
}

/// Writes something, to see whether that works.
pub(super) fn note_check(tx: &mut Tx<'_>) -> Result<(), Error> {
    tx.put(Table::Meta, b"checked", Vec::new())
}

#[cfg(test)]
mod tests {
    use wakeful_core::{
        Checkpoint, CheckpointId, CheckpointSource, FileEntry, FileKind, Json, Manifest, Object,
        Thread, ThreadId,
    };

    use super::*;
    use crate::{CopyThread, SledConfig, StateStore, Store};

    #[tokio::test]
    async fn a_file_goes_with_the_last_checkpoint_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let config = SledConfig { min_free_bytes: 0, ..SledConfig::new(folder.path()) };
        let store = SledStore::open(config).await.unwrap();
        let thread = Thread::new(ThreadId::generate(), Object::new(), Timestamp::UNIX_EPOCH);
        let mut history = Vec::new();
        for text in ["old", "new"] {
            let path = folder.path().join(text);
            std::fs::write(&path, text).unwrap();
            let (digest, size) = store.put_file(&path).await.unwrap();
            let kind = FileKind::File { digest, size };
            let entries = vec![FileEntry { path: "notes".to_owned(), kind }];
            history.push(Checkpoint {
                id: CheckpointId::generate(),
                thread_id: thread.id,
                parent: None,
                run_id: None,
                step: 0,
                created_at: Timestamp::UNIX_EPOCH,
                values: Json::Null,
                files: Manifest { entries },
                pending: None,
                source: CheckpointSource::Update,
                metadata: Object::new(),
            });
        }
        let swept = async || store.sweep_blobs(Duration::ZERO).await.unwrap();
        store.seed_thread(thread.clone(), history).await.unwrap();
        assert_eq!(swept().await, 0);
        assert_eq!(store.keep_latest(thread.id).await.unwrap(), Some(1));
        assert_eq!(swept().await, 1);
        let to = ThreadId::generate();
        let copy = CopyThread { from: thread.id, to, limit: 9, now: Timestamp::UNIX_EPOCH };
        store.copy_thread(copy).await.unwrap();
        store.delete_thread(thread.id).await.unwrap();
        assert_eq!(swept().await, 0, "the copy names it");
        store.delete_thread(to).await.unwrap();
        assert_eq!(swept().await, 1);
    }
}
