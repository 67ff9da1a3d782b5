//! The store of items, as a guest sees it: within its grants, and in measured portions.

use std::sync::Arc;
use std::time::Duration;

use wakeful_core::{
    Access, ErrorCode, Grants, Item as Record, ItemAddress, ItemFilter, Namespace, NamespacePattern,
};

use crate::bindings::wakeful::assistant::store::{Host, Item, ItemQuery, NamespaceQuery};
use crate::refusal::{Answer, error, exceeded, invalid, mismatched, object, told};
use crate::sandbox::Sandbox;
use crate::{ItemAccess, ItemAnswer, ItemCall};

/// Fuel for a call beside its bytes, because it costs the host more than a copy.
const CALL: u64 = 100_000;
/// Bytes of JSON that a guest may put as one value.
const MOST_VALUE: usize = 1 << 20;
/// Bytes of values that one search may return.
pub(crate) const MOST_FOUND: u64 = 4 << 20;
/// Items that one search may return.
pub(crate) const MOST_ITEMS: u32 = 100;
/// Namespaces that one list may return.
pub(crate) const MOST_NAMESPACES: u32 = 1_000;

/// What a run may do with items, and what it has done.
pub(crate) struct Items {
    grants: Grants,
    access: Option<Arc<dyn ItemAccess>>,
    /// Bytes of values that it has put.
    written: u64,
}

impl Items {
    pub(crate) fn new(grants: Grants, access: Option<Arc<dyn ItemAccess>>) -> Self {
        Self { grants, access, written: 0 }
    }
}

impl Host for Sandbox {
    async fn get(&mut self, namespace: Vec<String>, key: String) -> Answer<Option<Item>> {
        self.pay(&namespace, key.len());
        let address = self.address(namespace, key, Access::Read).await?;
        match self.ask(ItemCall::Get(address)).await? {
            ItemAnswer::Item(item) => Ok(item.map(|item| self.shown(item))),
            _ => Err(mismatched()),
        }
    }

    async fn put(
        &mut self,
        namespace: Vec<String>,
        key: String,
        value: String,
        ttl_minutes: Option<u32>,
    ) -> Answer<()> {
        self.pay(&namespace, key.len().saturating_add(value.len()));
        let address = self.address(namespace, key, Access::Write).await?;
        let ttl = ttl_minutes.map(ttl).transpose()?;
        let bytes = value.len() as u64;
        if value.len() > MOST_VALUE {
            return Err(exceeded(format!("a value has at most {MOST_VALUE} bytes of JSON")));
        }
        let written = self.items.written.saturating_add(bytes);
        let most = self.limits.disk;
        if written > most {
            return Err(exceeded(format!(
                "a run may put {most} bytes of values in all; `disk` under [limits] in the assistant's .toml sets it"
            )));
        }
        let value = object("the value", &value)?;
        // Counted even if it fails: the work is done.
        self.items.written = written;
        match self.ask(ItemCall::Put { address, value, ttl }).await? {
            ItemAnswer::Put => Ok(()),
            _ => Err(mismatched()),
        }
    }

    async fn delete(&mut self, namespace: Vec<String>, key: String) -> Answer<bool> {
        self.pay(&namespace, key.len());
        let address = self.address(namespace, key, Access::Write).await?;
        match self.ask(ItemCall::Delete(address)).await? {
            ItemAnswer::Deleted(deleted) => Ok(deleted),
            _ => Err(mismatched()),
        }
    }

    async fn search(&mut self, query: ItemQuery) -> Answer<Vec<Item>> {
        self.pay(&query.namespace_prefix, query.filter.as_ref().map_or(0, String::len));
        let prefix = Namespace::new(query.namespace_prefix).map_err(invalid)?;
        self.allow(&prefix, Access::Read).await?;
        let filter = match &query.filter {
            Some(filter) => ItemFilter::parse(&object("the filter", filter)?).map_err(invalid)?,
            None => ItemFilter::default(),
        };
        let call = ItemCall::Search {
            prefix,
            filter,
            limit: limit(query.limit, MOST_ITEMS)?,
            offset: query.offset as usize,
            most_bytes: MOST_FOUND,
        };
        match self.ask(call).await? {
            ItemAnswer::Items(items) => {
                Ok(items.into_iter().map(|item| self.shown(item)).collect())
            }
            _ => Err(mismatched()),
        }
    }

