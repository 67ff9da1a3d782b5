use std::time::Duration;

use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;
use wakeful::core::{Json, MultitaskStrategy, Object, OnCompletion, RunRequest, ThreadId};
use wakeful::{CreateRun, RunThread};

use crate::described;
use crate::error::Error;
use crate::extract::typed;
use crate::wire::options::{OptionFields, take_options};
use crate::wire::request::{CommandBody, RequestParts};
use crate::wire::{CheckpointRef, word};

/// Which thread a run was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RunOn {
    Thread(ThreadId),
    /// A new thread, which the client does not see.
    Stateless,
}

impl RunOn {
    pub(crate) fn thread(self) -> Option<ThreadId> {
        match self {
            Self::Thread(thread) => Some(thread),
            Self::Stateless => None,
        }
    }
}

/// The body that creates a run, checked.
#[derive(Debug)]
pub(crate) struct RunBody {
    pub(crate) create: CreateRun,
    /// Whether the run ends when the client that waits for it goes away.
    pub(crate) cancel_on_disconnect: bool,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = RunFields)]
struct Fields {
    assistant_id: String,
    #[serde(default)]
    input: Json,
    command: Option<CommandBody>,
    config: Option<Object>,
    context: Option<Object>,
    metadata: Option<Object>,
    checkpoint: Option<CheckpointRef>,
    checkpoint_id: Option<CheckpointRef>,
    #[serde(default, deserialize_with = "word::multitask")]
    #[schema(value_type = Option<described::Multitask>)]
    multitask_strategy: Option<MultitaskStrategy>,
    #[serde(default, deserialize_with = "word::completion")]
    #[schema(value_type = Option<described::Completion>)]
    on_completion: Option<OnCompletion>,
    #[serde(default, deserialize_with = "create")]
    #[schema(value_type = Option<described::IfNotExists>)]
    if_not_exists: bool,
    #[serde(default, deserialize_with = "cancel")]
    #[schema(value_type = Option<described::OnDisconnect>)]
    on_disconnect: bool,
    #[serde(default, deserialize_with = "seconds")]
    #[schema(value_type = Option<f64>)]
    after_seconds: Duration,
}

fn create<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    word::choice(deserializer, "create", "reject")
}

fn cancel<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    word::choice(deserializer, "cancel", "continue")
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let seconds = Option::<f64>::deserialize(deserializer)?.unwrap_or(0.0);
    Duration::try_from_secs_f64(seconds).map_err(serde::de::Error::custom)
}

/// The whole body of a request for a run, for the description.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "only described; it is read in two parts")]
pub(crate) struct RunDocument {
    #[serde(flatten)]
    fields: Fields,
    #[serde(flatten)]
    options: OptionFields,
}

impl RunBody {
    pub(crate) fn read(mut body: Object, on: RunOn) -> Result<Self, Error> {
        let options = take_options(&mut body)?;
        let fields: Fields = typed(Json::Object(body), "")?;
        let checkpoint = fields.checkpoint_id.or(fields.checkpoint);
        let checkpoint = checkpoint.map(|checkpoint| checkpoint.id()).transpose()?.flatten();
        let request = RequestParts {
            input: fields.input,
            command: fields.command,
            config: fields.config,
            context: fields.context,
            metadata: fields.metadata,
            options,
        }
        .into_request()?;
        let thread = match on {
            RunOn::Thread(thread) if fields.if_not_exists => RunThread::CreateIfMissing(thread),
            RunOn::Thread(thread) => RunThread::Existing(thread),
            RunOn::Stateless if resumes(&request) => {
                return Err(Error::bad_request(
                    "only a run on a thread can be resumed; send `command.resume` to /threads/{thread_id}/runs",
                ));
            }
            RunOn::Stateless => {
                RunThread::Fresh(fields.on_completion.unwrap_or(OnCompletion::Delete))
            }
        };
        Ok(Self {
            create: CreateRun {
                thread,
                assistant: fields.assistant_id,
                request,
                multitask: fields.multitask_strategy.unwrap_or_default(),
                after: fields.after_seconds,
                checkpoint,
                key: None,
            },
            cancel_on_disconnect: fields.on_disconnect,
        })
    }
}

fn resumes(request: &RunRequest) -> bool {
    request.command.as_ref().is_some_and(|command| command.resume.is_some())
}
