use std::time::Duration;

use async_trait::async_trait;
use wakeful_core::{Failure, Item, ItemAddress, ItemFilter, Namespace, NamespacePattern, Object};

/// The store of items, as runs reach it.
///
/// A message boundary: a call in, one answer out, all of it plain data. The engine has held the
/// call against the grants and the limits of the run.
#[async_trait]
pub trait ItemAccess: Send + Sync + 'static {
    /// Carries a call out.
    ///
    /// # Errors
    ///
    /// With what the guest is to be told.
    async fn call(&self, call: ItemCall) -> Result<ItemAnswer, Failure>;
}

/// What a run wants of the store of items.
#[derive(Debug, Clone, PartialEq)]
pub enum ItemCall {
    /// The item at an address.
    Get(ItemAddress),
    /// Puts an item in the place of whatever is there.
    Put {
        /// Where.
        address: ItemAddress,
        /// What it says.
        value: Object,
        /// How long it stays.
        ttl: Option<Duration>,
    },
    /// Deletes an item.
    Delete(ItemAddress),
    /// Items, newest update first.
    Search {
        /// Only in this namespace and below it.
        prefix: Namespace,
        /// Only with such a value.
        filter: ItemFilter,
        /// How many at most.
        limit: usize,
        /// How many to pass over.
        offset: usize,
        /// How many bytes of values at most.
        most_bytes: u64,
    },
    /// Namespaces that have items.
    Namespaces {
        /// Only those that begin so.
        prefix: NamespacePattern,
        /// Only those that end so.
        suffix: NamespacePattern,
        /// How many labels of each are wanted.
        max_depth: Option<usize>,
        /// How many at most.
        limit: usize,
        /// How many to pass over.
        offset: usize,
    },
}

/// The answer to an [`ItemCall`], of the same kind.
#[derive(Debug, Clone, PartialEq)]
pub enum ItemAnswer {
    /// The item, if there is one.
    Item(Option<Item>),
    /// It was put.
    Put,
    /// Whether there was an item to delete.
    Deleted(bool),
    /// The items.
    Items(Vec<Item>),
    /// The namespaces.
    Namespaces(Vec<Namespace>),
}
