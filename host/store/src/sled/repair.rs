//! The check after an unclean end: every index against the records it is made from. Transactions
//! keep them together, so a difference means that the disk lost something; it is logged and mended
//! so that no cron and no run is forgotten.

use std::collections::BTreeMap;

use wakeful_core::{RunStatus, ThreadStatus, Timestamp};

use super::inner::Inner;
use super::item_keys;
use super::keys;
use super::lanes::Lane;
use super::outbox;
use super::table::Table;
use super::tx::Tx;
use crate::Error;
use crate::record::{
    StoredCron, StoredDelivery, StoredItem, StoredLease, StoredRun, StoredThread, encode,
};

/// The indexes whose loss would go unnoticed.
const INDEXES: [Table; 12] = [
    Table::Due,
    Table::CronsEnded,
    Table::CronRuns,
    Table::CronHeld,
    Table::Pending,
    Table::Waiting,
    Table::Running,
    Table::Lanes,
    Table::Ready,
    Table::ItemsByExpiry,
    Table::Expiries,
    Table::DeliveriesDue,
];
/// How many differences one transaction mends.
const PORTION: usize = 100;

/// Entries of an index, one after another in as little memory as they take.
#[derive(Default)]
struct Entries {
    bytes: Vec<u8>,
    spans: Vec<Span>,
}

#[derive(Clone, Copy)]
struct Span {
    start: usize,
    key: u16,
    value: u16,
}

impl Entries {
    fn push(&mut self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        let fits = |bytes: &[u8]| u16::try_from(bytes.len()).map_err(std::io::Error::other);
        let span = Span { start: self.bytes.len(), key: fits(key)?, value: fits(value)? };
        self.bytes.extend_from_slice(key);
        self.bytes.extend_from_slice(value);
        self.spans.push(span);
        Ok(())
    }

    fn sort(&mut self) {
        let bytes = &self.bytes;
        self.spans.sort_unstable_by(|a, b| a.key(bytes).cmp(b.key(bytes)));
    }

    fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.spans.iter().map(|span| (span.key(&self.bytes), span.value(&self.bytes)))
    }
}

impl Span {
    fn key(self, bytes: &[u8]) -> &[u8] {
        bytes.get(self.start..self.start + usize::from(self.key)).unwrap_or_default()
    }

    fn value(self, bytes: &[u8]) -> &[u8] {
        let start = self.start + usize::from(self.key);
        bytes.get(start..start + usize::from(self.value)).unwrap_or_default()
    }
}

