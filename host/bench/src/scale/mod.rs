//! How the host bears a million crons: loading, starting, idling, firing, and a kill in between.
//!
//! Every phase is a process of its own, so that the memory and the processor time of one say
//! nothing about another.

mod burst;
mod clock;
mod crons;
mod idle;
mod lateness;
mod load;
mod probe;
mod process;
mod recovery;
mod report;

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use wakeful::{Host, HostSettings};

use self::clock::Shifted;
use self::report::row;

/// What to measure.
#[derive(Debug, Clone)]
struct Plan {
    /// The folder of the host.
    data: PathBuf,
    /// How many crons are there that are not due.
    crons: usize,
    /// How many are due at once in the large burst.
    burst: usize,
    /// The store's cache, in MiB.
    cache: u64,
}

const PHASES: [&str; 6] = ["load", "idle", "lateness", "sizes", "burst", "recovery"];

const USAGE: &str =
    "wakeful-bench scale [--crons N] [--burst N] [--cache MIB] [--data FOLDER] [--only PHASE,…]
  --crons  crons that are not due, created first (default 1000000)
  --burst  crons that are due at the same instant (default 100000)
  --cache  the store's cache (default: what the host has by default)
  --data   where the host keeps everything (default: a temporary folder)
  --only   some of load, idle, lateness, sizes, burst, recovery; without load, FOLDER has it all";

/// Runs the phases one after the other, and prints a table.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let usual = HostSettings::new("", "").store_cache >> 20;
    let mut plan = Plan { data: PathBuf::new(), crons: 1_000_000, burst: 100_000, cache: usual };
    let mut phases: Vec<String> = PHASES.map(str::to_owned).to_vec();
    let mut left = arguments.iter();
    while let Some(name) = left.next() {
        let value = left.next().with_context(|| format!("{name} needs a value\n{USAGE}"))?;
        match name.as_str() {
            "--crons" => plan.crons = value.parse().context("--crons takes a number")?,
            "--burst" => plan.burst = value.parse().context("--burst takes a number")?,
            "--cache" => plan.cache = value.parse().context("--cache takes a number")?,
            "--data" => plan.data = value.into(),
            "--only" => phases = value.split(',').map(str::to_owned).collect(),
            other => bail!("there is no {other}\n{USAGE}"),
        }
    }
    for phase in &phases {
        ensure!(PHASES.contains(&phase.as_str()), "there is no phase {phase}\n{USAGE}");
    }
    let own = tempfile::tempdir()?;
    if plan.data.as_os_str().is_empty() {
        plan.data = own.path().to_owned();
    }
    report::head(&plan.data)?;
    for phase in phases {
        match phase.as_str() {
            "recovery" => recovery::measure(&plan)?,
            phase => finish(start(&plan, phase)?)?,
        }
    }
    Ok(())
}

/// Starts a phase as a process of its own.
fn start(plan: &Plan, phase: &str) -> Result<Child> {
    Ok(Command::new(std::env::current_exe()?)
        .args(["scale-phase", phase])
        .arg(&plan.data)
        .args([plan.crons.to_string(), plan.burst.to_string(), plan.cache.to_string()])
        .stdout(Stdio::piped())
        .spawn()?)
}

/// Passes on what a phase prints, and waits for its end.
fn finish(mut child: Child) -> Result<()> {
    let out = child.stdout.take().context("no pipe")?;
    for line in BufReader::new(out).lines() {
        report::line(&line?)?;
    }
    let ended = child.wait()?;
    ensure!(ended.success(), "a phase failed: {ended}");
    Ok(())
}

/// Runs one phase, in this process.
pub(crate) fn phase(arguments: &[String]) -> Result<()> {
    let [phase, data, crons, burst, cache] = arguments else { bail!("for internal use") };
    let (crons, burst, cache) = (crons.parse()?, burst.parse()?, cache.parse()?);
    let plan = Plan { data: data.into(), crons, burst, cache };
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        match phase.as_str() {
            "load" => load::measure(&plan).await,
            "idle" => idle::measure(&plan).await,
            "lateness" => lateness::measure(&plan).await,
            "sizes" => burst::sizes(&plan).await,
            "burst" => burst::large(&plan).await,
            "killed" => recovery::until_killed(&plan).await,
            "recovered" => recovery::after_kill(&plan).await,
            other => bail!("there is no phase {other}"),
        }
    })
}

/// Starts a host whose clock can be set ahead, so that crons need not be waited for.
async fn host(plan: &Plan) -> Result<(Host, Arc<Shifted>)> {
    let clock = Arc::new(Shifted::default());
    let mut settings = HostSettings::new(&plan.data, crate::examples());
    settings.store_cache = plan.cache << 20;
    let started: Arc<dyn wakeful::core::Clock> = Arc::<Shifted>::clone(&clock);
    Ok((Host::start_with_clock(settings, started).await?, clock))
}
