use wakeful_core::{Lease, Outcome, Report, RunError, RunId, RunStatus, Timestamp};

use super::keys::{self, Parts};
use super::table::Table;
use super::threads::{self, Legacy};
use super::tx::Tx;
use super::{checkpoints, fires, journal, lanes, outbox, own_crons, runs};
use crate::record::{
    Doc, Docs, Draft, StoredCheckpoint, StoredEvents, StoredLease, StoredRun, StoredThread,
    error_doc,
};
use crate::{Cancelled, ClaimedRun, Error, FinishRun, Finished, Recovered};

/// A run that was handed out, its large parts unread.
pub(super) struct Claimed {
    run: StoredRun,
    lease: StoredLease,
    head: Option<StoredCheckpoint>,
}

impl Claimed {
    pub(super) fn id(&self) -> RunId {
        self.run.id
    }

    pub(super) fn epoch(&self) -> u64 {
        self.run.epoch
    }

    pub(super) fn open(self, docs: &Docs) -> Result<ClaimedRun, Error> {
        Ok(ClaimedRun {
            run: self.run.open(Some(self.lease), docs)?,
            head: self.head.map(|head| head.open(docs)).transpose()?,
        })
    }
}

/// Of so many runs that are handed out while more wait, one is the last that came. So a backlog
/// holds up nobody who asks for a single run, and goes on all the same.
const NEWEST: u64 = 4;

/// Hands out at most `limit` runs.
pub(super) fn claim(
    tx: &mut Tx<'_>,
    now: Timestamp,
    lease: &Lease,
    limit: usize,
) -> Result<Vec<Claimed>, Error> {
    let mut claimed = Vec::new();
    let mut due = tx.range(Table::Ready, ..=keys::timed(now, &[u8::MAX; 16]));
    while claimed.len() < limit {
        let newest = tx.turn() % NEWEST == NEWEST - 1;
        let Some(entry) = (if newest { due.next_back() } else { due.next() }) else { break };
        let (key, _) = entry?;
        let mut parts = Parts(&key);
        parts.time()?;
        let thread = wakeful_core::ThreadId::from_bytes(parts.id()?);
        let Some(id) = lanes::next(tx, thread, now)? else { continue };
        let Some(mut stored) = tx.load::<StoredRun>(id.as_bytes())? else { continue };
        let mut run = stored.bare();
        if let Err(error) = run.claim(lease.clone(), now) {
            tracing::error!(run = %id, %error, "a run that is queued cannot begin");
            continue;
        }
        lanes::dequeue(tx, &stored);
        stored.absorb(&run);
        stored.floats |= stored.checkpoint.is_none();
        let head = match stored.checkpoint.filter(|_| !stored.floats) {
            Some(checkpoint) => checkpoints::find(tx, thread, checkpoint)?,
            None => checkpoints::head(tx, thread)?,
        };
        stored.checkpoint = match stored.floats {
            true => head.as_ref().map(|head| head.id),
            false => stored.checkpoint,
        };
        tx.save(id.as_bytes(), &stored)?;
        let lease = StoredLease { owner: lease.owner.clone(), until: lease.until };
        tx.save(id.as_bytes(), &lease)?;
        lanes::occupy(tx, thread, id)?;
        claimed.push(Claimed { run: stored, lease, head });
    }
    Ok(claimed)
}

/// When the next run may begin.
pub(super) fn next_available(tx: &Tx<'_>) -> Result<Option<Timestamp>, Error> {
    tx.first(Table::Ready, &[])?.map(|(key, _)| Parts(&key).time()).transpose()
}

/// Extends the leases of one owner.
pub(super) fn renew(tx: &mut Tx<'_>, lease: &Lease) -> Result<(), Error> {
    for entry in tx.scan(Table::Running, &[]) {
        let (key, bytes) = entry?;
        let mut known: StoredLease = tx.read(&bytes)?;
        if known.owner == lease.owner {
            known.until = lease.until;
            tx.save(&key, &known)?;
        }
    }
    Ok(())
}

/// The end of a run, with its large parts written.
pub(super) struct Ending {
    report: Report,
    report_doc: Doc,
    error: Option<Doc>,
    checkpoint: Option<Draft>,
    crons: Vec<own_crons::Change>,
    events: Option<Doc>,
}

impl Ending {
    /// The end of a run that leaves its thread as it was.
    pub(super) fn new(report: Report, docs: &Docs) -> Result<Self, Error> {
        Ok(Self {
            report_doc: StoredRun::report_doc(&report, docs)?,
            error: RunError::of(&report).map(|error| error_doc(&error, docs)).transpose()?,
            report,
            checkpoint: None,
            crons: Vec::new(),
            events: None,
        })
    }

