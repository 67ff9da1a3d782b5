//! Tries attacks, one at a time.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use wakeful_core::LogSource;

use super::attack::{Aftermath, Attack};
use super::files::Scene;
use super::machine::{MACHINES, Machine};
use super::neighbours::{Beside, beside, greet, loaded};
use crate::guest::echo;
use crate::support::{job, run};

/// How much later than its limit an attack may end; generous, because machines that test are busy.
pub(crate) const GRACE: Duration = Duration::from_secs(5);

/// By how many bytes this process may grow beside what the guest may have: other tests, and the
/// compiler, go on in it.
pub(crate) const HEADROOM: u64 = 256 << 20;

/// Held by the attack that goes on, so that what it does to the process is seen to be its doing.
pub(crate) static TURN: Mutex<()> = Mutex::const_new(());

/// Tries attacks of one kind on every machine, and fails with all that went wrong.
pub(crate) async fn contain(kind: &str, attacks: impl Fn() -> Vec<Attack>) {
    let mut problems = Vec::new();
    for machine in &MACHINES {
        for attack in attacks() {
            let _turn = TURN.lock().await;
            if let Err(problem) = contained(kind, machine, &attack).await {
                problems.push(format!("{}, {}: {problem}", attack.name, machine.name));
            }
        }
    }
    assert!(problems.is_empty(), "not contained:\n{}", problems.join("\n"));
}

async fn contained(kind: &str, machine: &'static Machine, attack: &Attack) -> Result<(), String> {
    let runner = machine.shared();
    let scene = attack.has_files.then(Scene::new);
    let mut job = job(loaded(runner, attack.guest.clone()).await?);
    job.limits = attack.limits.clone();
    job.root = scene.as_ref().map(Scene::root);
    let thread = job.thread_id;
    let cancel = CancellationToken::new();
    let cancelling = cancel.clone();
    let after = attack.cancel_after;
    let canceller = async move {
        if let Some(after) = after {
            tokio::time::sleep(after).await;
            cancelling.cancel();
        }
        std::future::pending::<()>().await;
    };
    let hostile = async {
        tokio::select! {
            ended = run(&**runner, job, cancel) => ended,
            () = canceller => unreachable!("a canceller never returns"),
        }
    };
    let Beside { value: (report, events), took, slowest, growth } = beside(runner, hostile).await?;
    let row = Row { kind, name: attack.name, machine: machine.name };
    row.print(report.outcome.kind(), took, slowest, growth);
    attack.judge(&Aftermath { report: &report, events: &events, scene: scene.as_ref() })?;
    bounded(took, attack.deadline(), growth, attack.limits.memory)?;
    let kept: usize = report.logs.iter().map(|line| line.message.len()).sum();
    if kept as u64 > attack.limits.logs {
        let first = report.logs.first().map_or(LogSource::Log, |line| line.source);
        return Err(format!("{kept} bytes of {first:?} were kept"));
    }
    if let Some(scene) = &scene {
        scene.judge().await?;
    }
    let neighbour = loaded(runner, echo()).await?;
    greet(runner, neighbour, thread).await?;
    Ok(())
}

/// Whether something was over in time, and took no more memory than it may.
pub(crate) fn bounded(
    took: Duration,
    deadline: Duration,
    growth: u64,
    memory: u64,
) -> Result<(), String> {
    if took > deadline + GRACE {
        return Err(format!("took {took:?} instead of {deadline:?}"));
    }
    if growth > memory + HEADROOM {
        return Err(format!("the host grew by {} MiB", growth >> 20));
    }
    Ok(())
}

/// A row of the table of containment times.
pub(crate) struct Row<'a> {
    pub(crate) kind: &'a str,
    pub(crate) name: &'a str,
    pub(crate) machine: &'a str,
}

impl Row<'_> {
    #[expect(clippy::print_stdout, reason = "the table is for whoever asks for it")]
    pub(crate) fn print(&self, outcome: &str, took: Duration, slowest: Duration, growth: u64) {
        let Self { kind, name, machine } = self;
        println!(
            "| {kind:<10} | {name:<56} | {machine:<9} | {outcome:<16} | {:>7.1} ms | {:>6.1} ms | {:>4} MiB |",
            took.as_secs_f64() * 1e3,
            slowest.as_secs_f64() * 1e3,
            growth >> 20
        );
    }
}
