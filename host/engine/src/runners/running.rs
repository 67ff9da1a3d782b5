use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;
use wakeful_core::{GuestEvent, Limits, LogLine, Outcome, Report};

use super::errands::Errands;
use super::link::Link;
use super::oracle::Oracle;
use super::outlet::Outlet;
use super::pool::Shared;
use super::suspects;
use super::watched::{Ending, Heard, Watched};
use super::wire::{ToRunner, WireJob};
use crate::Job;
use crate::egress::{Gate, Secrets};
use crate::in_process::not_loaded;
use crate::logs::{LogBook, SharedLogBook, open};
use crate::reach::Way;
use crate::refusal::Refusals;

/// Runs a job in a runner, from the host's side.
pub(super) async fn run(
    shared: &Arc<Shared>,
    mut job: Job,
    events: mpsc::Sender<GuestEvent>,
    cancel: CancellationToken,
) -> Report {
    let digest = job.digest;
    let Some(component) = shared.component(digest) else {
        return Report::not_run(not_loaded(digest));
    };
    if shared.suspects().is_condemned(digest) {
        let message = suspects::sentence(digest);
        return Report::not_run(Outcome::Refused { message });
    }
    let slot = tokio::select! {
        biased;
        () = cancel.cancelled() => return Report::not_run(Outcome::Cancelled),
        slot = Arc::clone(&shared.slots).acquire_owned() => slot,
    };
    let Ok(slot) = slot else { return failed("the engine was shut down") };
    // A runner is in no folder of its own.
    let root = job.root.take().filter(|_| component.info.uses_files);
    job.root = root.map(|root| std::path::absolute(&root).unwrap_or(root));
    let limits = job.limits.clone();
    let reach = shared.reach();
    // The values of secrets stay here; what stands for them goes.
    let provision = std::mem::take(&mut job.provision);
    let secrets = match Secrets::new(provision.secrets) {
        Ok(secrets) => secrets,
        Err(error) => return failed(&format!("cannot set up a sandbox: {error:#}")),
    };
    let mut environment = provision.environment;
    let placeholders = secrets.placeholders();
    environment.extend(placeholders.map(|(name, text)| (name.to_owned(), text.to_owned())));
    // Refusals of requests are decided on here, and logged here.
    let refused = LogBook::new(limits.logs, Arc::clone(&shared.clock));
    let outlet = match reach.network.clone() {
        Some(Way::Here(network)) => {
            let refusals = Refusals::new(Arc::clone(&refused), events.clone());
            let gate = Gate::new(job.grants.clone(), limits.http, secrets, network, refusals);
            Some(Outlet::new(gate, shared.handle().clone()))
        }
        _ => None,
    };
    let oracle = Oracle::new(&job, reach.models.clone(), shared.handle().clone());
    let has_network = outlet.is_some();
    let has_models = oracle.is_some();
    let errands = Errands::new(&job, reach);
    let (watched, heard) = Watched::new(digest, &limits, outlet, oracle, slot);
    let placed = tokio::select! {
        biased;
        () = cancel.cancelled() => return Report::not_run(Outcome::Cancelled),
        placed = shared.place(watched, &limits) => placed,
    };
    let Some((link, number)) = placed else {
        return failed("no process to run it in is alive; the host's log says why");
    };
    let begun = Instant::now();
    link.provide(&component);
    let run = Engaged { shared, link, number, is_over: false };
    let job = Box::new(WireJob::new(job, environment, has_network, has_models));
    run.link.out.send(&ToRunner::Run { run: number, job });
    run.follow(heard, errands, &limits, events, cancel, begun, &refused).await
}

fn failed(message: &str) -> Report {
    Report::not_run(Outcome::HostFailed { message: message.to_owned() })
}

/// A run that is in a runner, and is ended there when nobody waits for it any more.
struct Engaged<'a> {
    shared: &'a Arc<Shared>,
    link: Arc<Link>,
    number: u64,
    is_over: bool,
}