    /// The end of a run with all that it leaves.
    pub(super) fn of(finish: &FinishRun, docs: &Docs) -> Result<Self, Error> {
        let checkpoint = finish.checkpoint.as_ref().map(|it| Draft::new(it, docs)).transpose()?;
        let events = finish.events.as_ref().map(|events| docs.put(&StoredEvents::new(events)));
        let events = events.transpose()?;
        let crons = finish.crons.iter().map(|change| own_crons::Change::new(change, docs));
        let crons = crons.collect::<Result<_, _>>()?;
        Ok(Self { checkpoint, crons, events, ..Self::new(finish.report.clone(), docs)? })
    }
}

/// Ends a running run, unless it was taken from whoever ends it.
pub(super) fn finish(
    tx: &mut Tx<'_>,
    id: RunId,
    epoch: u64,
    digest: Option<wakeful_core::Digest>,
    ending: Ending,
    now: Timestamp,
) -> Result<Finished, Error> {
    let Some(mut stored) = fenced(tx, id, epoch)? else { return Ok(Finished::Fenced) };
    stored.digest = digest.or(stored.digest);
    end(tx, stored, ending, now)?;
    Ok(Finished::Written)
}

/// Commits a checkpoint of a running run, unless the run was taken from whoever runs it.
pub(super) fn advance(
    tx: &mut Tx<'_>,
    id: RunId,
    epoch: u64,
    draft: Draft,
    now: Timestamp,
) -> Result<Option<StoredCheckpoint>, Error> {
    let Some(mut stored) = fenced(tx, id, epoch)? else { return Ok(None) };
    let (checkpoint, parent) = (Some(draft), stored.checkpoint);
    let legacy = Legacy { checkpoint, parent, now: Some(now), ..Legacy::default() };
    threads::settle(tx, stored.thread, legacy)?;
    let next = checkpoints::head(tx, stored.thread)?;
    // From here the run goes on, in a later attempt as well, which must not do it again.
    stored.checkpoint = next.as_ref().map(|next| next.id);
    stored.floats = false;
    tx.save(id.as_bytes(), &stored)?;
    Ok(next)
}

/// Ends a pending or running run and settles its thread.
fn end(
    tx: &mut Tx<'_>,
    mut stored: StoredRun,
    ending: Ending,
    now: Timestamp,
) -> Result<(), Error> {
    let was = stored.status;
    let values = values_for_webhook(tx, &stored, &ending.report)?;
    let commits = ending.report.outcome.commits();
    let mut run = stored.bare();
    if let Some(cron) = stored.cron() {
        fires::note_end(tx, cron, stored.id, &ending.report, now)?;
    }
    journal::forget(tx, stored.id)?;
    let changed = match was {
        RunStatus::Running => run.finish(ending.report, now),
        _ => run.abandon(ending.report, now),
    };
    changed.map_err(|error| Error::Damaged { what: "run", reason: error.to_string() })?;
    if was == RunStatus::Running {
        tx.remove(Table::Running, stored.id.as_bytes());
    } else {
        lanes::dequeue(tx, &stored);
    }
    stored.absorb(&run);
    stored.report = Some(ending.report_doc);
    stored.events = ending.events;
    tx.save(stored.id.as_bytes(), &stored)?;
    outbox::enqueue(tx, &stored, values, now)?;
    fires::leave(tx, &stored)?;
    match was {
        RunStatus::Running => lanes::free(tx, stored.thread)?,
        _ => lanes::refresh(tx, stored.thread)?,
    };
    let legacy = Legacy {
        error: ending.error,
        checkpoint: ending.checkpoint,
        parent: stored.checkpoint,
        delete: stored.on_completion == wakeful_core::OnCompletion::Delete,
        now: Some(now),
    };
    threads::settle(tx, stored.thread, legacy)?;
    // A thread that has gone by now took its crons along, and can have no new ones.
    if commits && tx.has(Table::Threads, stored.thread.as_bytes())? {
        own_crons::change(tx, stored.thread, ending.crons)?;
    }
    Ok(())
}

/// What a webhook is told of the thread's values, which may go away with the thread: those that a
/// run without values of its own leaves as they were.
fn values_for_webhook(tx: &Tx<'_>, run: &StoredRun, report: &Report) -> Result<Option<Doc>, Error> {
    if run.webhook.is_none() || matches!(report.outcome, Outcome::Done(_)) {
        return Ok(None);
    }
    let thread = tx.load::<StoredThread>(run.thread.as_bytes())?;
    Ok(thread.and_then(|thread| thread.values))
}

