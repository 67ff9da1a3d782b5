use serde::Serialize;
use serde_json::{Map, json};
use utoipa::ToSchema;
use wakeful::core::{
    AssistantId, CheckpointId, CronId, Digest, Json, Object, OnCompletion, Outcome, Run as Record,
    RunError, RunId, ThreadId, TokenUse, Trigger,
};

use crate::wire::log::Line;
use crate::wire::{Text, Time};

/// How many of its last log lines a run shows; all of them are at its `logs`.
const LOG_TAIL: usize = 20;

/// A run, on the wire.
#[derive(Serialize, ToSchema)]
pub(crate) struct Run<'a> {
    #[schema(value_type = String, format = "uuid")]
    run_id: Text<RunId>,
    #[schema(value_type = String, format = "uuid")]
    thread_id: Text<ThreadId>,
    #[schema(value_type = String, format = "uuid")]
    assistant_id: Text<AssistantId>,
    metadata: Object,
    status: &'static str,
    kwargs: Kwargs<'a>,
    multitask_strategy: &'static str,
    created_at: Time,
    updated_at: Time,
    langsmith_session_name: Option<&'static str>,
    execution: Execution<'a>,
}

/// What the run was asked to do, with the defaults filled in.
#[derive(Serialize, ToSchema)]
struct Kwargs<'a> {
    input: &'a Json,
    command: Option<Command<'a>>,
    config: Object,
    context: &'a Object,
    stream_mode: Json,
    interrupt_before: &'a Json,
    interrupt_after: &'a Json,
    webhook: Option<&'a str>,
    feedback_keys: &'a Json,
    temporary: bool,
    subgraphs: bool,
    resumable: bool,
    checkpoint_during: bool,
    durability: Json,
}

#[derive(Serialize, ToSchema)]
struct Command<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    resume: Option<&'a Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    update: Option<&'a Object>,
    #[serde(skip_serializing_if = "Option::is_none")]
    goto: Option<&'a str>,
}

/// How the run went. Not part of the protocol; clients ignore what they do not know.
#[derive(Serialize, ToSchema)]
struct Execution<'a> {
    attempt: u32,
    /// Why it happened, if a cron started it.
    fire: Option<FireOf>,
    /// The run that called it, if one did.
    #[schema(value_type = Option<String>, format = "uuid")]
    parent_run_id: Option<Text<RunId>>,
    /// Where the run began, or is to begin.
    #[schema(value_type = Option<String>, format = "uuid")]
    checkpoint_id: Option<Text<CheckpointId>>,
    outcome: Option<&'static str>,
    #[schema(value_type = Option<String>)]
    digest: Option<Text<Digest>>,
    fuel_used: Option<u64>,
    /// What its calls of language models used, in all its attempts.
    tokens: Option<Tokens>,
    peak_memory_bytes: Option<u64>,
    started_at: Option<Time>,
    ended_at: Option<Time>,
    duration_ms: Option<f64>,
    output: Option<&'a Object>,
    error: Option<ExecutionError>,
    /// Why its last attempt failed, if it was put back to be tried again.
    last_error: Option<ExecutionError>,
    /// The last lines it logged.
    log_tail: Vec<Line<'a>>,
    logs_dropped: Option<u64>,
}

/// Tokens of language models.
#[derive(Serialize, ToSchema)]
struct Tokens {
    calls: u64,
    input: u64,
    output: u64,
    /// A provider did not say what it used, and the host estimated it.
    estimated: bool,
}

impl From<TokenUse> for Tokens {
    fn from(tokens: TokenUse) -> Self {
        let TokenUse { calls, input, output, estimated } = tokens;
        Self { calls, input, output, estimated }
    }
}

/// The fire that a run is of.
#[derive(Serialize, ToSchema)]
struct FireOf {
    #[schema(value_type = String, format = "uuid")]
    cron_id: Text<CronId>,
    /// The instant that the schedule named.
    scheduled_at: Time,
    /// The instant before that one which the cron accounted for.
    previous_scheduled_at: Option<Time>,
    /// How long after it was due it was recorded.
    #[schema(value_type = u64)]
    late_ms: u128,
    /// Why the cron fired: `schedule`, `catchup`, `manual` or `backfill`.
    trigger: &'static str,
    /// How many earlier instants it stands for.
    missed: u64,
}

impl FireOf {
    fn new(trigger: &Trigger) -> Option<Self> {
        match trigger {
            Trigger::Cron(fire) => Some(Self {
                cron_id: Text(fire.cron_id),
                scheduled_at: Time(fire.scheduled_at),
                previous_scheduled_at: fire.previous_at.map(Time),
                late_ms: fire.late.as_millis(),
                trigger: fire.cause.as_str(),
                missed: fire.missed,
            }),
            Trigger::Manual => None,
        }
    }
}

#[derive(Serialize, ToSchema)]
struct ExecutionError {
    error: String,
    message: String,
}

impl From<RunError> for ExecutionError {
    fn from(RunError { name: error, message }: RunError) -> Self {
        Self { error, message }
    }
}

