use std::time::Duration;

use wakeful::core::{
    Assistant, Command, MultitaskStrategy, OnCompletion, RunRequest, ThreadId, ThreadStatus,
};
use wakeful::{CreateRun, Error as HostError, Host, RunThread};

use crate::a2a::incoming::Incoming;
use crate::a2a::problem;
use crate::a2a::stream::{Events, watched};
use crate::a2a::task::{State, Task, metadata};
use crate::rpc::RpcError;
use crate::whole::whole;

/// What a message is for.
enum Target {
    /// A task that waits for an answer.
    Goes(Box<Task>),
    /// A task to begin on this thread.
    Begins(RunThread),
}

/// Begins the task of a message, or goes on with it, and watches what its run emits.
pub(crate) async fn send(
    host: &Host,
    assistant: &Assistant,
    message: &Incoming,
) -> Result<(Task, Events), RpcError> {
    let target = target(host, assistant, message).await?;
    let (thread, goes_on_with, request) = match &target {
        Target::Goes(task) => {
            let command = Some(Command { resume: Some(message.answer()?), ..Command::default() });
            let request = RunRequest { command, ..RunRequest::default() };
            (RunThread::Existing(task.context()), Some(task.id()), request)
        }
        Target::Begins(thread) => {
            (*thread, None, RunRequest { input: message.input()?, ..RunRequest::default() })
        }
    };
    let new = CreateRun {
        thread,
        assistant: assistant.id.to_string(),
        request: RunRequest { metadata: metadata(&message.message_id, goes_on_with), ..request },
        multitask: MultitaskStrategy::default(),
        after: Duration::ZERO,
        checkpoint: None,
        key: None,
    };
    let creator = host.clone();
    let (run, events) = whole(async move { watched(&creator, new).await }).await?;
    let task = match target {
        Target::Goes(task) => task.answered_by(run),
        Target::Begins(_) => Task::begun_by(run),
    };
    Ok((task, events))
}

async fn target(
    host: &Host,
    assistant: &Assistant,
    message: &Incoming,
) -> Result<Target, RpcError> {
    let context = message.context.as_deref().map(str::parse::<ThreadId>).transpose();
    let context = context
        .map_err(|_| RpcError::invalid_params("params.message.contextId: must be a UUID"))?;
    if let Some(id) = &message.task {
        let task = Task::load(host, assistant.id, id).await?;
        if context.is_some_and(|context| context != task.context()) {
            let reason = "params.message.contextId: the task is in another context";
            return Err(RpcError::invalid_params(reason));
        }
        return match task.state() {
            State::InputRequired => Ok(Target::Goes(Box::new(task))),
            state if state.is_final() => Err(problem::unsupported(format!(
                "task {id} has ended; send its `contextId` alone to begin another one there"
            ))),
            _ => Err(problem::unsupported(format!(
                "task {id} is not done with its last message; wait until it is"
            ))),
        };
    }
    let Some(context) = context else {
        return Ok(Target::Begins(RunThread::Fresh(OnCompletion::Keep)));
    };
    match host.thread(context).await {
        Ok(thread) if thread.status == ThreadStatus::Interrupted => {
            let waiting = Task::waiting_on(host, assistant.id, context).await?;
            let begins = Target::Begins(RunThread::Existing(context));
            Ok(waiting.map_or(begins, |task| Target::Goes(Box::new(task))))
        }
        Ok(_) => Ok(Target::Begins(RunThread::Existing(context))),
        Err(HostError::NotFound { .. }) => Ok(Target::Begins(RunThread::CreateIfMissing(context))),
        Err(other) => Err(other.into()),
    }
}

/// Waits until the newest run of a task has ended.
pub(crate) async fn finished(host: &Host, task: Task) -> Result<Task, RpcError> {
    match host.wait_for_run(task.last().id).await {
        Ok(run) => Ok(task.now(run)),
        Err(HostError::NotFound { .. }) => Err(problem::task_not_found(&task.id().to_string())),
        Err(other) => Err(other.into()),
    }
}
