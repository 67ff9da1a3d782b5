//! `wakeful run`.

mod finished;
mod local;
mod remote;

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::Value as Json;
use wakeful::core::{Object, ThreadId};

use self::finished::Resuming;
use crate::failure::Failure;
use crate::input;
use crate::settings::Settings;

/// Run an assistant once and print what it returns
#[derive(Debug, Args)]
#[command(
    long_about = "Run an assistant once and print what it returns\n\n\
        A name or an id runs it on the server. The path of a component runs it in this process, \
        without a server. What it returns goes to standard output as JSON; its events, its log \
        and what it used go to standard error.",
    after_help = "Examples:
  wakeful run echo --input '{\"messages\": [{\"role\": \"user\", \"content\": \"hello\"}]}'
  wakeful run echo --thread new --input @input.json
  wakeful run ./echo.wasm --input - < input.json
  wakeful run ./todo.wasm --data ./todo-data --input '{\"messages\": [{\"role\": \"user\", \"content\": \"add buy milk\"}]}'

Exit codes: 0 done, 3 the run failed, 4 it waits for answers (give them with --resume)"
)]
pub(crate) struct Arguments {
    /// Run this assistant of the server, by name or id, or this .wasm file without a server
    assistant: String,

    /// Give it this input: JSON, @file, or - for standard input [default: {}]
    #[arg(long, short, value_name = "JSON")]
    input: Option<String>,

    /// Answer the questions on which the thread stopped: JSON, @file, or -
    #[arg(long, value_name = "JSON", conflicts_with = "input")]
    resume: Option<String>,

    /// Run on this thread, which is created if it does not exist, or on a `new` one [default: a
    /// thread that goes away with the run]
    #[arg(long, value_name = "THREAD", value_parser = thread)]
    thread: Option<ThreadId>,

    /// Give it this `config`: a JSON object, @file, or -
    #[arg(long, value_name = "JSON")]
    config: Option<String>,

    /// Give it this context, which it reads as its configuration: a JSON object, @file, or -
    #[arg(long, value_name = "JSON")]
    context: Option<String>,

    /// Keep threads in this folder, for a .wasm file; without --thread its runs share one thread
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// A new thread is as good as one with an id that nobody has used.
fn thread(text: &str) -> Result<ThreadId, String> {
    match text {
        "new" => Ok(ThreadId::generate()),
        _ => text.parse().map_err(|error| format!("{error}, or `new`")),
    }
}

/// What a run receives.
#[derive(Debug)]
struct Request {
    input: Json,
    resume: Option<Json>,
    config: Object,
    context: Object,
}

impl Request {
    fn read(arguments: &Arguments) -> anyhow::Result<Self> {
        let object = |option, text: &Option<String>| match text {
            Some(text) => input::object(option, text),
            None => Ok(Object::new()),
        };
        let resume = match &arguments.resume {
            Some(text) => Some(input::json("--resume", text)?),
            None => None,
        };
        let input = match &arguments.input {
            Some(text) => input::json("--input", text)?,
            // The input of the run that asked is given again.
            None if resume.is_some() => Json::Null,
            None => Json::Object(Object::new()),
        };
        Ok(Self {
            input,
            resume,
            config: object("--config", &arguments.config)?,
            context: object("--context", &arguments.context)?,
        })
    }
}

pub(super) fn run(arguments: &Arguments, settings: &Settings, json: bool) -> anyhow::Result<()> {
    let request = Request::read(arguments)?;
    let file = Path::new(&arguments.assistant);
    let finished = if is_component(file) {
        local::run(file, arguments, request, settings)?
    } else {
        if arguments.data.is_some() {
            return Err(Failure::Usage(
                "--data is for a .wasm file; a server keeps its threads itself".to_owned(),
            )
            .into());
        }
        remote::run(arguments, request, settings)?
    };
    finished.print(json)
}

/// Whether a person means a file and not an assistant of the server.
fn is_component(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "wasm") || path.is_file()
}

/// The command that answers the questions of a run.
fn resuming(arguments: &Arguments, thread: &str, kept: bool) -> Resuming {
    let mut command = format!("wakeful run {}", arguments.assistant);
    if let Some(data) = &arguments.data {
        command.push_str(&format!(" --data {}", data.display()));
    }
    if kept {
        if arguments.thread.is_some() {
            command.push_str(&format!(" --thread {thread}"));
        }
        return Resuming::With(format!("{command} --resume '<answer as JSON>'"));
    }
    let file = is_component(Path::new(&arguments.assistant));
    let option = if file { "--data DIR" } else { "--thread new" };
    Resuming::Impossible(format!("{command} {option}"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::json;

    use super::*;
    use crate::arguments::{Cli, Command};

    fn parse(arguments: &[&str]) -> Arguments {
        let all = ["wakeful", "run"].iter().chain(arguments);
        match Cli::try_parse_from(all).unwrap().command {
            Command::Run(arguments) => arguments,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_file_runs_here_and_a_name_on_the_server() {
        assert!(is_component(Path::new("echo.wasm")));
        assert!(is_component(Path::new("no/such/echo.wasm")));
        assert!(is_component(tempfile::NamedTempFile::new().unwrap().path()));
        assert!(!is_component(Path::new("echo")));
        assert!(!is_component(Path::new(".")));
    }

    #[test]
    fn the_input_is_an_empty_object_unless_an_answer_takes_its_place() {
        let request = Request::read(&parse(&["echo"])).unwrap();
        assert_eq!((request.input, request.resume), (json!({}), None));
        let request = Request::read(&parse(&["echo", "--resume", "true"])).unwrap();
        assert_eq!((request.input, request.resume), (Json::Null, Some(json!(true))));
        let request = Request::read(&parse(&["echo", "--input", "null"])).unwrap();
        assert_eq!((request.input, request.resume), (Json::Null, None));
    }

    #[test]
    fn a_run_that_waits_says_how_to_answer() {
        let id = ThreadId::generate().to_string();
        let text = |arguments: &[&str], kept| resuming(&parse(arguments), &id, kept);
        let command = format!("wakeful run echo --thread {id} --resume '<answer as JSON>'");
        assert_eq!(text(&["echo", "--thread", "new"], true), Resuming::With(command));
        assert_eq!(
            text(&["echo"], false),
            Resuming::Impossible("wakeful run echo --thread new".into())
        );
        assert_eq!(
            text(&["e.wasm", "--data", "d"], true),
            Resuming::With("wakeful run e.wasm --data d --resume '<answer as JSON>'".into())
        );
    }
}
