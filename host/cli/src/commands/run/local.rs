use std::path::Path;

use anyhow::{Context as _, bail};
use serde_json::json;
use tempfile::TempDir;
use wakeful::core::{
    AssistantId, Command, ComponentId, GuestEvent, LogLine, LogSource, MultitaskStrategy,
    OnCompletion, Outcome, Run, RunEvent, RunId, RunRequest, RunStatus, ThreadId,
};
use wakeful::{CancelAction, CreateRun, Host, RunThread, RunWatch};

use super::finished::{Finished, Usage};
use super::{Arguments, Request, resuming};
use crate::commands::runtime;
use crate::failure::{self, Failure};
use crate::settings::Settings;
use crate::{format, out};

/// Marks a folder that `--data` may name. A server's folder has crons and queued runs, which a
/// host that knows one component would fire and fail.
const MARK: &str = "for-wakeful-run";

/// Runs a component without a server.
pub(super) fn run(
    file: &Path,
    arguments: &Arguments,
    request: Request,
    settings: &Settings,
) -> anyhow::Result<Finished> {
    if !file.is_file() {
        return Err(Failure::NotFound(format!("there is no file {}", file.display())).into());
    }
    let component = component_of(file)?;
    let temporary = tempfile::tempdir().context("cannot create a temporary folder")?;
    let folder = only(file, &component, &temporary)?;
    let mut host = settings.host();
    host.assistants = folder;
    host.data = match &arguments.data {
        Some(data) => {
            mark(data)?;
            data.clone()
        }
        None => temporary.path().join("data"),
    };
    let thread = match (arguments.thread, &arguments.data) {
        (Some(thread), _) => RunThread::CreateIfMissing(thread),
        (None, Some(_)) => RunThread::CreateIfMissing(shared_thread(&component)),
        (None, None) => RunThread::Fresh(OnCompletion::Delete),
    };
    let kept = arguments.data.is_some();
    let new = CreateRun {
        thread,
        assistant: component.to_string(),
        request: RunRequest {
            input: request.input,
            command: request
                .resume
                .map(|resume| Command { resume: Some(resume), ..Command::default() }),
            config: request.config,
            context: request.context,
            ..RunRequest::default()
        },
        multitask: MultitaskStrategy::Enqueue,
        after: std::time::Duration::ZERO,
        checkpoint: None,
        key: None,
    };
    let run = runtime()?.block_on(async {
        let host = Host::start(host).await.map_err(failure::of_host)?;
        let run = usable(&host).and(execute(&host, new).await);
        let closed = host.shutdown().await;
        let run = run?;
        closed.map_err(failure::of_host)?;
        Ok::<_, anyhow::Error>(run)
    })?;
    Ok(finished(run, arguments, kept))
}

/// The id of the component in a file.
fn component_of(file: &Path) -> Result<ComponentId, Failure> {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    stem.parse()
        .map_err(|error| Failure::Usage(format!("{}: rename the file: {error}", file.display())))
}

/// A folder with nothing but this component and its settings.
fn only(
    file: &Path,
    component: &ComponentId,
    temporary: &TempDir,
) -> anyhow::Result<std::path::PathBuf> {
    let folder = temporary.path().join("assistants");
    let copy = || {
        std::fs::create_dir(&folder)?;
        std::fs::copy(file, folder.join(format!("{component}.wasm")))?;
        let settings = file.with_extension("toml");
        if settings.is_file() {
            std::fs::copy(settings, folder.join(format!("{component}.toml")))?;
        }
        std::io::Result::Ok(())
    };
    copy().with_context(|| format!("cannot read {}", file.display()))?;
    Ok(folder)
}

/// Takes a new folder, or one that was taken before.
fn mark(data: &Path) -> anyhow::Result<()> {
    let mark = data.join(MARK);
    let empty = match std::fs::read_dir(data) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => true,
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read {}", data.display()));
        }
    };
    if !empty && !mark.is_file() {
        return Err(Failure::Usage(format!(
            "{} is in use for something else, perhaps by a server; --data needs a folder of its own",
            data.display()
        ))
        .into());
    }
    std::fs::create_dir_all(data)
        .and_then(|()| std::fs::write(&mark, ""))
        .with_context(|| format!("cannot write to {}", data.display()))
}

/// The thread that the runs of a component share in a folder.
fn shared_thread(component: &ComponentId) -> ThreadId {
    ThreadId::from(AssistantId::of_component(component).uuid())
}

