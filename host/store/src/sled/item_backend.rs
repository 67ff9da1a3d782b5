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
        let due = self.read(items::next_expiry).await?;
        if due.is_none_or(|at| at > now) {
            return Ok(0);
        }
        self.write(End, move |tx| items::expire(tx, now, limit)).await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;
    use wakeful_core::Object;

    use super::super::table::Table;
    use super::*;
    use crate::SledConfig;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    async fn put(store: &SledStore, key: &str, value: Object) -> Vec<u8> {
        let address = ItemAddress::new(Namespace::parse("a").unwrap(), key).unwrap();
        let stored = item_keys::item(&address);
        let ttl = Some(Duration::from_secs(60));
        store.put_item(PutItem { address, value, ttl, now: at(0) }).await.unwrap();
        stored
    }

    #[tokio::test]
    async fn a_lost_expiry_is_mended_and_a_stray_one_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let config = SledConfig { min_free_bytes: 0, ..SledConfig::new(folder.path()) };
        let store = SledStore::open(config).await.unwrap();
        let lost = put(&store, "lost", Object::new()).await;
        let kept = put(&store, "kept", Object::new()).await;
        store
            .write(Begin, move |tx| {
                tx.remove(Table::ItemsByExpiry, &item_keys::expiry(at(60), &lost));
                tx.put(Table::ItemsByExpiry, &item_keys::expiry(at(10), &kept), Vec::new())
            })
            .await
            .unwrap();
        // An entry that fits no item deletes none.
        assert_eq!(store.expire_items(at(10), 10).await.unwrap(), 1);
        assert_eq!(super::super::repair::repair(&store.inner().unwrap()).unwrap(), 1);
        assert_eq!(store.expire_items(at(60), 10).await.unwrap(), 2);
    }

    #[tokio::test]
    async fn the_largest_address_and_value_fit() {
        let folder = tempfile::tempdir().unwrap();
        let config = SledConfig { min_free_bytes: 0, ..SledConfig::new(folder.path()) };
        let store = SledStore::open(config).await.unwrap();
        let mut labels = vec!["\0".to_owned(); Namespace::MOST_LABELS - 1];
        labels.push("\0".repeat(Namespace::MOST_BYTES - labels.len()));
        let key = "\u{1}".repeat(ItemAddress::MOST_KEY_BYTES);
        let address = ItemAddress::new(Namespace::new(labels).unwrap(), key).unwrap();
        let value = json!({ "x": "x".repeat(wakeful_core::Item::MOST_BYTES - 8) });
        let value = value.as_object().unwrap().clone();
        let (ttl, now) = (Some(Duration::from_secs(60)), at(0));
        let put = PutItem { address: address.clone(), value: value.clone(), ttl, now };
        store.put_item(put).await.unwrap();
        let get = GetItem { address, refresh: true, now: at(30) };
        let item = store.item(get).await.unwrap().unwrap();
        assert_eq!(item.value, value);
        assert_eq!(store.expire_items(at(90), 10).await.unwrap(), 1);
    }
}