    async fn list_namespaces(&mut self, query: NamespaceQuery) -> Answer<Vec<Vec<String>>> {
        self.pay(&query.prefix, query.suffix.iter().map(String::len).sum());
        let prefix = NamespacePattern::new(query.prefix).map_err(invalid)?;
        self.allow(&prefix.fixed(), Access::Read).await?;
        let call = ItemCall::Namespaces {
            prefix,
            suffix: NamespacePattern::new(query.suffix).map_err(invalid)?,
            max_depth: match query.max_depth {
                Some(0) => return Err(invalid("`max-depth` is at least 1")),
                depth => depth.map(|depth| depth as usize),
            },
            limit: limit(query.limit, MOST_NAMESPACES)?,
            offset: query.offset as usize,
        };
        match self.ask(call).await? {
            ItemAnswer::Namespaces(found) => {
                let found: Vec<_> = found.into_iter().map(Namespace::into_labels).collect();
                self.meter.bytes(found.iter().flatten().map(String::len).sum());
                Ok(found)
            }
            _ => Err(mismatched()),
        }
    }
}

impl Sandbox {
    /// Charges for a call and what it brings.
    fn pay(&mut self, labels: &[String], bytes: usize) {
        self.meter.work(CALL);
        self.meter.bytes(labels.iter().map(String::len).fold(bytes, usize::saturating_add));
    }

    async fn address(
        &mut self,
        namespace: Vec<String>,
        key: String,
        access: Access,
    ) -> Answer<ItemAddress> {
        let namespace = Namespace::new(namespace).map_err(invalid)?;
        self.allow(&namespace, access).await?;
        ItemAddress::new(namespace, key).map_err(invalid)
    }

    /// Refuses what the grants do not name, and logs how it would be granted.
    async fn allow(&mut self, namespace: &Namespace, access: Access) -> Answer<()> {
        if self.items.grants.allow(namespace, access) {
            return Ok(());
        }
        let doing = match access {
            Access::Read => "read",
            Access::Write => "write",
        };
        let message = match self.items.grants.line_to_allow(namespace, access) {
            Some(line) => format!(
                "the assistant may not {doing} items in namespace {namespace}; to allow it, put this under [grants] in its .toml: {line}"
            ),
            None if namespace.is_root() => format!(
                "the assistant may not {doing} items in all namespaces, and nobody can be granted that; name one"
            ),
            None => format!(
                "the assistant may not {doing} items in namespace {namespace}, and nobody can be granted that"
            ),
        };
        Err(self.refuse(message).await)
    }

    async fn ask(&mut self, call: ItemCall) -> Answer<ItemAnswer> {
        let Some(access) = self.items.access.clone() else {
            return Err(error(ErrorCode::Unavailable, "this host keeps no items"));
        };
        access.call(call).await.map_err(|failure| told(&failure))
    }

    fn shown(&mut self, item: Record) -> Item {
        let (namespace, key) = item.address.into_parts();
        let value = serde_json::Value::Object(item.value).to_string();
        self.pay(namespace.labels(), key.len().saturating_add(value.len()));
        Item {
            namespace: namespace.into_labels(),
            key,
            value,
            created_at: item.created_at.to_string(),
            updated_at: item.updated_at.to_string(),
        }
    }
}

fn ttl(minutes: u32) -> Answer<Duration> {
    match minutes {
        0 => Err(invalid("`ttl-minutes` is at least 1")),
        minutes => Ok(Duration::from_secs(u64::from(minutes) * 60)),
    }
}

fn limit(limit: u32, most: u32) -> Answer<usize> {
    if (1..=most).contains(&limit) {
        Ok(limit as usize)
    } else {
        Err(invalid(format!("`limit` is 1 to {most}")))
    }
}
