use clap::Args;
use serde_json::{Value as Json, json};
use wakeful::core::Object;

use super::{id_of, missing, path};
use crate::client::Client;
use crate::commands::fields;
use crate::{input, out};

/// What can be said of an assistant.
#[derive(Debug, Args)]
pub(super) struct Definition {
    /// Call it this
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,

    /// Describe it so
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,

    /// Give this `config` to each of its runs: a JSON object, @file, or -
    #[arg(long, value_name = "JSON")]
    config: Option<String>,

    /// Give this context to each of its runs: a JSON object, @file, or -
    #[arg(long, value_name = "JSON")]
    context: Option<String>,

    /// Attach these facts: a JSON object, @file, or -
    #[arg(long, value_name = "JSON")]
    metadata: Option<String>,
}

impl Definition {
    /// The fields of a request.
    pub(super) fn body(&self) -> anyhow::Result<Object> {
        let mut body = Object::new();
        for (key, text) in [("name", &self.name), ("description", &self.description)] {
            if let Some(text) = text {
                body.insert(key.into(), text.clone().into());
            }
        }
        for (key, option, text) in [
            ("config", "--config", &self.config),
            ("context", "--context", &self.context),
            ("metadata", "--metadata", &self.metadata),
        ] {
            if let Some(text) = text {
                body.insert(key.into(), input::object(option, text)?.into());
            }
        }
        Ok(body)
    }
}

/// Change an assistant, which makes a new version of it
#[derive(Debug, Args)]
#[command(
    after_help = "`--config` and `--context` take the place of what was there; `--metadata` is \
merged into it.

Examples:
  wakeful assistants update echo --context '{\"prefix\": \"HEY\"}'
  wakeful assistants update 4a06dc93-31df-421e-8f4a-7bacba18295a --name Renamed"
)]
pub(crate) struct Arguments {
    /// Change this assistant, by name or id
    assistant: String,

    /// Make it one of this component
    #[arg(long, value_name = "COMPONENT")]
    component: Option<String>,

    #[command(flatten)]
    definition: Definition,
}

/// Make an assistant what it was at an earlier version
#[derive(Debug, Args)]
pub(crate) struct Revert {
    /// Change this assistant, by name or id
    assistant: String,
    /// Go back to this version; `wakeful assistants versions` lists them
    version: u32,
}

/// Delete an assistant with its crons, and stop its runs
#[derive(Debug, Args)]
#[command(
    after_help = "The assistant that every component has comes back, as it was at first, when \
its component is named again."
)]
pub(crate) struct Delete {
    /// Delete this assistant, by name or id
    assistant: String,
    /// Delete its threads as well
    #[arg(long)]
    threads: bool,
}

pub(super) fn run(arguments: &Arguments, client: &Client, json: bool) -> anyhow::Result<()> {
    let mut body = arguments.definition.body()?;
    if let Some(component) = &arguments.component {
        body.insert("graph_id".into(), component.clone().into());
    }
    let name = &arguments.assistant;
    let id = id_of(name)?;
    super::find(id, name, client)?;
    show(&client.patch(&path(id), &Json::Object(body))?, json)
}

pub(super) fn revert(arguments: &Revert, client: &Client, json: bool) -> anyhow::Result<()> {
    let name = &arguments.assistant;
    let id = id_of(name)?;
    super::find(id, name, client)?;
    let body = json!({ "version": arguments.version });
    show(&client.post(&format!("{}/latest", path(id)), &body)?, json)
}

fn show(assistant: &Json, json: bool) -> anyhow::Result<()> {
    if json {
        return out::json(assistant);
    }
    let id = fields::text(assistant, "assistant_id");
    let version = fields::number(assistant, "version").unwrap_or(1);
    out::line(format_args!("assistant {id} is at version {version}"))
}

pub(super) fn delete(arguments: &Delete, client: &Client, json: bool) -> anyhow::Result<()> {
    let name = &arguments.assistant;
    let id = id_of(name)?;
    let query = if arguments.threads { "?delete_threads=true" } else { "" };
    client.delete(&format!("{}{query}", path(id))).map_err(|error| missing(error, name))?;
    if json { Ok(()) } else { out::line(format_args!("deleted assistant {name}")) }
}
