use serde_json::json;
use tokio::runtime::Handle;
use tracing::{error, info};
use wakeful_core::{
    ComponentId, CronId, Digest, ErrorCode, Failure, Json, MultitaskStrategy, Object, OnCompletion,
    Outcome, Parent, Run, RunId, RunRequest, RunStatus, Timestamp, Trigger,
};
use wakeful_engine::{AssistantAnswer, AssistantCall};
use wakeful_store::Created;

use crate::models::{Allowance, OpenModels};
use crate::{CancelAction, ComponentState, CreateRun, Error, Host, RunThread};

/// What one attempt of one run does with other assistants.
pub(crate) struct Book {
    host: Host,
    run: RunId,
    epoch: u64,
    depth: u32,
    cron: Option<CronId>,
    granted: Vec<ComponentId>,
    /// When the attempt ends.
    until: Timestamp,
    /// What it has left of its tokens.
    tokens: Allowance,
    handle: Handle,
}

impl Book {
    pub(super) fn new(
        host: Host,
        run: &Run,
        component: &ComponentState,
        models: &OpenModels,
    ) -> Self {
        let of_fire = match &run.trigger {
            Trigger::Cron(fire) => Some(fire.cron_id),
            Trigger::Manual => None,
        };
        let until = host.now().checked_add(component.limits.timeout);
        Self {
            run: run.id,
            epoch: run.epoch,
            depth: run.parent.as_ref().map_or(0, |parent| parent.depth),
            cron: of_fire.or(run.parent.as_ref().and_then(|parent| parent.cron)),
            granted: component.grants.assistants.clone(),
            until: until.unwrap_or(Timestamp::MAX),
            tokens: models.allowance(component.limits.tokens),
            handle: Handle::current(),
            host,
        }
    }

    /// Carries a call out. The grant is looked at here as well as in the engine, so that no other
    /// door leads around it.
    pub(super) async fn call(&self, call: AssistantCall) -> Result<AssistantAnswer, Failure> {
        if !self.granted.contains(&call.assistant) {
            let message = format!("the assistant may not call assistant {}", call.assistant);
            return Err(Failure::new(ErrorCode::Denied, message));
        }
        let depth = self.depth.saturating_add(1);
        if depth > Parent::DEEPEST {
            return Err(Failure::new(
                ErrorCode::LimitExceeded,
                format!("assistants call each other at most {} deep", Parent::DEEPEST),
            ));
        }
        if call.wait { self.invoke(call, depth).await } else { self.start(call, depth).await }
    }

    /// Starts a run, which gets half of what the caller has left: whoever starts many has less and
    /// less to give.
    async fn start(&self, call: AssistantCall, depth: u32) -> Result<AssistantAnswer, Failure> {
        let (fuel, tokens) = (call.fuel / 2, self.tokens.left() / 2);
        let parent = self.parent(depth, fuel, tokens, None);
        let run = self.create(&call, parent).await?.into_inner();
        // What an earlier attempt gave away is gone in this one as well.
        self.tokens.spend(tokens);
        Ok(AssistantAnswer { run_id: run.id, ended: None, fuel })
    }

    /// Starts a run and waits for its end. It gets all that the caller has left, and what it uses of
    /// that the caller has no more.
    async fn invoke(&self, call: AssistantCall, depth: u32) -> Result<AssistantAnswer, Failure> {
        // A run that waits holds its slot. One slot at least is never held so: whatever runs in it
        // comes to its end without waiting, and lets another begin.
        let Ok(_waiting) = self.host.waiting_slots().try_acquire() else {
            return Err(Failure::new(
                ErrorCode::Unavailable,
                "too many runs wait for other runs already; try again later, or have the host run more at once (`concurrent_runs`)",
            ));
        };
        let parent = self.parent(depth, call.fuel, self.tokens.left(), Some(self.until));
        let run = self.create(&call, parent).await?.into_inner();
        let waiting = Waiting { book: self, run: Some(run.id) };
        let ended = self.host.wait_for_run(run.id).await.map_err(|problem| self.told(problem))?;
        waiting.over();
        let report = ended.report.as_ref();
        self.tokens.spend(report.map_or(0, |report| report.tokens.total()));
        let fuel = report.map_or(0, |report| report.fuel_used).min(call.fuel);
        let ended = shown(&call.assistant, &ended)?;
        Ok(AssistantAnswer { run_id: run.id, ended: Some(ended), fuel })
    }

    fn parent(&self, depth: u32, fuel: u64, tokens: u64, until: Option<Timestamp>) -> Parent {
        Parent { run_id: self.run, depth, cron: self.cron, fuel, tokens, until }
    }

