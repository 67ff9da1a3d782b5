use std::cmp::Ordering;

use wakeful_core::{AssistantId, Cron, CronId, Fire, Object, ThreadId, Timestamp};

use super::keys::{self, Parts};
use super::paging::page;
use super::runs::{self, Insertion, Prepared};
use super::table::Table;
use super::tx::Tx;
use super::{assistants, threads};
use crate::contain::contains;
use crate::record::{StoredAssistant, StoredCron, StoredFire};
use crate::{Created, CronQuery, DueCron, Error, FirePlan, Order, Page, SortBy};

/// Inserts a cron unless its id is taken.
pub(super) fn create(tx: &mut Tx<'_>, new: StoredCron) -> Result<Created<StoredCron>, Error> {
    if let Some(known) = tx.load::<StoredCron>(new.id.as_bytes())? {
        return Ok(Created::Existing(known));
    }
    write(tx, &new)?;
    Ok(Created::New(new))
}

/// Replaces a cron of the same version; returns what is there now.
pub(super) fn update(tx: &mut Tx<'_>, mut new: StoredCron) -> Result<Option<StoredCron>, Error> {
    let Some(known) = tx.load::<StoredCron>(new.id.as_bytes())? else { return Ok(None) };
    if known.version != new.version {
        return Ok(None);
    }
    new.version = known.version.saturating_add(1);
    new.last_scheduled = new.last_scheduled.max(known.last_scheduled);
    unindex(tx, &known);
    write(tx, &new)?;
    Ok(Some(new))
}

/// Deletes a cron and its fires.
pub(super) fn delete(tx: &mut Tx<'_>, id: CronId) -> Result<bool, Error> {
    let Some(known) = tx.load::<StoredCron>(id.as_bytes())? else { return Ok(false) };
    unindex(tx, &known);
    tx.remove(Table::Crons, id.as_bytes());
    let fires: Vec<_> = tx.scan(Table::Fires, id.as_bytes()).collect::<Result<_, _>>()?;
    for (key, _) in fires {
        tx.remove(Table::Fires, &key);
    }
    Ok(true)
}

/// Deletes the crons of a thread.
pub(super) fn remove_of_thread(tx: &mut Tx<'_>, thread: ThreadId) -> Result<(), Error> {
    for id in ids_of_thread(tx, thread)? {
        delete(tx, id)?;
    }
    Ok(())
}

/// The crons of a thread, own writes not included.
pub(super) fn ids_of_thread(tx: &Tx<'_>, thread: ThreadId) -> Result<Vec<CronId>, Error> {
    let entries = tx.scan(Table::CronsByThread, thread.as_bytes());
    entries
        .map(|entry| {
            let (key, _) = entry?;
            let mut parts = Parts(&key);
            parts.id()?;
            Ok(CronId::from_bytes(parts.id()?))
        })
        .collect()
}

fn write(tx: &mut Tx<'_>, cron: &StoredCron) -> Result<(), Error> {
    tx.save(cron.id.as_bytes(), cron)?;
    for (table, key) in index_keys(cron) {
        tx.put(table, &key, Vec::new())?;
    }
    Ok(())
}

fn unindex(tx: &mut Tx<'_>, cron: &StoredCron) {
    for (table, key) in index_keys(cron) {
        tx.remove(table, &key);
    }
}

fn index_keys(cron: &StoredCron) -> impl Iterator<Item = (Table, Vec<u8>)> {
    let of_thread = cron
        .thread
        .map(|thread| (Table::CronsByThread, keys::join(&[thread.as_bytes(), cron.id.as_bytes()])));
    let due = cron.due().map(|at| (Table::Due, keys::timed(at, cron.id.as_bytes())));
    of_thread.into_iter().chain(due)
}

pub(super) fn get(tx: &Tx<'_>, id: CronId) -> Result<Option<Cron>, Error> {
    tx.load::<StoredCron>(id.as_bytes())?.map(|found| found.open(tx.docs())).transpose()
}

pub(super) fn search(tx: &Tx<'_>, query: &CronQuery) -> Result<Page<Cron>, Error> {
    let mut found = Vec::new();
    for cron in candidates(tx, query)? {
        let cron = cron?;
        let fits = query.assistant_id.is_none_or(|id| id == cron.assistant)
            && query.thread_id.is_none_or(|id| Some(id) == cron.thread)
            && query.enabled.is_none_or(|enabled| enabled == cron.enabled);
        if !fits {
            continue;
        }
        if query.metadata.is_empty() {
            found.push(cron);
        } else {
            let whole = cron.clone().open(tx.docs())?;
            if contains(&whole.metadata, &query.metadata) {
                found.push(cron);
            }
        }
    }
    let (by, order) = (query.sort_by, query.order);
    let (part, total) =
        page(found, order, query.offset, query.limit, |a, b| compare(a, b, by, order));
    let items = part.into_iter().map(|cron| cron.open(tx.docs())).collect::<Result<_, _>>()?;
    Ok(Page { items, total })
}