/// Deletes a run in place of its end.
pub(super) fn discard(tx: &mut Tx<'_>, id: RunId, epoch: Option<u64>) -> Result<Cancelled, Error> {
    let Some(stored) = tx.load::<StoredRun>(id.as_bytes())? else { return Ok(Cancelled::Missing) };
    let running = stored.status == RunStatus::Running;
    if running && epoch != Some(stored.epoch) {
        return Ok(Cancelled::Running);
    }
    if stored.status.is_final() {
        return Ok(Cancelled::Ended);
    }
    runs::remove(tx, &stored)?;
    if running {
        lanes::free(tx, stored.thread)?;
    } else {
        lanes::refresh(tx, stored.thread)?;
    }
    // What it changed before it began goes, too.
    threads::revert(tx, stored.thread, id)?;
    let delete = stored.on_completion == wakeful_core::OnCompletion::Delete;
    threads::settle(tx, stored.thread, Legacy { delete, ..Legacy::default() })?;
    Ok(Cancelled::Done)
}

/// Puts a running run back into the queue; see [`wakeful_core::Run::requeue`].
pub(super) fn requeue(
    tx: &mut Tx<'_>,
    id: RunId,
    epoch: u64,
    available_at: Timestamp,
    failure: Option<Doc>,
    now: Timestamp,
) -> Result<Finished, Error> {
    let Some(stored) = fenced(tx, id, epoch)? else { return Ok(Finished::Fenced) };
    put_back(tx, stored, available_at, failure, now)?;
    Ok(Finished::Written)
}

fn put_back(
    tx: &mut Tx<'_>,
    mut stored: StoredRun,
    available_at: Timestamp,
    failure: Option<Doc>,
    now: Timestamp,
) -> Result<(), Error> {
    let mut run = stored.bare();
    // What it says stays in its document.
    let failed = failure.as_ref().map(|_| RunError { name: String::new(), message: String::new() });
    run.requeue(available_at, failed, now)
        .map_err(|error| Error::Damaged { what: "run", reason: error.to_string() })?;
    stored.absorb(&run);
    stored.last_error = failure.or(stored.last_error);
    tx.remove(Table::Running, stored.id.as_bytes());
    tx.save(stored.id.as_bytes(), &stored)?;
    lanes::enqueue(tx, &stored)?;
    lanes::free(tx, stored.thread)?;
    Ok(())
}

/// The run, if it is running and was claimed under this epoch.
fn fenced(tx: &Tx<'_>, id: RunId, epoch: u64) -> Result<Option<StoredRun>, Error> {
    let stored = tx.load::<StoredRun>(id.as_bytes())?;
    Ok(stored.filter(|run| run.status == RunStatus::Running && run.epoch == epoch))
}

/// Cancels a run that never began.
pub(super) fn cancel(
    tx: &mut Tx<'_>,
    id: RunId,
    ending: Ending,
    now: Timestamp,
) -> Result<Cancelled, Error> {
    let Some(stored) = tx.load::<StoredRun>(id.as_bytes())? else { return Ok(Cancelled::Missing) };
    match stored.status {
        RunStatus::Running => Ok(Cancelled::Running),
        status if status.is_final() => Ok(Cancelled::Ended),
        _ => {
            end(tx, stored, ending, now)?;
            Ok(Cancelled::Done)
        }
    }
}

/// Takes back runs whose owner is gone.
pub(super) fn recover(
    tx: &mut Tx<'_>,
    now: Timestamp,
    owner: &str,
    exclusive: bool,
    max_attempts: u32,
) -> Result<Recovered, Error> {
    let mut recovered = Recovered::default();
    for entry in tx.scan(Table::Running, &[]) {
        let (key, bytes) = entry?;
        let lease: StoredLease = tx.read(&bytes)?;
        if lease.until > now && !(exclusive && lease.owner != owner) {
            continue;
        }
        let id = keys::last_run(&key)?;
        let Some(stored) = tx.load::<StoredRun>(id.as_bytes())? else { continue };
        let message = format!(
            "the host stopped while this run was running, at attempt {} of {max_attempts}",
            stored.attempt
        );
        let outcome = Outcome::HostFailed { message };
        if stored.attempt < max_attempts {
            let failure = error_doc(&RunError::from(&outcome), tx.docs())?;
            put_back(tx, stored, now, Some(failure), now)?;
            recovered.requeued.push(id);
        } else {
            let report = Report::not_run(outcome);
            end(tx, stored, Ending::new(report, tx.docs())?, now)?;
            recovered.failed.push(id);
        }
    }
    Ok(recovered)
}
