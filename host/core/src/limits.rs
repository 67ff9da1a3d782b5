use std::time::Duration;

/// What one run may use. Every limit ends the run with an outcome of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Units of fuel; a unit is about one WebAssembly instruction, a millisecond 6 to 14 million.
    pub fuel: u64,
    /// Bytes, summed over all linear memories and tables.
    pub memory: u64,
    /// Wall-clock time for instantiation and call together.
    pub timeout: Duration,
    /// Bytes of JSON that the outcome may have.
    pub output: u64,
    /// Bytes of log lines, standard output and standard error that are kept; the rest is dropped.
    pub logs: u64,
    /// Number of events that a run may emit.
    pub events: u32,
    /// Bytes in the sandbox's files.
    pub disk: u64,
    /// Number of files, directories and links in the sandbox.
    pub files: u32,
}

impl Default for Limits {
    /// Enough for a guest with a Python or JavaScript engine inside.
    fn default() -> Self {
        Self {
            fuel: 50_000_000_000,
            memory: 256 << 20,
            timeout: Duration::from_secs(300),
            output: 4 << 20,
            logs: 256 << 10,
            events: 10_000,
            disk: 64 << 20,
            files: 1_000,
        }
    }
}
