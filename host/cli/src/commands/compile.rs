//! The hidden command with which the program compiles a component in a child of its own.

use std::io::{stdin, stdout};
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use rustix::process::{Resource, Rlimit, setrlimit};
use wakeful::ChildCompiler;

/// The name of the command, as clap derives it.
const COMMAND: &str = "compile-for-parent";

/// Descriptors that the child may have open.
const DESCRIPTORS: u64 = 32;

/// Compile the component on standard input for the process that started this one
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Use at most this many bytes of address space
    #[arg(long, value_name = "BYTES")]
    memory: u64,

    /// Use at most this much processor time
    #[arg(long, value_name = "SECONDS")]
    seconds: u64,
}

/// A compiler that is this program again.
pub(crate) fn in_a_child() -> Option<ChildCompiler> {
    // A program that does not know where it is compiles by itself.
    Some(ChildCompiler::new(this_program()?, [COMMAND]))
}

/// This very program, to be started again.
pub(super) fn this_program() -> Option<PathBuf> {
    // On Linux it is the one that runs, even if its file was replaced meanwhile by another version,
    // of which this one could not use the code.
    if cfg!(target_os = "linux") {
        Some("/proc/self/exe".into())
    } else {
        std::env::current_exe().ok()
    }
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    confine(arguments).context("cannot limit the compiler")?;
    // What the system lacks is in the log already, for the sake of the runners.
    #[cfg(target_os = "linux")]
    wakeful::isolate();
    wakeful::compile_for_parent(stdin().lock(), stdout().lock())?;
    Ok(())
}

/// Puts the limits on this process, for good.
fn confine(arguments: &Arguments) -> rustix::io::Result<()> {
    let seconds = arguments.seconds;
    for (resource, current, maximum) in [
        (Resource::As, arguments.memory, arguments.memory),
        // At the first the system says why, at the second it asks no more.
        (Resource::Cpu, seconds, seconds.saturating_add(5)),
        // It writes to its pipe and to nothing else, not even a dump of what it knows.
        (Resource::Fsize, 0, 0),
        (Resource::Core, 0, 0),
        (Resource::Nofile, DESCRIPTORS, DESCRIPTORS),
    ] {
        setrlimit(resource, Rlimit { current: Some(current), maximum: Some(maximum) })?;
    }
    Ok(())
}
