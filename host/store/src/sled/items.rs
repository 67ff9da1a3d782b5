use std::cmp::Reverse;

use wakeful_core::{Item, ItemAddress, Namespace, Timestamp};

use super::item_keys as keys;
use super::keys::Parts;
use super::table::Table;
use super::tx::{Entry, Tx};
use crate::record::StoredItem;
use crate::{Error, FoundItems, ItemQuery, NamespaceQuery};

/// Puts an item, whatever is there.
pub(super) fn put(tx: &mut Tx<'_>, key: &[u8], mut new: StoredItem) -> Result<(), Error> {
    if let Some(old) = tx.load::<StoredItem>(key)? {
        // What has expired was not there any more.
        if old.is_live(new.updated) {
            new.created = old.created;
            new.updated = new.updated.max(old.updated);
        }
        forget_expiry(tx, key, &old);
    }
    write(tx, key, &new)
}

pub(super) fn get(
    tx: &Tx<'_>,
    address: ItemAddress,
    now: Timestamp,
) -> Result<Option<(Item, bool)>, Error> {
    let found = tx.load::<StoredItem>(&keys::item(&address))?;
    let Some(item) = found.filter(|item| item.is_live(now)) else { return Ok(None) };
    let refresh = item.refreshed(now).is_some();
    Ok(Some((item.open(address, tx.docs())?, refresh)))
}

/// Deletes an item; returns whether there was one.
pub(super) fn delete(tx: &mut Tx<'_>, key: &[u8], now: Timestamp) -> Result<bool, Error> {
    let Some(item) = tx.load::<StoredItem>(key)? else { return Ok(false) };
    remove(tx, key, &item);
    Ok(item.is_live(now))
}

/// Lets items stay their whole time from now on.
pub(super) fn refresh(tx: &mut Tx<'_>, found: &[Vec<u8>], now: Timestamp) -> Result<(), Error> {
    for key in found {
        let Some(mut item) = tx.load::<StoredItem>(key)? else { continue };
        if let Some(later) = item.refreshed(now).filter(|_| item.is_live(now)) {
            forget_expiry(tx, key, &item);
            item.expires = Some(later);
            write(tx, key, &item)?;
        }
    }
    Ok(())
}

/// Deletes items that have expired; returns how many index entries it saw.
pub(super) fn expire(tx: &mut Tx<'_>, now: Timestamp, limit: usize) -> Result<usize, Error> {
    let due = tx.range(Table::ItemsByExpiry, ..=keys::expiry_bound(now)).take(limit);
    let due: Vec<_> = due.map(|entry| Ok(entry?.0.to_vec())).collect::<Result<_, Error>>()?;
    for entry in &due {
        tx.remove(Table::ItemsByExpiry, entry);
        let key = keys::expiring(entry)?;
        if let Some(item) = tx.load::<StoredItem>(key)?
            && !item.is_live(now)
        {
            remove(tx, key, &item);
        }
    }
    Ok(due.len())
}

/// When the next item expires.
pub(super) fn next_expiry(tx: &Tx<'_>) -> Result<Option<Timestamp>, Error> {
    let first = tx.first(Table::ItemsByExpiry, &[])?;
    first.map(|(entry, _)| Parts(&entry).time()).transpose()
}

/// A match that may be among those to return: when it was updated, and its key.
type Candidate = (Reverse<Timestamp>, Vec<u8>);

