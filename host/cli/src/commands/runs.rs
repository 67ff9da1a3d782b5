//! `wakeful runs`.

use clap::{Args, Subcommand};
use serde_json::Value as Json;
use wakeful::core::{CronId, RunId, RunStatus, ThreadId};

use super::fields;
use crate::client::Client;
use crate::{format, out, table};

/// Look at runs, and stop them
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    List(List),
    Show(Show),
    Logs(Logs),
    Cancel(Cancel),
}

/// List runs, newest first
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  wakeful runs list --status error
  wakeful runs list --cron 01a20246-c8e8-7034-8430-f705d79c7cc5 --limit 5 --json")]
pub(crate) struct List {
    /// List only those on this thread
    #[arg(long, value_name = "THREAD")]
    thread: Option<ThreadId>,
    /// List only those of this cron
    #[arg(long, value_name = "CRON")]
    cron: Option<CronId>,
    /// List only those with this status: pending, running, success, error, timeout or interrupted
    #[arg(long, value_name = "STATUS", value_parser = status)]
    status: Option<RunStatus>,
    /// List at most this many
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: u32,
}

/// Show a run: how it ended, what it used and what it returned
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Show this run
    run: RunId,
}

/// Print what a run logged and printed
#[derive(Debug, Args)]
pub(crate) struct Logs {
    /// Print the log of this run
    run: RunId,
}

/// Stop a run and wait until it has stopped; its record stays
#[derive(Debug, Args)]
pub(crate) struct Cancel {
    /// Stop this run
    run: RunId,
}

fn status(word: &str) -> Result<RunStatus, String> {
    RunStatus::parse(word).ok_or_else(|| {
        let words = RunStatus::ALL.map(RunStatus::as_str).join(", ");
        format!("must be one of {words}")
    })
}

pub(super) fn run(command: &Command, client: &Client, json: bool) -> anyhow::Result<()> {
    match command {
        Command::List(arguments) => list(arguments, client, json),
        Command::Show(Show { run }) => show(*run, client, json),
        Command::Logs(Logs { run }) => logs(*run, client, json),
        Command::Cancel(Cancel { run }) => {
            client.post_empty(&format!("/runs/{run}/cancel"), &[("wait", "1")])?;
            if json { Ok(()) } else { out::line(format_args!("cancelled run {run}")) }
        }
    }
}

fn list(arguments: &List, client: &Client, json: bool) -> anyhow::Result<()> {
    let mut query = vec![("limit", arguments.limit.to_string())];
    query.extend(arguments.thread.map(|thread| ("thread_id", thread.to_string())));
    query.extend(arguments.cron.map(|cron| ("cron_id", cron.to_string())));
    query.extend(arguments.status.map(|status| ("status", status.as_str().to_owned())));
    let runs = client.get("/runs", &query)?;
    if json {
        return out::json(&runs);
    }
    match fields::items(&runs) {
        [] if query.len() > 1 => out::line(format_args!("no such runs")),
        [] => out::line(format_args!("no runs yet; start one with `wakeful run echo`")),
        runs => print_table(runs),
    }
}

/// Prints runs for people.
pub(super) fn print_table(runs: &[Json]) -> anyhow::Result<()> {
    let nothing = Json::Null;
    let rows = runs.iter().map(|run| {
        let execution = run.get("execution").unwrap_or(&nothing);
        [
            fields::text(run, "run_id"),
            fields::component(run),
            fields::text(run, "status"),
            fields::when(run, "created_at"),
            took(execution),
            fields::number(execution, "fuel_used").map_or_else(|| "-".to_owned(), format::count),
            error(run, "error").map(|error| format::short(&error, 100)).unwrap_or_default(),
        ]
    });
    table::print(["RUN", "ASSISTANT", "STATUS", "CREATED", "TOOK", "FUEL", ""], rows)
}

fn took(execution: &Json) -> String {
    fields::duration(execution, "duration_ms").map_or_else(|| "-".to_owned(), format::duration)
}

/// What a run used of language models, if it called any.
pub(super) fn tokens(execution: &Json) -> Option<String> {
    let tokens = execution.get("tokens")?;
    let count = |key| fields::number(tokens, key).unwrap_or_default();
    let calls = count("calls");
    if calls == 0 {
        return None;
    }
    let about = match tokens.get("estimated").and_then(Json::as_bool) {
        Some(true) => "about ",
        _ => "",
    };
    let plural = if calls == 1 { "call" } else { "calls" };
    let (sent, received) = (format::count(count("input")), format::count(count("output")));
    Some(format!("{about}{sent} sent, {received} received in {calls} {plural}"))
}

