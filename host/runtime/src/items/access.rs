use std::sync::Arc;

use async_trait::async_trait;
use tracing::error;
use wakeful_core::{Clock, ErrorCode, Failure};
use wakeful_engine::{ItemAccess, ItemAnswer, ItemCall};
use wakeful_store::{
    Error as StoreError, FoundItems, GetItem, ItemQuery, NamespaceQuery, PutItem, Store,
};

/// The store, as runs reach it. A run's reads extend no item's time: that is for clients to ask.
pub(crate) struct StoreAccess {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
}

impl StoreAccess {
    pub(crate) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }

    async fn carry_out(&self, call: ItemCall) -> Result<Option<ItemAnswer>, StoreError> {
        let now = self.clock.now();
        let refresh = false;
        Ok(Some(match call {
            ItemCall::Get(address) => {
                ItemAnswer::Item(self.store.item(GetItem { address, refresh, now }).await?)
            }
            ItemCall::Put { address, value, ttl } => {
                self.store.put_item(PutItem { address, value, ttl, now }).await?;
                ItemAnswer::Put
            }
            ItemCall::Delete(address) => {
                ItemAnswer::Deleted(self.store.delete_item(address, now).await?)
            }
            ItemCall::Search { prefix, filter, limit, offset, most_bytes } => {
                let query = ItemQuery { prefix, filter, limit, offset, most_bytes, refresh, now };
                match self.store.search_items(query).await? {
                    FoundItems::Items(items) => ItemAnswer::Items(items),
                    FoundItems::TooLarge => return Ok(None),
                }
            }
            ItemCall::Namespaces { prefix, suffix, max_depth, limit, offset } => {
                let query = NamespaceQuery { prefix, suffix, max_depth, limit, offset, now };
                ItemAnswer::Namespaces(self.store.namespaces(query).await?)
            }
        }))
    }
}

#[async_trait]
impl ItemAccess for StoreAccess {
    async fn call(&self, call: ItemCall) -> Result<ItemAnswer, Failure> {
        match self.carry_out(call).await {
            Ok(Some(answer)) => Ok(answer),
            Ok(None) => Err(Failure::new(
                ErrorCode::LimitExceeded,
                "these items have too many bytes; search for fewer with a smaller limit",
            )),
            Err(StoreError::Full(_)) => Err(Failure::new(
                ErrorCode::Unavailable,
                "the host's disk is full; nothing was stored",
            )),
            Err(problem) => {
                // What is wrong with the host's disk is nothing that a guest needs to know.
                error!(%problem, "a run could not reach the items");
                Err(Failure::new(ErrorCode::Unavailable, "the host's store of items failed"))
            }
        }
    }
}