/// Fails with what is wrong with the only component, if anything is.
fn usable(host: &Host) -> anyhow::Result<()> {
    match host.components().into_iter().find_map(|component| component.problem) {
        Some(problem) => bail!("{problem}"),
        None => Ok(()),
    }
}

async fn execute(host: &Host, new: CreateRun) -> anyhow::Result<Run> {
    let (run, events) = host.create_watched_run(new).await.map_err(failure::of_host)?;
    let mut events = std::pin::pin!(print_events(events));
    tokio::select! {
        () = &mut events => {}
        _ = tokio::signal::ctrl_c() => {
            cancel(host, run.id).await?;
            events.await;
        }
    }
    host.wait_for_run(run.id).await.map_err(failure::of_host)
}

async fn cancel(host: &Host, run: RunId) -> anyhow::Result<()> {
    match host.cancel_run(run, CancelAction::Interrupt).await {
        // It has just ended by itself.
        Ok(()) | Err(wakeful::Error::Conflict(_)) => Ok(()),
        Err(error) => Err(failure::of_host(error)),
    }
}

/// Prints what the run emits until it has ended.
async fn print_events(mut events: RunWatch) {
    while let Some(logged) = events.next().await {
        if let RunEvent::Guest(event) = &logged.event {
            out::note(format_args!("{}", line(event)));
        }
    }
}

fn line(event: &GuestEvent) -> String {
    match event {
        GuestEvent::TextDelta(text) => format!("text: {}", format::clean(text)),
        GuestEvent::Message(message) => format!("message: {}", format::brief(message)),
        GuestEvent::Values(values) => format!("values: {}", format::brief(values)),
        GuestEvent::Custom { name, data } => {
            format!("{}: {}", format::clean(name), format::brief(data))
        }
        GuestEvent::Log(line) => log_line(line),
    }
}

fn log_line(line: &LogLine) -> String {
    let from = match line.source {
        LogSource::Log => line.level.as_str(),
        other => other.as_str(),
    };
    let mut text = format!("{from}: {}", format::clean(&line.message));
    for (key, value) in &line.fields {
        text.push_str(&format!(" {}={}", format::clean(key), format::clean(value)));
    }
    text
}

fn finished(run: Run, arguments: &Arguments, kept: bool) -> Finished {
    let thread = run.thread_id.to_string();
    let mut finished = Finished {
        run_id: run.id.to_string(),
        status: run.status.as_str().to_owned(),
        outcome: None,
        output: serde_json::Value::Null,
        error: None,
        questions: Vec::new(),
        resuming: resuming(arguments, &thread, kept),
        usage: None,
        thread_id: thread,
    };
    if let Some(report) = run.report {
        finished.outcome = Some(report.outcome.kind().to_owned());
        finished.usage = Some(Usage {
            fuel: report.fuel_used,
            tokens: report.tokens.total(),
            memory: report.peak_memory,
            duration: report.duration,
        });
        if !matches!(run.status, RunStatus::Success | RunStatus::Interrupted) {
            finished.error = Some(report.outcome.to_string());
        }
        match report.outcome {
            Outcome::Done(values) => finished.output = values.into(),
            Outcome::Interrupted(questions) => {
                finished.questions = questions
                    .into_iter()
                    .map(|question| json!({"id": question.id, "value": question.payload}))
                    .collect();
            }
            _ => {}
        }
    }
    finished
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_something_else_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("own");
        mark(&own).unwrap();
        std::fs::write(own.join("something"), "").unwrap();
        mark(&own).unwrap();

        let error = mark(folder.path()).unwrap_err();
        assert!(matches!(error.downcast_ref(), Some(Failure::Usage(_))), "{error}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_cannot_be_an_id_is_to_be_renamed() {
        assert_eq!(component_of(Path::new("a/echo.wasm")).unwrap().as_str(), "echo");
        let error = component_of(Path::new("my echo.wasm")).unwrap_err().to_string();
        assert!(error.contains("rename the file"), "{error}");
    }

    #[test]
    fn the_settings_beside_a_component_come_along() {
        let source = tempfile::tempdir().unwrap();
        let file = source.path().join("echo.wasm");
        std::fs::write(&file, "bytes").unwrap();
        std::fs::write(source.path().join("echo.toml"), "").unwrap();
        std::fs::write(source.path().join("other.wasm"), "").unwrap();
        let temporary = tempfile::tempdir().unwrap();
        let folder = only(&file, &"echo".parse().unwrap(), &temporary).unwrap();
        let mut names: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["echo.toml", "echo.wasm"]);
    }
}
