//! Fires: finding the crons that are due, recording what became of them, and counting it.

use wakeful_core::{
    AssistantId, Cron, CronId, CronStats, Fire, LARGEST_BACKLOG, MultitaskStrategy, ON_TIME,
    Object, Overlap, Report, RunId, RunStatus, ThreadId, Timestamp,
};

use super::crons::{self, unindex, write};
use super::keys::{self, Parts};
use super::runs::{self, Insertion, Prepared};
use super::table::Table;
use super::tx::Tx;
use super::{assistants, lanes, threads};
use crate::record::{StoredAssistant, StoredCron, StoredCronStats, StoredFire, StoredRun};
use crate::{DueCron, Error, FirePlan};

/// What is due.
#[derive(Default)]
pub(super) struct Due {
    /// In the order in which they are to fire.
    pub(super) crons: Vec<DueCron>,
    /// Due as well, but their records are damaged.
    pub(super) damaged: Vec<(Timestamp, CronId)>,
    /// Why another cron that is due could not be read just now.
    pub(super) trouble: Option<Error>,
}

/// Of so many crons that are read while more are due, one is the last that came due. So a burst
/// that takes a while to record delays no cron that comes due meanwhile, and goes on all the same.
const NEWEST: u64 = 4;

/// Reads the crons that are due. One that cannot be read keeps no other from firing.
pub(super) fn due(tx: &Tx<'_>, now: Timestamp, limit: usize) -> Result<Due, Error> {
    let mut due = Due::default();
    let late = now.checked_sub(ON_TIME).unwrap_or(Timestamp::MIN);
    let (late, now) = (keys::time(late).to_vec(), keys::timed(now, &[u8::MAX; 16]));
    // What is on time does not wait for what is late anyway.
    let mut on_time = tx.range(Table::Due, late.clone()..=now);
    let mut overdue = tx.range(Table::Due, ..late);
    while due.crons.len() < limit {
        let newest = tx.turn() % NEWEST == NEWEST - 1;
        let entry = if newest { on_time.next_back() } else { on_time.next() };
        let Some(entry) = entry.or_else(|| overdue.next()) else { break };
        let (key, _) = entry?;
        let mut parts = Parts(&key);
        let at = parts.time()?;
        let id = CronId::from_bytes(parts.id()?);
        let found = match read_due(tx, id, at) {
            Ok(Some(found)) => found,
            Ok(None) => continue,
            Err(error) if error.is_damage() => {
                tracing::error!(cron = %id, %error, "a cron that is due cannot be read; it is paused");
                due.damaged.push((at, id));
                continue;
            }
            Err(error) => {
                tracing::warn!(cron = %id, %error, "a cron that is due could not be read; it will be tried again");
                due.trouble = Some(error);
                continue;
            }
        };
        due.crons.push(found);
    }
    Ok(due)
}

/// The cron with all that its fire is planned from, unless it is not due at this instant any more:
/// it may have changed since the index was read.
fn read_due(tx: &Tx<'_>, id: CronId, at: Timestamp) -> Result<Option<DueCron>, Error> {
    let cron = crons::get(tx, id)?.filter(|cron| cron.due_at() == Some(at));
    let Some(cron) = cron else { return Ok(None) };
    let assistant = assistants::get(tx, cron.assistant_id)?;
    let (thread_busy, thread_metadata) = match cron.thread_id {
        Some(thread) => {
            (threads::busy(tx, thread)?, threads::metadata(tx, thread)?.unwrap_or_default())
        }
        None => (false, Object::new()),
    };
    let own = Own::of(tx, &cron)?;
    Ok(Some(DueCron {
        assistant,
        thread_metadata,
        thread_busy,
        open: own.open,
        running: own.running,
        held: own.held,
        stats: stats(tx, id)?,
        cron,
    }))
}

/// The unfinished runs of a cron, counted as far as its overlap policy can mind them.
#[derive(Default)]
struct Own {
    open: usize,
    running: usize,
    held: usize,
}

