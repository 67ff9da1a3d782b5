//! Wakeful as a library: runs WebAssembly assistants on a schedule, each in a sandbox with limits.
//!
//! Use it to embed the whole host, scheduler included, in a program of your own: [`Host::start`]
//! opens a data folder and an assistants folder and gives you every operation that the HTTP API
//! and the command line offer. Do not use it to run one component once without storing anything;
//! `wakeful-engine` alone does that.
//!
//! ```no_run
//! use wakeful::core::{CronPolicy, Object, OnCompletion, RunRequest};
//! use wakeful::{CreateCron, Host, HostSettings};
//!
//! # async fn embed() -> Result<(), wakeful::Error> {
//! let host = Host::start(HostSettings::new("wakeful-data", "assistants")).await?;
//! let cron = host
//!     .create_cron(CreateCron {
//!         assistant: "weekly".to_owned(),
//!         thread_id: None,
//!         schedules: vec!["0 9 * * MON".to_owned()],
//!         timezone: Some("Europe/Berlin".to_owned()),
//!         end_time: None,
//!         enabled: true,
//!         on_run_completed: OnCompletion::Keep,
//!         policy: CronPolicy::usual(false),
//!         note: None,
//!         metadata: Object::new(),
//!         request: RunRequest::default(),
//!         key: None,
//!     })
//!     .await?;
//! println!("next at {:?}", cron.next_run_at);
//! // … and when the program ends:
//! host.shutdown().await
//! # }
//! ```
//!
//! Invariants: what a method has returned `Ok` for survives a crash; a due instant of a cron gets
//! one fire record, and its run begins only after both are durable; a run's effects on its thread
//! are committed once, when it succeeds or asks questions, and not at all otherwise.

mod assistants;
mod books;
mod calls;
mod cancel;
mod check;
mod crons;
mod deliveries;
mod error;
mod executor;
mod expiry;
mod files;
mod folder;
mod grants;
mod host;
mod hub;
mod items;
mod keys;
mod metrics;
mod models;
mod offline;
mod own_crons;
mod pace;
mod plan;
mod request;
mod runs;
mod sandbox;
mod scheduler;
mod settings;
mod states;
mod storage;
mod sweeper;
mod taken;
#[cfg(test)]
mod tests;
mod thread_watch;
mod threads;
mod turn;
mod update;
mod updates;
mod watch;
mod webhooks;
mod zones;

pub use check::{ComponentCheck, check_component, component_id};
pub use crons::{FirePage, FireQuery, Preview, PreviewCron, PreviewedInstant};
pub use error::Error;
pub use files::{OpenedFile, ThreadFiles};
pub use folder::{ComponentState, ComponentStatus};
pub use grants::{
    CronGrantSettings, GrantBounds, GrantSettings, HostEnvironment, InvalidName, NamePattern,
};
pub use host::Host;
pub use items::{ListNamespaces, SearchItems};
pub use keys::CreateKey;
pub use metrics::{FireMetrics, Histogram, Metrics, RunMetrics};
pub use models::{ModelSettings, Models, Provider};
pub use offline::{backup_folder, create_key_in, keys_in, revoke_key_in};
pub use request::{
    AssistantQuery, CancelAction, CreateAssistant, CreateCron, CreateRun, CreateThread, CronPatch,
    IfExists, NodeUpdate, PolicyPatch, RequestPatch, RunThread, RunsToStop, StateUpdate, Superstep,
    ThreadPatch,
};
pub use settings::{
    AssistantFile, Backoff, CronSettings, HostSettings, HttpLimitSettings, InvalidSettings,
    LimitSettings, Retention, parse_bytes,
};
pub use states::{HistoryStart, ThreadState, checkpoint_metadata};
pub use storage::{Amount, ThreadStorage};
pub use thread_watch::{History, StateChange, ThreadEvent, ThreadWatch};
pub use wakeful_core as core;
#[cfg(feature = "compile")]
pub use wakeful_engine::compile_for_parent;
pub use wakeful_engine::{
    BinaryKind, ChildCompiler, CompileLimits, Description, Examination, LoadError, Lookup,
    RunnerProcesses, RunnerProgram,
};
#[cfg(target_os = "linux")]
pub use wakeful_engine::{Confinement, confine, isolate, run_for_parent};
pub use wakeful_store::{
    AssistantSort, Backup, ClaimDeliveries, Created, CronQuery, DeliveryQuery, Error as StoreError,
    Order, Page, RunQuery, SortBy, StoreStats, ThreadQuery, VersionQuery, WEBHOOK_SECRET, origin,
    restore as restore_backup,
};
pub use watch::RunWatch;
pub use webhooks::{Unreachable, WebhookSettings};
pub use zones::TimeZoneData;
