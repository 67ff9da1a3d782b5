use serde::Serialize;
use serde_json::{Map, json};
use utoipa::ToSchema;
use wakeful::core::{
    AssistantId, Cron as Record, CronId, Json, MultitaskStrategy, Object, OnCompletion, Overlap,
    RunId, ThreadId,
};

use crate::wire::{Text, Time};

/// A cron, on the wire.
#[derive(Serialize, ToSchema)]
pub(crate) struct Cron<'a> {
    #[schema(value_type = String, format = "uuid")]
    cron_id: Text<CronId>,
    #[schema(value_type = String, format = "uuid")]
    assistant_id: Text<AssistantId>,
    #[schema(value_type = Option<String>, format = "uuid")]
    thread_id: Option<Text<ThreadId>>,
    user_id: &'static str,
    end_time: Option<Time>,
    schedule: &'a str,
    /// Not part of the protocol: all of its schedules; `schedule` is the first.
    schedules: &'a [String],
    timezone: Option<&'a str>,
    payload: Object,
    next_run_date: Option<Time>,
    metadata: &'a Object,
    on_run_completed: Option<&'static str>,
    enabled: bool,
    created_at: Time,
    updated_at: Time,
    /// Not part of the protocol: whether it is enabled and yet will not fire again.
    ended: bool,
    /// Not part of the protocol: the run that made it, if its assistant made it for itself.
    #[schema(value_type = Option<String>, format = "uuid")]
    made_by_run_id: Option<Text<RunId>>,
}

impl Cron<'_> {
    pub(crate) const KEYS: &'static [&'static str] = &[
        "cron_id",
        "assistant_id",
        "thread_id",
        "user_id",
        "end_time",
        "schedule",
        "timezone",
        "payload",
        "next_run_date",
        "metadata",
        "on_run_completed",
        "enabled",
        "created_at",
        "updated_at",
        "ended",
        "made_by_run_id",
        "schedules",
    ];
}

impl<'a> From<&'a Record> for Cron<'a> {
    fn from(record: &'a Record) -> Self {
        Self {
            cron_id: Text(record.id),
            assistant_id: Text(record.assistant_id),
            thread_id: record.thread_id.map(Text),
            user_id: "",
            end_time: record.end_time.map(Time),
            schedule: record.schedules.first().map_or("", String::as_str),
            schedules: &record.schedules,
            timezone: record.timezone.as_deref(),
            payload: payload(record),
            next_run_date: record.next_run_at.map(Time),
            metadata: &record.metadata,
            on_run_completed: on_run_completed(record).map(OnCompletion::as_str),
            enabled: record.enabled,
            created_at: Time(record.created_at),
            updated_at: Time(record.updated_at),
            ended: record.has_ended(),
            made_by_run_id: record.made_by.map(Text),
        }
    }
}

/// A cron on one thread has no thread to delete or keep.
fn on_run_completed(record: &Record) -> Option<OnCompletion> {
    record.thread_id.is_none().then_some(record.on_run_completed)
}

/// The body that would create this cron, without what it would leave to the defaults.
fn payload(record: &Record) -> Object {
    let mut payload = Map::new();
    let mut set = |key: &str, value: Option<Json>| {
        if let Some(value) = value {
            payload.insert(key.to_owned(), value);
        }
    };
    let request = &record.request;
    let filled = |object: &Object| (!object.is_empty()).then(|| json!(object));
    set("schedule", record.schedules.first().map(|text| text.as_str().into()));
    set("schedules", (1 < record.schedules.len()).then(|| json!(record.schedules)));
    set("assistant_id", Some(record.assistant_id.to_string().into()));
    set("input", (!request.input.is_null()).then(|| request.input.clone()));
    set("metadata", filled(&record.metadata));
    set("config", Some(config(record).into()));
    set("context", filled(&request.context));
    set("timezone", record.timezone.as_deref().map(Json::from));
    set("end_time", record.end_time.map(|end| json!(Time(end))));
    set("enabled", (!record.enabled).then_some(false.into()));
    set(
        "on_run_completed",
        on_run_completed(record)
            .filter(|choice| *choice != OnCompletion::Delete)
            .map(|choice| choice.as_str().into()),
    );
    set(
        "multitask_strategy",
        Some(record.policy.overlap)
            .filter(|overlap| *overlap != Overlap::usual(record.thread_id.is_some()))
            .map(|overlap| overlap.multitask())
            .filter(|strategy| *strategy != MultitaskStrategy::default())
            .map(|strategy| strategy.as_str().into()),
    );
    payload.extend(request.options.clone());
    payload
}

fn config(record: &Record) -> Object {
    let mut config = record.request.config.clone();
    let mut configurable = match config.shift_remove("configurable") {
        Some(Json::Object(configurable)) => configurable,
        _ => Map::new(),
    };
    configurable.insert("cron_id".into(), record.id.to_string().into());
    config.insert("configurable".into(), configurable.into());
    config
}
