use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wakeful::core::{Assistant as Record, AssistantId, ComponentId, Object};
use wakeful::{AssistantQuery, AssistantSort, Order};

use crate::described;
use crate::wire::{Limit, Select, Text, Time, word};

/// An assistant, on the wire.
#[derive(Serialize, ToSchema)]
pub(crate) struct Assistant<'a> {
    #[schema(value_type = String, format = "uuid")]
    assistant_id: Text<AssistantId>,
    #[schema(value_type = String)]
    graph_id: Text<&'a ComponentId>,
    config: &'a Object,
    context: &'a Object,
    metadata: &'a Object,
    name: &'a str,
    created_at: Time,
    updated_at: Time,
    version: u32,
    description: Option<&'a str>,
}

impl Assistant<'_> {
    pub(crate) const KEYS: &'static [&'static str] = &[
        "assistant_id",
        "graph_id",
        "config",
        "context",
        "metadata",
        "name",
        "created_at",
        "updated_at",
        "version",
        "description",
    ];
}

impl<'a> From<&'a Record> for Assistant<'a> {
    fn from(record: &'a Record) -> Self {
        Self {
            assistant_id: Text(record.id),
            graph_id: Text(&record.component),
            config: &record.config,
            context: &record.context,
            metadata: &record.metadata,
            name: &record.name,
            created_at: Time(record.created_at),
            updated_at: Time(record.updated_at),
            version: record.version,
            description: record.description.as_deref(),
        }
    }
}

/// A version of an assistant, on the wire.
#[derive(Serialize, ToSchema)]
pub(crate) struct AssistantVersion<'a> {
    #[schema(value_type = String, format = "uuid")]
    assistant_id: Text<AssistantId>,
    version: u32,
    #[schema(value_type = String)]
    graph_id: Text<&'a ComponentId>,
    config: &'a Object,
    context: &'a Object,
    metadata: &'a Object,
    created_at: Time,
    name: &'a str,
    description: Option<&'a str>,
}

impl<'a> From<&'a Record> for AssistantVersion<'a> {
    fn from(record: &'a Record) -> Self {
        Self {
            assistant_id: Text(record.id),
            version: record.version,
            graph_id: Text(&record.component),
            config: &record.config,
            context: &record.context,
            metadata: &record.metadata,
            // The assistant has changed last when this version came to be.
            created_at: Time(record.updated_at),
            name: &record.name,
            description: record.description.as_deref(),
        }
    }
}

/// The body of `POST /assistants/count`.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct AssistantFilter {
    pub(crate) graph_id: Option<String>,
    name: Option<String>,
    metadata: Option<Object>,
}

/// The body of `POST /assistants/search`.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct AssistantSearch {
    pub(crate) graph_id: Option<String>,
    name: Option<String>,
    metadata: Option<Object>,
    sort_by: Option<SortBy>,
    #[serde(default, deserialize_with = "word::order")]
    #[schema(value_type = Option<described::Order>)]
    sort_order: Option<Order>,
    #[serde(default)]
    limit: Limit,
    offset: Option<usize>,
    #[serde(default)]
    pub(crate) select: Select,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum SortBy {
    AssistantId,
    GraphId,
    Name,
    CreatedAt,
    UpdatedAt,
}

impl AssistantFilter {
    pub(crate) fn into_query(self) -> AssistantQuery {
        AssistantQuery {
            component: self.graph_id,
            name: self.name,
            metadata: self.metadata.unwrap_or_default(),
            limit: usize::MAX,
            ..AssistantQuery::default()
        }
    }
}

impl AssistantSearch {
    pub(crate) fn into_query(self) -> AssistantQuery {
        AssistantQuery {
            component: self.graph_id,
            name: self.name,
            metadata: self.metadata.unwrap_or_default(),
            sort_by: match self.sort_by {
                Some(SortBy::AssistantId) => AssistantSort::Id,
                Some(SortBy::GraphId) => AssistantSort::Component,
                Some(SortBy::Name) => AssistantSort::Name,
                Some(SortBy::UpdatedAt) => AssistantSort::UpdatedAt,
                Some(SortBy::CreatedAt) | None => AssistantSort::CreatedAt,
            },
            order: self.sort_order.unwrap_or_default(),
            limit: self.limit.0,
            offset: self.offset.unwrap_or(0),
        }
    }
}
