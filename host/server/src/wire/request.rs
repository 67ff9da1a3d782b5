use serde::Deserialize;
use serde_json::Map;
use utoipa::ToSchema;
use wakeful::core::{Command, Json, Object, RunRequest};

use crate::error::Error;
use crate::extract::typed;

/// Facts about a run that only the host states; clients' own are dropped, as the protocol says.
const RESERVED_METADATA: [&str; 4] = ["run_id", "thread_id", "assistant_id", "cron_id"];

/// Keys of `configurable` that only the host sets.
const RESERVED_CONFIGURABLE: [&str; 6] =
    ["run_id", "thread_id", "graph_id", "assistant_id", "user_id", "cron_id"];

/// The instruction of a run, as clients send it.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct CommandBody {
    #[serde(default)]
    resume: Json,
    #[schema(value_type = Option<serde_json::Value>)]
    update: Option<Update>,
    #[schema(value_type = Option<serde_json::Value>)]
    goto: Option<Goto>,
}

/// An object, or what comes to the same: a list of pairs.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected an object, or a list of pairs of a key and a value")]
enum Update {
    Object(Object),
    Pairs(Vec<(String, Json)>),
}

#[derive(Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "expected the id of the component, or `__end__`; a component has no nodes"
)]
enum Goto {
    Place(String),
    Places([String; 1]),
    /// Nowhere.
    Empty([String; 0]),
}

impl CommandBody {
    pub(crate) fn into_command(self) -> Option<Command> {
        let command = Command {
            resume: (!self.resume.is_null()).then_some(self.resume),
            update: self.update.map(|update| match update {
                Update::Object(update) => update,
                Update::Pairs(pairs) => Map::from_iter(pairs),
            }),
            goto: self.goto.and_then(|goto| match goto {
                Goto::Place(place) | Goto::Places([place]) => Some(place),
                Goto::Empty(_) => None,
            }),
        };
        (command != Command::default()).then_some(command)
    }
}

/// A `config`, checked and without what only the host sets. Its metadata goes to the run's own.
#[derive(Debug, Default)]
pub(crate) struct Config {
    pub(crate) stored: Object,
    metadata: Object,
}

#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "only whether they can be read matters")]
struct ConfigTypes {
    tags: Option<Vec<String>>,
    recursion_limit: Option<u64>,
    configurable: Option<Object>,
    metadata: Option<Object>,
}

impl Config {
    pub(crate) fn new(mut config: Object) -> Result<Self, Error> {
        typed::<ConfigTypes>(Json::Object(config.clone()), "config")?;
        let metadata = match config.shift_remove("metadata") {
            Some(Json::Object(metadata)) => metadata,
            _ => Map::new(),
        };
        if let Some(Json::Object(configurable)) = config.get_mut("configurable") {
            configurable.retain(|key, _| {
                let internal = key.starts_with("__") || key.starts_with("langgraph_");
                !internal && !RESERVED_CONFIGURABLE.contains(&key.as_str())
            });
        }
        Ok(Self { stored: config, metadata })
    }

    /// The config with its metadata in it, as an assistant keeps it.
    pub(crate) fn whole(mut self) -> Object {
        if !self.metadata.is_empty() {
            self.stored.insert("metadata".into(), self.metadata.into());
        }
        self.stored
    }

    /// Refuses a `context` beside a `configurable`: they are two names for the same thing.
    pub(crate) fn check_context(&self, context: &Object) -> Result<(), Error> {
        let configurable = self.stored.get("configurable").and_then(Json::as_object);
        if !context.is_empty() && configurable.is_some_and(|keys| !keys.is_empty()) {
            return Err(Error::bad_request(
                "`config.configurable` and `context` cannot both be given; `context` alone is the newer way",
            ));
        }
        Ok(())
    }
}

/// What a run receives, put together from the parts of a body.
pub(crate) struct RequestParts {
    pub(crate) input: Json,
    pub(crate) command: Option<CommandBody>,
    pub(crate) config: Option<Object>,
    pub(crate) context: Option<Object>,
    pub(crate) metadata: Option<Object>,
    pub(crate) options: Object,
}

impl RequestParts {
    pub(crate) fn into_request(self) -> Result<RunRequest, Error> {
        let config = Config::new(self.config.unwrap_or_default())?;
        let context = self.context.unwrap_or_default();
        config.check_context(&context)?;
        let mut metadata = config.metadata;
        metadata.extend(self.metadata.unwrap_or_default());
        Ok(RunRequest {
            input: self.input,
            command: self.command.and_then(CommandBody::into_command),
            config: config.stored,
            context,
            metadata: client_metadata(metadata),
            options: self.options,
        })
    }
}

/// Metadata without what only the host states.
pub(crate) fn client_metadata(mut metadata: Object) -> Object {
    metadata.retain(|key, _| !RESERVED_METADATA.contains(&key.as_str()));
    metadata
}
