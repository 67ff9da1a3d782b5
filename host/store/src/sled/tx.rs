use std::collections::{BTreeMap, VecDeque};
use std::ops::{Bound, RangeBounds};
use std::sync::atomic::Ordering;

use ::sled::Transactional;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::backlog::Change;
use super::inner::{Inner, fault};
use super::scan::Scan;
use super::table::{Record, Table};
use crate::Error;
use crate::record::{Docs, Unreadable, VERSION, decode, encode};

/// sled keeps a leaf of sixteen values in one page; larger values turn pages into files that it
/// never makes durable.
const LARGEST: usize = 4096;

/// What one request reads, and the writes it collects. Readers use it as well, and collect none.
///
/// Only the writer thread commits, so what it reads cannot change before it does.
pub(super) struct Tx<'a> {
    inner: &'a Inner,
    /// What earlier requests wrote that is not committed yet: it counts as if it were.
    earlier: Option<&'a Batch>,
    own: Batch,
}

/// Writes that are committed together, all or none.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) writes: Writes,
    backlog: Vec<Change>,
}

/// A value for each key, or none where it is removed.
pub(super) type Writes = BTreeMap<(Table, Vec<u8>), Option<Vec<u8>>>;

/// A key and its value.
pub(super) type Entry = (Vec<u8>, Vec<u8>);

impl<'a> Tx<'a> {
    pub(super) fn new(inner: &'a Inner) -> Self {
        Self { inner, earlier: None, own: Batch::default() }
    }

    /// A request after others whose writes are still to be committed.
    pub(super) fn after(inner: &'a Inner, earlier: &'a Batch) -> Self {
        Self { earlier: Some(earlier), ..Self::new(inner) }
    }

    /// The writes of a batch, to be committed.
    pub(super) fn of(inner: &'a Inner, batch: Batch) -> Self {
        Self { inner, earlier: None, own: batch }
    }

