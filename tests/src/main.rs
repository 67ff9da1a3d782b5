//! The `wakeful` program, for the tests of this package.

fn main() -> std::process::ExitCode {
    wakeful_cli::main()
}
