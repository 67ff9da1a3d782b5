//! The checkpoints of a thread, kept in the order in which they were made.

use std::collections::{HashMap, HashSet};

use wakeful_core::{Checkpoint, CheckpointId, ThreadId, Timestamp};

use super::keys::{self, Parts};
use super::lanes::{self, Lane};
use super::table::Table;
use super::tx::Tx;
use crate::Error;
use crate::record::{Draft, StoredCheckpoint, StoredRun, StoredThread};

/// The newest checkpoint.
pub(super) fn head(tx: &Tx<'_>, thread: ThreadId) -> Result<Option<StoredCheckpoint>, Error> {
    tx.first(Table::Checkpoints, thread.as_bytes())?.map(|(_, bytes)| tx.read(&bytes)).transpose()
}

/// The checkpoint with this id.
pub(super) fn find(
    tx: &Tx<'_>,
    thread: ThreadId,
    id: CheckpointId,
) -> Result<Option<StoredCheckpoint>, Error> {
    match step_of(tx, thread, id)? {
        Some(step) => tx.load(&keys::checkpoint(thread, step)),
        None => Ok(None),
    }
}

pub(super) fn get(
    tx: &Tx<'_>,
    thread: ThreadId,
    id: CheckpointId,
) -> Result<Option<Checkpoint>, Error> {
    find(tx, thread, id)?.map(|found| found.open(tx.docs())).transpose()
}

pub(super) fn list(
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

/// Makes a draft the newest checkpoint of its thread, after `head`.
pub(super) fn push(
    tx: &mut Tx<'_>,
    thread: &mut StoredThread,
    head: Option<&StoredCheckpoint>,
    draft: Draft,
    parent: Option<CheckpointId>,
    now: Timestamp,
) -> Result<StoredCheckpoint, Error> {
    let step = head.map_or(0, |head| head.step.saturating_add(1));
    let next = draft.at(thread.id, step, parent);
    save(tx, &next)?;
    thread.stand_at(Some(&next));
    thread.state_updated = now;
    Ok(next)
}

/// Writes a checkpoint that has its place.
pub(super) fn save(tx: &mut Tx<'_>, checkpoint: &StoredCheckpoint) -> Result<(), Error> {
    let (thread, step) = (checkpoint.thread, checkpoint.step);
    tx.save(&keys::checkpoint(thread, step), checkpoint)?;
    let by_id = keys::checkpoint_step(thread, checkpoint.id);
    tx.put(Table::CheckpointSteps, &by_id, step.to_be_bytes().to_vec())
}

/// Takes those checkpoints of a thread away that are to go, except where a pending or running run
/// begins. What came from one that goes comes from the one before it. Returns how many went.
pub(super) fn take(
    tx: &mut Tx<'_>,
    thread: ThreadId,
    goes: impl Fn(&StoredCheckpoint) -> bool,
) -> Result<usize, Error> {
    let held = held(tx, thread)?;
    let all: Vec<StoredCheckpoint> = tx
        .scan(Table::Checkpoints, thread.as_bytes())
        .map(|entry| tx.read(&entry?.1))
        .collect::<Result<_, _>>()?;
    let (going, staying): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|it| goes(it) && !held.contains(&it.id));
    let mut gone = HashMap::new();
    for checkpoint in going {
        tx.remove(Table::Checkpoints, &keys::checkpoint(thread, checkpoint.step));
        tx.remove(Table::CheckpointSteps, &keys::checkpoint_step(thread, checkpoint.id));
        gone.insert(checkpoint.id, checkpoint.parent);
    }
    for mut checkpoint in staying {
        let mut parent = checkpoint.parent;
        while let Some(before) = parent.and_then(|parent| gone.get(&parent)) {
            parent = *before;
        }
        if parent != checkpoint.parent {
            checkpoint.parent = parent;
            save(tx, &checkpoint)?;
        }
    }
    Ok(gone.len())
}

/// Takes every checkpoint away but the newest; see [`take`].
pub(super) fn keep_latest(tx: &mut Tx<'_>, thread: ThreadId) -> Result<usize, Error> {
    match head(tx, thread)? {
        Some(head) => take(tx, thread, |checkpoint| checkpoint.id != head.id),
        None => Ok(0),
    }
}

/// The checkpoints at which pending and running runs of the thread begin. Their files have to stay
/// named: the end of such a run names those again that it left alone.
fn held(tx: &Tx<'_>, thread: ThreadId) -> Result<HashSet<CheckpointId>, Error> {
    let mut runs = Vec::new();
    if let Some(Lane::Running(run)) = lanes::lane(tx, thread)? {
        runs.push(run);
    }
    for entry in tx.scan(Table::Pending, thread.as_bytes()) {
        runs.push(keys::last_run(&entry?.0)?);
    }
    let mut held = HashSet::new();
    for run in runs {
        held.extend(tx.load::<StoredRun>(run.as_bytes())?.and_then(|run| run.checkpoint));
    }
    Ok(held)
}
