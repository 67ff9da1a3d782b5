//! When threads go that nobody uses. A thread has an entry while its time runs; a busy one has
//! none, so a claim of what is due never meets one.

use wakeful_core::{Expiry, ThreadId, ThreadStatus, Timestamp};

use super::keys::{self, Parts};
use super::table::Table;
use super::tx::Tx;
use super::{checkpoints, threads};
use crate::record::{StoredThread, StoredTtl};
use crate::{Error, Expired};

/// Restarts the time of a thread that was used at `now`, once its status has been set.
pub(super) fn restart(
    tx: &mut Tx<'_>,
    thread: &mut StoredThread,
    now: Timestamp,
) -> Result<(), Error> {
    forget(tx, thread);
    thread.expires = thread.ttl.map(|ttl| StoredTtl::open(ttl).expires_at(now));
    note(tx, thread)
}

/// Lets the time of a thread run that has one and is not busy.
pub(super) fn note(tx: &mut Tx<'_>, thread: &StoredThread) -> Result<(), Error> {
    match thread.expires {
        Some(at) if thread.status != ThreadStatus::Busy => {
            tx.put(Table::Expiries, &keys::timed(at, thread.id.as_bytes()), Vec::new())
        }
        _ => Ok(()),
    }
}

/// Stops the time of a thread.
pub(super) fn forget(tx: &mut Tx<'_>, thread: &StoredThread) {
    if let Some(at) = thread.expires {
        tx.remove(Table::Expiries, &keys::timed(at, thread.id.as_bytes()));
    }
}

/// When the next thread expires.
pub(super) fn next(tx: &Tx<'_>) -> Result<Option<Timestamp>, Error> {
    tx.first(Table::Expiries, &[])?.map(|(key, _)| Parts(&key).time()).transpose()
}

/// What has expired: the keys of its entries.
pub(super) fn due(tx: &Tx<'_>, now: Timestamp, limit: usize) -> Result<Vec<Vec<u8>>, Error> {
    let due = tx.range(Table::Expiries, ..=keys::timed(now, &[u8::MAX; 16]));
    due.take(limit).map(|found| Ok(found?.0.to_vec())).collect()
}

/// Deletes or shrinks what has expired.
pub(super) fn expire(tx: &mut Tx<'_>, now: Timestamp, limit: usize) -> Result<Vec<Expired>, Error> {
    let mut expired = Vec::new();
    for key in due(tx, now, limit)? {
        expired.extend(expire_one(tx, &key)?);
    }
    Ok(expired)
}

/// Deletes or shrinks the thread of one entry.
pub(super) fn expire_one(tx: &mut Tx<'_>, key: &[u8]) -> Result<Option<Expired>, Error> {
    if !tx.has(Table::Expiries, key)? {
        // The thread was used meanwhile.
        return Ok(None);
    }
    tx.remove(Table::Expiries, key);
    let id = thread_of(key)?;
    let Some(mut thread) = tx.load::<StoredThread>(id.as_bytes())? else { return Ok(None) };
    match thread.ttl.map(|ttl| ttl.open().expiry) {
        Some(Expiry::Delete) => {
            threads::delete(tx, id)?;
            Ok(Some(Expired::Deleted(id)))
        }
        Some(Expiry::KeepLatest) => {
            let taken = checkpoints::keep_latest(tx, id)?;
            thread.expires = None;
            tx.save(id.as_bytes(), &thread)?;
            Ok(Some(Expired::Shrunk(id, taken)))
        }
        None => Ok(None),
    }
}

/// The thread of an entry.
pub(super) fn thread_of(key: &[u8]) -> Result<ThreadId, Error> {
    let mut parts = Parts(key);
    parts.time()?;
    Ok(ThreadId::from_bytes(parts.id()?))
}