/// Mends the indexes; returns how many entries were wrong.
pub(super) fn repair(inner: &Inner) -> Result<usize, Error> {
    let reader = Tx::new(inner);
    let mut expected: BTreeMap<Table, Entries> =
        INDEXES.into_iter().map(|table| (table, Entries::default())).collect();
    let mut add = |table: Table, key: Vec<u8>, value: Vec<u8>| {
        expected.entry(table).or_default().push(&key, &value)
    };
    for cron in reader.all::<StoredCron>() {
        let cron = cron?;
        if let Some(due) = cron.due() {
            add(Table::Due, keys::timed(due, cron.id.as_bytes()), Vec::new())?;
        }
        if let Some(ended) = cron.ended {
            add(Table::CronsEnded, keys::timed(ended, cron.id.as_bytes()), Vec::new())?;
        }
    }
    for entry in reader.scan(Table::Items, &[]) {
        let (key, bytes) = entry?;
        if let Some(at) = reader.read::<StoredItem>(&bytes)?.expires {
            add(Table::ItemsByExpiry, item_keys::expiry(at, &key), Vec::new())?;
        }
    }
    for delivery in reader.all::<StoredDelivery>() {
        if let Some((key, value)) = outbox::due_entry(&delivery?) {
            add(Table::DeliveriesDue, key, value)?;
        }
    }
    let mut lanes: BTreeMap<[u8; 16], Lane> = BTreeMap::new();
    for run in reader.all::<StoredRun>() {
        let run = run?;
        let thread = run.thread.as_bytes();
        if let Some(cron) = run.cron().filter(|_| !run.status.is_final()) {
            let table = if run.is_held() { Table::CronHeld } else { Table::CronRuns };
            add(table, keys::owned(cron.as_bytes(), run.created, run.id), Vec::new())?;
        }
        match run.status {
            RunStatus::Pending => {
                let available = keys::time(run.available).to_vec();
                add(Table::Pending, keys::owned(thread, run.created, run.id), available)?;
                add(Table::Waiting, keys::owned(thread, run.available, run.id), Vec::new())?;
                let lane = lanes.entry(*thread).or_insert(Lane::Ready(run.available));
                if let Lane::Ready(first) = lane {
                    *first = run.available.min(*first);
                }
            }
            RunStatus::Running => {
                // Nobody's lease, and over: the run is taken back when the host recovers.
                let lease = StoredLease { owner: String::new(), until: Timestamp::UNIX_EPOCH };
                let lease = encode(&lease).map_err(std::io::Error::other)?;
                add(Table::Running, run.id.as_bytes().to_vec(), lease)?;
                lanes.insert(*thread, Lane::Running(run.id));
            }
            _ => {}
        }
    }
    for (thread, lane) in &lanes {
        if let Lane::Ready(at) = lane {
            add(Table::Ready, keys::timed(*at, thread), Vec::new())?;
        }
        add(Table::Lanes, thread.to_vec(), lane.encode())?;
    }
    for thread in reader.all::<StoredThread>() {
        let thread = thread?;
        if let Some(at) = thread.expires.filter(|_| !lanes.contains_key(thread.id.as_bytes())) {
            add(Table::Expiries, keys::timed(at, thread.id.as_bytes()), Vec::new())?;
        }
    }
    let mut mender = Mender { inner, tx: Tx::new(inner), mended: 0 };
    for (table, mut entries) in expected {
        entries.sort();
        mender.compare(table, &entries)?;
    }
    for thread in reader.all::<StoredThread>() {
        let mut thread = thread?;
        let busy = lanes.contains_key(thread.id.as_bytes());
        if busy != (thread.status == ThreadStatus::Busy) {
            thread.status = if busy { ThreadStatus::Busy } else { ThreadStatus::Idle };
            let bytes = encode(&thread).map_err(std::io::Error::other)?;
            mender.mend(Table::Threads, thread.id.as_bytes(), Some(&bytes))?;
        }
    }
    mender.end()
}

struct Mender<'a> {
    inner: &'a Inner,
    tx: Tx<'a>,
    mended: usize,
}

impl Mender<'_> {
    /// Makes the table what it is to be. A lease that is there stays, whoever holds it.
    fn compare(&mut self, table: Table, expected: &Entries) -> Result<(), Error> {
        let mut expected = expected.iter().peekable();
        // Both go up.
        for entry in Tx::new(self.inner).scan(table, &[]) {
            let (key, value) = entry?;
            while let Some((missing, wanted)) = expected.next_if(|(wanted, _)| *wanted < &*key) {
                self.mend(table, missing, Some(wanted))?;
            }
            match expected.next_if(|(wanted, _)| *wanted == &*key) {
                Some((_, wanted)) if table == Table::Running || wanted == &*value => {}
                wanted => self.mend(table, &key, wanted.map(|(_, value)| value))?,
            }
        }
        for (key, value) in expected {
            self.mend(table, key, Some(value))?;
        }
        Ok(())
    }

    fn mend(&mut self, table: Table, key: &[u8], value: Option<&[u8]>) -> Result<(), Error> {
        let missing = value.is_some();
        tracing::warn!(table = table.name(), missing, "an index entry did not fit its record");
        self.mended += 1;
        match value {
            Some(value) => self.tx.put(table, key, value.to_vec())?,
            None => self.tx.remove(table, key),
        }
        if self.tx.len() >= PORTION {
            std::mem::replace(&mut self.tx, Tx::new(self.inner)).commit()?;
        }
        Ok(())
    }

    fn end(self) -> Result<usize, Error> {
        self.tx.commit()?;
        Ok(self.mended)
    }
}