/// The items that match, and the keys of those whose time a read extends.
pub(super) fn search(tx: &Tx<'_>, query: &ItemQuery) -> Result<(FoundItems, Vec<Vec<u8>>), Error> {
    let wanted = query.offset.saturating_add(query.limit);
    let mut found: Vec<Candidate> = Vec::new();
    for entry in tx.scan(Table::Items, &keys::namespace(&query.prefix)) {
        let (key, bytes) = entry?;
        let item: StoredItem = tx.read(&bytes)?;
        if !item.is_live(query.now) || !matches(tx, &item, query)? {
            continue;
        }
        found.push((Reverse(item.updated), key.to_vec()));
        // Only as many are kept as may be wanted, however many match.
        if found.len() >= wanted.saturating_mul(2).max(1_024) {
            newest(&mut found, wanted);
        }
    }
    newest(&mut found, wanted);
    let mut page = Vec::new();
    let mut bytes = 0_u64;
    for (_, key) in found.into_iter().skip(query.offset) {
        // It may have been deleted just now.
        let Some(item) = tx.load::<StoredItem>(&key)? else { continue };
        bytes = bytes.saturating_add(item.bytes);
        if bytes > query.most_bytes {
            return Ok((FoundItems::TooLarge, Vec::new()));
        }
        page.push((key, item));
    }
    let mut refresh = Vec::new();
    let mut items = Vec::with_capacity(page.len());
    for (key, item) in page {
        let address = keys::address(&key)?;
        if item.refreshed(query.now).is_some() {
            refresh.push(key);
        }
        items.push(item.open(address, tx.docs())?);
    }
    Ok((FoundItems::Items(items), refresh))
}

fn matches(tx: &Tx<'_>, item: &StoredItem, query: &ItemQuery) -> Result<bool, Error> {
    // Most searches have no filter, and then no value is read that is not returned.
    Ok(query.filter.is_empty() || query.filter.matches(&tx.docs().get(&item.value, "item")?))
}

fn newest(found: &mut Vec<Candidate>, wanted: usize) {
    found.sort_unstable();
    found.truncate(wanted);
}

pub(super) fn namespaces(tx: &Tx<'_>, query: &NamespaceQuery) -> Result<Vec<Namespace>, Error> {
    let mut listed = Vec::new();
    let mut passed = 0;
    let root = keys::namespace(&query.prefix.fixed());
    let end = keys::after(&root);
    let mut from = root;
    while listed.len() < query.limit {
        let Some((key, bytes)) = first(tx, &from, end.as_deref())? else { break };
        let namespace = keys::address(&key)?.namespace().clone();
        if !query.prefix.begins(&namespace) || !query.suffix.ends(&namespace) {
            from = keys::after_items_of(&namespace);
            continue;
        }
        if !tx.read::<StoredItem>(&bytes)?.is_live(query.now) {
            // The next item of the namespace may be there still.
            from = keys::after_key(key);
            continue;
        }
        let depth = query.max_depth.unwrap_or(usize::MAX);
        let is_cut = namespace.labels().len() >= depth;
        let whole = keys::after_items_of(&namespace);
        let namespace = namespace.cut(depth);
        from =
            if is_cut { keys::after(&keys::namespace(&namespace)).unwrap_or(whole) } else { whole };
        if passed < query.offset {
            passed += 1;
        } else {
            listed.push(namespace);
        }
    }
    Ok(listed)
}

fn first(tx: &Tx<'_>, from: &[u8], end: Option<&[u8]>) -> Result<Option<Entry>, Error> {
    let Some(entry) = tx.range(Table::Items, from.to_vec()..).next() else { return Ok(None) };
    let (key, bytes) = entry?;
    let within = end.is_none_or(|end| key.as_ref() < end);
    Ok(within.then(|| (key.to_vec(), bytes.to_vec())))
}

fn write(tx: &mut Tx<'_>, key: &[u8], item: &StoredItem) -> Result<(), Error> {
    if let Some(at) = item.expires {
        tx.put(Table::ItemsByExpiry, &keys::expiry(at, key), Vec::new())?;
    }
    tx.save(key, item)
}

fn remove(tx: &mut Tx<'_>, key: &[u8], item: &StoredItem) {
    forget_expiry(tx, key, item);
    tx.remove(Table::Items, key);
}

fn forget_expiry(tx: &mut Tx<'_>, key: &[u8], item: &StoredItem) {
    if let Some(at) = item.expires {
        tx.remove(Table::ItemsByExpiry, &keys::expiry(at, key));
    }
}
