use wakeful_core::{Object, Run, RunId, RunStatus, ThreadId};

use super::fires;
use super::journal;
use super::keys;
use super::lanes;
use super::outbox;
use super::own_crons;
use super::table::Table;
use super::threads::{self, Legacy};
use super::tx::Tx;
use crate::record::{Docs, StoredLease, StoredRun, StoredThread};
use crate::{Error, Inserted, NewRun, Page, RunQuery};

/// A run to insert, with its large parts written.
pub(super) struct Prepared {
    pub(super) run: StoredRun,
    pub(super) thread: Option<StoredThread>,
    pub(super) thread_metadata: Object,
    pub(super) held: bool,
}

/// What came of it.
pub(super) enum Insertion {
    New(StoredRun),
    /// The id was taken, by this: the same request came twice.
    Known(StoredRun),
    NoThread,
    Busy,
}

impl Prepared {
    pub(super) fn new(new: &NewRun, docs: &Docs) -> Result<Self, Error> {
        Ok(Self {
            run: StoredRun::new(&new.run, docs)?,
            thread: new.create_thread.as_ref().map(|t| StoredThread::new(t, docs)).transpose()?,
            thread_metadata: new.thread_metadata.clone(),
            held: new.held,
        })
    }
}

impl Insertion {
    pub(super) fn open(self, docs: &Docs) -> Result<Inserted, Error> {
        Ok(match self {
            Self::New(run) => Inserted::Run(Box::new(run.open(None, docs)?)),
            Self::Known(run) => Inserted::Known(Box::new(run.open(None, docs)?)),
            Self::NoThread => Inserted::NoThread,
            Self::Busy => Inserted::Busy,
        })
    }
}

/// Inserts a pending run, unless it says that the thread must be idle and the thread is not.
pub(super) fn insert(tx: &mut Tx<'_>, new: Prepared) -> Result<Insertion, Error> {
    let rejects = new.run.multitask == wakeful_core::MultitaskStrategy::Reject;
    let known = tx.has(Table::Runs, new.run.id.as_bytes())?;
    if rejects && !known && threads::busy(tx, new.run.thread)? {
        return Ok(Insertion::Busy);
    }
    queue(tx, new)
}

/// Inserts pending runs, or none if one cannot be.
pub(super) fn insert_all(tx: &mut Tx<'_>, new: Vec<Prepared>) -> Result<Vec<Insertion>, Error> {
    let mut inserted = Vec::with_capacity(new.len());
    for new in new {
        let insertion = insert(tx, new)?;
        let is_new = matches!(insertion, Insertion::New(_));
        inserted.push(insertion);
        if !is_new {
            tx.forget();
            break;
        }
    }
    Ok(inserted)
}

/// Inserts a pending run, whatever its thread is doing.
pub(super) fn queue(tx: &mut Tx<'_>, new: Prepared) -> Result<Insertion, Error> {
    let mut run = new.run;
    if let Some(known) = tx.load::<StoredRun>(run.id.as_bytes())? {
        return Ok(Insertion::Known(known));
    }
    let known = tx.load::<StoredThread>(run.thread.as_bytes())?;
    let Some(thread) = known.or(new.thread.filter(|thread| thread.id == run.thread)) else {
        return Ok(Insertion::NoThread);
    };
    fires::join(tx, &mut run, new.held)?;
    tx.save(run.id.as_bytes(), &run)?;
    for (table, key) in index_keys(&run) {
        tx.put(table, &key, Vec::new())?;
    }
    lanes::enqueue(tx, &run)?;
    lanes::refresh(tx, run.thread)?;
    threads::begin(tx, thread, &run, &new.thread_metadata)?;
    Ok(Insertion::New(run))
}

/// The entries of a run in the indexes that outlive its end.
fn index_keys(run: &StoredRun) -> impl Iterator<Item = (Table, Vec<u8>)> {
    [
        Some((Table::RunsByThread, keys::owned(run.thread.as_bytes(), run.created, run.id))),
        Some((Table::RunsByTime, keys::timed(run.created, run.id.as_bytes()))),
        run.cron()
            .map(|cron| (Table::RunsByCron, keys::owned(cron.as_bytes(), run.created, run.id))),
    ]
    .into_iter()
    .flatten()
}