/// Why a run failed (`error`) or its last attempt did (`last_error`), if that is so.
fn error(run: &Json, key: &str) -> Option<String> {
    let error = run.get("execution")?.get(key).filter(|error| !error.is_null())?;
    Some(fields::optional(error, "message").map_or_else(|| format::brief(error), str::to_owned))
}

fn show(run: RunId, client: &Client, json: bool) -> anyhow::Result<()> {
    let document = client.get(&format!("/runs/{run}"), &[])?;
    if json {
        return out::json(&document);
    }
    let nothing = Json::Null;
    let execution = document.get("execution").unwrap_or(&nothing);
    let mut pairs = vec![
        ("run", run.to_string()),
        ("assistant", fields::component(&document)),
        ("thread", fields::text(&document, "thread_id")),
        ("status", fields::text(&document, "status")),
    ];
    let outcome = fields::optional(execution, "outcome");
    pairs.extend(outcome.map(|outcome| ("outcome", outcome.to_owned())));
    pairs.extend(error(&document, "error").map(|error| ("error", error)));
    let parent = fields::optional(execution, "parent_run_id");
    pairs.extend(parent.map(|parent| ("called by", parent.to_owned())));
    pairs.extend(fields::moment(&document, "created_at").map(|at| ("created", at)));
    for (name, key) in [("started", "started_at"), ("ended", "ended_at")] {
        pairs.extend(fields::moment(execution, key).map(|at| (name, at)));
    }
    if outcome.is_some() {
        pairs.push(("took", took(execution)));
        pairs.extend(fields::number(execution, "fuel_used").map(|n| ("fuel", format::count(n))));
        pairs.extend(tokens(execution).map(|tokens| ("tokens", tokens)));
        let memory = fields::number(execution, "peak_memory_bytes");
        pairs.extend(memory.map(|n| ("memory", format::bytes(n))));
    }
    pairs.extend(fields::number(execution, "attempt").map(|n| ("attempt", n.to_string())));
    pairs.extend(error(&document, "last_error").map(|error| ("last attempt", error)));
    pairs.extend(
        document
            .get("kwargs")
            .and_then(|kwargs| fields::filled(kwargs, "input"))
            .map(|input| ("input", input)),
    );
    pairs.extend(fields::filled(execution, "output").map(|output| ("output", output)));
    table::pairs(&pairs)
}

fn logs(run: RunId, client: &Client, json: bool) -> anyhow::Result<()> {
    let logs = client.get(&format!("/runs/{run}/logs"), &[])?;
    if json {
        return out::json(&logs);
    }
    let lines = fields::items(logs.get("logs").unwrap_or(&Json::Null));
    if lines.is_empty() {
        out::note(format_args!("this run has logged and printed nothing"));
    }
    for line in lines {
        out::line(format_args!("{} {}", fields::text(line, "at"), log_line(line)))?;
    }
    match fields::number(&logs, "dropped") {
        None | Some(0) => Ok(()),
        Some(dropped) => {
            out::note(format_args!("{dropped} more lines did not fit the limit `logs`"));
            Ok(())
        }
    }
}

/// A log line of a server, without its time.
pub(super) fn log_line(line: &Json) -> String {
    let message = format::clean(&fields::text(line, "message"));
    let source = fields::text(line, "source");
    if source != "log" {
        return format!("{source}: {message}");
    }
    let mut text = format!("{}: {message}", fields::text(line, "level"));
    for (key, value) in line.get("fields").and_then(Json::as_object).into_iter().flatten() {
        text.push_str(&format!(" {}={}", format::clean(key), format::brief(value)));
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_log_line_names_its_level_or_its_stream() {
        let line = json!({
            "source": "log", "level": "warn", "message": "slow",
            "fields": {"ms": "12", "url": "http://x"},
        });
        assert_eq!(log_line(&line), "warn: slow ms=12 url=http://x");
        let line = json!({"source": "stdout", "level": "info", "message": "hello\u{7}"});
        assert_eq!(log_line(&line), "stdout: hello\\u{7}");
    }

    #[test]
    fn an_unknown_status_is_refused_with_the_known_ones() {
        assert_eq!(status("error"), Ok(RunStatus::Error));
        assert!(status("failed").unwrap_err().contains("pending"));
    }
}