impl Own {
    fn of(tx: &Tx<'_>, cron: &Cron) -> Result<Self, Error> {
        let mut own = Self::default();
        if cron.policy.overlap == Overlap::Allow {
            return Ok(own);
        }
        for entry in tx.scan(Table::CronRuns, cron.id.as_bytes()).take(2 * LARGEST_BACKLOG) {
            let run = tx.load::<StoredRun>(keys::last_run(&entry?.0)?.as_bytes())?;
            own.open += 1;
            own.running += usize::from(run.is_some_and(|run| run.status == RunStatus::Running));
        }
        own.held = tx.scan(Table::CronHeld, cron.id.as_bytes()).take(LARGEST_BACKLOG).count();
        Ok(own)
    }
}

/// What has become of a cron's fires so far.
pub(super) fn stats(tx: &Tx<'_>, id: CronId) -> Result<CronStats, Error> {
    let stats = tx.load::<StoredCronStats>(id.as_bytes())?;
    Ok(stats.map(StoredCronStats::open).unwrap_or_default())
}

/// Pauses a cron that is due at this instant and cannot be read.
pub(super) fn park(tx: &mut Tx<'_>, at: Timestamp, id: CronId) -> Result<(), Error> {
    // Often only one of its large parts is damaged, and the record itself can say that it is paused.
    let stored = tx.load::<StoredCron>(id.as_bytes());
    if let Ok(Some(cron)) = &stored
        && cron.due() != Some(at)
    {
        // It was changed since it was read.
        return Ok(());
    }
    tx.remove(Table::Due, &keys::timed(at, id.as_bytes()));
    if let Ok(Some(mut cron)) = stored {
        cron.enabled = false;
        cron.paused_from = cron.next_run.take();
        cron.note = Some("it was due and could not be read; see the host's log".to_owned());
        cron.version = cron.version.saturating_add(1);
        tx.save(id.as_bytes(), &cron)?;
    }
    Ok(())
}

/// What a cron was when its fire was planned.
pub(super) struct Seen {
    pub(super) id: CronId,
    pub(super) version: u64,
    pub(super) next_run_at: Option<Timestamp>,
    pub(super) thread: Option<ThreadId>,
    pub(super) thread_busy: bool,
    /// How many of its own runs were unfinished, where the plan depends on that.
    own: Option<usize>,
    pub(super) assistant: AssistantId,
    /// The version that the assistant was at, and since when.
    pub(super) assistant_state: Option<(u32, Timestamp)>,
}

impl Seen {
    pub(super) fn new(due: &DueCron, plan: &FirePlan) -> Self {
        let minds = match &plan.run {
            // A run that is held looks again when it is inserted.
            Some(new) => !new.held && new.run.multitask != MultitaskStrategy::Enqueue,
            // The runs of a cron that lets them go on side by side are not counted.
            None => due.cron.policy.overlap != Overlap::Allow,
        };
        Self {
            own: minds.then_some(due.open),
            id: due.cron.id,
            version: due.cron.version,
            next_run_at: due.cron.next_run_at,
            thread: due.cron.thread_id,
            thread_busy: due.thread_busy,
            assistant: due.cron.assistant_id,
            assistant_state: due.assistant.as_ref().map(|it| (it.version, it.updated_at)),
        }
    }
}

