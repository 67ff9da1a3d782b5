//! The `wakeful` command: runs the server, talks to it, and runs assistants without one.
//!
//! Use it as a program. It is a library only so that the whole-product tests can build the same
//! program; to embed the host, use the `wakeful` crate.
//!
//! Invariants: results go to standard output and everything else to standard error; every kind of
//! failure has an exit code of its own (see `wakeful --help`); a reader that closes
//! the pipe early is no failure.

mod arguments;
mod client;
mod commands;
mod failure;
mod format;
mod input;
mod logging;
mod out;
mod settings;
mod table;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::Cli;

/// Many threads read what one writes, and each frees what others have allocated.
#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Runs the program with the arguments of the process.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(help) => {
            // Nobody is left to tell when even this cannot be written.
            let _ = help.print();
            return ExitCode::from(u8::try_from(help.exit_code()).unwrap_or(2));
        }
    };
    match commands::run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::report(&error),
    }
}
