use clap::Args;
use serde_json::{Map, Value as Json, json};
use wakeful::core::ThreadId;

use super::path;
use crate::client::Client;
use crate::commands::fields;
use crate::failure::Failure;
use crate::{input, out};

/// Change what is known of a thread, or how long it stays
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  wakeful threads update 01a20240-895d-76b1-ba2c-b4e8c4f78bc8 --metadata '{\"user\": \"u1\"}'
  wakeful threads update 01a20240-895d-76b1-ba2c-b4e8c4f78bc8 --ttl 90 --keep-latest")]
pub(crate) struct Update {
    /// Change this thread
    thread: ThreadId,
    /// Put the keys of this object over the metadata
    #[arg(long, value_name = "JSON")]
    metadata: Option<String>,
    /// Delete the thread when it was not used for this many minutes
    #[arg(long, value_name = "MINUTES", conflicts_with = "no_ttl")]
    ttl: Option<f64>,
    /// Then keep the thread with its newest checkpoint instead
    #[arg(long, requires = "ttl")]
    keep_latest: bool,
    /// Keep the thread for ever
    #[arg(long)]
    no_ttl: bool,
}

/// Make a new thread with the values, files and history of another
#[derive(Debug, Args)]
pub(crate) struct Copy {
    /// Copy this thread
    thread: ThreadId,
}

/// Delete threads, or only their earlier checkpoints
#[derive(Debug, Args)]
pub(crate) struct Prune {
    /// Prune these threads; unknown ones are passed over
    #[arg(required = true)]
    threads: Vec<ThreadId>,
    /// Keep the threads, each with its newest checkpoint
    #[arg(long)]
    keep_latest: bool,
}

pub(super) fn update(arguments: &Update, client: &Client, json: bool) -> anyhow::Result<()> {
    let mut body = Map::new();
    if let Some(metadata) = &arguments.metadata {
        body.insert("metadata".into(), input::object("--metadata", metadata)?.into());
    }
    if let Some(minutes) = arguments.ttl {
        let strategy = strategy(arguments.keep_latest);
        body.insert("ttl".into(), json!({"ttl": minutes, "strategy": strategy}));
    }
    if arguments.no_ttl {
        body.insert("ttl".into(), Json::Null);
    }
    if body.is_empty() {
        return Err(Failure::Usage(
            "nothing to change; give --metadata, --ttl or --no-ttl".to_owned(),
        )
        .into());
    }
    let thread = client.patch(&path(arguments.thread), &Json::Object(body))?;
    if json {
        return out::json(&thread);
    }
    out::line(format_args!("changed thread {}", arguments.thread))
}

pub(super) fn copy(arguments: &Copy, client: &Client, json: bool) -> anyhow::Result<()> {
    let copied = client.post_empty(&format!("{}/copy", path(arguments.thread)), &[])?;
    if json {
        return out::json(&copied);
    }
    out::line(format_args!("created thread {}", fields::text(&copied, "thread_id")))
}

pub(super) fn prune(arguments: &Prune, client: &Client, json: bool) -> anyhow::Result<()> {
    let ids: Vec<_> = arguments.threads.iter().map(ToString::to_string).collect();
    let body = json!({"thread_ids": ids, "strategy": strategy(arguments.keep_latest)});
    let answer = client.post("/threads/prune", &body)?;
    if json {
        return out::json(&answer);
    }
    let pruned = fields::number(&answer, "pruned_count").unwrap_or_default();
    out::line(format_args!("pruned {pruned} of {} thread(s)", ids.len()))
}

fn strategy(keep_latest: bool) -> &'static str {
    if keep_latest { "keep_latest" } else { "delete" }
}