/// Removes every trace of a run. Its thread's lane is for the caller to set.
pub(super) fn remove(tx: &mut Tx<'_>, run: &StoredRun) -> Result<(), Error> {
    tx.remove(Table::Runs, run.id.as_bytes());
    tx.remove(Table::Running, run.id.as_bytes());
    for (table, key) in index_keys(run) {
        tx.remove(table, &key);
    }
    if let Some(ended) = run.ended {
        tx.remove(Table::Orphans, &keys::timed(ended, run.id.as_bytes()));
    }
    lanes::dequeue(tx, run);
    if !run.status.is_final() {
        fires::leave(tx, run)?;
        journal::forget(tx, run.id)?;
    }
    outbox::remove_of_run(tx, run)
}

/// Notes that the run's thread is going, so that the run can go when it is old.
pub(super) fn orphan(tx: &mut Tx<'_>, run: &StoredRun) -> Result<(), Error> {
    let ended = run.ended.unwrap_or(run.created);
    tx.put(Table::Orphans, &keys::timed(ended, run.id.as_bytes()), Vec::new())
}

/// Every run of a thread.
pub(super) fn of_thread(tx: &Tx<'_>, thread: ThreadId) -> Result<Vec<StoredRun>, Error> {
    let mut found = Vec::new();
    for entry in tx.scan(Table::RunsByThread, thread.as_bytes()) {
        let (key, _) = entry?;
        found.extend(tx.load::<StoredRun>(keys::last_run(&key)?.as_bytes())?);
    }
    Ok(found)
}

/// Deletes a run that is not running, and what it did to its thread.
pub(super) fn delete(tx: &mut Tx<'_>, id: RunId) -> Result<bool, Error> {
    let Some(run) = tx.load::<StoredRun>(id.as_bytes())? else { return Ok(false) };
    if run.status == RunStatus::Running {
        return Ok(false);
    }
    remove(tx, &run)?;
    if run.status == RunStatus::Pending {
        lanes::refresh(tx, run.thread)?;
        threads::settle(tx, run.thread, Legacy::default())?;
    } else {
        threads::revert(tx, run.thread, id)?;
        own_crons::remove_made_by(tx, run.thread, id)?;
    }
    Ok(true)
}

pub(super) fn get(tx: &Tx<'_>, id: RunId) -> Result<Option<Run>, Error> {
    tx.load::<StoredRun>(id.as_bytes())?.map(|run| open(tx, run)).transpose()
}

pub(super) fn open(tx: &Tx<'_>, run: StoredRun) -> Result<Run, Error> {
    let lease = match run.status {
        RunStatus::Running => tx.load::<StoredLease>(run.id.as_bytes())?,
        _ => None,
    };
    run.open(lease, tx.docs())
}

pub(super) fn list(tx: &Tx<'_>, query: &RunQuery) -> Result<Page<Run>, Error> {
    let index = match (query.thread_id, query.cron_id) {
        (Some(thread), _) => tx.scan(Table::RunsByThread, thread.as_bytes()),
        (None, Some(cron)) => tx.scan(Table::RunsByCron, cron.as_bytes()),
        (None, None) => tx.scan(Table::RunsByTime, &[]),
    };
    let load = |id: RunId| tx.load::<StoredRun>(id.as_bytes());
    // Without a filter that the index does not answer, only the runs of the page are read.
    let filtered = query.status.is_some() || query.thread_id.is_some() && query.cron_id.is_some();
    let matches = |run: &StoredRun| {
        query.status.is_none_or(|status| status == run.status)
            && query.cron_id.is_none_or(|cron| run.cron() == Some(cron))
    };
    let mut page = Page { items: Vec::new(), total: 0 };
    for entry in index.rev() {
        let id = keys::last_run(&entry?.0)?;
        let mut run = None;
        if filtered {
            run = load(id)?.filter(matches);
            if run.is_none() {
                continue;
            }
        }
        let place = page.total;
        page.total += 1;
        if place < query.offset || page.items.len() >= query.limit {
            continue;
        }
        if run.is_none() {
            run = load(id)?;
        }
        page.items.extend(run.map(|run| open(tx, run)).transpose()?);
    }
    Ok(page)
}
