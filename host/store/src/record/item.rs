use std::time::Duration;

use serde::{Deserialize, Serialize};
use wakeful_core::{Item, ItemAddress, Object, Timestamp};

use super::codec::{micros, micros_option};
use super::{Doc, Docs};
use crate::Error;

/// An item. Its address is its key in the table.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StoredItem {
    #[serde(with = "micros")]
    pub(crate) created: Timestamp,
    #[serde(with = "micros")]
    pub(crate) updated: Timestamp,
    /// Microseconds.
    pub(crate) ttl: Option<u64>,
    #[serde(with = "micros_option")]
    pub(crate) expires: Option<Timestamp>,
    /// The size of the value as JSON.
    pub(crate) bytes: u64,
    pub(crate) value: Doc,
}

impl StoredItem {
    pub(crate) fn new(
        value: &Object,
        ttl: Option<Duration>,
        now: Timestamp,
        docs: &Docs,
    ) -> Result<Self, Error> {
        let json = serde_json::to_string(value).map_err(std::io::Error::other)?;
        let mut item = Self {
            created: now,
            updated: now,
            ttl: ttl.map(|ttl| u64::try_from(ttl.as_micros()).unwrap_or(u64::MAX)),
            expires: None,
            bytes: json.len() as u64,
            value: docs.put(value)?,
        };
        item.expires = item.expiry_from(now);
        Ok(item)
    }

    /// When it expires if it is to stay its whole time from now on. An instant beyond the calendar
    /// is never.
    fn expiry_from(&self, now: Timestamp) -> Option<Timestamp> {
        now.checked_add(Duration::from_micros(self.ttl?)).ok()
    }

    pub(crate) fn is_live(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|at| at > now)
    }

    /// The later expiry that a read at `now` gives it, if that is worth a write: a read that moves
    /// it by less than a hundredth of its time is not.
    pub(crate) fn refreshed(&self, now: Timestamp) -> Option<Timestamp> {
        let (expires, later) = (self.expires?, self.expiry_from(now)?);
        let least = Duration::from_micros(self.ttl? / 100);
        let gained = later.duration_since(expires);
        (Duration::try_from(gained).is_ok_and(|gained| !gained.is_zero() && gained >= least))
            .then_some(later)
    }

    pub(crate) fn open(self, address: ItemAddress, docs: &Docs) -> Result<Item, Error> {
        Ok(Item {
            address,
            value: docs.get(&self.value, "item")?,
            created_at: self.created,
            updated_at: self.updated,
            expires_at: self.expires,
        })
    }
}
