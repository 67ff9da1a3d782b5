use clap::Args;
use serde_json::{Value as Json, json};
use wakeful::core::{Object, ThreadId};

use super::policy::Policy;
use super::when::When;
use super::{fields, instants};
use crate::client::Client;
use crate::commands::assistants;
use crate::{input, out};

/// Create a cron
#[derive(Debug, Args)]
#[command(
    group(clap::ArgGroup::new("when").args(When::OPTIONS).required(true).multiple(true)),
    after_help = "Examples:
  wakeful crons create --assistant echo --schedule '0 9 * * MON-FRI' --timezone Europe/Berlin
  wakeful crons create --assistant weekly-todos --schedule @daily --thread new --input @input.json
  wakeful crons create --assistant echo --every 15m --overlap buffer_one --end-time 2027-01-01T00:00:00Z
  wakeful crons create --assistant echo --at 2027-01-31T09:00:00 --timezone Europe/Berlin"
)]
pub(crate) struct Arguments {
    /// Invoke this assistant, by name or id
    #[arg(long, value_name = "ASSISTANT")]
    assistant: String,

    #[command(flatten)]
    when: When,

    /// Read the schedules in this IANA time zone [default: UTC]
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

    /// Keep the thread of each run
    #[arg(long, conflicts_with = "thread")]
    keep: bool,

    /// Create it paused, to be fired by `wakeful crons trigger` or resumed later
    #[arg(long)]
    paused: bool,

    /// Attach these facts: a JSON object, @file, or -
    #[arg(long, value_name = "JSON")]
    metadata: Option<String>,

    #[command(flatten)]
    policy: Policy,
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
    arguments.when.write(&mut body);
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
    arguments.policy.write(&mut body);
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
            "--overlap",
            "buffer_one",
            "--catchup-window",
            "2h",
            "--dst",
            "skip_and_once",
            "--max-fires",
            "9",
            "--pause-after-failures",
            "3",
            "--fuel-per-day",
            "1000",
            "--retry-attempts",
            "4",
            "--retry-wait",
            "10s",
            "--retry-on",
            "timed_out",
            "--retry-on",
            "trapped",
            "--note",
            "for Ada",
        ]);
        assert_eq!(
            Json::Object(body(&full).unwrap()),
            json!({
                "assistant_id": "echo", "schedule": "0 9 * * *", "timezone": "Europe/Berlin",
                "input": {"n": 1}, "context": {}, "metadata": {"m": 2},
                "end_time": "2027-01-01T00:00:00Z", "on_run_completed": "keep", "enabled": false,
                "overlap": "buffer_one", "catchup_window": "2h", "dst": "skip_and_once",
                "max_fires": 9, "pause_after_failures": 3, "fuel_per_day": 1000,
                "retry": {"attempts": 4, "first_wait": "10s", "on": ["timed_out", "trapped"]},
                "note": "for Ada",
            })
        );
    }

    #[test]
    fn there_are_several_ways_to_say_when() {
        for (given, expected) in [
            (
                vec!["--schedule", "@daily", "--schedule", "@at 2030-01-01T00:00:00Z"],
                json!({"schedules": ["@daily", "@at 2030-01-01T00:00:00Z"]}),
            ),
            (vec!["--every", "15m"], json!({"every": "15m"})),
            (vec!["--every", "1h/5m"], json!({"every": {"interval": "1h", "phase": "5m"}})),
            (vec!["--at", "2030-01-31T09:00:00"], json!({"at": "2030-01-31T09:00:00"})),
        ] {
            let mut found = body(&parse(&[vec!["--assistant", "echo"], given].concat())).unwrap();
            found.remove("assistant_id");
            assert_eq!(Json::Object(found), expected);
        }
        let none = ["wakeful", "crons", "create", "--assistant", "echo"];
        assert!(Cli::try_parse_from(none).is_err());
    }

    #[test]
    fn a_thread_is_an_id_or_new() {
        assert!(matches!(thread("new"), Ok(Thread::New)));
        let id = ThreadId::generate();
        assert!(matches!(thread(&id.to_string()), Ok(Thread::Existing(found)) if found == id));
        assert!(thread("old").unwrap_err().contains("UUID, or `new`"));
    }
}
