//! `wakeful assistants`.

use std::collections::HashMap;

use clap::{Args, Subcommand};
use serde_json::{Value as Json, json};
use wakeful::core::{AssistantId, ComponentId};

use super::fields;
use crate::client::Client;
use crate::failure::Failure;
use crate::{format, out, table};

/// Look at assistants
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    List(List),
    Show(Show),
}

/// List the components in the assistants folder, usable or not
#[derive(Debug, Args)]
pub(crate) struct List {}

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
        Command::List(List {}) => list(client, json),
        Command::Show(Show { assistant }) => show(assistant, client, json),
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
    client.get(&format!("/assistants/{id}"), &[]).map_err(|error| match error.downcast_ref() {
        // The server knows it by its id alone, and a person by its name.
        Some(Failure::NotFound(_)) => Failure::NotFound(format!(
            "assistant {name} not found; `wakeful assistants list` shows what there is"
        ))
        .into(),
        _ => error,
    })
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

fn show(name: &str, client: &Client, json: bool) -> anyhow::Result<()> {
    let id = id_of(name)?;
    let assistant = find(id, name, client);
    if json {
        return out::json(&assistant?);
    }
    let components = client.get("/components", &[])?;
    let component = |id: &str| {
        let mut components = fields::items(&components).iter();
        components.find(|component| fields::optional(component, "id") == Some(id))
    };
    let assistant = match assistant {
        Ok(assistant) => assistant,
        // A component that was never usable has no assistant, but a problem to show.
        Err(error) => match component(name) {
            Some(component) => return table::pairs(&about_component(component)),
            None => return Err(error),
        },
    };
    let mut pairs = vec![
        ("assistant", fields::text(&assistant, "assistant_id")),
        ("name", fields::text(&assistant, "name")),
        ("version", fields::number(&assistant, "version").unwrap_or(1).to_string()),
    ];
    for key in ["config", "context", "metadata"] {
        pairs.extend(fields::filled(&assistant, key).map(|text| (key, text)));
    }
    pairs.extend(
        component(&fields::text(&assistant, "graph_id")).map(about_component).unwrap_or_default(),
    );
    table::pairs(&pairs)
}

fn about_component(component: &Json) -> Vec<(&'static str, String)> {
    let mut pairs = vec![
        ("component", fields::text(component, "id")),
        ("file", fields::text(component, "path")),
        ("status", fields::text(component, "status")),
    ];
    for key in ["problem", "description"] {
        pairs.extend(fields::optional(component, key).map(|text| (key, text.to_owned())));
    }
    if fields::optional(component, "digest").is_some() {
        pairs.push(("digest", digest(component)));
        pairs.extend(fields::number(component, "bytes").map(|n| ("size", format::bytes(n))));
        pairs.push(("contract", fields::text(component, "contract")));
        pairs.extend(fields::moment(component, "loaded_at").map(|at| ("loaded", at)));
        let files = component.get("uses_files").and_then(Json::as_bool).unwrap_or_default();
        pairs.push(("files", if files { "has files" } else { "uses no files" }.to_owned()));
        pairs.extend(fields::filled(component, "limits").map(|limits| ("limits", limits)));
        pairs.push(("grants", grants(component)));
    }
    pairs
}

/// What it may reach beside its own thread.
fn grants(component: &Json) -> String {
    let store = component.pointer("/grants/store").map(fields::items).unwrap_or_default();
    let store: Vec<_> = store.iter().filter_map(Json::as_str).collect();
    if store.is_empty() { "none".to_owned() } else { format!("store {}", store.join(", ")) }
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