/// Records a fire, inserts its run and sets the next due instant, unless anything that the plan
/// was made from has changed. Returns whether it did.
pub(super) fn fire(
    tx: &mut Tx<'_>,
    seen: &Seen,
    plan: &FirePlan,
    run: Option<Prepared>,
) -> Result<bool, Error> {
    let Some(mut cron) = tx.load::<StoredCron>(seen.id.as_bytes())? else { return Ok(false) };
    if cron.version != seen.version || !cron.enabled || cron.next_run != seen.next_run_at {
        return Ok(false);
    }
    if let Some(thread) = seen.thread
        && threads::busy(tx, thread)? != seen.thread_busy
    {
        return Ok(false);
    }
    let assistant = tx.load::<StoredAssistant>(seen.assistant.as_bytes())?;
    if assistant.map(|it| (it.version, it.updated)) != seen.assistant_state {
        return Ok(false);
    }
    if seen.own.is_some_and(|own| own != open_runs(tx, seen.id).take(2 * LARGEST_BACKLOG).count()) {
        return Ok(false);
    }
    unindex(tx, &cron);
    cron.version = cron.version.saturating_add(1);
    cron.next_run = plan.next.map(|next| next.at);
    cron.delay = plan.next.map(|next| next.delay).unwrap_or_default();
    cron.offset = plan.next.map(|next| next.offset);
    cron.ended = plan.next.is_none().then_some(plan.fire.recorded_at);
    cron.last_scheduled = cron.last_scheduled.max(Some(plan.fire.scheduled_at));
    write(tx, &cron)?;
    if !record(tx, &plan.fire)? {
        // A clock that jumped back, or a schedule that was set back: this instant has been
        // accounted for, so only the due instant moves on.
        tracing::warn!(cron = %seen.id, at = %plan.fire.scheduled_at, "an instant came up twice");
        return Ok(false);
    }
    let Some(run) = run else { return Ok(true) };
    let id = run.run.id;
    match runs::queue(tx, run)? {
        Insertion::New(_) | Insertion::Busy => Ok(true),
        Insertion::Known(_) => {
            tracing::warn!(cron = %seen.id, run = %id, "the run of a fire existed already");
            Ok(true)
        }
        Insertion::NoThread => {
            // A cron of a thread goes with the thread; this one was created while it went.
            tracing::warn!(cron = %seen.id, "the thread of a cron is gone; the cron goes as well");
            tx.remove(Table::Fires, &keys::fire(&plan.fire));
            crons::delete(tx, seen.id)?;
            Ok(false)
        }
    }
}

/// Writes a fire and counts it, unless its instant has one. Returns whether it did.
pub(super) fn record(tx: &mut Tx<'_>, fire: &Fire) -> Result<bool, Error> {
    let key = keys::fire(fire);
    if tx.has(Table::Fires, &key)? {
        return Ok(false);
    }
    tx.save(&key, &StoredFire::new(fire))?;
    let mut stats = stats(tx, fire.cron_id)?;
    stats.note_fire(fire);
    tx.save(fire.cron_id.as_bytes(), &StoredCronStats::new(&stats))?;
    Ok(true)
}

/// Records fires that no schedule made and inserts their runs, or none if one cannot be.
pub(super) fn insert(tx: &mut Tx<'_>, new: Vec<(Fire, Prepared)>) -> Result<Vec<Insertion>, Error> {
    let mut inserted = Vec::with_capacity(new.len());
    for (fire, run) in new {
        let insertion = runs::insert(tx, run)?;
        let stop = matches!(insertion, Insertion::NoThread | Insertion::Busy);
        if matches!(insertion, Insertion::New(_)) {
            record(tx, &fire)?;
        }
        inserted.push(insertion);
        if stop {
            tx.forget();
            break;
        }
    }
    Ok(inserted)
}

/// Adds a run that was just made to the unfinished runs of its cron, where it waits if it is to.
pub(super) fn join(tx: &mut Tx<'_>, run: &mut StoredRun, held: bool) -> Result<(), Error> {
    let Some(cron) = run.cron() else { return Ok(()) };
    let waits = held && tx.first(Table::CronRuns, cron.as_bytes())?.is_some();
    if waits {
        run.hold();
    }
    let table = if waits { Table::CronHeld } else { Table::CronRuns };
    tx.put(table, &keys::owned(cron.as_bytes(), run.created, run.id), Vec::new())
}

