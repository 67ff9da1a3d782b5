use clap::Args;
use serde_json::{Value as Json, json};
use wakeful::core::{Object, ThreadId, Timestamp};

use super::{fields, instants};
use crate::client::Client;
use crate::commands::assistants;
use crate::{input, out};

/// Create a cron
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  wakeful crons create --assistant echo --schedule '0 9 * * MON-FRI' --timezone Europe/Berlin
  wakeful crons create --assistant todo --schedule @daily --thread new --input @input.json
  wakeful crons create --assistant echo --schedule '* * * * * */10' --end-time 2027-01-01T00:00:00Z")]
pub(crate) struct Arguments {
    /// Invoke this assistant, by name or id
    #[arg(long, value_name = "ASSISTANT")]
    assistant: String,

    /// Fire by this schedule; `wakeful next` shows what one means
    #[arg(long, value_name = "SCHEDULE")]
    schedule: String,

    /// Read the schedule in this IANA time zone [default: UTC]
    #[arg(long, value_name = "ZONE")]
    timezone: Option<String>,

    /// Run on this thread, which must exist, or on a `new` one that all runs share [default: a new
    /// thread for each run]
    #[arg(long, value_name = "THREAD", value_parser = thread)]
    thread: Option<Thread>,

    /// Give this input to each run: a JSON object or a list of objects, @file, or -
    #[arg(long, value_name = "JSON")]
    input: Option<String>,

    /// Give this `config` to each run: a JSON object, @file, or -
    #[arg(long, value_name = "JSON")]
    config: Option<String>,

    /// Give this context to each run: a JSON object, @file, or -
    #[arg(long, value_name = "JSON")]
    context: Option<String>,

    /// Stop firing after this instant, given as RFC 3339
    #[arg(long, value_name = "INSTANT")]
    end_time: Option<Timestamp>,

    /// Keep the thread of each run
    #[arg(long, conflicts_with = "thread")]
    keep: bool,

    /// Create it paused, to be fired by `wakeful crons trigger` or resumed later
    #[arg(long)]
    paused: bool,

    /// Attach these facts: a JSON object, @file, or -
    #[arg(long, value_name = "JSON")]
    metadata: Option<String>,
}

/// The thread a cron runs on.
#[derive(Debug, Clone, Copy)]
enum Thread {
    New,
    Existing(ThreadId),
}

fn thread(text: &str) -> Result<Thread, String> {
    match text {
        "new" => Ok(Thread::New),
        _ => text.parse().map(Thread::Existing).map_err(|error| format!("{error}, or `new`")),
    }
}

pub(super) fn run(arguments: &Arguments, client: &Client, json: bool) -> anyhow::Result<()> {
    let body = Json::Object(body(arguments)?);
    let path = match arguments.thread {
        None => "/runs/crons".to_owned(),
        Some(Thread::Existing(thread)) => format!("/threads/{thread}/runs/crons"),
        Some(Thread::New) => {
            let thread = client.post("/threads", &json!({}))?;
            format!("/threads/{}/runs/crons", fields::text(&thread, "thread_id"))
        }
    };
    let cron = client
        .post(&path, &body)
        .map_err(|error| assistants::explain(error, &arguments.assistant, client))?;
    if json {
        return out::json(&cron);
    }
    let id = fields::text(&cron, "cron_id");
    if arguments.paused {
        return out::line(format_args!(
            "created cron {id}, paused; `wakeful crons resume {id}` starts it"
        ));
    }
    out::line(format_args!("created cron {id}"))?;
    instants::print(&cron)
}

fn body(arguments: &Arguments) -> anyhow::Result<Object> {
    let mut body = Object::new();
    body.insert("assistant_id".into(), arguments.assistant.clone().into());
    body.insert("schedule".into(), arguments.schedule.clone().into());
    if let Some(zone) = &arguments.timezone {
        body.insert("timezone".into(), zone.clone().into());
    }
    if let Some(text) = &arguments.input {
        body.insert("input".into(), input::json("--input", text)?);
    }
    for (key, option, text) in [
        ("config", "--config", &arguments.config),
        ("context", "--context", &arguments.context),
        ("metadata", "--metadata", &arguments.metadata),
    ] {
        if let Some(text) = text {
            body.insert(key.into(), input::object(option, text)?.into());
        }
    }
    if let Some(end) = arguments.end_time {
        body.insert("end_time".into(), end.to_string().into());
    }
    if arguments.keep {
        body.insert("on_run_completed".into(), "keep".into());
    }
    if arguments.paused {
        body.insert("enabled".into(), false.into());
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::arguments::{Cli, Command};
    use crate::commands::crons;

    fn parse(arguments: &[&str]) -> Box<Arguments> {
        let all = ["wakeful", "crons", "create"].iter().chain(arguments);
        match Cli::try_parse_from(all).unwrap().command {
            Command::Crons(crons::Command::Create(arguments)) => arguments,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_request_has_what_was_given_and_nothing_else() {
        let plain = parse(&["--assistant", "echo", "--schedule", "@daily"]);
        assert_eq!(
            Json::Object(body(&plain).unwrap()),
            json!({"assistant_id": "echo", "schedule": "@daily"})
        );
        let full = parse(&[
            "--assistant",
            "echo",
            "--schedule",
            "0 9 * * *",
            "--timezone",
            "Europe/Berlin",
            "--input",
            "{\"n\": 1}",
            "--end-time",
            "2027-01-01T01:00:00+01:00",
            "--keep",
            "--paused",
            "--metadata",
            "{\"m\": 2}",
            "--context",
            "{}",
        ]);
        assert_eq!(
            Json::Object(body(&full).unwrap()),
            json!({
                "assistant_id": "echo", "schedule": "0 9 * * *", "timezone": "Europe/Berlin",
                "input": {"n": 1}, "context": {}, "metadata": {"m": 2},
                "end_time": "2027-01-01T00:00:00Z", "on_run_completed": "keep", "enabled": false,
            })
        );
    }

    #[test]
    fn a_thread_is_an_id_or_new() {
        assert!(matches!(thread("new"), Ok(Thread::New)));
        let id = ThreadId::generate();
        assert!(matches!(thread(&id.to_string()), Ok(Thread::Existing(found)) if found == id));
        assert!(thread("old").unwrap_err().contains("UUID, or `new`"));
    }
}
