use clap::Args;
use serde_json::{Value as Json, json};
use wakeful::core::{CheckpointId, ThreadId};

use super::path;
use crate::client::Client;
use crate::commands::fields;
use crate::{format, input, out, table};

/// Print the values of a thread as JSON, or write some
#[derive(Debug, Args)]
#[command(after_help = "With --json the whole state is printed: values, questions and checkpoint

Examples:
  wakeful threads state 01a20240-895d-76b1-ba2c-b4e8c4f78bc8
  wakeful threads state 01a20240-895d-76b1-ba2c-b4e8c4f78bc8 --set '{\"count\": 0}'")]
pub(crate) struct State {
    /// Print or change the values of this thread
    thread: ThreadId,
    /// Look at, or begin with, this checkpoint instead of the newest
    #[arg(long, value_name = "ID")]
    checkpoint: Option<CheckpointId>,
    /// Put the keys of this object over the values; this makes a checkpoint
    #[arg(long, value_name = "JSON")]
    set: Option<String>,
    /// Write as this node: the component's name also answers what the component asked
    #[arg(long, value_name = "NODE", requires = "set")]
    as_node: Option<String>,
}

/// List the checkpoints of a thread, the newest first
#[derive(Debug, Args)]
pub(crate) struct History {
    /// List the checkpoints of this thread
    thread: ThreadId,
    /// Begin before this checkpoint
    #[arg(long, value_name = "ID")]
    before: Option<CheckpointId>,
    /// List at most this many
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: u32,
}

pub(super) fn run(arguments: &State, client: &Client, json: bool) -> anyhow::Result<()> {
    let path = path(arguments.thread);
    if let Some(values) = &arguments.set {
        let values = input::object("--set", values)?;
        let body = json!({
            "values": values,
            "as_node": arguments.as_node,
            "checkpoint_id": arguments.checkpoint.map(|id| id.to_string()),
        });
        let made = client.post(&format!("{path}/state"), &body)?;
        if json {
            return out::json(&made);
        }
        let id = fields::text(&made, "checkpoint_id");
        return out::line(format_args!("checkpoint {id}"));
    }
    let state = match arguments.checkpoint {
        Some(checkpoint) => client.get(&format!("{path}/state/{checkpoint}"), &[])?,
        None => client.get(&format!("{path}/state"), &[])?,
    };
    if json {
        return out::json(&state);
    }
    out::json(state.get("values").unwrap_or(&Json::Null))
}

pub(super) fn history(arguments: &History, client: &Client, json: bool) -> anyhow::Result<()> {
    let mut query = vec![("limit", arguments.limit.to_string())];
    query.extend(arguments.before.map(|before| ("before", before.to_string())));
    let states = client.get(&format!("{}/history", path(arguments.thread)), &query)?;
    if json {
        return out::json(&states);
    }
    let states = fields::items(&states);
    if states.is_empty() {
        return out::line(format_args!("no checkpoints"));
    }
    let rows = states.iter().map(|state| {
        let metadata = state.get("metadata").unwrap_or(&Json::Null);
        [
            fields::text(state, "checkpoint_id"),
            fields::when(state, "created_at"),
            fields::text(metadata, "source"),
            fields::text(metadata, "run_id"),
            state.get("values").map(format::brief).unwrap_or_default(),
        ]
    });
    table::print(["CHECKPOINT", "CREATED", "SOURCE", "RUN", "VALUES"], rows)
}
