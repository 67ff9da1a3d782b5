use std::pin::pin;
use std::time::{Duration, Instant};

use rmcp::model::{CallToolResult, ContentBlock, ErrorData, ProgressNotificationParam};
use rmcp::service::{RequestContext, RoleServer};
use serde_json::json;
use wakeful::core::{
    AssistantId, Interrupt, Json, MultitaskStrategy, Object, OnCompletion, Outcome, Run, RunRequest,
};
use wakeful::{CreateRun, Error as HostError, Host, RunThread};

use crate::rpc::RpcError;
use crate::waiting::CancelOnDrop;
use crate::whole::whole;
use crate::wire::Asked;

/// Runs an assistant on a thread of its own. The run ends when this is dropped before it is done.
pub(crate) async fn call(
    host: &Host,
    assistant: AssistantId,
    arguments: Object,
) -> Result<CallToolResult, RpcError> {
    let new = CreateRun {
        thread: RunThread::Fresh(OnCompletion::Delete),
        assistant: assistant.to_string(),
        request: RunRequest { input: Json::Object(arguments), ..RunRequest::default() },
        multitask: MultitaskStrategy::default(),
        after: Duration::ZERO,
        checkpoint: None,
        key: None,
    };
    let creator = host.clone();
    let created = whole(async move {
        let run = creator.create_run(new).await?;
        let guard = CancelOnDrop::new(creator, run.id);
        Ok::<_, HostError>((run, guard))
    });
    let (run, guard) = created.await?;
    match host.wait_for_run(run.id).await {
        Ok(run) => {
            guard.disarm();
            Ok(result(&run))
        }
        Err(HostError::NotFound { .. }) => Ok(failed("the run was deleted before it ended")),
        Err(problem) => Err(problem.into()),
    }
}

/// What the caller is told of a run that has ended.
fn result(run: &Run) -> CallToolResult {
    match run.report.as_ref().map(|report| &report.outcome) {
        Some(Outcome::Done(values)) => CallToolResult::structured(Json::Object(values.clone())),
        Some(Outcome::Interrupted(questions)) => asked(questions),
        Some(other) => failed(&other.to_string()),
        None => failed(run.status.as_str()),
    }
}

fn failed(message: &str) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(message)])
}

/// A tool cannot be asked and answered in between, so whoever called it has to know that it is not
/// done, and what is missing.
fn asked(questions: &[Interrupt]) -> CallToolResult {
    let mut text = "The assistant stopped, because it needs an answer first:".to_owned();
    for question in questions {
        text.push_str("\n- ");
        match &question.payload {
            Json::String(asked) => text.push_str(asked),
            other => text.push_str(&other.to_string()),
        }
    }
    text.push_str(
        "\nThis call is over; call again with arguments that leave nothing to ask, or run the assistant on a thread, where it can be resumed.",
    );
    let mut result = failed(&text);
    let questions: Vec<_> = questions.iter().map(Asked::from).collect();
    result.structured_content = Some(json!({ "__interrupt__": questions }));
    result
}

/// Tells the client now and then that its call goes on, if it wants to know.
pub(crate) async fn with_progress(
    called: impl Future<Output = Result<CallToolResult, RpcError>>,
    context: &RequestContext<RoleServer>,
    every: Duration,
) -> Result<CallToolResult, ErrorData> {
    let Some(token) = context.meta.get_progress_token() else { return Ok(called.await?) };
    let began = Instant::now();
    let mut called = pin!(called);
    loop {
        tokio::select! {
            result = &mut called => return Ok(result?),
            () = tokio::time::sleep(every) => {}
        }
        let seconds = began.elapsed().as_secs_f64();
        let progress = ProgressNotificationParam::new(token.clone(), seconds)
            .with_message(format!("running for {seconds:.0} s"));
        if context.peer.notify_progress(progress).await.is_err() {
            // The client is gone, which ends the call from elsewhere.
            return Ok(called.await?);
        }
    }
}
