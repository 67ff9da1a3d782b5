use std::collections::BTreeSet;

use wakeful_core::{Expiry, Thread, ThreadId};
use wakeful_store::{CopyThread, Created, Page, ThreadPatch as StoredPatch, ThreadQuery};

use crate::taken::Claim;
use crate::updates::replay;
use crate::{CreateThread, Error, Host, ThreadPatch};

/// How many checkpoints a copy takes along, counted from the newest.
const COPIED: usize = 1_000;

impl Host {
    /// Creates a thread, with a history if supersteps are given.
    pub async fn create_thread(&self, new: CreateThread) -> Result<Thread, Error> {
        Ok(self.create_thread_once(new).await?.into_inner())
    }

    /// Creates a thread, and says whether it was there already.
    pub async fn create_thread_once(&self, new: CreateThread) -> Result<Created<Thread>, Error> {
        let keyed = new.key.map(|key| ThreadId::from(key.id()));
        let id = new.id.or(keyed).unwrap_or_else(ThreadId::generate);
        let now = self.now();
        let ttl = new.ttl.or(self.settings().retention.threads);
        let history = replay(id, &new.metadata, &new.supersteps, now)?;
        let mut thread = Thread::new(id, new.metadata, now).with_ttl(ttl, now);
        thread.request_digest = new.key.map(|key| key.digest());
        let created = if history.is_empty() {
            self.store().create_thread(thread).await?
        } else {
            self.store().seed_thread(thread, history).await?
        };
        Claim {
            what: "thread",
            chosen: new.id.map(|id| id.to_string()),
            key: new.key,
            if_exists: new.if_exists,
        }
        .settle(created, |known| known.request_digest)
    }

    /// The thread with this id.
    pub async fn thread(&self, id: ThreadId) -> Result<Thread, Error> {
        let thread = self.store().thread(id).await?;
        thread.ok_or_else(|| Error::not_found("thread", id))
    }

    /// The threads that match.
    pub async fn search_threads(&self, query: ThreadQuery) -> Result<Page<Thread>, Error> {
        Ok(self.store().search_threads(query).await?)
    }

    /// Changes a thread. Its time to live begins anew.
    pub async fn update_thread(&self, id: ThreadId, patch: ThreadPatch) -> Result<Thread, Error> {
        let ThreadPatch { metadata, ttl } = patch;
        let patch = StoredPatch { id, metadata, ttl, now: self.now() };
        let thread = self.store().update_thread(patch).await?;
        thread.ok_or_else(|| Error::not_found("thread", id))
    }

    /// Makes a thread with the values, the files and the history of another. A long history is cut
    /// to its newest thousand checkpoints.
    pub async fn copy_thread(&self, id: ThreadId) -> Result<Thread, Error> {
        let to = ThreadId::generate();
        let copy = CopyThread { from: id, to, limit: COPIED, now: self.now() };
        let copied = self.store().copy_thread(copy).await?;
        copied.ok_or_else(|| Error::not_found("thread", id))
    }

    /// Deletes threads, or takes their earlier checkpoints away. Returns how many of them there
    /// were.
    pub async fn prune_threads(&self, ids: &[ThreadId], how: Expiry) -> Result<usize, Error> {
        let mut pruned = 0;
        for id in ids.iter().copied().collect::<BTreeSet<_>>() {
            let there = match how {
                Expiry::Delete => match self.delete_thread(id).await {
                    Ok(()) => true,
                    Err(Error::NotFound { .. }) => false,
                    Err(problem) => return Err(problem),
                },
                Expiry::KeepLatest => self.store().keep_latest(id).await?.is_some(),
            };
            pruned += usize::from(there);
        }
        Ok(pruned)
    }

    /// Deletes a thread with its files, checkpoints, runs and crons, and stops what it is doing.
    pub async fn delete_thread(&self, id: ThreadId) -> Result<(), Error> {
        let running = self.store().delete_thread(id).await?;
        for run in running.ok_or_else(|| Error::not_found("thread", id))? {
            self.hub().cancel(run, false);
        }
        self.hub().end_thread(id);
        self.wake_scheduler();
        Ok(())
    }
}
