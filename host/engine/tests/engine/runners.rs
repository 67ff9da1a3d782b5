//! Guests in child processes: what becomes of runs when their process does.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use wakeful_core::{Digest, GuestEvent, Outcome, Report};
use wakeful_engine::{ChildRunner, EngineConfig, EngineError, LoadError, Runner, RunnerProgram};

use crate::guest::{echo, guest};
use crate::runner_process::{own_runners, program};
use crate::support::{PROMPT, done, job, run};

const PATIENCE: Duration = Duration::from_secs(1);

fn two() -> ChildRunner {
    let config = EngineConfig { workers: 2, max_concurrent: 8, ..EngineConfig::default() };
    own_runners(config, program(2).with_patience(PATIENCE))
}

/// A guest that goes on for as long as nobody takes its events.
fn patient() -> Arc<[u8]> {
    let emit = "(call $emit (i32.const 0) (i32.const 1024) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 512))";
    guest("", &format!("{} (call $fine)", emit.repeat(60)))
}

/// A run that has begun, and goes on until its events are taken.
struct Begun {
    running: tokio::task::JoinHandle<Report>,
    events: mpsc::Receiver<GuestEvent>,
}

impl Begun {
    async fn new(runner: &Arc<ChildRunner>, digest: Digest) -> Self {
        let (sender, mut events) = mpsc::channel(1);
        let (runner, job) = (Arc::clone(runner), job(digest));
        let running =
            tokio::spawn(async move { runner.run(job, sender, CancellationToken::new()).await });
        events.recv().await.expect("it emits");
        Self { running, events }
    }

    async fn end(mut self) -> Report {
        while self.events.recv().await.is_some() {}
        self.running.await.unwrap()
    }
}

fn kill(pid: u32, signal: &str) {
    let sent = std::process::Command::new("kill").args([signal, &pid.to_string()]).status();
    assert!(sent.unwrap().success());
}

/// Waits until something holds, and fails after a long time.
async fn until(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PROMPT, "{what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn greeted(runner: &ChildRunner) {
    let digest = runner.load(echo()).await.unwrap().digest;
    let mut job = job(digest);
    job.input = json!({ "still": "there" });
    let (report, _) = run(runner, job, CancellationToken::new()).await;
    assert_eq!(report.outcome, done(json!({ "still": "there" })));
}

fn is_gone(report: &Report) -> bool {
    matches!(&report.outcome, Outcome::HostFailed { message } if message.contains("is gone"))
}

#[tokio::test]
async fn a_runner_that_is_killed_costs_its_own_runs_alone_and_is_replaced() {
    let runner = Arc::new(two());
    let digest = runner.load(patient()).await.unwrap().digest;
    let first = Begun::new(&runner, digest).await;
    let second = Begun::new(&runner, digest).await;
    until("two are alive", || runner.pids().len() == 2).await;
    let pids = runner.pids();
    kill(pids[0], "-KILL");
    until("it is replaced", || runner.pids().len() == 2 && !runner.pids().contains(&pids[0])).await;
    let reports = [first.end().await, second.end().await];
    assert_eq!(reports.iter().filter(|report| is_gone(report)).count(), 1, "{reports:?}");
    assert_eq!(reports.iter().filter(|report| report.outcome.commits()).count(), 1);
    let failed = reports.iter().find(|report| is_gone(report)).unwrap();
    assert!(failed.outcome.is_retryable() && failed.outcome.to_string().contains("signal: 9"));
    assert_eq!(runner.processes().unwrap().replaced, 1);
    greeted(&runner).await;
}

#[tokio::test]
async fn a_runner_that_hangs_is_replaced() {
    let runner = Arc::new(two());
    let digest = runner.load(patient()).await.unwrap().digest;
    until("two are alive", || runner.pids().len() == 2).await;
    let runs = [Begun::new(&runner, digest).await, Begun::new(&runner, digest).await];
    let pids = runner.pids();
    kill(pids[0], "-STOP");
    until("it is replaced", || runner.pids().len() == 2 && !runner.pids().contains(&pids[0])).await;
    let [first, second] = runs;
    let reports = [first.end().await, second.end().await];
    let hung = reports.iter().find(|report| is_gone(report)).unwrap();
    assert!(hung.outcome.to_string().contains("no sign of life"), "{}", hung.outcome);
    assert_eq!(reports.iter().filter(|report| report.outcome.commits()).count(), 1);
    greeted(&runner).await;
}

#[tokio::test]
async fn a_component_that_ends_its_runners_again_and_again_is_not_run_any_more() {
    let runner = Arc::new(two());
    let digest = runner.load(patient()).await.unwrap().digest;
    for _ in 0..3 {
        let going = Begun::new(&runner, digest).await;
        let pids = runner.pids();
        for pid in &pids {
            kill(*pid, "-KILL");
        }
        assert!(is_gone(&going.end().await));
        // A run that comes to one whose end is not known yet is lost with it.
        until("their end is known", || !runner.pids().iter().any(|pid| pids.contains(pid))).await;
    }
    let (report, _) = run(&*runner, job(digest), CancellationToken::new()).await;
    let Outcome::Refused { message } = &report.outcome else { panic!("{:?}", report.outcome) };
    assert!(message.contains("3 times in a row") && message.contains("file changes"), "{message}");
    runner.unload(digest);
    let refused = runner.load(patient()).await.unwrap_err();
    assert!(matches!(&refused, LoadError::Deadly { .. }), "{refused}");
    // Another file is another matter.
    let mut other = patient().to_vec();
    other.extend([0, 2, 1, b'a']);
    let other = runner.load(other.into()).await.unwrap().digest;
    assert!(Begun::new(&runner, other).await.end().await.outcome.commits());
    greeted(&runner).await;
}

#[tokio::test]
async fn nothing_is_left_of_runners_that_nobody_has() {
    let runner = two();
    until("two are alive", || runner.pids().len() == 2).await;
    let pids = runner.pids();
    drop(runner);
    let is_there = |pid: &u32| std::path::Path::new(&format!("/proc/{pid}")).exists();
    until("they are gone", || !pids.iter().any(is_there)).await;
}

#[test]
fn a_program_that_is_no_runner_is_said_to_be_none() {
    for (program, arguments, expected) in [
        ("/nowhere/at/all", ["-c", ""], "No such file"),
        ("/bin/sh", ["-c", "echo what happened >&2; exit 7"], "what happened"),
        ("/bin/sh", ["-c", "echo garbage >&0"], "a message has"),
    ] {
        let program = RunnerProgram::new(program, arguments);
        let clock = Arc::new(wakeful_core::SystemClock);
        match ChildRunner::new(EngineConfig::default(), program, clock) {
            Err(EngineError::Runners { message }) => {
                assert!(message.contains(expected), "{message}");
            }
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("it is a runner"),
        }
    }
}
