//! The store of items, as a guest sees it: nothing is granted, so everything is refused.

use crate::bindings::wakeful::assistant::assistant_types::{Error, ErrorCode};
use crate::bindings::wakeful::assistant::store::{Host, Item, ItemQuery, NamespaceQuery};
use crate::sandbox::Sandbox;

type Answer<T> = Result<T, Error>;

impl Host for Sandbox {
    async fn get(&mut self, namespace: Vec<String>, _: String) -> Answer<Option<Item>> {
        Err(denied(&namespace))
    }

    async fn put(
        &mut self,
        namespace: Vec<String>,
        _: String,
        _: String,
        _: Option<u32>,
    ) -> Answer<()> {
        Err(denied(&namespace))
    }

    async fn delete(&mut self, namespace: Vec<String>, _: String) -> Answer<bool> {
        Err(denied(&namespace))
    }

    async fn search(&mut self, query: ItemQuery) -> Answer<Vec<Item>> {
        Err(denied(&query.namespace_prefix))
    }

    async fn list_namespaces(&mut self, query: NamespaceQuery) -> Answer<Vec<Vec<String>>> {
        Err(denied(&query.prefix))
    }
}

fn denied(namespace: &[String]) -> Error {
    Error {
        code: ErrorCode::Denied,
        message: format!("the assistant has no grant for namespace {namespace:?}"),
        retryable: false,
        retry_after_ms: None,
    }
}
