//! The hidden command with which the program runs guests in children of its own.

use std::io::stdin;
use std::os::fd::AsFd;

use anyhow::Context as _;
use clap::Args;
use wakeful::RunnerProgram;

use super::compile;
use crate::logging::{self, LogFormat};

/// The name of the command, as clap derives it.
const COMMAND: &str = "run-for-parent";

/// Run guests for the process that started this one
#[derive(Debug, Args)]
pub(crate) struct Arguments {}

/// Runners that are this program again; `None` if none is wanted.
pub(crate) fn in_children(count: usize) -> Option<RunnerProgram> {
    if count == 0 {
        return None;
    }
    Some(RunnerProgram::new(compile::this_program()?, [COMMAND]).with_count(count))
}

pub(super) fn run(_: &Arguments) -> anyhow::Result<()> {
    // The parent logs what is said here.
    logging::start("warn", LogFormat::Text)?;
    let stream = stdin().as_fd().try_clone_to_owned().context("there is no parent")?;
    wakeful::run_for_parent(stream)?;
    Ok(())
}
