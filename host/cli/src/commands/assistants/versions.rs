use clap::Args;
use serde_json::json;

use super::{id_of, missing, path};
use crate::client::Client;
use crate::commands::fields;
use crate::{format, out, table};

/// List the versions of an assistant, newest first
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  wakeful assistants versions echo
  wakeful assistants revert echo 1")]
pub(crate) struct Arguments {
    /// List the versions of this assistant, by name or id
    assistant: String,
    /// List at most this many
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: u32,
}

pub(super) fn run(arguments: &Arguments, client: &Client, json: bool) -> anyhow::Result<()> {
    let name = &arguments.assistant;
    let path = format!("{}/versions", path(id_of(name)?));
    let versions = client
        .post(&path, &json!({ "limit": arguments.limit }))
        .map_err(|error| missing(error, name))?;
    if json {
        return out::json(&versions);
    }
    let rows = fields::items(&versions).iter().map(|version| {
        [
            fields::number(version, "version").unwrap_or(1).to_string(),
            fields::when(version, "created_at"),
            format::short(&fields::text(version, "name"), 60),
            fields::text(version, "graph_id"),
            version.get("context").map(|it| format::short(&it.to_string(), 80)).unwrap_or_default(),
        ]
    });
    table::print(["VERSION", "CREATED", "NAME", "COMPONENT", "CONTEXT"], rows)
}
