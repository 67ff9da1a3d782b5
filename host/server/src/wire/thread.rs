use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use wakeful::core::{Checkpoint, Json, Object, Thread as Record, ThreadId, ThreadStatus};
use wakeful::{Order, SortBy as StoreSortBy, ThreadQuery};

use crate::described;
use crate::error::Error;
use crate::wire::extracted::Extract;
use crate::wire::interrupt::by_task;
use crate::wire::ttl::Ttl;
use crate::wire::{Limit, Select, Text, Time, word};

/// A thread, on the wire.
#[derive(Serialize, ToSchema)]
pub(crate) struct Thread<'a> {
    #[schema(value_type = String, format = "uuid")]
    thread_id: Text<ThreadId>,
    created_at: Time,
    updated_at: Time,
    state_updated_at: Time,
    metadata: &'a Object,
    status: &'static str,
    config: Json,
    values: Option<&'a Json>,
    #[serde(flatten)]
    ended: Option<Ended<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<Ttl>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extracted: Option<Object>,
}

/// What a thread shows once a run on it has ended.
#[derive(Serialize, ToSchema)]
struct Ended<'a> {
    error: Option<ThreadError<'a>>,
    #[schema(required = false)]
    interrupts: Object,
}

#[derive(Serialize, ToSchema)]
struct ThreadError<'a> {
    error: &'a str,
    message: &'a str,
}

impl<'a> Thread<'a> {
    pub(crate) const KEYS: &'static [&'static str] = &[
        "thread_id",
        "created_at",
        "updated_at",
        "state_updated_at",
        "metadata",
        "status",
        "config",
        "values",
        "error",
        "interrupts",
    ];

    /// The thread; its questions are those of its newest checkpoint, `head`.
    pub(crate) fn new(record: &'a Record, head: Option<&Checkpoint>) -> Self {
        // A thread learns its assistant from its first run.
        let has_run = record.metadata.contains_key("assistant_id");
        let has_ended = record.head.is_some() || record.error.is_some();
        Self {
            thread_id: Text(record.id),
            created_at: Time(record.created_at),
            updated_at: Time(record.updated_at),
            state_updated_at: Time(record.state_updated_at),
            metadata: &record.metadata,
            status: record.status.as_str(),
            config: if has_run { json!({ "configurable": {} }) } else { json!({}) },
            values: record.values.as_ref(),
            ended: has_ended.then(|| Ended {
                error: record
                    .error
                    .as_ref()
                    .map(|error| ThreadError { error: &error.name, message: &error.message }),
                interrupts: head.map(by_task).unwrap_or_default(),
            }),
            ttl: None,
            extracted: None,
        }
    }

    /// The thread, with its time to live.
    pub(crate) fn with_ttl(self, record: &Record) -> Self {
        Self { ttl: Ttl::of(record), ..self }
    }

    pub(crate) fn extract(mut self, extract: &Extract) -> Self {
        self.extracted = Some(extract.from(&json!(self)));
        self
    }
}

/// The body of `POST /threads/count`.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct ThreadFilter {
    metadata: Option<Object>,
    values: Option<Object>,
    #[serde(default, deserialize_with = "word::thread_status")]
    #[schema(value_type = Option<described::ThreadStatus>)]
    status: Option<ThreadStatus>,
}

impl ThreadFilter {
    pub(crate) fn into_query(self) -> ThreadQuery {
        ThreadQuery {
            status: self.status,
            metadata: self.metadata.unwrap_or_default(),
            values: self.values.unwrap_or_default(),
            limit: 1,
            ..ThreadQuery::default()
        }
    }
}

/// The body of `POST /threads/search`.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct ThreadSearch {
    ids: Option<Vec<String>>,
    metadata: Option<Object>,
    values: Option<Object>,
    #[serde(default, deserialize_with = "word::thread_status")]
    #[schema(value_type = Option<described::ThreadStatus>)]
    status: Option<ThreadStatus>,
    sort_by: Option<SortBy>,
    #[serde(default, deserialize_with = "word::order")]
    #[schema(value_type = Option<described::Order>)]
    sort_order: Option<Order>,
    #[serde(default)]
    limit: Limit,
    offset: Option<usize>,
    #[serde(default)]
    pub(crate) select: Select,
    pub(crate) extract: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum SortBy {
    ThreadId,
    Status,
    CreatedAt,
    UpdatedAt,
    StateUpdatedAt,
}

impl ThreadSearch {
    pub(crate) fn extract(&mut self) -> Result<Option<Extract>, Error> {
        self.extract.take().map(Extract::parse).transpose()
    }

    pub(crate) fn into_query(self) -> Result<ThreadQuery, Error> {
        // The protocol answers a bad id here with 400, unlike everywhere else.
        let id = |id: &String| {
            id.parse().map_err(|_| {
                Error::refused(StatusCode::BAD_REQUEST, format!("Invalid thread ID {id}"))
            })
        };
        let ids = self.ids.map(|ids| ids.iter().map(id).collect()).transpose()?;
        Ok(ThreadQuery {
            ids,
            status: self.status,
            metadata: self.metadata.unwrap_or_default(),
            values: self.values.unwrap_or_default(),
            sort_by: match self.sort_by {
                Some(SortBy::ThreadId) => StoreSortBy::Id,
                Some(SortBy::Status) => StoreSortBy::Status,
                Some(SortBy::CreatedAt) => StoreSortBy::CreatedAt,
                Some(SortBy::StateUpdatedAt) => StoreSortBy::StateUpdatedAt,
                Some(SortBy::UpdatedAt) | None => StoreSortBy::UpdatedAt,
            },
            order: self.sort_order.unwrap_or_default(),
            limit: self.limit.0,
            offset: self.offset.unwrap_or(0),
        })
    }
}
