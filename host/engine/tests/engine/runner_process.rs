//! Runners that are this program of tests again.

use std::sync::Arc;

use wakeful_core::SystemClock;
use wakeful_engine::{ChildRunner, EngineConfig, RunnerProgram, run_for_parent};

/// The test below that does the work of a runner, as the harness names it.
const NAME: &str = "runner_process::this_program_serves_who_started_it";

/// Says that it is to do so. No test has this name.
const MARK: &str = "as-a-runner";

/// So many processes that run guests with files in the folder for temporary ones.
pub(crate) fn program(count: usize) -> RunnerProgram {
    let arguments = [NAME, MARK, "--exact", "--nocapture", "--test-threads=1"];
    RunnerProgram::new("/proc/self/exe", arguments)
        .with_count(count)
        .with_sandboxes(std::env::temp_dir())
}

/// Runners of one's own.
pub(crate) fn own_runners(config: EngineConfig, program: RunnerProgram) -> ChildRunner {
    ChildRunner::new(config, program, Arc::new(SystemClock)).expect("the runners start")
}

#[test]
fn this_program_serves_who_started_it() {
    use std::os::fd::AsFd;

    if std::env::args().any(|argument| argument == MARK) {
        let stream = std::io::stdin().as_fd().try_clone_to_owned().unwrap();
        let served = run_for_parent(stream);
        std::process::exit(i32::from(served.is_err()));
    }
}
