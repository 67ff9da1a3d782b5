//! What clients do to threads and their states.

use std::collections::HashSet;

use async_trait::async_trait;
use wakeful_core::{Checkpoint, CheckpointId, Thread, ThreadId, ThreadStatus, Timestamp};

use super::table::Table;
use super::tx::Tx;
use super::{SledStore, checkpoints, expiry, threads};
use crate::folder::Purpose::{Begin, End};
use crate::record::{Docs, Draft, StoredCheckpoint, StoredThread, StoredTtl};
use crate::{CopyThread, Created, Error, Expired, Put, PutCheckpoint, StateStore, ThreadPatch};

#[async_trait]
impl StateStore for SledStore {
    async fn seed_thread(
        &self,
        thread: Thread,
        checkpoints: Vec<Checkpoint>,
    ) -> Result<Created<Thread>, Error> {
        let (new, drafts) = self
            .docs(move |docs| {
                let drafts = checkpoints.iter().map(|it| Draft::new(it, docs));
                Ok((StoredThread::new(&thread, docs)?, drafts.collect::<Result<Vec<_>, _>>()?))
            })
            .await?;
        let created = self.write(Begin, |tx| seed(tx, new, drafts)).await?;
        self.docs(|docs| created.open(docs)).await
    }

    async fn update_thread(&self, patch: ThreadPatch) -> Result<Option<Thread>, Error> {
        let updated = self.write(Begin, move |tx| update(tx, &patch)).await?;
        self.docs(|docs| updated.map(|thread| thread.open(docs)).transpose()).await
    }

    async fn copy_thread(&self, copy: CopyThread) -> Result<Option<Thread>, Error> {
        // A sweep that has read the copy's place already has not seen what the copy names.
        let _alone = self.housekeeping.lock().await;
        let copied = self.write(Begin, move |tx| self::copy(tx, &copy)).await?;
        self.docs(|docs| copied.map(|thread| thread.open(docs)).transpose()).await
    }

    async fn put_checkpoint(&self, put: PutCheckpoint) -> Result<Put, Error> {
        let (seen, now) = (put.seen, put.now);
        let (thread, parent) = (put.checkpoint.thread_id, put.checkpoint.parent);
        let draft = self.docs(move |docs| Draft::new(&put.checkpoint, docs)).await?;
        let place = Place { thread, parent, seen };
        self.write(Begin, move |tx| self::put(tx, place, draft, now)).await
    }

    async fn keep_latest(&self, id: ThreadId) -> Result<Option<usize>, Error> {
        // See `SledStore::delete_run`.
        let _alone = self.housekeeping.lock().await;
        self.write(End, move |tx| match tx.has(Table::Threads, id.as_bytes())? {
            true => checkpoints::keep_latest(tx, id).map(Some),
            false => Ok(None),
        })
        .await
    }

    async fn next_expiry(&self) -> Result<Option<Timestamp>, Error> {
        self.read(expiry::next).await
    }

    async fn expire_threads(&self, now: Timestamp, limit: usize) -> Result<Vec<Expired>, Error> {
        let _alone = self.housekeeping.lock().await;
        match self.write(End, move |tx| expiry::expire(tx, now, limit)).await {
            Err(error) if error.is_damage() => self.expire_singly(now, limit).await,
            done => done,
        }
    }
}

