//! `wakeful assistants`.

mod change;
mod create;
pub(super) mod reach;
mod show;
mod versions;

use std::collections::HashMap;

use clap::{Args, Subcommand};
use serde_json::{Value as Json, json};
use wakeful::core::{AssistantId, ComponentId};

use super::fields;
use crate::client::Client;
use crate::failure::Failure;
use crate::{format, out, table};

/// Create, look at and change assistants
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    List(List),
    Show(Show),
    Create(create::Arguments),
    Update(change::Arguments),
    Versions(versions::Arguments),
    Revert(change::Revert),
    Delete(change::Delete),
}

/// List the components in the assistants folder, usable or not
#[derive(Debug, Args)]
pub(crate) struct List {
    /// List the assistants instead, also those that were created, newest first
    #[arg(long)]
    all: bool,
    /// List at most this many assistants
    #[arg(long, value_name = "N", default_value_t = 100, requires = "all")]
    limit: u32,
}

/// Show an assistant and its component
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  wakeful assistants show echo
  wakeful assistants show 046b5dc7-2108-582c-9c6c-31d556d138f0 --json")]
pub(crate) struct Show {
    /// Show this assistant, by name or id
    assistant: String,
}

pub(super) fn run(command: &Command, client: &Client, json: bool) -> anyhow::Result<()> {
    match command {
        Command::List(List { all: true, limit }) => list_all(*limit, client, json),
        Command::List(List { all: false, .. }) => list(client, json),
        Command::Show(Show { assistant }) => show::run(assistant, client, json),
        Command::Create(arguments) => create::run(arguments, client, json),
        Command::Update(arguments) => change::run(arguments, client, json),
        Command::Versions(arguments) => versions::run(arguments, client, json),
        Command::Revert(arguments) => change::revert(arguments, client, json),
        Command::Delete(arguments) => change::delete(arguments, client, json),
    }
}

/// The id of the assistant that a person means: its own, or that of its component's default one.
pub(super) fn id_of(name: &str) -> Result<AssistantId, Failure> {
    if let Ok(id) = name.parse() {
        return Ok(id);
    }
    match name.parse::<ComponentId>() {
        Ok(component) => Ok(AssistantId::of_component(&component)),
        Err(error) => Err(Failure::Usage(format!("assistant `{name}`: {error}"))),
    }
}

/// Turns a refusal into what is behind it, if that is an assistant that does not exist.
pub(super) fn explain(error: anyhow::Error, name: &str, client: &Client) -> anyhow::Error {
    let refused = matches!(error.downcast_ref(), Some(Failure::Usage(_) | Failure::NotFound(_)));
    let Some(id) = id_of(name).ok().filter(|_| refused) else { return error };
    match find(id, name, client) {
        Err(missing) if matches!(missing.downcast_ref(), Some(Failure::NotFound(_))) => missing,
        _ => error,
    }
}

fn find(id: AssistantId, name: &str, client: &Client) -> anyhow::Result<Json> {
    client.get(&path(id), &[]).map_err(|error| missing(error, name))
}

fn path(id: AssistantId) -> String {
    format!("/assistants/{id}")
}

/// Names an assistant that was not found as the person did; the server knows its id alone.
fn missing(error: anyhow::Error, name: &str) -> anyhow::Error {
    match error.downcast_ref() {
        Some(Failure::NotFound(_)) => Failure::NotFound(format!(
            "assistant {name} not found; `wakeful assistants list --all` shows what there is"
        ))
        .into(),
        _ => error,
    }
}

/// The names of assistants by their ids.
pub(super) fn names(client: &Client) -> anyhow::Result<HashMap<String, String>> {
    let found = client.post("/assistants/search", &json!({"limit": 1000}))?;
    let pair = |assistant: &Json| {
        (fields::text(assistant, "assistant_id"), fields::text(assistant, "name"))
    };
    Ok(fields::items(&found).iter().map(pair).collect())
}

fn list(client: &Client, json: bool) -> anyhow::Result<()> {
    let components = client.get("/components", &[])?;
    if json {
        return out::json(&components);
    }
    let components = fields::items(&components);
    if components.is_empty() {
        return out::line(format_args!(
            "no assistants yet; put a component such as echo.wasm into the server's assistants folder"
        ));
    }
    let rows = components.iter().map(|component| {
        [
            fields::text(component, "id"),
            fields::text(component, "status"),
            fields::number(component, "bytes").map_or_else(|| "-".to_owned(), format::bytes),
            digest(component),
            fields::when(component, "loaded_at"),
            match fields::optional(component, "problem") {
                Some(problem) => format::short(problem, 200),
                None => fields::optional(component, "description").unwrap_or_default().to_owned(),
            },
        ]
    });
    table::print(["ID", "STATUS", "SIZE", "DIGEST", "LOADED", ""], rows)
}

fn list_all(limit: u32, client: &Client, json: bool) -> anyhow::Result<()> {
    let found = client.post("/assistants/search", &json!({ "limit": limit }))?;
    if json {
        return out::json(&found);
    }
    let rows = fields::items(&found).iter().map(|assistant| {
        [
            fields::text(assistant, "assistant_id"),
            format::short(&fields::text(assistant, "name"), 60),
            fields::text(assistant, "graph_id"),
            fields::number(assistant, "version").unwrap_or(1).to_string(),
            fields::when(assistant, "updated_at"),
        ]
    });
    table::print(["ASSISTANT", "NAME", "COMPONENT", "VERSION", "CHANGED"], rows)
}

/// The first digits of the digest, as in the host's own messages.
fn digest(component: &Json) -> String {
    fields::text(component, "digest").chars().take(12).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assistant_is_named_by_its_id_or_by_its_component() {
        let id = id_of("echo").unwrap();
        assert_eq!(id.to_string(), "046b5dc7-2108-582c-9c6c-31d556d138f0");
        assert_eq!(id_of(&id.to_string()).unwrap(), id);
        assert!(id_of("../echo").is_err());
    }
}
