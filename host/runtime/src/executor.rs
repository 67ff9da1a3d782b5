use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};
use wakeful_core::{
    Checkpoint, CheckpointId, CheckpointSource, Committed, End, Json, Lease, Manifest, Object,
    OnCompletion, Outcome, Pending, Report, Run, Timestamp, Trigger,
};
use wakeful_engine::{Job, JobTrigger};
use wakeful_store::{ClaimedRun, FinishRun, Finished};

use crate::metrics::Ended;
use crate::sandbox::Sandbox;
use crate::{ComponentState, Host, pace};

/// How long a lease lasts unless it is renewed.
const LEASE: Duration = Duration::from_secs(30);
/// How often leases are renewed.
const RENEWAL: Duration = Duration::from_secs(10);
/// How many runs one claim takes.
const BATCH: usize = 32;
/// How many events a guest may be ahead of the host.
const EVENT_BUFFER: usize = 64;

/// Runs what is queued until the host stops.
pub(crate) async fn run(host: Host) {
    let slots = Arc::new(Semaphore::new(host.settings().concurrent_runs as usize));
    let stop = host.stop_token();
    while !stop.is_cancelled() {
        let sleep = match start_ready(&host, &slots).await {
            Ok(sleep) => sleep,
            Err(problem) => {
                host.note(&problem);
                error!(%problem, "cannot read or claim queued runs");
                pace::LONGEST
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = host.executor_woken() => {}
            () = tokio::time::sleep(sleep) => {}
        }
    }
}

/// Starts every run that may begin and has a slot. Returns how long there is nothing to do.
async fn start_ready(
    host: &Host,
    slots: &Arc<Semaphore>,
) -> Result<Duration, wakeful_store::Error> {
    while !host.stop_token().is_cancelled() {
        let free = slots.available_permits().min(BATCH);
        if free == 0 {
            // The end of a run wakes this loop.
            return Ok(pace::LONGEST);
        }
        let now = host.now();
        if let Some(sleep) = pace::before(host.store().next_available().await?, now) {
            return Ok(sleep);
        }
        let claimed = host.store().claim_runs(now, lease(host, now), free).await?;
        if claimed.is_empty() {
            return Ok(pace::AGAIN);
        }
        for claimed in claimed {
            // Only this loop takes permits, so one is there for each run it claimed.
            let Ok(permit) = Arc::clone(slots).acquire_owned().await else { break };
            // The token exists before anybody can ask for the run to stop.
            let cancel = host.hub().begin(&claimed.run, claimed.head.as_ref(), host.now());
            let host = host.clone();
            host.tasks().clone().spawn(async move {
                execute(&host, claimed, cancel).await;
                drop(permit);
                host.wake_executor();
            });
        }
    }
    Ok(Duration::ZERO)
}

/// Renews the leases of what is running until the host has stopped.
pub(crate) async fn keep_leases(host: Host) {
    loop {
        tokio::select! {
            () = host.stop_token().cancelled() => return,
            () = tokio::time::sleep(RENEWAL) => {}
        }
        host.hub().forget_old(host.now());
        if let Err(problem) = host.store().renew_leases(lease(&host, host.now())).await {
            host.note(&problem);
            error!(%problem, "cannot renew the leases of running runs");
        }
    }
}

fn lease(host: &Host, now: Timestamp) -> Lease {
    let until = now.checked_add(LEASE).unwrap_or(Timestamp::MAX);
    Lease { owner: host.owner().to_owned(), until }
}

/// One attempt of one run, from claim to durable end.
async fn execute(host: &Host, claimed: ClaimedRun, cancel: CancellationToken) {
    let ClaimedRun { run, head } = claimed;
    let head = head.as_ref();
    let mut attempt = attempt(host, &run, head, &cancel).await;
    if host.hub().end(run.id) {
        discard(host, &run).await;
        return;
    }
    if host.is_draining() && attempt.report.outcome == Outcome::Cancelled {
        requeue(host, &run).await;
        return;
    }
    let checkpoint = match commit(host, &run, head, &mut attempt).await {
        Ok(checkpoint) => checkpoint,
        Err(outcome) => {
            attempt.report.outcome = outcome;
            None
        }
    };
    let committed = checkpoint.as_ref().map(|checkpoint| checkpoint.id);
    log_end(&run, &attempt.report);
    let counted = Ended::of(&attempt.report);
    let end = End {
        outcome: attempt.report.outcome.clone(),
        committed: committed.map(|id| Committed {
            id,
            parent: head.map(|head| head.id),
            step: head.map_or(0, |head| head.step.saturating_add(1)),
        }),
    };
    let events = host.hub().ending(run.id, end, host.now());
    let ended = events.last().cloned();
    let finish = FinishRun {
        run_id: run.id,
        epoch: run.epoch,
        digest: attempt.component.map(|component| component.digest),
        report: attempt.report,
        checkpoint,
        events: run.request.is_resumable().then_some(events),
        now: host.now(),
    };
    let mut announced = None;
    match host.store().finish_run(finish).await {
        Ok(Finished::Written) => {
            host.counters().note_run(&counted);
            host.wake_outbox();
            announced = ended.map(|ended| (run.thread_id, ended));
            if let (Some(sandbox), Some(checkpoint)) = (attempt.sandbox, committed)
                && run.on_completion == OnCompletion::Keep
            {
                sandbox.keep_warm(host.sandboxes(), checkpoint);
            }
        }
        Ok(Finished::Fenced) => {
            warn!(run_id = %run.id, "the run was taken away; its end is dropped")
        }
        Err(problem) => {
            host.note(&problem);
            error!(run_id = %run.id, %problem, "cannot record the end of the run");
        }
    }
    host.hub().announce_end(run.id, announced, host.now());
}

/// What one attempt left behind.
struct Attempt {
    report: Report,
    component: Option<ComponentState>,
    sandbox: Option<Sandbox>,
    /// The input that the guest saw.
    input: Json,
}

async fn attempt(
    host: &Host,
    run: &Run,
    head: Option<&Checkpoint>,
    cancel: &CancellationToken,
) -> Attempt {
    let ended = |outcome| Attempt {
        report: Report::not_run(outcome),
        component: None,
        sandbox: None,
        input: Json::Null,
    };
    if let (Some(checkpoint), None) = (run.checkpoint, head) {
        let message = format!("checkpoint {checkpoint}, where the run was to begin, is gone");
        return ended(Outcome::Refused { message });
    }
    let values = head.map_or(Json::Null, |head| head.values.clone());
    let Some((trigger, input)) = trigger_of(run, head) else {
        // An answer to a question that nobody asked changes nothing.
        let values = values.as_object().cloned().unwrap_or_default();
        return ended(Outcome::Done(values));
    };
    let Some(component) = host.folder().component(&run.component) else {
        let id = &run.component;
        let folder = host.settings().assistants.display();
        return ended(Outcome::Refused {
            message: format!("there is no usable component `{id}`; put {id}.wasm into {folder}"),
        });
    };
    let sandbox = if component.uses_files {
        match host.sandboxes().prepare(host.store(), run.thread_id, head).await {
            Ok(sandbox) => Some(sandbox),
            Err(problem) => {
                let message = format!("cannot prepare the thread's files: {problem}");
                return ended(Outcome::HostFailed { message });
            }
        }
    } else {
        None
    };
    let job = Job {
        digest: component.digest,
        thread_id: run.thread_id,
        assistant_id: run.assistant_id,
        run_id: run.id,
        attempt: run.attempt,
        trigger,
        metadata: run.request.metadata.clone(),
        input: input.clone(),
        values,
        config: config_of(run),
        limits: component.limits.clone(),
        grants: component.grants.clone(),
        root: sandbox.as_ref().map(|sandbox| sandbox.path().to_owned()),
    };
    let (events, mut emitted) = mpsc::channel(EVENT_BUFFER);
    let forward = async {
        while let Some(event) = emitted.recv().await {
            host.hub().publish(run, event, host.now());
        }
    };
    let (report, ()) = tokio::join!(host.runner().run(job, events, cancel.clone()), forward);
    Attempt { report, component: Some(component), sandbox, input }
}

/// Why the guest is invoked and with what input; `None` if it need not be invoked at all.
fn trigger_of(run: &Run, head: Option<&Checkpoint>) -> Option<(JobTrigger, Json)> {
    let input = run.request.input.clone();
    match (&run.request.command, &run.trigger) {
        (Some(command), _) => {
            let pending = head.and_then(|head| head.pending.as_ref())?;
            let answers = answers_to(pending, &command.resume);
            Some((JobTrigger::Resume(answers), pending.input.clone()))
        }
        (None, Trigger::Cron(fire)) => Some((JobTrigger::Cron(fire.clone()), input)),
        (None, Trigger::Manual) => Some((JobTrigger::Manual, input)),
    }
}

/// Matches answers to questions: an object whose keys all name questions answers those; anything
/// else answers the first question.
fn answers_to(pending: &Pending, resume: &Json) -> Vec<(String, Json)> {
    let asked = |id: &String| pending.interrupts.iter().any(|question| question.id == *id);
    if let Json::Object(answers) = resume
        && !answers.is_empty()
        && answers.keys().all(asked)
    {
        return answers.iter().map(|(id, answer)| (id.clone(), answer.clone())).collect();
    }
    let first = pending.interrupts.first();
    first.map(|question| (question.id.clone(), resume.clone())).into_iter().collect()
}

/// What the guest reads through `config`: LangGraph's `configurable`, and `context` over it.
fn config_of(run: &Run) -> Object {
    let configurable = run.request.config.get("configurable").and_then(Json::as_object);
    let mut config = configurable.cloned().unwrap_or_default();
    config.extend(run.request.context.clone());
    config
}

/// What the thread becomes, if the run's effects are kept.
async fn commit(
    host: &Host,
    run: &Run,
    head: Option<&Checkpoint>,
    attempt: &mut Attempt,
) -> Result<Option<Checkpoint>, Outcome> {
    let Some(component) = &attempt.component else { return Ok(None) };
    let unchanged = || head.map_or_else(|| Object::new().into(), |head| head.values.clone());
    let (values, pending) = match &attempt.report.outcome {
        Outcome::Done(values) => (Json::Object(values.clone()), None),
        Outcome::Interrupted(interrupts) => {
            let pending = Pending { interrupts: interrupts.clone(), input: attempt.input.clone() };
            (unchanged(), Some(pending))
        }
        _ => return Ok(None),
    };
    let files = match &attempt.sandbox {
        // Nobody will ever look at the files of a thread that goes away now.
        Some(_) if run.on_completion == OnCompletion::Delete => Manifest::default(),
        Some(sandbox) => sandbox.collect(host.store(), head, &component.limits).await?,
        None => head.map(|head| head.files.clone()).unwrap_or_default(),
    };
    Ok(Some(Checkpoint {
        id: CheckpointId::generate(),
        thread_id: run.thread_id,
        parent: None,
        run_id: Some(run.id),
        step: 0,
        created_at: host.now(),
        values,
        files,
        pending,
        source: CheckpointSource::Loop,
        metadata: run.request.metadata.clone(),
    }))
}

/// Deletes a run in place of its end, as whoever cancelled it wished.
async fn discard(host: &Host, run: &Run) {
    match host.store().discard_run(run.id, Some(run.epoch)).await {
        Ok(_) => info!(run_id = %run.id, "run rolled back"),
        Err(problem) => {
            host.note(&problem);
            error!(run_id = %run.id, %problem, "cannot delete the run");
        }
    }
    host.hub().announce_end(run.id, None, host.now());
}

/// Puts a run back that the host itself stopped.
async fn requeue(host: &Host, run: &Run) {
    let now = host.now();
    match host.store().requeue_run(run.id, run.epoch, now, true, now).await {
        Ok(_) => info!(run_id = %run.id, "run put back into the queue"),
        Err(problem) => error!(run_id = %run.id, %problem, "cannot put the run back"),
    }
}

fn log_end(run: &Run, report: &Report) {
    let outcome = report.outcome.kind();
    let (fuel, ms) = (report.fuel_used, report.duration.as_millis());
    let (run_id, component) = (run.id, &run.component);
    if report.outcome.commits() {
        info!(%run_id, %component, outcome, fuel, ms, "run ended");
    } else {
        warn!(%run_id, %component, outcome, fuel, ms, reason = %report.outcome, "run ended");
    }
}
