//! `wakeful threads`.

mod change;
mod files;
mod state;

use clap::{Args, Subcommand};
use serde_json::{Value as Json, json};
use wakeful::core::ThreadId;

use super::fields;
use crate::client::Client;
use crate::{format, out, table};

/// Look at threads, change, copy and delete them
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    List(List),
    Show(Show),
    State(state::State),
    History(state::History),
    #[command(subcommand)]
    Files(files::Command),
    Update(change::Update),
    Copy(change::Copy),
    Prune(change::Prune),
    Delete(Delete),
}

/// List threads, the last changed first
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  wakeful threads list
  wakeful threads list --status interrupted --json")]
pub(crate) struct List {
    /// List only those with this status: idle, busy, interrupted or error
    #[arg(long, value_name = "STATUS", value_parser = ["idle", "busy", "interrupted", "error"])]
    status: Option<String>,
    /// List at most this many
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: u32,
}

/// Show a thread
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Show this thread
    thread: ThreadId,
}

/// Delete a thread with its files, checkpoints, runs and crons
#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// Delete this thread
    thread: ThreadId,
}

pub(super) fn run(command: &Command, client: &Client, json: bool) -> anyhow::Result<()> {
    match command {
        Command::List(arguments) => list(arguments, client, json),
        Command::Show(Show { thread }) => show(*thread, client, json),
        Command::State(arguments) => state::run(arguments, client, json),
        Command::History(arguments) => state::history(arguments, client, json),
        Command::Files(command) => files::run(command, client, json),
        Command::Update(arguments) => change::update(arguments, client, json),
        Command::Copy(arguments) => change::copy(arguments, client, json),
        Command::Prune(arguments) => change::prune(arguments, client, json),
        Command::Delete(Delete { thread }) => {
            client.delete(&path(*thread))?;
            if json { Ok(()) } else { out::line(format_args!("deleted thread {thread}")) }
        }
    }
}

/// Where a thread is.
fn path(thread: ThreadId) -> String {
    format!("/threads/{thread}")
}

fn list(arguments: &List, client: &Client, json: bool) -> anyhow::Result<()> {
    let mut query = json!({"limit": arguments.limit, "sort_by": "updated_at"});
    if let (Some(status), Some(query)) = (&arguments.status, query.as_object_mut()) {
        query.insert("status".into(), status.clone().into());
    }
    let threads = client.post("/threads/search", &query)?;
    if json {
        return out::json(&threads);
    }
    let threads = fields::items(&threads);
    if threads.is_empty() {
        return match &arguments.status {
            Some(status) => out::line(format_args!("no threads with status {status}")),
            None => out::line(format_args!(
                "no threads yet; create one with `wakeful run echo --thread new`"
            )),
        };
    }
    let rows = threads.iter().map(|thread| {
        [
            fields::text(thread, "thread_id"),
            thread.pointer("/metadata/graph_id").and_then(Json::as_str).unwrap_or("-").to_owned(),
            fields::text(thread, "status"),
            fields::when(thread, "created_at"),
            fields::when(thread, "updated_at"),
        ]
    });
    table::print(["THREAD", "ASSISTANT", "STATUS", "CREATED", "CHANGED"], rows)
}

fn show(thread: ThreadId, client: &Client, json: bool) -> anyhow::Result<()> {
    let include = [("include", "ttl".to_owned())];
    let document = client.get(&path(thread), &include)?;
    if json {
        return out::json(&document);
    }
    let mut pairs =
        vec![("thread", thread.to_string()), ("status", fields::text(&document, "status"))];
    for (name, key) in [
        ("created", "created_at"),
        ("changed", "updated_at"),
        ("values changed", "state_updated_at"),
    ] {
        pairs.extend(fields::moment(&document, key).map(|moment| (name, moment)));
    }
    if let Some(ttl) = document.get("ttl").filter(|ttl| !ttl.is_null()) {
        let strategy = fields::text(ttl, "strategy");
        let when = fields::moment(ttl, "expires_at").unwrap_or_else(|| "not until used".to_owned());
        pairs.push(("expires", format!("{when}, then {strategy}")));
    }
    if let Some(error) = document.get("error").filter(|error| !error.is_null()) {
        pairs.push(("error", format::brief(error)));
    }
    for (name, key) in [("metadata", "metadata"), ("questions", "interrupts"), ("values", "values")]
    {
        pairs.extend(fields::filled(&document, key).map(|text| (name, text)));
    }
    table::pairs(&pairs)
}
