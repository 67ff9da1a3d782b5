//! The `wakeful` program, for the tests of this package.

#[cfg(target_os = "linux")]
#[allow(clippy::expect_used, reason = "a probe that fails fails its test")]
mod probe;

fn main() -> std::process::ExitCode {
    #[cfg(target_os = "linux")]
    {
        let mut arguments = std::env::args().skip(1);
        if arguments.next().is_some_and(|word| word == probe::WORD) {
            probe::run(arguments);
            return std::process::ExitCode::SUCCESS;
        }
    }
    wakeful_cli::main()
}
