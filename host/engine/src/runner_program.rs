use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use wakeful_core::Limits;

/// The program whose processes run guests, and how it is used.
///
/// Each is started with the given arguments, with next to no environment, and with a stream to the
/// host as its standard input. It is to call `run_for_parent` at once, and
/// to end when that returns. On Linux only.
#[derive(Debug, Clone)]
#[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "nothing starts it there"))]
pub struct RunnerProgram {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) count: usize,
    pub(crate) sandboxes: Option<PathBuf>,
    pub(crate) memory: u64,
    pub(crate) disk: u64,
    pub(crate) patience: Duration,
}

impl RunnerProgram {
    /// One process of this program, started with these arguments.
    pub fn new(
        program: impl Into<PathBuf>,
        arguments: impl IntoIterator<Item = impl Into<OsString>>,
    ) -> Self {
        let Limits { memory, disk, .. } = Limits::default();
        Self {
            program: program.into(),
            arguments: arguments.into_iter().map(Into::into).collect(),
            count: 1,
            sandboxes: None,
            memory,
            disk,
            patience: Duration::from_secs(10),
        }
    }

    /// So many of them at once.
    #[must_use]
    pub fn with_count(mut self, count: usize) -> Self {
        self.count = count.max(1);
        self
    }

    /// How many there are at once.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The folder below which the directories of jobs lie. Without one no run has files.
    #[must_use]
    pub fn with_sandboxes(mut self, folder: impl Into<PathBuf>) -> Self {
        self.sandboxes = Some(folder.into());
        self
    }

    /// The widest limits that a job may have, by which the processes themselves are limited.
    #[must_use]
    pub fn with_limits(mut self, limits: &Limits) -> Self {
        (self.memory, self.disk) = (limits.memory, limits.disk);
        self
    }

    /// How long a process may keep silent when it is asked for a sign of life, and how much longer
    /// than its limit a run may take, before the process is replaced.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Bytes that a file may have. Files are measured while they grow, and a sparse one counts as
    /// long as it says; this is for a runner that was taken over.
    #[cfg(target_os = "linux")]
    pub(crate) fn file(&self) -> u64 {
        self.disk.saturating_mul(2).max(1 << 41)
    }
}