impl Engaged<'_> {
    /// Waits for the end of the run, and does for it what it asks for meanwhile.
    #[expect(clippy::too_many_arguments, reason = "they are what a run consists of")]
    async fn follow(
        mut self,
        heard: Heard,
        mut errands: Errands,
        limits: &Limits,
        events: mpsc::Sender<GuestEvent>,
        cancel: CancellationToken,
        begun: Instant,
        refused: &SharedLogBook,
    ) -> Report {
        let Heard { events: mut told, mut calls, ended } = heard;
        let (link, number) = (Arc::clone(&self.link), self.number);
        let patience = self.shared.program.patience;
        let deadline = begun.checked_add(limits.timeout);
        let mut held = None;
        let end = {
            let telling = async {
                while let Some(event) = told.recv().await {
                    // What waits for room must not be lost when the end comes meanwhile.
                    if let Err(TrySendError::Full(event)) = events.try_send(event) {
                        held = Some(event);
                        let room = events.reserve().await;
                        if let (Ok(room), Some(event)) = (room, held.take()) {
                            room.send(event);
                        }
                    }
                    // Watchers that have left are no reason to stop.
                    link.out.send(&ToRunner::Taken(number));
                }
                std::future::pending::<()>().await
            };
            let serving = async {
                while let Some(call) = calls.recv().await {
                    match errands.run(call).await {
                        Ok(answer) => link.out.send(&ToRunner::Answer { run: number, answer }),
                        Err(violation) => link.doom(violation.0),
                    }
                }
                std::future::pending::<()>().await
            };
            let ending = async {
                cancel.cancelled().await;
                link.out.send(&ToRunner::Cancel(number));
                sleep(patience).await;
                link.doom("it did not end a run that was cancelled");
                std::future::pending::<()>().await
            };
            let overdue = async {
                match deadline.and_then(|deadline| deadline.checked_add(patience)) {
                    Some(latest) => sleep_until(latest).await,
                    None => std::future::pending().await,
                }
                link.doom("it did not end a run whose time was up");
                std::future::pending::<()>().await
            };
            tokio::select! {
                biased;
                end = ended => end,
                () = telling => return failed("a run was not told of to its end"),
                () = serving => return failed("a run was not served to its end"),
                () = ending => return failed("a run was not ended"),
                () = overdue => return failed("a run was not ended in time"),
            }
        };
        self.is_over = true;
        self.shared.changed.notify_waiters();
        let Ok(Ending { mut report, rest }) = end else {
            let problem = link.problem();
            return failed(&format!("the process that ran it is gone: {problem}"));
        };
        let waiting = std::iter::from_fn(|| told.try_recv().ok());
        let mut rest: Vec<_> = held.into_iter().chain(waiting).chain(rest).collect();
        if matches!(report.outcome, Outcome::TimedOut { .. } | Outcome::Cancelled) {
            // Nobody took these while there was time.
            rest.drain(..).take_while(|event| events.try_send(event.clone()).is_ok()).count();
        } else {
            let telling = async {
                for event in rest {
                    let _ = events.send(event).await;
                }
            };
            let late = deadline.unwrap_or_else(|| begun + Duration::from_secs(1 << 30));
            tokio::select! {
                _ = timeout_at(late, telling) => {}
                () = cancel.cancelled() => {}
            }
        }
        let (lines, dropped) = open(refused).take();
        merge(&mut report, lines, dropped, limits.logs);
        report
    }
}

impl Drop for Engaged<'_> {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        self.link.forsake(self.number);
        let (link, number) = (Arc::clone(&self.link), self.number);
        let patience = self.shared.program.patience;
        self.shared.handle().spawn(async move {
            sleep(patience).await;
            if link.expects(number) {
                link.doom("it did not end a run that was given up");
            }
        });
    }
}

/// Puts lines of the host's side into the log of a run, in order of time, and keeps to the limit.
fn merge(report: &mut Report, lines: Vec<LogLine>, dropped: u64, limit: u64) {
    report.logs_dropped = report.logs_dropped.saturating_add(dropped);
    if lines.is_empty() {
        return;
    }
    report.logs.extend(lines);
    report.logs.sort_by_key(|line| line.at);
    let mut left = limit;
    let before = report.logs.len();
    report.logs.retain(|line| match left.checked_sub(line.message.len() as u64) {
        Some(rest) => {
            left = rest;
            true
        }
        None => false,
    });
    let lost = before.saturating_sub(report.logs.len()) as u64;
    report.logs_dropped = report.logs_dropped.saturating_add(lost);
}
