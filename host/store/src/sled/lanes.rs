//! The queue: every busy thread has a lane, and a lane offers at most one run at a time. So a
//! claim costs the same however many runs wait, and a backlog on one thread delays no other.

use wakeful_core::{RunId, RunStatus, ThreadId, Timestamp};

use super::backlog::Change;
use super::keys::{self, Parts};
use super::table::Table;
use super::tx::Tx;
use crate::Error;
use crate::record::StoredRun;

/// What a busy thread is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    /// It has pending runs; the first may begin at this instant.
    Ready(Timestamp),
    /// It has a running run.
    Running(RunId),
}

impl Lane {
    pub(super) fn encode(self) -> Vec<u8> {
        match self {
            Self::Ready(at) => keys::join(&[&[0], &keys::time(at)]),
            Self::Running(run) => keys::join(&[&[1], run.as_bytes()]),
        }
    }

    fn decode(bytes: &[u8]) -> Result<Self, Error> {
        match bytes.split_first() {
            Some((0, rest)) => Parts(rest).time().map(Self::Ready),
            Some((1, rest)) => keys::last_run(rest).map(Self::Running),
            _ => Err(Error::Damaged { what: "lane", reason: "no such kind".to_owned() }),
        }
    }
}

/// The lane of a thread; none while it is idle.
pub(super) fn lane(tx: &Tx<'_>, thread: ThreadId) -> Result<Option<Lane>, Error> {
    tx.get(Table::Lanes, thread.as_bytes())?.map(|bytes| Lane::decode(&bytes)).transpose()
}

/// Adds a pending run.
pub(super) fn enqueue(tx: &mut Tx<'_>, run: &StoredRun) -> Result<(), Error> {
    tx.note(Change::Added(run.available));
    let available = keys::time(run.available).to_vec();
    tx.put(Table::Pending, &keys::owned(run.thread.as_bytes(), run.created, run.id), available)?;
    tx.put(Table::Waiting, &keys::owned(run.thread.as_bytes(), run.available, run.id), Vec::new())
}

/// Removes a run that is no longer pending from now on, if it is.
pub(super) fn dequeue(tx: &mut Tx<'_>, run: &StoredRun) {
    if run.status == RunStatus::Pending {
        tx.note(Change::Taken(run.available));
    }
    tx.remove(Table::Pending, &keys::owned(run.thread.as_bytes(), run.created, run.id));
    tx.remove(Table::Waiting, &keys::owned(run.thread.as_bytes(), run.available, run.id));
}

/// Notes that a run of the thread is running.
pub(super) fn occupy(tx: &mut Tx<'_>, thread: ThreadId, run: RunId) -> Result<(), Error> {
    set(tx, thread, Some(Lane::Running(run)))
}

/// Notes that no run of the thread is running: offers the next one that waits. Returns whether the
/// thread is still busy.
pub(super) fn free(tx: &mut Tx<'_>, thread: ThreadId) -> Result<bool, Error> {
    let next = match tx.first(Table::Waiting, thread.as_bytes())? {
        Some((key, _)) => {
            let mut parts = Parts(&key);
            parts.id()?;
            Some(Lane::Ready(parts.time()?))
        }
        None => None,
    };
    set(tx, thread, next)?;
    Ok(next.is_some())
}

/// Offers what waits, unless a run is running. Returns whether the thread is busy.
pub(super) fn refresh(tx: &mut Tx<'_>, thread: ThreadId) -> Result<bool, Error> {
    match lane(tx, thread)? {
        Some(Lane::Running(_)) => Ok(true),
        Some(Lane::Ready(_)) | None => free(tx, thread),
    }
}

/// The oldest pending run of the thread among those that may begin at `now`.
pub(super) fn next(tx: &Tx<'_>, thread: ThreadId, now: Timestamp) -> Result<Option<RunId>, Error> {
    for entry in tx.scan(Table::Pending, thread.as_bytes()) {
        let (key, available) = entry?;
        if Parts(&available).time()? <= now {
            return keys::last_run(&key).map(Some);
        }
    }
    Ok(None)
}

fn set(tx: &mut Tx<'_>, thread: ThreadId, lane: Option<Lane>) -> Result<(), Error> {
    let before = self::lane(tx, thread)?;
    if before == lane {
        return Ok(());
    }
    if let Some(Lane::Ready(at)) = before {
        tx.remove(Table::Ready, &keys::timed(at, thread.as_bytes()));
    }
    if let Some(Lane::Ready(at)) = lane {
        tx.put(Table::Ready, &keys::timed(at, thread.as_bytes()), Vec::new())?;
    }
    match lane {
        Some(lane) => tx.put(Table::Lanes, thread.as_bytes(), lane.encode()),
        None => {
            tx.remove(Table::Lanes, thread.as_bytes());
            Ok(())
        }
    }
}