    /// Creates the run of a call, or finds it if an earlier attempt has. One that was stopped with
    /// that attempt is made anew.
    async fn create(&self, call: &AssistantCall, parent: Parent) -> Result<Created<Run>, Failure> {
        let asked = json!([call.number, call.assistant.as_str(), call.input, call.wait]);
        let asked = Digest::of(asked.to_string().as_bytes());
        let made = self.insert(call, RunId::of_call(self.run, asked, 0), parent.clone()).await?;
        match &made {
            Created::Existing(run) if call.wait && run.status == RunStatus::Interrupted => {
                self.insert(call, RunId::of_call(self.run, asked, self.epoch), parent).await
            }
            _ => Ok(made),
        }
    }

    async fn insert(
        &self,
        call: &AssistantCall,
        id: RunId,
        parent: Parent,
    ) -> Result<Created<Run>, Failure> {
        let new = CreateRun {
            thread: RunThread::Fresh(OnCompletion::Delete),
            assistant: call.assistant.to_string(),
            request: RunRequest { input: call.input.clone(), ..RunRequest::default() },
            multitask: MultitaskStrategy::Enqueue,
            after: std::time::Duration::ZERO,
            checkpoint: None,
            key: None,
        };
        let made = self.host.create_called_run(id, parent, new).await;
        let made = made.map_err(|problem| self.told(problem))?;
        if let Created::New(run) = &made {
            info!(run_id = %run.id, by = %self.run, assistant = %call.assistant, "assistant called");
        }
        Ok(made)
    }

    /// What a guest is told of trouble.
    fn told(&self, problem: Error) -> Failure {
        match problem {
            Error::NotFound { .. } | Error::NoComponent { .. } => {
                Failure::new(ErrorCode::NotFound, problem.to_string())
            }
            Error::Invalid(_) => Failure::new(ErrorCode::InvalidInput, problem.to_string()),
            problem => {
                // What is wrong with the host's disk is nothing that a guest needs to know.
                error!(run_id = %self.run, %problem, "a run could not call another assistant");
                Failure::new(ErrorCode::Unavailable, "the host could not start the run")
            }
        }
    }
}

/// A run that somebody waits for; stopped if they go away.
struct Waiting<'a> {
    book: &'a Book,
    run: Option<RunId>,
}

impl Waiting<'_> {
    fn over(mut self) {
        self.run = None;
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        // A host that stops puts both back into the queue.
        let Some(run) = self.run.filter(|_| !self.book.host.is_draining()) else { return };
        let host = self.book.host.clone();
        let stop = async move {
            match host.cancel_run(run, CancelAction::Interrupt).await {
                // It has just ended by itself, or gone.
                Ok(()) | Err(Error::Conflict(_) | Error::NotFound { .. }) => {}
                Err(problem) => {
                    error!(run_id = %run, %problem, "cannot stop a run that was called")
                }
            }
        };
        self.book.host.tasks().spawn_on(stop, &self.book.handle);
    }
}

/// How a run ended, for whoever waited for it.
fn shown(assistant: &ComponentId, run: &Run) -> Result<Object, Failure> {
    let mut shown = Object::new();
    shown.insert("run_id".into(), run.id.to_string().into());
    shown.insert("status".into(), run.status.as_str().into());
    let outcome = run.report.as_ref().map(|report| &report.outcome);
    match outcome {
        Some(Outcome::Done(values)) => {
            shown.insert("values".into(), Json::Object(values.clone()));
        }
        Some(Outcome::Interrupted(questions)) => {
            let question = |it: &wakeful_core::Interrupt| json!({ "id": it.id, "reason": it.reason, "value": it.payload });
            shown.insert("interrupts".into(), questions.iter().map(question).collect());
        }
        Some(Outcome::Failed(theirs)) => {
            let message = format!("assistant {assistant} failed: {}", theirs.message);
            return Err(Failure { message, ..theirs.clone() });
        }
        Some(other) => {
            let message = format!("assistant {assistant} failed ({}): {other}", other.kind());
            let code = match other {
                Outcome::Cancelled => ErrorCode::Cancelled,
                Outcome::TimedOut { .. } => ErrorCode::Timeout,
                Outcome::Refused { .. } => ErrorCode::Unavailable,
                Outcome::OutOfFuel { .. }
                | Outcome::OutOfTokens { .. }
                | Outcome::OutOfMemory { .. } => ErrorCode::LimitExceeded,
                _ => ErrorCode::Internal,
            };
            return Err(Failure { retryable: other.is_retryable(), ..Failure::new(code, message) });
        }
        None => return Err(Failure::new(ErrorCode::Internal, "the run left no report")),
    }
    Ok(shown)
}
