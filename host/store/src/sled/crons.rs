use std::cmp::Ordering;
use std::ops::Bound;

use wakeful_core::{Cron, CronId, Fire, ThreadId, Timestamp};

use super::fires;
use super::keys::{self, Parts};
use super::paging::page;
use super::table::Table;
use super::tx::Tx;
use crate::contain::contains;
use crate::record::StoredCron;
use crate::{Created, CronQuery, Error, Order, Page, SortBy};

/// Inserts a cron unless its id is taken.
pub(super) fn create(tx: &mut Tx<'_>, new: StoredCron) -> Result<Created<StoredCron>, Error> {
    if let Some(known) = tx.load::<StoredCron>(new.id.as_bytes())? {
        return Ok(Created::Existing(known));
    }
    write(tx, &new)?;
    Ok(Created::New(new))
}

/// Replaces a cron of the same version and records the fire that accounts for what is past;
/// returns what is there now.
pub(super) fn update(
    tx: &mut Tx<'_>,
    mut new: StoredCron,
    past: Option<&Fire>,
) -> Result<Option<StoredCron>, Error> {
    let Some(known) = tx.load::<StoredCron>(new.id.as_bytes())? else { return Ok(None) };
    if known.version != new.version {
        return Ok(None);
    }
    new.version = known.version.saturating_add(1);
    new.last_scheduled = new.last_scheduled.max(known.last_scheduled);
    if let Some(fire) = past {
        new.last_scheduled = new.last_scheduled.max(Some(fire.scheduled_at));
        fires::record(tx, fire)?;
    }
    if new.enabled && !known.enabled {
        fires::forgive(tx, new.id)?;
    }
    unindex(tx, &known);
    write(tx, &new)?;
    Ok(Some(new))
}

/// Deletes a cron and its fires.
pub(super) fn delete(tx: &mut Tx<'_>, id: CronId) -> Result<bool, Error> {
    let Some(known) = tx.load::<StoredCron>(id.as_bytes())? else { return Ok(false) };
    unindex(tx, &known);
    tx.remove(Table::Crons, id.as_bytes());
    tx.remove(Table::CronStats, id.as_bytes());
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

pub(super) fn write(tx: &mut Tx<'_>, cron: &StoredCron) -> Result<(), Error> {
    tx.save(cron.id.as_bytes(), cron)?;
    for (table, key) in index_keys(cron) {
        tx.put(table, &key, Vec::new())?;
    }
    Ok(())
}

pub(super) fn unindex(tx: &mut Tx<'_>, cron: &StoredCron) {
    for (table, key) in index_keys(cron) {
        tx.remove(table, &key);
    }
}

fn index_keys(cron: &StoredCron) -> impl Iterator<Item = (Table, Vec<u8>)> {
    let of_thread = cron
        .thread
        .map(|thread| (Table::CronsByThread, keys::join(&[thread.as_bytes(), cron.id.as_bytes()])));
    let due = cron.due().map(|at| (Table::Due, keys::timed(at, cron.id.as_bytes())));
    let ended = cron.ended.map(|at| (Table::CronsEnded, keys::timed(at, cron.id.as_bytes())));
    of_thread.into_iter().chain(due).chain(ended)
}

pub(super) fn get(tx: &Tx<'_>, id: CronId) -> Result<Option<Cron>, Error> {
    tx.load::<StoredCron>(id.as_bytes())?.map(|found| found.open(tx.docs())).transpose()
}

pub(super) fn search(tx: &Tx<'_>, query: &CronQuery) -> Result<Page<Cron>, Error> {
    let matching = |cron| Ok(fits(tx, &cron, query)?.then_some(cron));
    let found = candidates(tx, query)?
        .filter_map(|cron: Result<StoredCron, Error>| cron.and_then(matching).transpose());
    let (by, order) = (query.sort_by, query.order);
    let (part, total) =
        page(found, order, query.offset, query.limit, |a, b| compare(a, b, by, order))?;
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

fn fits(tx: &Tx<'_>, cron: &StoredCron, query: &CronQuery) -> Result<bool, Error> {
    let fits = query.assistant_id.is_none_or(|id| id == cron.assistant)
        && query.thread_id.is_none_or(|id| Some(id) == cron.thread)
        && query.enabled.is_none_or(|enabled| enabled == cron.enabled);
    if !fits || query.metadata.is_empty() {
        return Ok(fits);
    }
    let whole = cron.clone().open(tx.docs())?;
    Ok(contains(&whole.metadata, &query.metadata))
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

/// Crons with an id after this one.
pub(super) fn after(tx: &Tx<'_>, id: Option<CronId>, limit: usize) -> Result<Vec<Cron>, Error> {
    let start = id.map_or(Bound::Unbounded, |id| Bound::Excluded(id.as_bytes().to_vec()));
    tx.range(Table::Crons, (start, Bound::Unbounded))
        .map(|entry| tx.read::<StoredCron>(&entry?.1)?.open(tx.docs()))
        .filter(|cron| !cron.as_ref().is_err_and(Error::is_damage))
        .take(limit)
        .collect()
}

/// Crons that had ended before this instant.
pub(super) fn ended(tx: &Tx<'_>, before: Timestamp) -> Result<Vec<CronId>, Error> {
    tx.range(Table::CronsEnded, ..keys::time(before).to_vec())
        .map(|entry| {
            let (key, _) = entry?;
            let mut parts = Parts(&key);
            parts.time()?;
            parts.id().map(CronId::from_bytes)
        })
        .collect()
}

/// Deletes those of them that have not been changed meanwhile.
pub(super) fn delete_ended(
    tx: &mut Tx<'_>,
    ids: &[CronId],
    before: Timestamp,
) -> Result<u64, Error> {
    let mut deleted = 0;
    for id in ids {
        let cron = tx.load::<StoredCron>(id.as_bytes())?;
        if cron.is_some_and(|cron| cron.ended.is_some_and(|ended| ended < before)) {
            deleted += u64::from(delete(tx, *id)?);
        }
    }
    Ok(deleted)
}