    /// The documents.
    pub(super) fn docs(&self) -> &'a Docs {
        &self.inner.docs
    }

    /// A value, own writes included.
    pub(super) fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let key = (table, key.to_vec());
        let earlier = || self.earlier.and_then(|earlier| earlier.writes.get(&key));
        if let Some(written) = self.own.writes.get(&key).or_else(earlier) {
            return Ok(written.clone());
        }
        let (table, key) = key;
        let found = self.inner.tree(table).get(key).map_err(fault)?;
        Ok(found.map(|value| value.to_vec()))
    }

    /// Whether there is a value.
    pub(super) fn has(&self, table: Table, key: &[u8]) -> Result<bool, Error> {
        self.get(table, key).map(|value| value.is_some())
    }

    /// A record, own writes included.
    pub(super) fn load<T: Record + DeserializeOwned>(
        &self,
        key: &[u8],
    ) -> Result<Option<T>, Error> {
        self.get(T::TABLE, key)?.map(|bytes| self.read(&bytes)).transpose()
    }

    /// The record in these bytes.
    pub(super) fn read<T: Record + DeserializeOwned>(&self, bytes: &[u8]) -> Result<T, Error> {
        decode(bytes).map_err(|unreadable| match unreadable {
            Unreadable::Newer(found) => Error::TooNew {
                path: self.inner.path.clone(),
                found: found.into(),
                known: VERSION.into(),
            },
            Unreadable::Broken(reason) => Error::Damaged { what: T::WHAT, reason },
        })
    }

    /// Writes a record.
    pub(super) fn save<T: Record + Serialize>(
        &mut self,
        key: &[u8],
        record: &T,
    ) -> Result<(), Error> {
        self.put(T::TABLE, key, encode(record).map_err(std::io::Error::other)?)
    }

    /// Writes a value.
    pub(super) fn put(&mut self, table: Table, key: &[u8], value: Vec<u8>) -> Result<(), Error> {
        if value.len() > LARGEST {
            let text =
                format!("a value of {} bytes is too large for {}", value.len(), table.name());
            return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, text).into());
        }
        self.own.writes.insert((table, key.to_vec()), Some(value));
        Ok(())
    }

    /// Removes a value, if there is one.
    pub(super) fn remove(&mut self, table: Table, key: &[u8]) {
        self.own.writes.insert((table, key.to_vec()), None);
    }

    /// Counts whose turn it is, where several wait for the same.
    pub(super) fn turn(&self) -> u64 {
        self.inner.turns.fetch_add(1, Ordering::Relaxed)
    }

    /// Notes a change to what is pending, for whoever asks how long it has waited.
    pub(super) fn note(&mut self, change: Change) {
        self.own.backlog.push(change);
    }

    /// Drops the writes that were collected so far.
    pub(super) fn forget(&mut self) {
        self.own = Batch::default();
    }

    /// The first entry whose key begins with `prefix`, own writes included.
    pub(super) fn first(&self, table: Table, prefix: &[u8]) -> Result<Option<Entry>, Error> {
        let written = self
            .own
            .writes
            .range((table, prefix.to_vec())..)
            .take_while(|((t, key), _)| *t == table && key.starts_with(prefix))
            .find_map(|((_, key), value)| Some((key.clone(), value.clone()?)));
        for entry in self.scan(table, prefix) {
            let (key, value) = entry?;
            if let Some((earlier, _)) = &written
                && earlier.as_slice() <= key.as_ref()
            {
                break;
            }
            if !self.own.writes.contains_key(&(table, key.to_vec())) {
                return Ok(Some((key.to_vec(), value.to_vec())));
            }
        }
        Ok(written)
    }

    /// Every entry whose key begins with `prefix`, own writes not included.
    pub(super) fn scan(&self, table: Table, prefix: &[u8]) -> Scan {
        let mut newer = VecDeque::new();
        if let Some(earlier) = self.earlier {
            let from = earlier.writes.range((table, prefix.to_vec())..);
            let within = from.take_while(|((t, key), _)| *t == table && key.starts_with(prefix));
            newer.extend(within.map(|((_, key), value)| (key.clone(), value.clone())));
        }
        Scan::new(self.inner.tree(table).scan_prefix(prefix), newer)
    }

    /// Every entry in a range of keys, own writes not included.
    pub(super) fn range(&self, table: Table, range: impl RangeBounds<Vec<u8>>) -> Scan {
        let range = (range.start_bound().cloned(), range.end_bound().cloned());
        let mut newer = VecDeque::new();
        if let Some(earlier) = self.earlier {
            let start = match &range.0 {
                Bound::Included(key) | Bound::Excluded(key) => key.clone(),
                Bound::Unbounded => Vec::new(),
            };
            let from = earlier.writes.range((table, start)..);
            let within = from.take_while(|((t, key), _)| {
                *t == table
                    && match &range.1 {
                        Bound::Included(end) => key <= end,
                        Bound::Excluded(end) => key < end,
                        Bound::Unbounded => true,
                    }
            });
            let within = within.filter(|((_, key), _)| range.contains(key));
            newer.extend(within.map(|((_, key), value)| (key.clone(), value.clone())));
        }
        Scan::new(self.inner.tree(table).range::<Vec<u8>, (Bound<_>, Bound<_>)>(range), newer)
    }

    /// Every record of a kind, own writes not included.
    pub(super) fn all<T: Record + DeserializeOwned>(
        &self,
    ) -> impl Iterator<Item = Result<T, Error>> {
        self.scan(T::TABLE, &[]).map(|entry| self.read(&entry?.1))
    }

    /// How many writes there are.
    pub(super) fn len(&self) -> usize {
        self.own.writes.len()
    }

    /// The writes, to be committed with those of other requests.
    pub(super) fn into_batch(self) -> Batch {
        self.own
    }

    /// Applies the writes, all or none. They are durable only after [`Inner::sync`].
    pub(super) fn commit(self) -> Result<(), Error> {
        let mut trees = Vec::new();
        let mut batches: Vec<::sled::Batch> = Vec::new();
        let mut last = None;
        for ((table, key), value) in self.own.writes {
            if last != Some(table) {
                trees.push(self.inner.tree(table).clone());
                batches.push(::sled::Batch::default());
                last = Some(table);
            }
            let Some(batch) = batches.last_mut() else { continue };
            match value {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        if trees.is_empty() {
            return Ok(());
        }
        // Nothing in here may touch a tree directly: sled holds its one lock meanwhile.
        let applied = trees.as_slice().transaction(|views| {
            for (view, batch) in views.iter().zip(&batches) {
                view.apply_batch(batch)?;
            }
            Ok(())
        });
        match applied {
            Ok(()) => {
                self.inner.backlog.apply(&self.own.backlog);
                Ok(())
            }
            Err(::sled::transaction::TransactionError::Storage(error)) => Err(fault(error)),
            Err(::sled::transaction::TransactionError::Abort(())) => {
                Err(std::io::Error::other("the transaction was given up").into())
            }
        }
    }
}

impl Batch {
    /// Adds what a later request wrote.
    pub(super) fn append(&mut self, mut later: Self) {
        self.writes.append(&mut later.writes);
        self.backlog.append(&mut later.backlog);
    }
}
