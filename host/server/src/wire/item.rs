use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use wakeful::core::{
    InvalidItem, Item as Record, ItemAddress, ItemFilter, Json, Namespace, NamespacePattern, Object,
};
use wakeful::{ListNamespaces, SearchItems};

use crate::error::Error;
use crate::extract::Params;
use crate::wire::{Limit, Time};

/// An item, on the wire.
#[derive(Serialize, ToSchema)]
pub(crate) struct Item<'a> {
    namespace: &'a [String],
    key: &'a str,
    value: &'a Object,
    created_at: Time,
    updated_at: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Time>,
}

/// An item that a search found.
#[derive(Serialize, ToSchema)]
pub(crate) struct FoundItem<'a> {
    #[serde(flatten)]
    item: Item<'a>,
    /// Null: nothing ranks items by what they mean.
    score: Json,
}

impl<'a> From<&'a Record> for Item<'a> {
    fn from(record: &'a Record) -> Self {
        Self {
            namespace: record.address.namespace().labels(),
            key: record.address.key(),
            value: &record.value,
            created_at: Time(record.created_at),
            updated_at: Time(record.updated_at),
            expires_at: record.expires_at.map(Time),
        }
    }
}

impl<'a> From<&'a Record> for FoundItem<'a> {
    fn from(record: &'a Record) -> Self {
        Self { item: record.into(), score: Json::Null }
    }
}

/// The body of `PUT /store/items`.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct ItemBody {
    namespace: Vec<String>,
    key: String,
    value: Object,
    /// Which fields a search by meaning would look at; read, so that a mistake in it is told.
    #[expect(dead_code, reason = "only whether it can be read matters")]
    #[serde(default)]
    #[schema(value_type = Option<serde_json::Value>)]
    index: Index,
    #[serde(default, deserialize_with = "minutes")]
    #[schema(value_type = Option<f64>)]
    ttl: Option<Duration>,
}

/// `false` or a list of paths.
#[derive(Debug, Default)]
struct Index;

impl<'de> Deserialize<'de> for Index {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Json::deserialize(deserializer)? {
            Json::Null | Json::Bool(false) => Ok(Self),
            Json::Array(paths) if paths.iter().all(Json::is_string) => Ok(Self),
            _ => Err(D::Error::custom("must be `false`, a list of paths, or null")),
        }
    }
}

/// A number of minutes, whole or not, that is more than none.
fn minutes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let Some(minutes) = Option::<f64>::deserialize(deserializer)? else { return Ok(None) };
    let ttl = Duration::try_from_secs_f64(minutes * 60.0).ok();
    // The host keeps microseconds.
    let ttl = ttl.filter(|ttl| ttl.as_micros() > 0);
    ttl.map(Some).ok_or_else(|| D::Error::custom("must be a number of minutes above 0"))
}

impl ItemBody {
    pub(crate) fn into_parts(self) -> Result<(ItemAddress, Object, Option<Duration>), Error> {
        let address = address(self.namespace, self.key)?;
        address.namespace().check_writable().map_err(refused)?;
        Ok((address, self.value, self.ttl))
    }
}

/// The body of `DELETE /store/items`.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct AddressBody {
    namespace: Vec<String>,
    key: String,
}

impl AddressBody {
    pub(crate) fn into_address(self) -> Result<ItemAddress, Error> {
        address(self.namespace, self.key)
    }
}

/// The address in the query of `GET /store/items`; `None` if it has no key.
pub(crate) fn queried(params: &Params) -> Result<Option<ItemAddress>, Error> {
    let Some(key) = params.get("key") else { return Ok(None) };
    let Some(dotted) = params.get("namespace") else {
        // Without a namespace there is still the label that the text would have had.
        return Err(refused(InvalidItem::Label(String::new())));
    };
    let namespace = Namespace::parse(dotted).map_err(refused)?;
    ItemAddress::new(namespace, key).map(Some).map_err(refused)
}

/// The body of `POST /store/items/search`.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct ItemSearch {
    namespace_prefix: Option<Vec<String>>,
    filter: Option<Object>,
    #[serde(default)]
    limit: Limit,
    offset: Option<usize>,
    /// Ignored, as by a server without an index; read, so that a mistake in it is told.
    #[expect(dead_code, reason = "only whether it can be read matters")]
    query: Option<String>,
    refresh_ttl: Option<bool>,
}

impl ItemSearch {
    pub(crate) fn into_search(self) -> Result<SearchItems, Error> {
        let filter = ItemFilter::parse(&self.filter.unwrap_or_default())
            .map_err(|reason| Error::unprocessable(format!("filter.{reason}")))?;
        Ok(SearchItems {
            prefix: Namespace::new(self.namespace_prefix.unwrap_or_default()).map_err(refused)?,
            filter,
            limit: self.limit.0,
            offset: self.offset.unwrap_or(0),
            refresh: self.refresh_ttl.unwrap_or(REFRESH),
        })
    }
}

/// Whether a read extends the time of an item, where the client does not say.
pub(crate) const REFRESH: bool = true;

/// The body of `POST /store/namespaces`.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct NamespaceSearch {
    prefix: Option<Vec<String>>,
    suffix: Option<Vec<String>>,
    max_depth: Option<usize>,
    limit: Option<Limit>,
    offset: Option<usize>,
}

impl NamespaceSearch {
    pub(crate) fn into_list(self) -> Result<ListNamespaces, Error> {
        if self.max_depth == Some(0) {
            return Err(Error::unprocessable("max_depth: must be at least 1"));
        }
        let pattern = |labels: Option<Vec<String>>| {
            NamespacePattern::new(labels.unwrap_or_default()).map_err(refused)
        };
        Ok(ListNamespaces {
            prefix: pattern(self.prefix)?,
            suffix: pattern(self.suffix)?,
            max_depth: self.max_depth,
            limit: self.limit.map_or(100, |limit| limit.0),
            offset: self.offset.unwrap_or(0),
        })
    }
}

fn address(namespace: Vec<String>, key: String) -> Result<ItemAddress, Error> {
    let namespace = Namespace::new(namespace).map_err(refused)?;
    ItemAddress::new(namespace, key).map_err(refused)
}

/// The protocol answers 400 where a namespace is well-formed and still not to be used.
fn refused(reason: InvalidItem) -> Error {
    match reason {
        InvalidItem::NamespaceEmpty | InvalidItem::NamespaceReserved => {
            Error::bad_request(reason.to_string())
        }
        _ => Error::unprocessable(reason.to_string()),
    }
}
