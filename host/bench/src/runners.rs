//! What it costs to run guests in child processes.

use std::io::{Write, stdin, stdout};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use wakeful::core::SystemClock;
use wakeful_engine::{
    ChildRunner, EngineConfig, InProcessRunner, Runner, RunnerProgram, run_for_parent,
};

use crate::in_process;
use crate::table::Table;

/// The argument with which this program is a runner.
pub(crate) const WORD: &str = "run-for-parent";

/// Measures runs in this process and in others, and what an idle one takes.
pub(crate) fn run(echo: &Arc<[u8]>, length: Duration) -> Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let config = EngineConfig::default();
    let program = RunnerProgram::new("/proc/self/exe", [WORD]).with_count(cores);
    let children = ChildRunner::start(config.clone(), program, Arc::new(SystemClock));
    let children = Arc::new(runtime.block_on(children)?);
    let runners: Arc<dyn Runner> = Arc::<ChildRunner>::clone(&children);
    let here: Arc<dyn Runner> = Arc::new(InProcessRunner::new(config, Arc::new(SystemClock))?);
    let mut table = Table::default();
    for (name, runner, callers) in [
        ("in this process, 1 at once", &here, 1),
        ("in this process, 8 at once", &here, 8),
        ("in this process, 64 at once", &here, 64),
        ("in runners, 1 at once", &runners, 1),
        ("in runners, 8 at once", &runners, 8),
        ("in runners, 64 at once", &runners, 64),
    ] {
        table.push(name, runtime.block_on(in_process::engine(runner, echo, callers, length))?);
    }
    table.print()?;
    for pid in children.pids() {
        let (resident, own) = memory(pid)?;
        writeln!(stdout(), "runner {pid}: {resident} KiB resident, {own} KiB of them its own")?;
    }
    Ok(())
}

/// Resident memory of a process, and what of it is shared with nobody.
fn memory(pid: u32) -> Result<(u64, u64)> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let kib = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key));
        line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse().ok())
    };
    let resident = kib("VmRSS:").context("no VmRSS")?;
    Ok((resident, kib("RssAnon:").context("no RssAnon")?))
}

/// Is a runner.
pub(crate) fn serve() -> Result<()> {
    Ok(run_for_parent(stdin().as_fd().try_clone_to_owned()?)?)
}
