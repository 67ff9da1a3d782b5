//! The backend in a folder of this machine: sled for records, files for what is large.
//!
//! One thread owns all writes. It takes what is queued and applies one transaction for each
//! request; another makes each group durable, once, and only then answers it, while the next group is
//! being applied. Readers use the trees directly. What is
//! larger than sled takes well is a blob, durable before the transaction that names it.

mod api_keys;
mod assistant_store;
mod assistants;
mod backend;
mod backlog;
mod backup;
mod checkpoints;
mod crons;
mod departure;
mod events;
mod expiry;
mod faults;
mod fire_backend;
mod fires;
mod inner;
mod item_backend;
mod item_keys;
mod items;
mod jobs;
mod journal;
mod keys;
mod lanes;
mod open;
mod outbox;
mod own_crons;
mod paging;
mod queue;
mod repair;
mod runs;
mod scan;
mod states;
mod stats;
mod sweep;
mod sync;
mod table;
mod threads;
mod tx;
mod watchdog;
mod writer;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;

use self::faults::Hook;
#[cfg(feature = "faults")]
pub use self::faults::{Faults, Step};
use self::inner::Inner;
use self::jobs::Rank;
use self::tx::Tx;
use self::writer::Writer;
use crate::Error;
use crate::folder::Purpose;
use crate::record::Docs;

/// How to open a data folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SledConfig {
    /// The folder; created if there is none.
    pub path: PathBuf,
    /// How many bytes of pages are cached, as they are on the disk. In memory they take about four
    /// times as much.
    pub cache_bytes: u64,
    /// How many bytes of the disk stay free: nothing new is written below, and the last quarter is
    /// not used for anything.
    pub min_free_bytes: u64,
    /// Whether to abort the process when the disk takes no writes for half a minute, as sled can
    /// hang on a full one. Whoever supervises the process starts it again.
    pub watchdog: bool,
}

impl SledConfig {
    /// 16 MiB of cache, 256 MiB kept free, with the watchdog.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), cache_bytes: 16 << 20, min_free_bytes: 256 << 20, watchdog: true }
    }
}

/// A store in a data folder that this process alone has open.
///
/// Needs a tokio runtime. Dropping it leaves the folder to the next that opens it;
/// [`Store::close`](crate::Store::close) does so at once, and spares that one a check.
pub struct SledStore {
    inner: RwLock<Option<Arc<Inner>>>,
    writer: Writer,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// Held by what relies on blobs to stay, or deletes them.
    housekeeping: tokio::sync::Mutex<()>,
}

impl SledStore {
    /// Opens the folder, and takes it for this process alone. After an unclean end it checks the
    /// indexes first, which takes seconds for a million records.
    ///
    /// # Errors
    /// [`Error::InUse`] if another program has it, [`Error::TooNew`] if a newer one wrote it,
    /// [`Error::Full`] if its disk has next to no room, [`Error::Damaged`] if the database cannot
    /// be read, and [`Error::Unusable`] for everything else.
    pub async fn open(config: SledConfig) -> Result<Self, Error> {
        Self::open_with(config, Hook::default()).await
    }

    /// Like [`SledStore::open`], on a disk that does as `faults` says.
    #[cfg(feature = "faults")]
    pub async fn open_on(config: SledConfig, faults: Arc<dyn Faults>) -> Result<Self, Error> {
        Self::open_with(config, Hook { faults: Some(faults) }).await
    }

    async fn open_with(config: SledConfig, hook: Hook) -> Result<Self, Error> {
        blocking(move || {
            let (inner, writer, thread) = open::open(&config, hook)?;
            Ok(Self {
                inner: RwLock::new(Some(inner)),
                writer,
                thread: Mutex::new(Some(thread)),
                housekeeping: tokio::sync::Mutex::new(()),
            })
        })
        .await
    }

    fn inner(&self) -> Result<Arc<Inner>, Error> {
        let inner = self.inner.read().unwrap_or_else(PoisonError::into_inner).clone();
        let inner = inner.ok_or_else(writer::gone)?;
        inner.alive()?;
        Ok(inner)
    }

    /// Reads, off the async threads.
    async fn read<T, F>(&self, work: F) -> Result<T, Error>
    where
        F: FnOnce(&Tx<'_>) -> Result<T, Error> + Send + 'static,
        T: Send + 'static,
    {
        let inner = self.inner()?;
        if inner.hook.is_on() {
            return work(&Tx::new(&inner));
        }
        blocking(move || work(&Tx::new(&inner))).await
    }

    /// Writes or reads large parts, off the async threads.
    async fn docs<T, F>(&self, work: F) -> Result<T, Error>
    where
        F: FnOnce(&Docs) -> Result<T, Error> + Send + 'static,
        T: Send + 'static,
    {
        let inner = self.inner()?;
        if inner.hook.is_on() {
            return work(&inner.docs);
        }
        blocking(move || work(&inner.docs)).await
    }

    /// Runs one transaction, and waits until it is durable.
    async fn write<T, F>(&self, purpose: Purpose, work: F) -> Result<T, Error>
    where
        F: FnOnce(&mut Tx<'_>) -> Result<T, Error> + Send + 'static,
        T: Send + 'static,
    {
        self.write_as(Rank::Asked, purpose, work).await
    }

    /// Runs one transaction in the turn of a rank, and waits until it is durable.
    async fn write_as<T, F>(&self, rank: Rank, purpose: Purpose, work: F) -> Result<T, Error>
    where
        F: FnOnce(&mut Tx<'_>) -> Result<T, Error> + Send + 'static,
        T: Send + 'static,
    {
        let inner = self.inner()?;
        let answer = self.writer.submit(rank, purpose, work).await?;
        answer.await.unwrap_or_else(|_| {
            inner.alive()?;
            Err(writer::gone())
        })
    }

    async fn end(&self) -> Result<(), Error> {
        let closed = self.writer.close().await;
        let inner = self.inner.write().unwrap_or_else(PoisonError::into_inner).take();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        blocking(move || {
            if let Some(thread) = thread {
                // It has answered, or it panicked and said so in the log.
                let _ = thread.join();
            }
            drop(inner);
            Ok(())
        })
        .await?;
        closed
    }
}

impl std::fmt::Debug for SledStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SledStore").finish_non_exhaustive()
    }
}

/// Runs what blocks. sled panics on some kinds of damage, which is reported as such.
async fn blocking<T, F>(work: F) -> Result<T, Error>
where
    F: FnOnce() -> Result<T, Error> + Send + 'static,
    T: Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(answer) => answer,
        Err(failed) if failed.is_panic() => {
            Err(Error::Damaged { what: "page", reason: failed.to_string() })
        }
        Err(_) => Err(Error::Stopped("the runtime is shutting down".to_owned())),
    }
}
