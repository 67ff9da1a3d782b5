use std::cmp::Ordering;
use std::collections::BTreeSet;

use wakeful_core::{
    CheckpointId, Object, RunId, RunStatus, Thread, ThreadId, ThreadStatus, Timestamp,
};

use super::lanes;
use super::paging::page;
use super::table::Table;
use super::tx::Tx;
use super::{checkpoints, crons, expiry, runs, states};
use crate::contain::contains;
use crate::record::{Doc, Draft, StoredRun, StoredThread};
use crate::{Created, Error, Page, SortBy, ThreadQuery};

/// Inserts it unless its id is taken.
pub(super) fn create(tx: &mut Tx<'_>, new: StoredThread) -> Result<Created<StoredThread>, Error> {
    let key = *new.id.as_bytes();
    match tx.load::<StoredThread>(&key)? {
        Some(known) => Ok(Created::Existing(known)),
        None => {
            tx.save(&key, &new)?;
            expiry::note(tx, &new)?;
            Ok(Created::New(new))
        }
    }
}

pub(super) fn get(tx: &Tx<'_>, id: ThreadId) -> Result<Option<Thread>, Error> {
    tx.load::<StoredThread>(id.as_bytes())?.map(|found| found.open(tx.docs())).transpose()
}

pub(super) fn metadata(tx: &Tx<'_>, id: ThreadId) -> Result<Option<Object>, Error> {
    let thread = tx.load::<StoredThread>(id.as_bytes())?;
    thread.map(|thread| tx.docs().get(&thread.metadata, "thread")).transpose()
}

pub(super) fn search(tx: &Tx<'_>, query: &ThreadQuery) -> Result<Page<Thread>, Error> {
    let matching = |thread: Result<StoredThread, Error>| {
        let fits = |thread| Ok(matches(tx, &thread, query)?.then_some(thread));
        thread.and_then(fits).transpose()
    };
    let (by, order) = (query.sort_by, query.order);
    let compare = |a: &StoredThread, b: &StoredThread| compare(a, b, by);
    let (part, total) = match &query.ids {
        Some(ids) => {
            let ids: BTreeSet<_> = ids.iter().collect();
            let known = ids.into_iter().filter_map(|id| tx.load(id.as_bytes()).transpose());
            page(known.filter_map(matching), order, query.offset, query.limit, compare)?
        }
        None => {
            let all = tx.all::<StoredThread>().filter_map(matching);
            page(all, order, query.offset, query.limit, compare)?
        }
    };
    let items = part.into_iter().map(|thread| thread.open(tx.docs())).collect::<Result<_, _>>()?;
    Ok(Page { items, total })
}

fn matches(tx: &Tx<'_>, thread: &StoredThread, query: &ThreadQuery) -> Result<bool, Error> {
    if thread.temporary || query.status.is_some_and(|status| status != thread.status) {
        return Ok(false);
    }
    let has = |doc: Option<&Doc>, part: &Object| -> Result<bool, Error> {
        if part.is_empty() {
            return Ok(true);
        }
        let Some(doc) = doc else { return Ok(false) };
        let whole: wakeful_core::Json = tx.docs().get(doc, "thread")?;
        Ok(whole.as_object().is_some_and(|whole| contains(whole, part)))
    };
    Ok(has(Some(&thread.metadata), &query.metadata)? && has(thread.values.as_ref(), &query.values)?)
}

fn compare(a: &StoredThread, b: &StoredThread, by: SortBy) -> Ordering {
    let order = match by {
        SortBy::Id | SortBy::ThreadId => Ordering::Equal,
        SortBy::Status => a.status.as_str().cmp(b.status.as_str()),
        SortBy::UpdatedAt => a.updated.cmp(&b.updated),
        SortBy::StateUpdatedAt => a.state_updated.cmp(&b.state_updated),
        SortBy::CreatedAt | SortBy::AssistantId | SortBy::NextRunAt | SortBy::EndTime => {
            a.created.cmp(&b.created)
        }
    };
    order.then(a.id.cmp(&b.id))
}

/// Deletes the thread and everything of it; returns which of its runs were running.
pub(super) fn delete(tx: &mut Tx<'_>, id: ThreadId) -> Result<Option<Vec<RunId>>, Error> {
    if !tx.has(Table::Threads, id.as_bytes())? {
        return Ok(None);
    }
    let mut running = Vec::new();
    for run in runs::of_thread(tx, id)? {
        if run.status == RunStatus::Running {
            running.push(run.id);
        }
        runs::remove(tx, &run)?;
    }
    remove(tx, id)?;
    Ok(Some(running))
}