/// The crons among which those are that match.
fn candidates<'a>(
    tx: &'a Tx<'_>,
    query: &CronQuery,
) -> Result<Box<dyn Iterator<Item = Result<StoredCron, Error>> + 'a>, Error> {
    let Some(thread) = query.thread_id else { return Ok(Box::new(tx.all::<StoredCron>())) };
    let ids = ids_of_thread(tx, thread)?;
    Ok(Box::new(ids.into_iter().filter_map(|id| tx.load(id.as_bytes()).transpose())))
}

fn compare(a: &StoredCron, b: &StoredCron, by: SortBy, order: Order) -> Ordering {
    // What has no such time comes last, whichever way the others go.
    let optional = |a: Option<Timestamp>, b: Option<Timestamp>| match (a, b) {
        (Some(a), Some(b)) => a.cmp(&b),
        (None, None) => Ordering::Equal,
        (None, Some(_)) if order == Order::Ascending => Ordering::Greater,
        (Some(_), None) if order == Order::Descending => Ordering::Greater,
        (None, Some(_)) | (Some(_), None) => Ordering::Less,
    };
    let sorted = match by {
        SortBy::Id => Ordering::Equal,
        SortBy::AssistantId => a.assistant.cmp(&b.assistant),
        SortBy::ThreadId => a.thread.cmp(&b.thread),
        SortBy::NextRunAt => optional(a.next_run, b.next_run),
        SortBy::EndTime => optional(a.end, b.end),
        SortBy::UpdatedAt => a.updated.cmp(&b.updated),
        SortBy::CreatedAt | SortBy::Status | SortBy::StateUpdatedAt => a.created.cmp(&b.created),
    };
    sorted.then(a.id.cmp(&b.id))
}

/// The earliest due instant.
pub(super) fn next_due(tx: &Tx<'_>) -> Result<Option<Timestamp>, Error> {
    tx.first(Table::Due, &[])?.map(|(key, _)| Parts(&key).time()).transpose()
}

/// What is due.
#[derive(Default)]
pub(super) struct Due {
    /// Earliest first.
    pub(super) crons: Vec<DueCron>,
    /// Due as well, but their records are damaged.
    pub(super) damaged: Vec<(Timestamp, CronId)>,
    /// Why another cron that is due could not be read just now.
    pub(super) trouble: Option<Error>,
}

/// Reads the crons that are due. One that cannot be read keeps no other from firing.
pub(super) fn due(tx: &Tx<'_>, now: Timestamp, limit: usize) -> Result<Due, Error> {
    let mut due = Due::default();
    for entry in tx.range(Table::Due, ..=keys::timed(now, &[u8::MAX; 16])) {
        if due.crons.len() >= limit {
            break;
        }
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
    let cron = get(tx, id)?.filter(|cron| cron.enabled && cron.next_run_at == Some(at));
    let Some(cron) = cron else { return Ok(None) };
    let assistant = assistants::get(tx, cron.assistant_id)?;
    let (thread_busy, thread_metadata) = match cron.thread_id {
        Some(thread) => {
            (threads::busy(tx, thread)?, threads::metadata(tx, thread)?.unwrap_or_default())
        }
        None => (false, Object::new()),
    };
    Ok(Some(DueCron { cron, assistant, thread_metadata, thread_busy }))
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
        cron.next_run = None;
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
    pub(super) assistant: AssistantId,
    /// The version that the assistant was at, and since when.
    pub(super) assistant_state: Option<(u32, Timestamp)>,
}

impl Seen {
    pub(super) fn new(due: &DueCron) -> Self {
        Self {
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
    unindex(tx, &cron);
    cron.version = cron.version.saturating_add(1);
    cron.next_run = plan.next_run_at;
    cron.last_scheduled = cron.last_scheduled.max(Some(plan.fire.scheduled_at));
    write(tx, &cron)?;
    let key = keys::fire(seen.id, plan.fire.scheduled_at);
    if tx.has(Table::Fires, &key)? {
        // A clock that jumped back, or a schedule that was set back: this instant has been
        // accounted for, so only the due instant moves on.
        tracing::warn!(cron = %seen.id, at = %plan.fire.scheduled_at, "an instant came up twice");
        return Ok(false);
    }
    tx.save(&key, &StoredFire::new(&plan.fire))?;
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
            tx.remove(Table::Fires, &key);
            delete(tx, seen.id)?;
            Ok(false)
        }
    }
}

/// Fires of a cron, newest first.
pub(super) fn fires(
    tx: &Tx<'_>,
    cron: CronId,
    before: Option<Timestamp>,
    limit: usize,
) -> Result<Vec<Fire>, Error> {
    let oldest = keys::join(&[cron.as_bytes(), &[0; 8]]);
    let newest = match before {
        Some(before) => keys::fire(cron, before),
        None => keys::join(&[cron.as_bytes(), &[u8::MAX; 9]]),
    };
    tx.range(Table::Fires, oldest..newest)
        .rev()
        .take(limit)
        .map(|entry| Ok(tx.read::<StoredFire>(&entry?.1)?.open()))
        .collect()
}
