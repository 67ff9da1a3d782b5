use std::cmp::Ordering;
use std::collections::BTreeSet;

use wakeful_core::{
    Checkpoint, CheckpointId, Object, RunId, RunStatus, Thread, ThreadId, ThreadStatus, Timestamp,
};

use super::keys::{self, Parts};
use super::lanes;
use super::paging::page;
use super::table::Table;
use super::tx::Tx;
use super::{crons, runs};
use crate::contain::contains;
use crate::record::{Doc, Draft, StoredCheckpoint, StoredRun, StoredThread};
use crate::{Created, Error, Page, SortBy, ThreadQuery};

/// Inserts it unless its id is taken.
pub(super) fn create(tx: &mut Tx<'_>, new: StoredThread) -> Result<Created<StoredThread>, Error> {
    let key = *new.id.as_bytes();
    match tx.load::<StoredThread>(&key)? {
        Some(known) => Ok(Created::Existing(known)),
        None => {
            tx.save(&key, &new)?;
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
    let mut found = Vec::new();
    match &query.ids {
        Some(ids) => {
            for id in ids.iter().collect::<BTreeSet<_>>() {
                if let Some(thread) = tx.load::<StoredThread>(id.as_bytes())?
                    && matches(tx, &thread, query)?
                {
                    found.push(thread);
                }
            }
        }
        None => {
            for thread in tx.all::<StoredThread>() {
                let thread = thread?;
                if matches(tx, &thread, query)? {
                    found.push(thread);
                }
            }
        }
    }
    let by = query.sort_by;
    let (part, total) =
        page(found, query.order, query.offset, query.limit, |a, b| compare(a, b, by));
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
        runs::remove(tx, &run);
    }
    remove(tx, id)?;
    Ok(Some(running))
}

/// Deletes the thread, its checkpoints and its crons, but not its runs.
fn remove(tx: &mut Tx<'_>, id: ThreadId) -> Result<(), Error> {
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
    tx.save(thread.id.as_bytes(), &thread)
}

/// What a run leaves to its thread when it ends.
#[derive(Debug, Default)]
pub(super) struct Legacy {
    /// Why it failed.
    pub(super) error: Option<Doc>,
    /// The new state.
    pub(super) checkpoint: Option<Draft>,
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
    let mut head = head(tx, id)?;
    if let Some(draft) = legacy.checkpoint {
        let next = draft.after(id, head.as_ref());
        let step = next.step.to_be_bytes().to_vec();
        tx.save(&keys::checkpoint(id, next.step), &next)?;
        tx.put(Table::CheckpointSteps, &keys::checkpoint_step(id, next.id), step)?;
        thread.head = Some(next.id);
        thread.values = Some(next.values.clone());
        thread.state_updated = legacy.now.unwrap_or(thread.state_updated);
        head = Some(next);
    }
    let asks = head.is_some_and(|head| head.pending.is_some());
    (thread.status, thread.error) = match legacy.error {
        _ if busy => (ThreadStatus::Busy, None),
        Some(error) => (ThreadStatus::Error, Some(error)),
        None if asks => (ThreadStatus::Interrupted, None),
        None => (ThreadStatus::Idle, None),
    };
    thread.updated = legacy.now.unwrap_or(thread.updated);
    tx.save(id.as_bytes(), &thread)
}

/// The newest checkpoint.
pub(super) fn head(tx: &Tx<'_>, id: ThreadId) -> Result<Option<StoredCheckpoint>, Error> {
    tx.first(Table::Checkpoints, id.as_bytes())?.map(|(_, bytes)| tx.read(&bytes)).transpose()
}

pub(super) fn checkpoint(
    tx: &Tx<'_>,
    thread: ThreadId,
    id: CheckpointId,
) -> Result<Option<Checkpoint>, Error> {
    let Some(step) = step_of(tx, thread, id)? else { return Ok(None) };
    tx.load::<StoredCheckpoint>(&keys::checkpoint(thread, step))?
        .map(|found| found.open(tx.docs()))
        .transpose()
}

pub(super) fn checkpoints(
    tx: &Tx<'_>,
    thread: ThreadId,
    before: Option<CheckpointId>,
    limit: usize,
) -> Result<Vec<Checkpoint>, Error> {
    let newest = match before {
        None => u64::MAX,
        Some(id) => match step_of(tx, thread, id)?.and_then(|step| step.checked_sub(1)) {
            Some(step) => step,
            None => return Ok(Vec::new()),
        },
    };
    tx.range(Table::Checkpoints, keys::checkpoint(thread, newest)..=keys::checkpoint(thread, 0))
        .take(limit)
        .map(|entry| tx.read::<StoredCheckpoint>(&entry?.1)?.open(tx.docs()))
        .collect()
}

fn step_of(tx: &Tx<'_>, thread: ThreadId, id: CheckpointId) -> Result<Option<u64>, Error> {
    tx.get(Table::CheckpointSteps, &keys::checkpoint_step(thread, id))?
        .map(|step| Parts(&step).number())
        .transpose()
}

/// Whether a run of the thread is pending or running.
pub(super) fn busy(tx: &Tx<'_>, id: ThreadId) -> Result<bool, Error> {
    Ok(lanes::lane(tx, id)?.is_some())
}