impl Run<'_> {
    pub(crate) const KEYS: &'static [&'static str] = &[
        "run_id",
        "thread_id",
        "assistant_id",
        "metadata",
        "status",
        "kwargs",
        "multitask_strategy",
        "created_at",
        "updated_at",
        "langsmith_session_name",
        "execution",
    ];
}

impl<'a> From<&'a Record> for Run<'a> {
    fn from(record: &'a Record) -> Self {
        let metadata = metadata(record);
        Self {
            run_id: Text(record.id),
            thread_id: Text(record.thread_id),
            assistant_id: Text(record.assistant_id),
            status: record.status.as_str(),
            kwargs: Kwargs::new(record, &metadata),
            metadata,
            multitask_strategy: record.multitask.as_str(),
            created_at: Time(record.created_at),
            updated_at: Time(record.updated_at),
            langsmith_session_name: None,
            execution: Execution::from(record),
        }
    }
}

/// The run's metadata, with what only the host states.
fn metadata(record: &Record) -> Object {
    let mut metadata = record.request.metadata.clone();
    metadata.insert("graph_id".into(), record.component.to_string().into());
    metadata.insert("assistant_id".into(), record.assistant_id.to_string().into());
    metadata
}

impl<'a> Kwargs<'a> {
    fn new(record: &'a Record, metadata: &Object) -> Self {
        const NULL: &Json = &Json::Null;
        let request = &record.request;
        let option = |key: &str| request.options.get(key).unwrap_or(NULL);
        Self {
            input: &request.input,
            command: request.command.as_ref().map(|command| Command {
                resume: command.resume.as_ref(),
                update: command.update.as_ref(),
                goto: command.goto.as_deref(),
            }),
            config: config(record, metadata),
            context: &request.context,
            stream_mode: match option("stream_mode") {
                Json::Null => json!(["values"]),
                Json::Array(modes) => json!(modes),
                mode => json!([mode]),
            },
            interrupt_before: option("interrupt_before"),
            interrupt_after: option("interrupt_after"),
            webhook: request.webhook(),
            feedback_keys: option("feedback_keys"),
            temporary: record.on_completion == OnCompletion::Delete,
            subgraphs: option("stream_subgraphs").as_bool().unwrap_or(false),
            resumable: option("stream_resumable").as_bool().unwrap_or(false),
            checkpoint_during: option("checkpoint_during").as_bool().unwrap_or(true),
            durability: match option("durability") {
                Json::Null => "async".into(),
                durability => durability.clone(),
            },
        }
    }
}

fn config(record: &Record, metadata: &Object) -> Object {
    let mut config = record.request.config.clone();
    let mut configurable = match config.shift_remove("configurable") {
        Some(Json::Object(configurable)) => configurable,
        _ => Map::new(),
    };
    let mut set = |key: &str, value: String| configurable.insert(key.to_owned(), value.into());
    set("run_id", record.id.to_string());
    set("thread_id", record.thread_id.to_string());
    set("graph_id", record.component.to_string());
    set("assistant_id", record.assistant_id.to_string());
    set("user_id", String::new());
    if let Some(cron) = cron_of(record) {
        set("cron_id", cron);
    }
    config.insert("configurable".into(), configurable.into());
    config.insert("metadata".into(), metadata.clone().into());
    config
}

/// The cron of a run: of a fire, or of a trigger by hand, which the metadata alone tells.
fn cron_of(record: &Record) -> Option<String> {
    match &record.trigger {
        Trigger::Cron(fire) => Some(fire.cron_id.to_string()),
        Trigger::Manual => {
            record.request.metadata.get("cron_id").and_then(Json::as_str).map(str::to_owned)
        }
    }
}

impl<'a> From<&'a Record> for Execution<'a> {
    fn from(record: &'a Record) -> Self {
        let report = record.report.as_ref();
        Self {
            attempt: record.attempt,
            fire: FireOf::new(&record.trigger),
            parent_run_id: record.parent.as_ref().map(|parent| Text(parent.run_id)),
            checkpoint_id: record.checkpoint.map(Text),
            outcome: report.map(|report| report.outcome.kind()),
            digest: record.digest.map(Text),
            fuel_used: report.map(|report| report.fuel_used),
            tokens: report.map(|report| report.tokens.into()),
            peak_memory_bytes: report.map(|report| report.peak_memory),
            started_at: record.started_at.map(Time),
            ended_at: record.ended_at.map(Time),
            duration_ms: report.map(|report| report.duration.as_secs_f64() * 1e3),
            output: report.and_then(|report| match &report.outcome {
                Outcome::Done(values) => Some(values),
                _ => None,
            }),
            error: report.and_then(RunError::of).map(ExecutionError::from),
            last_error: record.last_error.clone().map(ExecutionError::from),
            log_tail: Line::tail(report, LOG_TAIL),
            logs_dropped: report.map(|report| report.logs_dropped),
        }
    }
}
