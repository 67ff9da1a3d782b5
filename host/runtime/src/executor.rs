use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};
use wakeful_core::{
    Checkpoint, CheckpointId, CheckpointSource, Committed, End, Json, Lease, Manifest, Object,
    OnCompletion, Outcome, Pending, Report, Run, RunError, Timestamp,
};
use wakeful_engine::Job;
use wakeful_store::{ClaimedRun, CronChange, FinishRun, Finished};

use crate::metrics::Ended;
use crate::sandbox::Sandbox;
use crate::turn::Turn;
use crate::{Backoff, ComponentState, Host, pace, update};

/// How long a lease lasts unless it is renewed.
const LEASE: Duration = Duration::from_secs(30);
/// How often leases are renewed.
const RENEWAL: Duration = Duration::from_secs(10);
/// How many runs one claim takes.
const BATCH: usize = 32;
/// How many runs whose guest has ended may wait for their end to be durable, beside those that
/// have a slot.
const ENDINGS: usize = 256;
/// How many events a guest may be ahead of the host.
const EVENT_BUFFER: usize = 64;

/// Runs what is queued until the host stops.
pub(crate) async fn run(host: Host) {
    let slots = Slots::of(&host);
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

/// What bounds the runs that are in progress.
pub(crate) struct Slots {
    guests: Arc<Semaphore>,
    endings: Arc<Semaphore>,
}

impl Slots {
    /// As many as the host's settings say.
    pub(crate) fn of(host: &Host) -> Self {
        Self {
            guests: Arc::new(Semaphore::new(host.settings().concurrent_runs as usize)),
            endings: Arc::new(Semaphore::new(ENDINGS)),
        }
    }

    /// How many guests more may run.
    pub(crate) fn free(&self) -> usize {
        self.guests.available_permits()
    }
}

/// The right to run a guest.
struct Slot {
    guest: OwnedSemaphorePermit,
    endings: Arc<Semaphore>,
}

impl Slot {
    /// Lets the next guest run while the end of this one is made durable, which takes as long as
    /// the disk does. What comes back is to be held until then.
    async fn ending(self, host: &Host) -> Option<OwnedSemaphorePermit> {
        let ending = self.endings.acquire_owned().await.ok();
        drop(self.guest);
        host.wake_executor();
        ending
    }
}

/// Starts every run that may begin and has a slot. Returns how long there is nothing to do.
pub(crate) async fn start_ready(
    host: &Host,
    slots: &Slots,
) -> Result<Duration, wakeful_store::Error> {
    while !host.stop_token().is_cancelled() {
        let free = slots.free().min(BATCH);
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
            let Ok(guest) = Arc::clone(&slots.guests).acquire_owned().await else { break };
            let slot = Slot { guest, endings: Arc::clone(&slots.endings) };
            // The token exists before anybody can ask for the run to stop.
            let cancel = host.hub().begin(&claimed.run, claimed.head.as_ref(), host.now());
            let host = host.clone();
            host.tasks().clone().spawn(async move {
                execute(&host, claimed, cancel, slot).await;
                host.hub().settled();
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
        if let Err(problem) = renew(&host).await {
            host.note(&problem);
            error!(%problem, "cannot renew the leases of running runs");
        }
    }
}

/// Renews the leases of what is running.
pub(crate) async fn renew(host: &Host) -> Result<(), wakeful_store::Error> {
    host.store().renew_leases(lease(host, host.now())).await
}

fn lease(host: &Host, now: Timestamp) -> Lease {
    let until = now.checked_add(LEASE).unwrap_or(Timestamp::MAX);
    Lease { owner: host.owner().to_owned(), until }
}

/// One attempt of one run, from claim to durable end.
async fn execute(host: &Host, claimed: ClaimedRun, cancel: CancellationToken, slot: Slot) {
    let ClaimedRun { run, head } = claimed;
    let (head, mut attempt) = match update::apply(host, &run, head).await {
        Ok(head) => {
            let attempt = attempt(host, &run, head.as_ref(), &cancel).await;
            (head, attempt)
        }
        Err(outcome) => (None, Attempt::ended(outcome, None)),
    };
    let head = head.as_ref();
    let _ending = slot.ending(host).await;
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
    if is_tried_again(host, &run, &attempt.report.outcome) {
        // From here on nobody can ask this attempt to stop.
        if cancel.is_cancelled() && !host.is_draining() {
            attempt.report.outcome = Outcome::Cancelled;
        } else {
            retry(host, &run, &attempt.report.outcome).await;
            return;
        }
    }
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
        crons: attempt.crons,
        events: run.request.is_resumable().then_some(events),
        now: host.now(),
    };
    let changes_crons = !finish.crons.is_empty();
    let mut announced = None;
    match host.store().finish_run(finish).await {
        Ok(Finished::Written) => {
            host.counters().note_run(&counted);
            host.wake_outbox();
            if changes_crons {
                host.wake_scheduler();
            }
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
    /// What the thread waits for, where no guest was invoked.
    pending: Option<Pending>,
    /// What it did to the crons of its thread.
    crons: Vec<CronChange>,
}

impl Attempt {
    /// An attempt that invoked no guest.
    fn ended(outcome: Outcome, pending: Option<Pending>) -> Self {
        Self {
            report: Report::not_run(outcome),
            component: None,
            sandbox: None,
            input: Json::Null,
            pending,
            crons: Vec::new(),
        }
    }
}

async fn attempt(
    host: &Host,
    run: &Run,
    head: Option<&Checkpoint>,
    cancel: &CancellationToken,
) -> Attempt {
    let ended = |outcome| Attempt::ended(outcome, None);
    if let (Some(checkpoint), None) = (run.checkpoint, head) {
        let message = format!("checkpoint {checkpoint}, where the run was to begin, is gone");
        return ended(Outcome::Refused { message });
    }
    let values = head.map_or(Json::Null, |head| head.values.clone());
    let (trigger, input) = match Turn::of(run, head) {
        Turn::Invoke { trigger, input } => (trigger, input),
        Turn::End { outcome, pending } => return Attempt::ended(outcome, pending),
    };
    let Some(mut component) = host.folder().component(&run.component) else {
        let id = &run.component;
        let folder = host.settings().assistants.display();
        return ended(Outcome::Refused {
            message: format!("there is no usable component `{id}`; put {id}.wasm into {folder}"),
        });
    };
    if let Some(parent) = &run.parent {
        component.limits = parent.narrow(&component.limits, host.now());
    }
    let provision = match host.settings().grants.provide(&component.grants).await {
        Ok(provision) => provision,
        Err(message) => return ended(Outcome::Refused { message }),
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
        provision,
        root: sandbox.as_ref().map(|sandbox| sandbox.path().to_owned()),
    };
    let (events, mut emitted) = mpsc::channel(EVENT_BUFFER);
    let forward = async {
        while let Some(event) = emitted.recv().await {
            host.hub().publish(run, event, host.now());
        }
    };
    let models = match host.model_books().open(host, run, &component).await {
        Ok(models) => models,
        Err(problem) => {
            let message = format!("cannot read what the run has paid for: {problem}");
            return ended(Outcome::HostFailed { message });
        }
    };
    let calls = host.call_books().open(host, run, &component, &models);
    let book = host.cron_books().open(host, run, component.grants.crons);
    let (mut report, ()) = tokio::join!(host.runner().run(job, events, cancel.clone()), forward);
    drop(calls);
    report.tokens = models.close().await;
    let crons = book.close().await;
    Attempt { report, component: Some(component), sandbox, input, pending: None, crons }
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
    let unchanged = || head.map_or_else(|| Object::new().into(), |head| head.values.clone());
    let invoked = attempt.component.is_some();
    let (values, pending) = match &attempt.report.outcome {
        outcome if !invoked => {
            let pending = attempt.pending.take();
            if !outcome.commits() || pending.as_ref() == head.and_then(|it| it.pending.as_ref()) {
                return Ok(None);
            }
            (unchanged(), pending)
        }
        Outcome::Done(values) => (Json::Object(values.clone()), None),
        Outcome::Interrupted(interrupts) => {
            let (interrupts, input) = (interrupts.clone(), attempt.input.clone());
            (unchanged(), Some(Pending { interrupts, input, answers: Vec::new() }))
        }
        _ => return Ok(None),
    };
    let files = match (&attempt.sandbox, &attempt.component) {
        // Nobody will ever look at the files of a thread that goes away now.
        (Some(_), _) if run.on_completion == OnCompletion::Delete => Manifest::default(),
        (Some(sandbox), Some(component)) => {
            sandbox.collect(host.store(), head, &component.limits).await?
        }
        _ => head.map(|head| head.files.clone()).unwrap_or_default(),
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
    host.hub().announce_cancelled(run.id, run.thread_id, host.now());
}

/// Puts a run back that the host itself stopped.
async fn requeue(host: &Host, run: &Run) {
    let now = host.now();
    match host.store().requeue_run(run.id, run.epoch, now, None, now).await {
        Ok(_) => info!(run_id = %run.id, "run put back into the queue"),
        Err(problem) => error!(run_id = %run.id, %problem, "cannot put the run back"),
    }
}

/// Whether a run that ended so begins again.
fn is_tried_again(host: &Host, run: &Run, outcome: &Outcome) -> bool {
    match &run.retry {
        Some(retry) => retry.covers(outcome) && run.attempt < retry.attempts,
        None => outcome.is_retryable() && run.attempt < host.settings().max_attempts,
    }
}

/// Puts a run back that may succeed later.
async fn retry(host: &Host, run: &Run, outcome: &Outcome) {
    let least = match outcome {
        Outcome::Failed(failure) => failure.retry_after,
        _ => None,
    };
    let backoff = match &run.retry {
        Some(retry) => Backoff { first: retry.first, longest: retry.longest },
        None => host.settings().backoff,
    };
    let wait = backoff.after(run.attempt, least, scatter(run));
    let (run_id, attempt, ms) = (run.id, run.attempt, wait.as_millis());
    let now = host.now();
    let later = now.checked_add(wait).unwrap_or(Timestamp::MAX);
    let failure = Some(RunError::from(outcome));
    match host.store().requeue_run(run_id, run.epoch, later, failure, now).await {
        Ok(Finished::Written) => {
            warn!(%run_id, attempt, ms, reason = %outcome, "attempt failed; the run is tried again")
        }
        Ok(Finished::Fenced) => warn!(%run_id, "the run was taken away; its failure is dropped"),
        Err(problem) => {
            host.note(&problem);
            error!(%run_id, %problem, "cannot put the run back");
        }
    }
}

/// A number between 0 and 1 that is another for each attempt of each run, and always the same for
/// the same attempt: a history that is played again stays as it was.
fn scatter(run: &Run) -> f64 {
    // The end of an id is random or a hash, and the multiplier spreads what the attempt adds.
    let id = run.id.uuid().as_u128() as u64;
    let mixed = id.wrapping_add(run.attempt.into()).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    f64::from((mixed >> 32) as u32) / f64::from(u32::MAX)
}

fn log_end(run: &Run, report: &Report) {
    let outcome = report.outcome.kind();
    let (fuel, ms) = (report.fuel_used, report.duration.as_millis());
    let tokens = report.tokens.total();
    let (run_id, component) = (run.id, &run.component);
    if report.outcome.commits() {
        info!(%run_id, %component, outcome, fuel, tokens, ms, "run ended");
    } else {
        warn!(%run_id, %component, outcome, fuel, tokens, ms, reason = %report.outcome, "run ended");
    }
}
