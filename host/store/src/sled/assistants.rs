use std::cmp::Ordering;

use wakeful_core::{Assistant, AssistantId, AssistantPatch, Timestamp};

use super::keys;
use super::paging::page;
use super::table::Table;
use super::tx::Tx;
use crate::contain::contains;
use crate::record::{StoredAssistant, StoredVersion};
use crate::{AssistantQuery, AssistantSort, Created, Error, Page, VersionQuery};

/// Inserts it unless its id is taken.
pub(super) fn create(
    tx: &mut Tx<'_>,
    new: StoredAssistant,
) -> Result<Created<StoredAssistant>, Error> {
    match tx.load::<StoredAssistant>(new.id.as_bytes())? {
        Some(known) => Ok(Created::Existing(known)),
        None => {
            write(tx, &new)?;
            Ok(Created::New(new))
        }
    }
}

/// Writes the assistant, and the version it is at.
fn write(tx: &mut Tx<'_>, assistant: &StoredAssistant) -> Result<(), Error> {
    tx.save(assistant.id.as_bytes(), assistant)?;
    note(tx, assistant)
}

fn note(tx: &mut Tx<'_>, assistant: &StoredAssistant) -> Result<(), Error> {
    let key = keys::version(assistant.id, assistant.version);
    tx.save(&key, &StoredVersion(assistant.clone()))
}

pub(super) fn get(tx: &Tx<'_>, id: AssistantId) -> Result<Option<Assistant>, Error> {
    tx.load::<StoredAssistant>(id.as_bytes())?.map(|found| found.open(tx.docs())).transpose()
}

pub(super) fn search(tx: &Tx<'_>, query: &AssistantQuery) -> Result<Page<Assistant>, Error> {
    let name = query.name.as_ref().map(|name| name.to_lowercase());
    let matching = |assistant: StoredAssistant| {
        let components = query.components.as_ref();
        if components.is_some_and(|ids| !ids.contains(&assistant.component)) {
            return Ok(None);
        }
        let assistant = assistant.open(tx.docs())?;
        let fits = name.as_ref().is_none_or(|part| assistant.name.to_lowercase().contains(part))
            && contains(&assistant.metadata, &query.metadata);
        Ok(fits.then_some(assistant))
    };
    let found = tx
        .all::<StoredAssistant>()
        .filter_map(|assistant| assistant.and_then(matching).transpose());
    let by = query.sort_by;
    let (items, total) =
        page(found, query.order, query.offset, query.limit, |a, b| compare(a, b, by))?;
    Ok(Page { items, total })
}

fn compare(a: &Assistant, b: &Assistant, by: AssistantSort) -> Ordering {
    let order = match by {
        AssistantSort::Id => Ordering::Equal,
        AssistantSort::Component => a.component.cmp(&b.component),
        AssistantSort::Name => a.name.cmp(&b.name),
        AssistantSort::CreatedAt => a.created_at.cmp(&b.created_at),
        AssistantSort::UpdatedAt => a.updated_at.cmp(&b.updated_at),
    };
    order.then(a.id.cmp(&b.id))
}

/// Changes the assistant, as a version after all others.
pub(super) fn update(
    tx: &mut Tx<'_>,
    id: AssistantId,
    patch: &AssistantPatch,
    now: Timestamp,
) -> Result<Option<Assistant>, Error> {
    let Some(known) = tx.load::<StoredAssistant>(id.as_bytes())? else { return Ok(None) };
    let newest = newest(tx, &known)?;
    // One that an earlier program wrote has no version beside it yet.
    if !tx.has(Table::AssistantVersions, &keys::version(id, known.version))? {
        note(tx, &known)?;
    }
    let mut assistant = known.open(tx.docs())?;
    patch.apply(&mut assistant);
    assistant.version = newest.saturating_add(1);
    assistant.updated_at = now.max(assistant.updated_at);
    write(tx, &StoredAssistant::new(&assistant, tx.docs())?)?;
    Ok(Some(assistant))
}

/// The number of the newest version.
fn newest(tx: &Tx<'_>, assistant: &StoredAssistant) -> Result<u32, Error> {
    let last = tx.scan(Table::AssistantVersions, assistant.id.as_bytes()).next_back();
    let last = last.map(|entry| tx.read::<StoredVersion>(&entry?.1)).transpose()?;
    Ok(last.map_or(assistant.version, |last| last.0.version.max(assistant.version)))
}

pub(super) fn versions(
    tx: &Tx<'_>,
    id: AssistantId,
    query: &VersionQuery,
) -> Result<Page<Assistant>, Error> {
    let mut page = Page { items: Vec::new(), total: 0 };
    let mut add = |stored: StoredAssistant| {
        let shown = page.total >= query.offset && page.items.len() < query.limit;
        // What is neither shown nor filtered need not be read whole.
        if shown || !query.metadata.is_empty() {
            let version = stored.open(tx.docs())?;
            if !contains(&version.metadata, &query.metadata) {
                return Ok::<_, Error>(());
            }
            if shown {
                page.items.push(version);
            }
        }
        page.total += 1;
        Ok(())
    };
    let mut any = false;
    for entry in tx.scan(Table::AssistantVersions, id.as_bytes()).rev() {
        any = true;
        add(tx.read::<StoredVersion>(&entry?.1)?.0)?;
    }
    if !any && let Some(only) = tx.load::<StoredAssistant>(id.as_bytes())? {
        add(only)?;
    }
    Ok(page)
}

pub(super) fn version(
    tx: &Tx<'_>,
    id: AssistantId,
    version: u32,
) -> Result<Option<StoredAssistant>, Error> {
    if let Some(found) = tx.load::<StoredVersion>(&keys::version(id, version))? {
        return Ok(Some(found.0));
    }
    let only = tx.load::<StoredAssistant>(id.as_bytes())?;
    Ok(only.filter(|only| only.version == version))
}

/// Makes the assistant what it was at a version.
pub(super) fn revert(
    tx: &mut Tx<'_>,
    id: AssistantId,
    version: u32,
    now: Timestamp,
) -> Result<Option<StoredAssistant>, Error> {
    let Some(known) = tx.load::<StoredAssistant>(id.as_bytes())? else { return Ok(None) };
    let Some(mut then) = self::version(tx, id, version)? else { return Ok(None) };
    // The version keeps the time at which it came to be; the assistant has changed now.
    then.updated = now.max(known.updated);
    tx.save(id.as_bytes(), &then)?;
    Ok(Some(then))
}

/// Removes the assistant and its versions. Returns whether there was one.
pub(super) fn remove(tx: &mut Tx<'_>, id: AssistantId) -> Result<bool, Error> {
    if !tx.has(Table::Assistants, id.as_bytes())? {
        return Ok(false);
    }
    let versions: Vec<_> =
        tx.scan(Table::AssistantVersions, id.as_bytes()).collect::<Result<_, _>>()?;
    for (key, _) in versions {
        tx.remove(Table::AssistantVersions, &key);
    }
    tx.remove(Table::Assistants, id.as_bytes());
    Ok(true)
}
