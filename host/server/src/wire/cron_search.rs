use serde::Deserialize;
use utoipa::ToSchema;
use wakeful::core::{AssistantId, Object, ThreadId};
use wakeful::{CronQuery, Order, SortBy as StoreSortBy};

use crate::described;
use crate::error::Error;
use crate::extract::parse_id;
use crate::wire::{Limit, Select, word};

/// The body of `POST /runs/crons/count`.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct CronFilter {
    assistant_id: Option<String>,
    thread_id: Option<String>,
    metadata: Option<Object>,
}

/// The body of `POST /runs/crons/search`.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct CronSearch {
    assistant_id: Option<String>,
    thread_id: Option<String>,
    enabled: Option<bool>,
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
    CronId,
    AssistantId,
    ThreadId,
    NextRunDate,
    EndTime,
    CreatedAt,
    UpdatedAt,
}

impl CronFilter {
    pub(crate) fn into_query(self) -> Result<CronQuery, Error> {
        let (assistant_id, thread_id) = ids(self.assistant_id, self.thread_id)?;
        Ok(CronQuery {
            assistant_id,
            thread_id,
            metadata: self.metadata.unwrap_or_default(),
            limit: 1,
            ..CronQuery::default()
        })
    }
}

impl CronSearch {
    pub(crate) fn into_query(self) -> Result<CronQuery, Error> {
        let (assistant_id, thread_id) = ids(self.assistant_id, self.thread_id)?;
        Ok(CronQuery {
            assistant_id,
            thread_id,
            enabled: self.enabled,
            metadata: self.metadata.unwrap_or_default(),
            sort_by: match self.sort_by {
                Some(SortBy::CronId) => StoreSortBy::Id,
                Some(SortBy::AssistantId) => StoreSortBy::AssistantId,
                Some(SortBy::ThreadId) => StoreSortBy::ThreadId,
                Some(SortBy::NextRunDate) => StoreSortBy::NextRunAt,
                Some(SortBy::EndTime) => StoreSortBy::EndTime,
                Some(SortBy::UpdatedAt) => StoreSortBy::UpdatedAt,
                Some(SortBy::CreatedAt) | None => StoreSortBy::CreatedAt,
            },
            order: self.sort_order.unwrap_or_default(),
            limit: self.limit.0,
            offset: self.offset.unwrap_or(0),
        })
    }
}

type Ids = (Option<AssistantId>, Option<ThreadId>);

fn ids(assistant: Option<String>, thread: Option<String>) -> Result<Ids, Error> {
    Ok((
        assistant.map(|id| parse_id("assistant", &id)).transpose()?,
        thread.map(|id| parse_id("thread", &id)).transpose()?,
    ))
}
