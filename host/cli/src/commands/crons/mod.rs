//! `wakeful crons`.

mod actions;
mod create;
mod fires;
mod instants;
mod policy;
mod show;
mod timeline;
mod update;
mod when;

use clap::{Args, Subcommand};
use serde_json::{Value as Json, json};
use wakeful::core::{CronId, ThreadId};

use super::{fields, next};
use crate::client::Client;
use crate::{out, table};

/// Create, look at and change crons
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Preview(next::Arguments),
    Create(Box<create::Arguments>),
    List(List),
    Show(Id),
    Fires(fires::Arguments),
    Update(Box<update::Arguments>),
    Pause(actions::Pause),
    Resume(actions::Resume),
    Trigger(actions::Trigger),
    Backfill(actions::Backfill),
    Delete(Delete),
}

/// List crons, newest first
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  wakeful crons list
  wakeful crons list --assistant echo --json")]
pub(crate) struct List {
    /// List only those of this assistant, by name or id
    #[arg(long, value_name = "ASSISTANT")]
    assistant: Option<String>,
    /// List only those on this thread
    #[arg(long, value_name = "THREAD")]
    thread: Option<ThreadId>,
    /// List at most this many
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: u32,
}

/// Show a cron with its next instants, its recent fires and its last runs
#[derive(Debug, Args)]
pub(crate) struct Id {
    /// Show this cron
    cron: CronId,
}

/// Delete a cron; its runs stay
#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// Delete this cron
    cron: CronId,
}

pub(super) fn run(command: &Command, client: &Client, json: bool) -> anyhow::Result<()> {
    match command {
        Command::Preview(arguments) => next::run(arguments, json),
        Command::Create(arguments) => create::run(arguments, client, json),
        Command::List(arguments) => list(arguments, client, json),
        Command::Show(Id { cron }) => show::run(*cron, client, json),
        Command::Fires(arguments) => fires::run(arguments, client, json),
        Command::Update(arguments) => update::run(arguments, client, json),
        Command::Pause(arguments) => actions::pause(arguments, client, json),
        Command::Resume(arguments) => actions::resume(arguments, client, json),
        Command::Trigger(arguments) => actions::trigger(arguments, client, json),
        Command::Backfill(arguments) => actions::backfill(arguments, client, json),
        Command::Delete(Delete { cron }) => {
            client.delete(&path(*cron))?;
            if json { Ok(()) } else { out::line(format_args!("deleted cron {cron}")) }
        }
    }
}

fn path(cron: CronId) -> String {
    format!("/runs/crons/{cron}")
}

fn list(arguments: &List, client: &Client, json: bool) -> anyhow::Result<()> {
    let mut query = json!({"limit": arguments.limit});
    if let (Some(name), Some(query)) = (&arguments.assistant, query.as_object_mut()) {
        query.insert("assistant_id".into(), super::assistants::id_of(name)?.to_string().into());
    }
    if let (Some(thread), Some(query)) = (&arguments.thread, query.as_object_mut()) {
        query.insert("thread_id".into(), thread.to_string().into());
    }
    let crons = client.post("/runs/crons/search", &query)?;
    if json {
        return out::json(&crons);
    }
    let crons = fields::items(&crons);
    if crons.is_empty() {
        return out::line(format_args!(
            "no crons yet; create one with `wakeful crons create --assistant echo --schedule '0 9 * * *'`"
        ));
    }
    let names = super::assistants::names(client)?;
    let rows = crons.iter().map(|cron| {
        let assistant = fields::text(cron, "assistant_id");
        [
            fields::text(cron, "cron_id"),
            names.get(&assistant).cloned().unwrap_or(assistant),
            schedules(cron, ", "),
            fields::optional(cron, "timezone").unwrap_or("UTC").to_owned(),
            state(cron).to_owned(),
            fields::when(cron, "next_run_date"),
            fields::optional(cron, "thread_id").unwrap_or("new for each run").to_owned(),
        ]
    });
    table::print(["CRON", "ASSISTANT", "SCHEDULE", "ZONE", "STATE", "NEXT", "THREAD"], rows)
}

/// What a cron fires by.
fn schedules(cron: &Json, between: &str) -> String {
    match fields::texts(cron, "schedules").as_slice() {
        [] => fields::text(cron, "schedule"),
        several => several.join(between),
    }
}

/// Whether a cron will fire again, in a word.
fn state(cron: &Json) -> &'static str {
    match (cron.get("enabled").and_then(Json::as_bool), cron.get("next_run_date")) {
        (Some(false), _) => "paused",
        (_, None | Some(Json::Null)) => "ended",
        _ => "active",
    }
}
