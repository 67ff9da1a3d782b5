use async_trait::async_trait;
use wakeful_core::{Item, ItemAddress, Namespace, Timestamp};

use super::{SledStore, item_keys, items};
use crate::folder::Purpose::{Begin, End};
use crate::record::StoredItem;
use crate::{Error, FoundItems, GetItem, ItemQuery, ItemStore, NamespaceQuery, PutItem};

#[async_trait]
impl ItemStore for SledStore {
    async fn put_item(&self, put: PutItem) -> Result<(), Error> {
        let key = item_keys::item(&put.address);
        let new =
            self.docs(move |docs| StoredItem::new(&put.value, put.ttl, put.now, docs)).await?;
        self.write(Begin, move |tx| items::put(tx, &key, new)).await
    }

    async fn item(&self, get: GetItem) -> Result<Option<Item>, Error> {
        let GetItem { address, refresh, now } = get;
        let key = item_keys::item(&address);
        let found = self.read(move |tx| items::get(tx, address, now)).await?;
        if refresh && matches!(found, Some((_, true))) {
            self.write(End, move |tx| items::refresh(tx, &[key], now)).await?;
        }
        Ok(found.map(|(item, _)| item))
    }

    async fn delete_item(&self, address: ItemAddress, now: Timestamp) -> Result<bool, Error> {
        let key = item_keys::item(&address);
        self.write(End, move |tx| items::delete(tx, &key, now)).await
    }

    async fn search_items(&self, query: ItemQuery) -> Result<FoundItems, Error> {
        let (refresh, now) = (query.refresh, query.now);
        let (found, keys) = self.read(move |tx| items::search(tx, &query)).await?;
        if refresh && !keys.is_empty() {
            self.write(End, move |tx| items::refresh(tx, &keys, now)).await?;
        }
        Ok(found)
    }

    async fn namespaces(&self, query: NamespaceQuery) -> Result<Vec<Namespace>, Error> {
        self.read(move |tx| items::namespaces(tx, &query)).await
    }

    async fn expire_items(&self, now: Timestamp, limit: usize) -> Result<usize, Error> {
        // Most of the time there is nothing to expire, and so nothing to write.
        let due = self.read(move |tx| items::next_expiry(tx)).await?;
        if due.is_none_or(|at| at > now) {
            return Ok(0);
        }
        self.write(End, move |tx| items::expire(tx, now, limit)).await
    }
}
