//! The `wakeful` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    wakeful_cli::main()
}
