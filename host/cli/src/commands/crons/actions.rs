//! What can be done to a cron that is there.

use clap::Args;
use serde_json::{Value as Json, json};
use wakeful::core::{CronId, Timestamp};

use super::{fields, instants, path};
use crate::client::Client;
use crate::out;

/// Pause a cron, so that it does not fire
#[derive(Debug, Args)]
pub(crate) struct Pause {
    /// Pause this cron
    cron: CronId,
    /// Say why, for people
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

/// Resume a paused cron; what it missed meanwhile stays missed
#[derive(Debug, Args)]
pub(crate) struct Resume {
    /// Resume this cron
    cron: CronId,
}

/// Run a cron once, now; its schedule goes on as it was
#[derive(Debug, Args)]
pub(crate) struct Trigger {
    /// Run this cron
    cron: CronId,
}

/// Run a cron once for each of its instants of a time in the past
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  wakeful crons backfill <cron id> --from 2026-11-01T00:00:00Z --to 2026-11-08T00:00:00Z")]
pub(crate) struct Backfill {
    /// Run this cron
    cron: CronId,
    /// Begin with the first instant from this one on, given as RFC 3339
    #[arg(long, value_name = "INSTANT")]
    from: Timestamp,
    /// End with the last instant up to this one, given as RFC 3339
    #[arg(long, value_name = "INSTANT")]
    to: Timestamp,
}

pub(super) fn pause(arguments: &Pause, client: &Client, json: bool) -> anyhow::Result<()> {
    let body = match &arguments.note {
        Some(note) => json!({"note": note}),
        None => json!({}),
    };
    let cron = client.post(&format!("{}/pause", path(arguments.cron)), &body)?;
    if json {
        return out::json(&cron);
    }
    let id = arguments.cron;
    out::line(format_args!("paused cron {id}; `wakeful crons resume {id}` undoes this"))
}

pub(super) fn resume(arguments: &Resume, client: &Client, json: bool) -> anyhow::Result<()> {
    let cron = client.post_empty(&format!("{}/resume", path(arguments.cron)), &[])?;
    if json {
        return out::json(&cron);
    }
    out::line(format_args!("resumed cron {}", arguments.cron))?;
    instants::print(&cron)
}

pub(super) fn trigger(arguments: &Trigger, client: &Client, json: bool) -> anyhow::Result<()> {
    let run = client.post_empty(&format!("{}/trigger", path(arguments.cron)), &[])?;
    if json {
        return out::json(&run);
    }
    created(&run)
}

pub(super) fn backfill(arguments: &Backfill, client: &Client, json: bool) -> anyhow::Result<()> {
    let Backfill { cron, from, to } = arguments;
    let body = json!({"from": from.to_string(), "to": to.to_string()});
    let runs = client.post(&format!("{}/backfill", path(*cron)), &body)?;
    if json {
        return out::json(&runs);
    }
    match fields::items(&runs) {
        [] => out::line(format_args!("the cron has no instant in that time")),
        [run] => created(run),
        runs => out::line(format_args!(
            "created {} runs; `wakeful runs list --cron {cron}` shows how they go",
            runs.len()
        )),
    }
}

fn created(run: &Json) -> anyhow::Result<()> {
    let run = fields::text(run, "run_id");
    out::line(format_args!("created run {run}; `wakeful runs show {run}` shows how it goes"))
}