impl SledStore {
    /// Lets threads expire each for itself, so that one with damage keeps no other. Such a thread
    /// stays.
    async fn expire_singly(&self, now: Timestamp, limit: usize) -> Result<Vec<Expired>, Error> {
        let mut expired = Vec::new();
        for key in self.read(move |tx| expiry::due(tx, now, limit)).await? {
            let entry = key.clone();
            match self.write(End, move |tx| expiry::expire_one(tx, &entry)).await {
                Ok(found) => expired.extend(found),
                Err(error) if error.is_damage() => {
                    let thread = expiry::thread_of(&key).map(|id| id.to_string());
                    let thread_id = thread.unwrap_or_default();
                    tracing::error!(%thread_id, %error, "a thread whose time is over cannot be read; it stays");
                    // It would be found again and again.
                    self.write(End, move |tx| {
                        tx.remove(Table::Expiries, &key);
                        Ok(())
                    })
                    .await?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(expired)
    }
}

impl Created<StoredThread> {
    pub(super) fn open(self, docs: &Docs) -> Result<Created<Thread>, Error> {
        match self {
            Self::New(thread) => thread.open(docs).map(Created::New),
            Self::Existing(thread) => thread.open(docs).map(Created::Existing),
        }
    }
}

fn seed(
    tx: &mut Tx<'_>,
    new: StoredThread,
    drafts: Vec<Draft>,
) -> Result<Created<StoredThread>, Error> {
    let mut thread = match threads::create(tx, new)? {
        Created::New(thread) => thread,
        known @ Created::Existing(_) => return Ok(known),
    };
    let now = thread.updated;
    let mut head: Option<StoredCheckpoint> = None;
    for draft in drafts {
        let parent = head.as_ref().map(|head| head.id);
        head = Some(checkpoints::push(tx, &mut thread, head.as_ref(), draft, parent, now)?);
    }
    thread.status = standing(head.as_ref());
    tx.save(thread.id.as_bytes(), &thread)?;
    Ok(Created::New(thread))
}

fn update(tx: &mut Tx<'_>, patch: &ThreadPatch) -> Result<Option<StoredThread>, Error> {
    let key = patch.id.as_bytes();
    let Some(mut thread) = tx.load::<StoredThread>(key)? else { return Ok(None) };
    thread.patch_metadata(&patch.metadata, tx.docs())?;
    if let Some(ttl) = patch.ttl {
        thread.ttl = ttl.map(StoredTtl::new);
    }
    thread.updated = patch.now;
    expiry::restart(tx, &mut thread, patch.now)?;
    tx.save(key, &thread)?;
    Ok(Some(thread))
}

fn copy(tx: &mut Tx<'_>, copy: &CopyThread) -> Result<Option<StoredThread>, Error> {
    let source = tx.load::<StoredThread>(copy.from.as_bytes())?;
    let Some(mut thread) = source else { return Ok(None) };
    let taken: Vec<StoredCheckpoint> = tx
        .scan(Table::Checkpoints, copy.from.as_bytes())
        .take(copy.limit)
        .map(|entry| tx.read(&entry?.1))
        .collect::<Result<_, _>>()?;
    let ids: HashSet<_> = taken.iter().map(|checkpoint| checkpoint.id).collect();
    thread.id = copy.to;
    (thread.created, thread.updated, thread.state_updated) = (copy.now, copy.now, copy.now);
    (thread.temporary, thread.leaving, thread.error) = (false, false, None);
    thread.status = standing(taken.first());
    thread.expires = None;
    for mut checkpoint in taken {
        checkpoint.thread = copy.to;
        checkpoint.parent = checkpoint.parent.filter(|parent| ids.contains(parent));
        checkpoints::save(tx, &checkpoint)?;
    }
    expiry::restart(tx, &mut thread, copy.now)?;
    tx.save(copy.to.as_bytes(), &thread)?;
    Ok(Some(thread))
}

/// Where a checkpoint is to go.
struct Place {
    thread: ThreadId,
    parent: Option<CheckpointId>,
    seen: Option<CheckpointId>,
}

fn put(tx: &mut Tx<'_>, place: Place, draft: Draft, now: Timestamp) -> Result<Put, Error> {
    let key = *place.thread.as_bytes();
    let Some(mut thread) = tx.load::<StoredThread>(&key)? else { return Ok(Put::NoThread) };
    if threads::busy(tx, place.thread)? {
        return Ok(Put::Busy);
    }
    let head = checkpoints::head(tx, place.thread)?;
    let parent_is_there = match place.parent {
        Some(parent) => checkpoints::find(tx, place.thread, parent)?.is_some(),
        None => true,
    };
    if head.as_ref().map(|head| head.id) != place.seen || !parent_is_there {
        return Ok(Put::Moved);
    }
    let next = checkpoints::push(tx, &mut thread, head.as_ref(), draft, place.parent, now)?;
    (thread.status, thread.error) = (standing(Some(&next)), None);
    thread.updated = now;
    expiry::restart(tx, &mut thread, now)?;
    tx.save(&key, &thread)?;
    Ok(Put::Written)
}

/// The status of a thread that stands at this checkpoint and does nothing.
pub(super) fn standing(head: Option<&StoredCheckpoint>) -> ThreadStatus {
    match head {
        Some(head) if head.pending.is_some() => ThreadStatus::Interrupted,
        _ => ThreadStatus::Idle,
    }
}