/// Deletes the thread, its checkpoints and its crons, but not its runs.
fn remove(tx: &mut Tx<'_>, id: ThreadId) -> Result<(), Error> {
    if let Some(thread) = tx.load::<StoredThread>(id.as_bytes())? {
        expiry::forget(tx, &thread);
    }
    let checkpoints: Vec<_> =
        tx.scan(Table::Checkpoints, id.as_bytes()).collect::<Result<_, _>>()?;
    for (key, _) in checkpoints {
        tx.remove(Table::Checkpoints, &key);
    }
    let steps: Vec<_> = tx.scan(Table::CheckpointSteps, id.as_bytes()).collect::<Result<_, _>>()?;
    for (key, _) in steps {
        tx.remove(Table::CheckpointSteps, &key);
    }
    crons::remove_of_thread(tx, id)?;
    tx.remove(Table::Threads, id.as_bytes());
    // By now no run of the thread waits, so this takes its lane away.
    lanes::free(tx, id)?;
    Ok(())
}

/// Makes the thread busy with a run that was just queued.
pub(super) fn begin(
    tx: &mut Tx<'_>,
    mut thread: StoredThread,
    run: &StoredRun,
    metadata: &Object,
) -> Result<(), Error> {
    thread.merge_metadata(metadata, tx.docs())?;
    thread.status = ThreadStatus::Busy;
    thread.error = None;
    thread.updated = thread.updated.max(run.updated);
    expiry::restart(tx, &mut thread, run.updated)?;
    tx.save(thread.id.as_bytes(), &thread)
}

/// What a run leaves to its thread when it ends.
#[derive(Debug, Default)]
pub(super) struct Legacy {
    /// Why it failed.
    pub(super) error: Option<Doc>,
    /// The new state.
    pub(super) checkpoint: Option<Draft>,
    /// The checkpoint at which it began.
    pub(super) parent: Option<CheckpointId>,
    /// The thread is to go.
    pub(super) delete: bool,
    /// When; unknown for a deletion, which does not change the thread's times.
    pub(super) now: Option<Timestamp>,
}

/// Gives the thread what a run left, and the status that follows, once the run has left the queue
/// and its lane has been set anew. A thread that was to go goes when nothing waits on it.
pub(super) fn settle(tx: &mut Tx<'_>, id: ThreadId, legacy: Legacy) -> Result<(), Error> {
    let busy = busy(tx, id)?;
    let Some(mut thread) = tx.load::<StoredThread>(id.as_bytes())? else { return Ok(()) };
    thread.leaving |= legacy.delete || thread.temporary;
    if thread.leaving && !busy {
        for run in runs::of_thread(tx, id)? {
            runs::orphan(tx, &run)?;
        }
        return remove(tx, id);
    }
    let mut head = checkpoints::head(tx, id)?;
    if let Some(draft) = legacy.checkpoint {
        let parent = legacy.parent.or(head.as_ref().map(|head| head.id));
        let now = legacy.now.unwrap_or(thread.state_updated);
        head = Some(checkpoints::push(tx, &mut thread, head.as_ref(), draft, parent, now)?);
    }
    (thread.status, thread.error) = match legacy.error {
        _ if busy => (ThreadStatus::Busy, None),
        Some(error) => (ThreadStatus::Error, Some(error)),
        None => (states::standing(head.as_ref()), None),
    };
    match legacy.now {
        Some(now) => {
            thread.updated = now;
            expiry::restart(tx, &mut thread, now)?;
        }
        None => expiry::note(tx, &thread)?,
    }
    tx.save(id.as_bytes(), &thread)
}

/// Takes back what a run that has ended and is to go did to its thread.
pub(super) fn revert(tx: &mut Tx<'_>, id: ThreadId, run: RunId) -> Result<(), Error> {
    if checkpoints::take(tx, id, |checkpoint| checkpoint.run == Some(run))? == 0 {
        return Ok(());
    }
    let Some(mut thread) = tx.load::<StoredThread>(id.as_bytes())? else { return Ok(()) };
    let head = checkpoints::head(tx, id)?;
    if thread.head != head.as_ref().map(|head| head.id) {
        thread.stand_at(head.as_ref());
        thread.state_updated = head.as_ref().map_or(thread.created, |head| head.created);
        if matches!(thread.status, ThreadStatus::Idle | ThreadStatus::Interrupted) {
            thread.status = states::standing(head.as_ref());
        }
        tx.save(id.as_bytes(), &thread)?;
    }
    Ok(())
}

/// Whether a run of the thread is pending or running.
pub(super) fn busy(tx: &Tx<'_>, id: ThreadId) -> Result<bool, Error> {
    Ok(lanes::lane(tx, id)?.is_some())
}
