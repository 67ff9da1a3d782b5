use serde::Deserialize;
use utoipa::ToSchema;
use wakeful::core::{Cron as Record, Json, Object, OnCompletion, ThreadId, Timestamp};
use wakeful::{CreateCron, CronPatch, HostSettings, RequestPatch};

use crate::described;
use crate::error::Error;
use crate::extract::typed;
use crate::wire::cron_policy::{PolicyFields, instant};
use crate::wire::options::{OptionFields, take_options};
use crate::wire::request::{Config, RequestParts, client_metadata};
use crate::wire::schedule::ScheduleFields;
use crate::wire::word;

/// The body that creates a cron.
pub(crate) struct CronBody(CreateCron);

#[derive(Deserialize, ToSchema)]
#[schema(as = CronFields)]
struct Fields {
    assistant_id: String,
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
    /// Why it is as it is; for people.
    note: Option<String>,
}

/// The whole body of a request for a cron, for the description.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "only described; it is read in two parts")]
pub(crate) struct CronDocument {
    #[serde(flatten)]
    fields: Fields,
    #[serde(flatten)]
    schedule: ScheduleFields,
    #[serde(flatten)]
    policy: PolicyFields,
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
    schedule: ScheduleFields,
    #[serde(flatten)]
    policy: PolicyFields,
    #[serde(flatten)]
    options: OptionFields,
}

impl CronBody {
    /// Reads a cron on this thread, or without one.
    pub(crate) fn read(
        mut body: Object,
        thread_id: Option<ThreadId>,
        settings: &HostSettings,
    ) -> Result<Self, Error> {
        let options = take_options(&mut body)?;
        let schedule = ScheduleFields::take(&mut body)?;
        let policy = PolicyFields::take(&mut body)?.into_policy(thread_id.is_some(), settings)?;
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
        Ok(Self(CreateCron {
            assistant: fields.assistant_id,
            thread_id,
            schedules: schedule.required_texts(fields.timezone.as_deref())?,
            timezone: fields.timezone,
            end_time: fields.end_time.as_deref().map(end_time).transpose()?,
            enabled: fields.enabled.unwrap_or(true),
            on_run_completed: fields.on_run_completed.unwrap_or(OnCompletion::Delete),
            policy,
            note: fields.note,
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
    /// Why it is as it is; for people.
    #[serde(default, deserialize_with = "word::present")]
    #[schema(value_type = Option<String>)]
    note: Option<Option<String>>,
}

impl CronPatchBody {
    /// Reads what is to change of this cron.
    pub(crate) fn read(
        mut body: Object,
        cron: &Record,
        settings: &HostSettings,
    ) -> Result<Self, Error> {
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
        let schedule = ScheduleFields::take(&mut body)?;
        let on_thread = cron.thread_id.is_some();
        let policy =
            PolicyFields::take(&mut body)?.into_patch(&cron.policy, on_thread, settings)?;
        let fields: PatchFields = typed(Json::Object(body), "")?;
        if let Some(input) = &fields.input {
            check_input(input)?;
        }
        let end = fields.end_time.map(|end| end.as_deref().map(end_time).transpose());
        let config = fields.config.map(Config::new).transpose()?;
        if let (Some(config), Some(context)) = (&config, &fields.context) {
            config.check_context(context)?;
        }
        let timezone = fields.timezone.as_ref().unwrap_or(&cron.timezone).as_deref();
        Ok(Self(CronPatch {
            schedules: schedule.texts(timezone)?,
            timezone: fields.timezone,
            end_time: end.transpose()?,
            enabled: fields.enabled,
            policy,
            note: fields.note,
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
    instant("end_time", text)
}

/// The body of `POST /runs/crons/{cron}/pause`.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct PauseBody {
    /// Why; for people.
    pub(crate) note: Option<String>,
}

/// The body of `POST /runs/crons/{cron}/backfill`.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct BackfillBody {
    /// The first instant.
    from: String,
    /// The last instant, which is not in the future.
    to: String,
}

impl BackfillBody {
    pub(crate) fn range(&self) -> Result<(Timestamp, Timestamp), Error> {
        Ok((instant("from", &self.from)?, instant("to", &self.to)?))
    }
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
