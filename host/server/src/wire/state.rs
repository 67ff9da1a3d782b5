use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;
use wakeful::checkpoint_metadata;
use wakeful::core::{Checkpoint, CheckpointId, Json, Object, Thread, ThreadId};

use crate::error::Error;
use crate::extract::parse_id;
use crate::wire::interrupt::{Question, questions, task_id};
use crate::wire::{File, Text, Time};

/// Where a thread stood at a checkpoint, on the wire.
#[derive(Serialize, ToSchema)]
pub(crate) struct State<'a> {
    values: Json,
    next: Vec<String>,
    tasks: Vec<Task<'a>>,
    metadata: Option<Object>,
    created_at: Option<Time>,
    checkpoint: Option<Address>,
    parent_checkpoint: Option<Address>,
    interrupts: Vec<Question<'a>>,
    #[schema(value_type = Option<String>, format = "uuid")]
    checkpoint_id: Option<Text<CheckpointId>>,
    #[schema(value_type = Option<String>, format = "uuid")]
    parent_checkpoint_id: Option<Text<CheckpointId>>,
    /// Not part of the protocol, and not in a history.
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<Vec<File>>,
}

/// The part of a run that asked questions. LangGraph names a node here; a component is one node.
#[derive(Serialize, ToSchema)]
struct Task<'a> {
    #[schema(value_type = String, format = "uuid")]
    id: Text<Uuid>,
    name: String,
    path: [String; 2],
    error: Option<&'a str>,
    interrupts: Vec<Question<'a>>,
    checkpoint: Option<Address>,
    state: Option<Json>,
    result: Option<Json>,
}

/// The full name of a checkpoint.
#[derive(Serialize, ToSchema)]
pub(super) struct Address {
    #[schema(value_type = String, format = "uuid")]
    checkpoint_id: Text<CheckpointId>,
    #[schema(value_type = String, format = "uuid")]
    thread_id: Text<ThreadId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    checkpoint_ns: Option<&'static str>,
}

impl Address {
    pub(super) fn new(thread: ThreadId, id: CheckpointId) -> Self {
        Self { checkpoint_id: Text(id), thread_id: Text(thread), checkpoint_ns: Some("") }
    }
}

impl<'a> State<'a> {
    pub(crate) const KEYS: &'static [&'static str] = &[
        "values",
        "next",
        "tasks",
        "metadata",
        "created_at",
        "checkpoint",
        "parent_checkpoint",
        "interrupts",
        "checkpoint_id",
        "parent_checkpoint_id",
        "files",
    ];

    /// The state of a thread without checkpoints.
    pub(crate) fn empty() -> Self {
        Self {
            values: json!({}),
            next: Vec::new(),
            tasks: Vec::new(),
            metadata: None,
            created_at: None,
            checkpoint: None,
            parent_checkpoint: None,
            interrupts: Vec::new(),
            checkpoint_id: None,
            parent_checkpoint_id: None,
            files: None,
        }
    }

    /// The state at a checkpoint that a thread does not have; the protocol answers so.
    pub(crate) fn unknown(thread: ThreadId, id: CheckpointId) -> Self {
        let address = Address { checkpoint_ns: None, ..Address::new(thread, id) };
        Self { checkpoint: Some(address), checkpoint_id: Some(Text(id)), ..Self::empty() }
    }

    /// The state of `thread` at one of its checkpoints.
    pub(crate) fn at(thread: &Thread, checkpoint: &'a Checkpoint) -> Self {
        let metadata = checkpoint_metadata(thread, checkpoint);
        let graph = metadata.get("graph_id").and_then(Json::as_str).unwrap_or_default().to_owned();
        let asked = questions(checkpoint);
        let waits = checkpoint.pending.is_some();
        let task = |graph: &str| Task {
            id: Text(task_id(checkpoint)),
            name: graph.to_owned(),
            path: ["__pregel_pull".to_owned(), graph.to_owned()],
            error: None,
            interrupts: questions(checkpoint),
            checkpoint: None,
            state: None,
            result: None,
        };
        Self {
            values: checkpoint.values.clone(),
            tasks: waits.then(|| task(&graph)).into_iter().collect(),
            next: waits.then_some(graph).into_iter().collect(),
            metadata: Some(metadata),
            created_at: Some(Time(checkpoint.created_at)),
            checkpoint: Some(Address::new(thread.id, checkpoint.id)),
            parent_checkpoint: checkpoint.parent.map(|parent| Address::new(thread.id, parent)),
            interrupts: asked,
            checkpoint_id: Some(Text(checkpoint.id)),
            parent_checkpoint_id: checkpoint.parent.map(Text),
            files: None,
        }
    }

    /// The same with the thread's files, if it has any.
    pub(crate) fn with_files(mut self, checkpoint: &Checkpoint) -> Self {
        let files: Vec<_> = checkpoint.files.entries.iter().map(File::from).collect();
        self.files = Some(files).filter(|files| !files.is_empty());
        self
    }
}

/// A checkpoint, as clients name it: by its id, by the object that a state shows, or by the config
/// that LangGraph's own libraries use.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged, expecting = "expected a checkpoint id, or an object with a `checkpoint_id`")]
pub(crate) enum CheckpointRef {
    Id(String),
    Config { configurable: Named },
    Address(Named),
}

/// An object that names a checkpoint.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct Named {
    checkpoint_id: Option<String>,
}

impl CheckpointRef {
    /// The id; `None` means the newest.
    pub(crate) fn id(&self) -> Result<Option<CheckpointId>, Error> {
        let id = match self {
            Self::Id(id) => Some(id),
            Self::Config { configurable: named } | Self::Address(named) => {
                named.checkpoint_id.as_ref()
            }
        };
        id.map(|id| parse_id("checkpoint", id)).transpose()
    }
}
