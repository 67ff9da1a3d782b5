use serde::Deserialize;
use utoipa::ToSchema;
use wakeful::core::{
    AssistantId, CronPolicy, Json, MultitaskStrategy, Object, OnCompletion, Overlap, ThreadId,
    Timestamp,
};
use wakeful::{
    CreateCron, CronPatch, CronQuery, Order, PolicyPatch, RequestPatch, SortBy as StoreSortBy,
};

use crate::described;
use crate::error::Error;
use crate::extract::{parse_id, typed};
use crate::wire::options::{OptionFields, take_options};
use crate::wire::request::{Config, RequestParts, client_metadata};
use crate::wire::{Limit, Select, parse_time, word};

/// The body that creates a cron.
pub(crate) struct CronBody(CreateCron);

#[derive(Deserialize, ToSchema)]
#[schema(as = CronFields)]
struct Fields {
    assistant_id: String,
    schedule: String,
    timezone: Option<String>,
    end_time: Option<String>,
    enabled: Option<bool>,
    #[serde(default)]
    input: Json,
    config: Option<Object>,
    context: Option<Object>,
    metadata: Option<Object>,
    #[serde(default, deserialize_with = "word::completion")]
    #[schema(value_type = Option<described::Completion>)]
    on_run_completed: Option<OnCompletion>,
    #[serde(default, deserialize_with = "word::multitask")]
    #[schema(value_type = Option<described::Multitask>)]
    multitask_strategy: Option<MultitaskStrategy>,
}

/// The whole body of a request for a cron, for the description.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "only described; it is read in two parts")]
pub(crate) struct CronDocument {
    #[serde(flatten)]
    fields: Fields,
    #[serde(flatten)]
    options: OptionFields,
}

/// The whole body of a change of a cron, for the description.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "only described; it is read in two parts")]
pub(crate) struct CronPatchDocument {
    #[serde(flatten)]
    fields: PatchFields,
    #[serde(flatten)]
    options: OptionFields,
}

impl CronBody {
    pub(crate) fn read(mut body: Object, thread_id: Option<ThreadId>) -> Result<Self, Error> {
        let options = take_options(&mut body)?;
        let fields: Fields = typed(Json::Object(body), "")?;
        check_input(&fields.input)?;
        let request = RequestParts {
            input: fields.input,
            command: None,
            config: fields.config,
            context: fields.context,
            metadata: None,
            options,
        }
        .into_request()?;
        let usual = CronPolicy::usual(thread_id.is_some());
        let overlap = fields.multitask_strategy.map_or(usual.overlap, Overlap::from);
        let policy = CronPolicy { overlap, ..usual };
        Ok(Self(CreateCron {
            assistant: fields.assistant_id,
            thread_id,
            schedules: vec![fields.schedule],
            timezone: fields.timezone,
            end_time: fields.end_time.as_deref().map(end_time).transpose()?,
            enabled: fields.enabled.unwrap_or(true),
            on_run_completed: fields.on_run_completed.unwrap_or(OnCompletion::Delete),
            policy,
            note: None,
            metadata: client_metadata(fields.metadata.unwrap_or_default()),
            request,
            key: None,
        }))
    }

    pub(crate) fn into_request(self) -> CreateCron {
        self.0
    }
}

/// The body that changes a cron.
pub(crate) struct CronPatchBody(CronPatch);

#[derive(Deserialize, ToSchema)]
#[schema(as = CronPatchFields)]
struct PatchFields {
    schedule: Option<String>,
    #[serde(default, deserialize_with = "word::present")]
    #[schema(value_type = Option<String>)]
    timezone: Option<Option<String>>,
    #[serde(default, deserialize_with = "word::present")]
    #[schema(value_type = Option<String>)]
    end_time: Option<Option<String>>,
    enabled: Option<bool>,
    #[serde(default, deserialize_with = "word::present")]
    #[schema(value_type = Option<Json>)]
    input: Option<Json>,
    config: Option<Object>,
    context: Option<Object>,
    metadata: Option<Object>,
    #[serde(default, deserialize_with = "word::completion")]
    #[schema(value_type = Option<described::Completion>)]
    on_run_completed: Option<OnCompletion>,
}

impl CronPatchBody {
    pub(crate) fn read(mut body: Object) -> Result<Self, Error> {
        if body.is_empty() {
            return Err(Error::bad_request(
                "the request body is empty; name at least one field to change",
            ));
        }
        // Of the options, this alone says by its absence that something does not happen any more.
        let untold = body.get("webhook").is_some_and(Json::is_null);
        let mut options = take_options(&mut body)?;
        if untold {
            options.insert("webhook".to_owned(), Json::Null);
        }
        let fields: PatchFields = typed(Json::Object(body), "")?;
        if let Some(input) = &fields.input {
            check_input(input)?;
        }
        let end = fields.end_time.map(|end| end.as_deref().map(end_time).transpose());
        let config = fields.config.map(Config::new).transpose()?;
        if let (Some(config), Some(context)) = (&config, &fields.context) {
            config.check_context(context)?;
        }
        Ok(Self(CronPatch {
            schedules: fields.schedule.map(|schedule| vec![schedule]),
            timezone: fields.timezone,
            end_time: end.transpose()?,
            enabled: fields.enabled,
            policy: PolicyPatch::default(),
            note: None,
            on_run_completed: fields.on_run_completed,
            metadata: client_metadata(fields.metadata.unwrap_or_default()),
            request: RequestPatch {
                input: fields.input,
                config: config.map(|config| config.stored),
                context: fields.context,
                options,
            },
        }))
    }

    pub(crate) fn into_patch(self) -> CronPatch {
        self.0
    }
}

fn end_time(text: &str) -> Result<Timestamp, Error> {
    parse_time(text).ok_or_else(|| {
        Error::unprocessable(format!(
            "end_time: `{text}` is not an instant such as `2030-01-01T00:00:00+00:00`"
        ))
    })
}

fn check_input(input: &Json) -> Result<(), Error> {
    let fits = match input {
        Json::Null | Json::Object(_) => true,
        Json::Array(items) => items.iter().all(Json::is_object),
        _ => false,
    };
    if fits {
        Ok(())
    } else {
        Err(Error::unprocessable("input: expected an object or a list of objects"))
    }
}

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
