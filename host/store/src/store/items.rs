use std::time::Duration;

use async_trait::async_trait;
use wakeful_core::{Item, ItemAddress, ItemFilter, Namespace, NamespacePattern, Object, Timestamp};

use super::Error;

/// The items, one method per transaction. An item that has expired is not there, whether it was
/// deleted already or not.
#[async_trait]
pub trait ItemStore {
    /// Puts an item in the place of whatever is there. `created_at` stays as it was.
    async fn put_item(&self, put: PutItem) -> Result<(), Error>;
    /// The item at an address.
    async fn item(&self, get: GetItem) -> Result<Option<Item>, Error>;
    /// Deletes an item. Returns whether there was one.
    async fn delete_item(&self, address: ItemAddress, now: Timestamp) -> Result<bool, Error>;
    /// The items that match, newest update first.
    async fn search_items(&self, query: ItemQuery) -> Result<FoundItems, Error>;
    /// The namespaces that match and have items, in the order of their labels.
    async fn namespaces(&self, query: NamespaceQuery) -> Result<Vec<Namespace>, Error>;
    /// Deletes at most `limit` items that have expired, the first to expire first. Returns how
    /// many there were.
    async fn expire_items(&self, now: Timestamp, limit: usize) -> Result<usize, Error>;
}

/// An item to put.
#[derive(Debug, Clone, PartialEq)]
pub struct PutItem {
    /// Where.
    pub address: ItemAddress,
    /// What it says.
    pub value: Object,
    /// How long it stays; `None` means for ever.
    pub ttl: Option<Duration>,
    /// The present instant.
    pub now: Timestamp,
}

/// An item to get.
#[derive(Debug, Clone, PartialEq)]
pub struct GetItem {
    /// Where.
    pub address: ItemAddress,
    /// Whether it stays as long from now on as it was to stay when it was put.
    pub refresh: bool,
    /// The present instant.
    pub now: Timestamp,
}

/// Which items.
#[derive(Debug, Clone, PartialEq)]
pub struct ItemQuery {
    /// Only in this namespace and below it.
    pub prefix: Namespace,
    /// Only with such a value.
    pub filter: ItemFilter,
    /// How many to return at most.
    pub limit: usize,
    /// How many to pass over.
    pub offset: usize,
    /// How many bytes of values to return at most.
    pub most_bytes: u64,
    /// As in [`GetItem`], for each item that is returned.
    pub refresh: bool,
    /// The present instant.
    pub now: Timestamp,
}

/// What came of [`ItemStore::search_items`].
#[derive(Debug, Clone, PartialEq)]
pub enum FoundItems {
    /// These.
    Items(Vec<Item>),
    /// The values have more bytes than were asked for at most.
    TooLarge,
}

/// Which namespaces.
#[derive(Debug, Clone, PartialEq)]
pub struct NamespaceQuery {
    /// Only those that begin so.
    pub prefix: NamespacePattern,
    /// Only those that end so.
    pub suffix: NamespacePattern,
    /// Cuts what is longer to this many labels, and lists it once.
    pub max_depth: Option<usize>,
    /// How many to return at most.
    pub limit: usize,
    /// How many to pass over.
    pub offset: usize,
    /// The present instant.
    pub now: Timestamp,
}
