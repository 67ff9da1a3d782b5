use serde::Serialize;
use serde_json::{Map, json};
use utoipa::ToSchema;
use wakeful::HostSettings;
use wakeful::core::{
    AssistantId, Cron as Record, CronId, CronPolicy, Json, MultitaskStrategy, Object, OnCompletion,
    Overlap, RunId, ThreadId, duration_text,
};

use crate::wire::cron_details::{Details, Stats};
use crate::wire::cron_policy::Retry;
use crate::wire::{Fire, Text, Time};

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
    // Nor is anything from here on.
    /// `active`, `paused` or `ended`.
    state: &'static str,
    /// Why it is as it is, from whoever made or paused it.
    note: Option<&'a str>,
    /// When it was found that it will not fire again.
    ended_at: Option<Time>,
    overlap: &'static str,
    catchup: &'static str,
    /// As a text, like all of these lengths of time.
    catchup_window: String,
    jitter: String,
    /// How long after `next_run_date` it fires, which is its part of `jitter`.
    delay: String,
    dst: &'static str,
    start_time: Option<Time>,
    max_fires: Option<u64>,
    pause_after_failures: Option<u32>,
    fuel_per_day: Option<u64>,
    tokens_per_day: Option<u64>,
    retry: Retry,
    // What takes reads of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    stats: Option<Stats>,
    /// What became of its last instants, newest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_fires: Option<Vec<Fire>>,
    /// Its next instants.
    #[serde(skip_serializing_if = "Option::is_none")]
    upcoming: Option<Vec<Time>>,
    /// What to know of it, such as that its assistant is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    warnings: Option<Vec<String>>,
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
        "state",
        "note",
        "ended_at",
        "overlap",
        "catchup",
        "catchup_window",
        "jitter",
        "delay",
        "dst",
        "start_time",
        "max_fires",
        "pause_after_failures",
        "fuel_per_day",
        "tokens_per_day",
        "retry",
        "stats",
        "last_fires",
        "upcoming",
        "warnings",
    ];
}

impl<'a> Cron<'a> {
    pub(crate) fn new(record: &'a Record, settings: &HostSettings, details: Details) -> Self {
        let policy = &record.policy;
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
            state: record.state().as_str(),
            note: record.note.as_deref(),
            ended_at: record.ended_at.map(Time),
            overlap: policy.overlap.as_str(),
            catchup: policy.catchup.as_str(),
            catchup_window: duration_text(policy.catchup_window),
            jitter: duration_text(policy.jitter),
            delay: duration_text(record.delay),
            dst: policy.dst.as_str(),
            start_time: policy.start_time.map(Time),
            max_fires: policy.max_fires,
            pause_after_failures: policy.pause_after_failures,
            fuel_per_day: policy.fuel_per_day,
            tokens_per_day: policy.tokens_per_day,
            retry: policy.retry.as_ref().map_or_else(|| Retry::usual(settings), Retry::new),
            stats: details.stats,
            last_fires: details.last_fires,
            upcoming: details.upcoming,
            warnings: details.warnings,
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
    set("note", record.note.as_deref().map(Json::from));
    policy(record, &mut set);
    payload.extend(request.options.clone());
    payload
}

/// The part of that body which says how the cron fires.
fn policy(record: &Record, set: &mut impl FnMut(&str, Option<Json>)) {
    let usual = CronPolicy::usual(record.thread_id.is_some());
    let policy = &record.policy;
    let overlap = Some(policy.overlap).filter(|overlap| *overlap != usual.overlap);
    let strategy = overlap
        .map(Overlap::multitask)
        .filter(|strategy| *strategy != MultitaskStrategy::default());
    let is_said = strategy.map(Overlap::from) == overlap;
    set("multitask_strategy", strategy.map(|strategy| strategy.as_str().into()));
    set("overlap", overlap.filter(|_| !is_said).map(|overlap| overlap.as_str().into()));
    let length = |length, usual| (length != usual).then(|| duration_text(length).into());
    let is_usual = policy.catchup == usual.catchup;
    set("catchup", (!is_usual).then(|| policy.catchup.as_str().into()));
    set("catchup_window", length(policy.catchup_window, usual.catchup_window));
    set("jitter", length(policy.jitter, usual.jitter));
    set("dst", (policy.dst != usual.dst).then(|| policy.dst.as_str().into()));
    set("start_time", policy.start_time.map(|start| json!(Time(start))));
    set("max_fires", policy.max_fires.map(Json::from));
    set("pause_after_failures", policy.pause_after_failures.map(Json::from));
    set("fuel_per_day", policy.fuel_per_day.map(Json::from));
    set("tokens_per_day", policy.tokens_per_day.map(Json::from));
    set("retry", policy.retry.as_ref().map(|retry| json!(Retry::new(retry))));
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
