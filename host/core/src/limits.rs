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
    /// What it may do over HTTP.
    pub http: HttpLimits,
    /// Tokens of language models, in both directions.
    pub tokens: u64,
    /// The same for all runs of the assistant in one day in UTC; `None` is as many as there are.
    pub tokens_per_day: Option<u64>,
}

/// What one run may do over HTTP. What exceeds one of these fails; the run goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpLimits {
    /// Number of requests, each on a connection of its own.
    pub requests: u32,
    /// Number of requests in progress at once; others wait.
    pub at_once: u32,
    /// Time to find the host, to connect, and to agree on keys.
    pub connect: Duration,
    /// Time from then to the first byte of the answer, and between two parts of its body.
    pub first_byte: Duration,
    /// Time for everything.
    pub total: Duration,
    /// Bytes in the body of a request.
    pub request: u64,
    /// Bytes in the body of an answer.
    pub response: u64,
}

impl Default for HttpLimits {
    /// Enough to ask a language model, and to read the web page by page.
    fn default() -> Self {
        Self {
            requests: 500,
            at_once: 16,
            connect: Duration::from_secs(10),
            first_byte: Duration::from_secs(120),
            total: Duration::from_secs(300),
            request: 16 << 20,
            response: 16 << 20,
        }
    }
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
            http: HttpLimits::default(),
            tokens: 1_000_000,
            tokens_per_day: None,
        }
    }
}
