//! Compiles assistant components and runs them, each run in a sandbox of its own.
//!
//! Use it when you have the bytes of a component and want to know how one invocation of it ends. Do
//! not use it to decide what a run may do: limits come in with the [`Job`], and so does the
//! directory with the thread's files. It stores nothing but compiled code.
//!
//! Invariants:
//! - This is the only crate that knows wasmtime. A [`Job`] and a [`Report`](wakeful_core::Report)
//!   are plain data, so that a [`Runner`] may as well be another process.
//! - Whatever a guest does is an [`Outcome`](wakeful_core::Outcome), never an error and never a
//!   panic.
//! - Guests run on threads of their own. One that spins or blocks delays neither the caller nor,
//!   for longer than a moment, another guest.
//! - A run gets a fresh store. Nothing is left of it once its report is there.

mod access;
mod artifact;
mod assistant_access;
mod bindings;
mod cache;
mod calls;
mod chat;
mod chat_stream;
mod child;
mod clock;
mod codes;
mod compiler;
mod config;
mod cron_access;
mod crons;
mod describe;
#[cfg(target_os = "linux")]
mod descriptors;
mod disk;
mod egress;
mod entropy;
mod error;
mod examine;
mod fire;
mod imports;
mod in_process;
mod inspect;
mod items;
mod job;
mod library;
mod limiter;
mod linker;
mod logs;
mod lookup;
mod machine;
mod model_access;
mod outcome;
mod reach;
mod refusal;
mod run;
mod runner_program;
#[cfg(target_os = "linux")]
mod runners;
mod sandbox;
mod stdio;
mod toll;

pub use access::{ItemAccess, ItemAnswer, ItemCall};
pub use assistant_access::{AssistantAccess, AssistantAnswer, AssistantCall};
#[cfg(feature = "compile")]
pub use child::compile_for_parent;
pub use child::{ChildCompiler, CompileLimits};
pub use compiler::Compiler;
pub use config::EngineConfig;
pub use cron_access::{CronAccess, CronAnswer, CronCall};
pub use describe::Description;
pub use egress::{ConnectError, Network, RedactedStream, Redactor, Stream};
pub use error::{EngineError, LoadError};
pub use examine::{BinaryKind, Examination, examine};
pub use in_process::InProcessRunner;
pub use inspect::{Inspection, inspect};
pub use job::{ComponentInfo, Job, JobTrigger, Runner, RunnerProcesses};
pub use lookup::Lookup;
pub use model_access::{ModelAccess, ModelCall, ModelPiece, ModelRefusal};
pub use reach::Reach;
pub use runner_program::RunnerProgram;
#[cfg(target_os = "linux")]
pub use runners::{ChildRunner, Confinement, confine, isolate, run_for_parent};
pub use wakeful_core::GuestEvent;
