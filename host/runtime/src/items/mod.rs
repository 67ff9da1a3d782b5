//! Items: for clients through the host, for runs through the engine.

mod access;
mod expiry;

use std::time::Duration;

pub(crate) use access::StoreAccess;
pub(crate) use expiry::expire;
use wakeful_core::{Item, ItemAddress, ItemFilter, Namespace, NamespacePattern, Object};
use wakeful_store::{FoundItems, GetItem, ItemQuery, NamespaceQuery, PutItem};

use crate::{Error, Host};

/// Bytes of values that one search returns at most.
const MOST_FOUND: u64 = 64 << 20;

/// Which items.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SearchItems {
    /// Only in this namespace and below it.
    pub prefix: Namespace,
    /// Only with such a value.
    pub filter: ItemFilter,
    /// How many to return at most.
    pub limit: usize,
    /// How many to pass over.
    pub offset: usize,
    /// Whether each item that is returned stays as long from now on as when it was put.
    pub refresh: bool,
}

/// Which namespaces.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ListNamespaces {
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
}

impl Host {
    /// Puts an item in the place of whatever is there; it goes away after `ttl`, if given.
    pub async fn put_item(
        &self,
        address: ItemAddress,
        value: Object,
        ttl: Option<Duration>,
    ) -> Result<(), Error> {
        self.refuse_when_stopping()?;
        address
            .namespace()
            .check_writable()
            .map_err(|reason| Error::Invalid(reason.to_string()))?;
        if ttl.is_some_and(|ttl| ttl.is_zero()) {
            return Err(Error::Invalid(
                "an item must stay for some time; give a longer ttl".into(),
            ));
        }
        if !fits(&value) {
            return Err(Error::Invalid(wakeful_core::InvalidItem::ValueTooLarge.to_string()));
        }
        Ok(self.store().put_item(PutItem { address, value, ttl, now: self.now() }).await?)
    }

    /// The item at an address, if there is one. With `refresh` it stays as long from now on as it
    /// was to stay when it was put.
    pub async fn item(&self, address: ItemAddress, refresh: bool) -> Result<Option<Item>, Error> {
        Ok(self.store().item(GetItem { address, refresh, now: self.now() }).await?)
    }

    /// Deletes an item. Returns whether there was one.
    pub async fn delete_item(&self, address: ItemAddress) -> Result<bool, Error> {
        Ok(self.store().delete_item(address, self.now()).await?)
    }

    /// The items that match, newest update first.
    pub async fn search_items(&self, search: SearchItems) -> Result<Vec<Item>, Error> {
        let SearchItems { prefix, filter, limit, offset, refresh } = search;
        let (most_bytes, now) = (MOST_FOUND, self.now());
        let query = ItemQuery { prefix, filter, limit, offset, most_bytes, refresh, now };
        match self.store().search_items(query).await? {
            FoundItems::Items(items) => Ok(items),
            FoundItems::TooLarge => Err(Error::Invalid(format!(
                "these items have more than {MOST_FOUND} bytes; search for fewer with a smaller `limit`"
            ))),
        }
    }

    /// The namespaces that match and have items, in the order of their labels.
    pub async fn namespaces(&self, list: ListNamespaces) -> Result<Vec<Namespace>, Error> {
        let ListNamespaces { prefix, suffix, max_depth, limit, offset } = list;
        let now = self.now();
        let query = NamespaceQuery { prefix, suffix, max_depth, limit, offset, now };
        Ok(self.store().namespaces(query).await?)
    }
}

/// Whether a value is no larger than an item may have.
fn fits(value: &Object) -> bool {
    /// Counts, and fails beyond the limit, so that no text is built to be thrown away.
    struct Counter(usize);

    impl std::io::Write for Counter {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 = self
                .0
                .checked_sub(bytes.len())
                .ok_or_else(|| std::io::Error::from(std::io::ErrorKind::FileTooLarge))?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    serde_json::to_writer(Counter(Item::MOST_BYTES), value).is_ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_fits_up_to_the_limit() {
        let of = |bytes: usize| {
            let text = "x".repeat(bytes - r#"{"x":""}"#.len());
            fits(json!({ "x": text }).as_object().unwrap())
        };
        assert!(of(100) && of(Item::MOST_BYTES));
        assert!(!of(Item::MOST_BYTES + 1));
    }
}
