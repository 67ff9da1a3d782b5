//! What the host and a runner tell each other.
//!
//! Both ends are the same program, so the shapes have no versions. What comes from a runner is read
//! as if an attacker had written it: a shape that does not stand for anything is [`Damaged`].

mod calls;
mod chat;
mod http;
mod job;
mod report;

use serde::{Deserialize, Serialize};
use wakeful_core::{Json, Object};

pub(super) use calls::{
    HostAnswer, HostCall, WireAssistantAnswer, WireAssistantCall, WireCronAnswer, WireCronCall,
    WireFailure, WireItemAnswer, WireItemCall,
};
pub(super) use chat::{FromModel, ToModel, WireModelCall, WireRefusal};
pub(super) use http::{Piece, Problem, RequestHead, ResponseHead, ToGuest, ToServer, headers};
pub(super) use job::WireJob;
pub(super) use report::{WireEvent, WireReport};

/// What the host tells a runner.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum ToRunner {
    /// How to set itself up. Comes first, and once.
    Begin(Setup),
    /// Makes a component ready; its code comes as a descriptor.
    Load {
        digest: [u8; 32],
        uses_files: bool,
        /// Whether it is to be asked what it says of itself.
        ask: bool,
    },
    /// Forgets a component.
    Unload([u8; 32]),
    /// Runs a job under a number that no other has.
    Run { run: u64, job: Box<WireJob> },
    /// Ends a run.
    Cancel(u64),
    /// An event of a run was taken; there is room for another one.
    Taken(u64),
    /// The answer to the call of a run.
    Answer { run: u64, answer: Result<HostAnswer, WireFailure> },
    /// What becomes of a request of a run.
    Http { run: u64, request: u32, message: ToGuest },
    /// What a language model tells a run.
    Chat { run: u64, call: u32, message: FromModel },
    /// Asks for an answer with the same number.
    Ping(u64),
}

/// What a runner tells the host.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum FromRunner {
    /// It is set up, but without these means of the system.
    Ready { lacks: Vec<String> },
    /// What came of a component that was to be asked.
    Loaded { digest: [u8; 32], answer: Result<Option<WireDescription>, LoadProblem> },
    /// A run tells its watchers something.
    Event { run: u64, event: WireEvent },
    /// A run wants something of the host, and waits for it.
    Call { run: u64, call: HostCall },
    /// A run sends a request, or a part of one.
    Http { run: u64, request: u32, message: ToServer },
    /// A run tells a language model something.
    Chat { run: u64, call: u32, message: ToModel },
    /// A run has ended. These events have not been told yet.
    Report { run: u64, report: Box<WireReport>, rest: Vec<WireEvent> },
    /// The answer to a ping.
    Pong(u64),
}

/// How a runner is set up.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Setup {
    /// The process that started it.
    pub(super) parent: u32,
    /// Runs that it may have at once.
    pub(super) slots: u32,
    /// Threads that run guests.
    pub(super) workers: usize,
    pub(super) pooling: bool,
    /// The folder with compiled code, as the system spells it.
    pub(super) code: Option<Vec<u8>>,
    /// The folder with the sandboxes.
    pub(super) sandboxes: Option<Vec<u8>>,
    /// Bytes of memory that one run may have.
    pub(super) memory: u64,
    /// Bytes that a file may have.
    pub(super) file: u64,
}

/// What a component says of itself.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct WireDescription {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) version: String,
    pub(super) input_schema: Option<String>,
    pub(super) output_schema: Option<String>,
    pub(super) config_schema: Option<String>,
}

/// Why a component is not ready, or what keeps it from describing itself.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum LoadProblem {
    /// It does not fit this host.
    Mismatch(String),
    /// It serves runs all the same.
    Undescribed(String),
    /// The runner failed.
    Engine(String),
}

/// What was told stands for nothing.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Damaged;

pub(super) type Opened<T> = Result<T, Damaged>;

/// JSON as text: the depth of what is read is bounded for each value by itself.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Text(String);

impl Text {
    pub(super) fn of(value: &Json) -> Self {
        Self(value.to_string())
    }

    pub(super) fn of_object(object: Object) -> Self {
        Self(Json::Object(object).to_string())
    }

    pub(super) fn open(&self) -> Opened<Json> {
        serde_json::from_str(&self.0).map_err(|_| Damaged)
    }

    pub(super) fn object(&self) -> Opened<Object> {
        serde_json::from_str(&self.0).map_err(|_| Damaged)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