/// Takes a run that has ended or goes away out of the unfinished runs of its cron. The oldest of
/// those that wait for these comes in for the last of them.
pub(super) fn leave(tx: &mut Tx<'_>, run: &StoredRun) -> Result<(), Error> {
    let Some(cron) = run.cron() else { return Ok(()) };
    let key = keys::owned(cron.as_bytes(), run.created, run.id);
    tx.remove(Table::CronRuns, &key);
    tx.remove(Table::CronHeld, &key);
    if tx.first(Table::CronRuns, cron.as_bytes())?.is_some() {
        return Ok(());
    }
    let Some((key, _)) = tx.first(Table::CronHeld, cron.as_bytes())? else { return Ok(()) };
    let Some(mut next) = tx.load::<StoredRun>(keys::last_run(&key)?.as_bytes())? else {
        tx.remove(Table::CronHeld, &key);
        return Ok(());
    };
    lanes::dequeue(tx, &next);
    next.release();
    tx.save(next.id.as_bytes(), &next)?;
    tx.remove(Table::CronHeld, &key);
    tx.put(Table::CronRuns, &key, Vec::new())?;
    lanes::enqueue(tx, &next)?;
    lanes::refresh(tx, next.thread).map(drop)
}

/// Counts the end of a run for its cron, and pauses the cron if too many have failed.
pub(super) fn note_end(
    tx: &mut Tx<'_>,
    id: CronId,
    run: RunId,
    report: &Report,
    now: Timestamp,
) -> Result<(), Error> {
    let Some(mut cron) = tx.load::<StoredCron>(id.as_bytes())? else { return Ok(()) };
    let mut stats = stats(tx, id)?;
    stats.note_end(run, report, now);
    tx.save(id.as_bytes(), &StoredCronStats::new(&stats))?;
    let most = cron.pause_after_failures().filter(|most| *most <= stats.failed_in_a_row);
    let Some(most) = most.filter(|_| cron.enabled) else { return Ok(()) };
    tracing::warn!(cron = %id, failures = most, "cron paused: too many runs in a row have failed");
    unindex(tx, &cron);
    cron.enabled = false;
    cron.paused_from = cron.next_run.take();
    cron.ended = None;
    cron.note = Some(format!("paused after {} failed runs in a row", stats.failed_in_a_row));
    cron.updated = now;
    cron.version = cron.version.saturating_add(1);
    write(tx, &cron)
}

/// Counts tokens of language models for a cron, which may have gone.
pub(super) fn note_tokens(
    tx: &mut Tx<'_>,
    id: CronId,
    tokens: u64,
    now: Timestamp,
) -> Result<(), Error> {
    if !tx.has(Table::Crons, id.as_bytes())? {
        return Ok(());
    }
    let mut stats = stats(tx, id)?;
    stats.note_tokens(tokens, now);
    tx.save(id.as_bytes(), &StoredCronStats::new(&stats))
}

/// Begins to count failures in a row anew.
pub(super) fn forgive(tx: &mut Tx<'_>, id: CronId) -> Result<(), Error> {
    let mut stats = stats(tx, id)?;
    if stats.failed_in_a_row == 0 {
        return Ok(());
    }
    stats.failed_in_a_row = 0;
    tx.save(id.as_bytes(), &StoredCronStats::new(&stats))
}

/// The keys of the runs of a cron that are queued or running.
fn open_runs(tx: &Tx<'_>, cron: CronId) -> super::scan::Scan {
    tx.scan(Table::CronRuns, cron.as_bytes())
}

/// The unfinished runs of a cron, those that are held last.
pub(super) fn unfinished(tx: &Tx<'_>, cron: CronId) -> Result<Vec<RunId>, Error> {
    open_runs(tx, cron)
        .chain(tx.scan(Table::CronHeld, cron.as_bytes()))
        .map(|entry| keys::last_run(&entry?.0))
        .collect()
}

/// Fires of a cron, newest first.
pub(super) fn list(
    tx: &Tx<'_>,
    cron: CronId,
    before: Option<Timestamp>,
    limit: usize,
) -> Result<Vec<Fire>, Error> {
    let oldest = keys::join(&[cron.as_bytes(), &[0; 8]]);
    let newest = match before {
        Some(before) => keys::instant(cron, before),
        None => keys::join(&[cron.as_bytes(), &[u8::MAX; 25]]),
    };
    tx.range(Table::Fires, oldest..newest)
        .rev()
        .take(limit)
        .map(|entry| Ok(tx.read::<StoredFire>(&entry?.1)?.open()))
        .collect()
}
