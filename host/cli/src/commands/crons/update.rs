use clap::Args;
use serde_json::Value as Json;
use wakeful::core::{CronId, Object};

use super::policy::Policy;
use super::when::When;
use super::{instants, path};
use crate::client::Client;
use crate::failure::Failure;
use crate::{input, out};

/// Change a cron; what is not given stays as it is
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  wakeful crons update <cron id> --schedule '0 10 * * *' --timezone Europe/Berlin
  wakeful crons update <cron id> --overlap buffer_one --catchup none --jitter 5m
  wakeful crons update <cron id> --end-time none --max-fires none")]
pub(crate) struct Arguments {
    /// Change this cron
    cron: CronId,

    #[command(flatten)]
    when: When,

    /// Read the schedules in this IANA time zone
    #[arg(long, value_name = "ZONE")]
    timezone: Option<String>,

    #[command(flatten)]
    policy: Policy,

    /// Give this input to each run: a JSON object or a list of objects, @file, or -
    #[arg(long, value_name = "JSON")]
    input: Option<String>,

    /// Give this `config` to each run: a JSON object, @file, or -
    #[arg(long, value_name = "JSON")]
    config: Option<String>,

    /// Give this context to each run: a JSON object, @file, or -
    #[arg(long, value_name = "JSON")]
    context: Option<String>,

    /// Attach these facts beside those that are there: a JSON object, @file, or -
    #[arg(long, value_name = "JSON")]
    metadata: Option<String>,

    /// Keep the thread of each run
    #[arg(long, value_name = "true|false")]
    keep: Option<bool>,
}

pub(super) fn run(arguments: &Arguments, client: &Client, json: bool) -> anyhow::Result<()> {
    let body = body(arguments)?;
    if body.is_empty() {
        let help = "name something to change; `wakeful crons update --help` lists what can be";
        return Err(Failure::Usage(help.to_owned()).into());
    }
    let cron = client.patch(&path(arguments.cron), &Json::Object(body))?;
    if json {
        return out::json(&cron);
    }
    out::line(format_args!("changed cron {}", arguments.cron))?;
    instants::print(&cron)
}

fn body(arguments: &Arguments) -> anyhow::Result<Object> {
    let mut body = Object::new();
    arguments.when.write(&mut body);
    if let Some(zone) = &arguments.timezone {
        body.insert("timezone".into(), zone.clone().into());
    }
    arguments.policy.write(&mut body);
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
    if let Some(keep) = arguments.keep {
        let then = if keep { "keep" } else { "delete" };
        body.insert("on_run_completed".into(), then.into());
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::json;

    use super::*;
    use crate::arguments::{Cli, Command};
    use crate::commands::crons;

    fn parse(arguments: &[&str]) -> Json {
        let id = CronId::generate().to_string();
        let all = ["wakeful", "crons", "update", &id].into_iter().chain(arguments.iter().copied());
        match Cli::try_parse_from(all).unwrap().command {
            Command::Crons(crons::Command::Update(arguments)) => body(&arguments).unwrap().into(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn only_what_was_given_changes_and_none_takes_away() {
        assert_eq!(parse(&[]), json!({}));
        assert_eq!(
            parse(&[
                "--at",
                "2030-01-31T09:00:00",
                "--timezone",
                "Europe/Berlin",
                "--max-fires",
                "3",
                "--end-time",
                "none",
                "--start-time",
                "2029-01-01T00:00:00Z",
                "--note",
                "none",
                "--retry-attempts",
                "none",
                "--jitter",
                "1h30m",
                "--catchup",
                "none",
                "--keep",
                "false",
            ]),
            json!({
                "at": "2030-01-31T09:00:00", "timezone": "Europe/Berlin", "max_fires": 3,
                "end_time": null, "start_time": "2029-01-01T00:00:00Z", "note": null,
                "retry": null, "jitter": "1h 30m", "catchup": "none", "on_run_completed": "delete",
            })
        );
    }

    #[test]
    fn two_ways_to_say_when_are_refused() {
        let id = CronId::generate().to_string();
        for more in [["--every", "1h"], ["--at", "2030-01-31T09:00:00"]] {
            let all = ["wakeful", "crons", "update", &id, "--schedule", "@daily"];
            assert!(Cli::try_parse_from(all.into_iter().chain(more)).is_err());
        }
    }
}
