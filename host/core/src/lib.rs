//! The vocabulary of Wakeful: ids, records, schedules, limits and outcomes.
//!
//! Use it when you need to name what the host keeps: threads, runs, crons, fires. Do not use it to
//! run or store anything; `wakeful-engine` and `wakeful-store` do that, and neither knows the other.
//!
//! Invariants: no input or output, no clock of its own (time comes in through [`Clock`]), no
//! serialisation (stored shapes belong to the store, wire shapes to the server).

pub mod address;
mod assistant;
mod checkpoint;
mod clock;
mod cron;
mod cron_grant;
mod delivery;
mod duration;
mod event;
mod fire;
mod grants;
mod host_grant;
mod id;
mod inherit;
mod item;
mod key;
mod limits;
mod manifest;
mod model;
mod origin;
mod outcome;
mod parent;
mod policy;
mod provision;
mod request_key;
mod run;
mod run_request;
pub mod schedule;
mod thread;
pub mod toml_text;
mod ttl;
mod web_url;

pub use assistant::{Assistant, AssistantPatch};
pub use checkpoint::{Checkpoint, CheckpointSource, Pending};
pub use clock::{Clock, SystemClock, to_micros};
pub use cron::{Cron, CronState, CronStats, LastFailure, NextFire};
pub use cron_grant::CronGrant;
pub use delivery::{AfterAttempt, Attempt, AttemptResult, Delivery, DeliveryStatus};
pub use duration::{duration_of_seconds, duration_text, parse_duration};
pub use event::{
    Committed, End, EventId, GuestEvent, InvalidEventId, LoggedEvent, RunEvent, Start,
};
pub use fire::{Coalesced, Fire, FireCause, FireStatus, SkipReason};
pub use grants::{Access, Grants, InvalidGrant, StoreGrant};
pub use host_grant::{HostBounds, HostGrant, Permitted};
pub use id::{
    AssistantId, CheckpointId, ComponentId, CronId, DeliveryId, Digest, InvalidId, KeyId, RunId,
    ThreadId,
};
pub use item::{
    InvalidFilter, InvalidItem, Item, ItemAddress, ItemFilter, Namespace, NamespacePattern,
};
pub use key::{ApiKey, InvalidKey, InvalidRate, KeyToken, Rate, Scope, Secret};
pub use limits::{HttpLimits, Limits};
pub use manifest::{FileEntry, FileKind, FilePath, InTheWay, InvalidFilePath, Manifest};
pub use model::{InvalidModelName, ModelName, TokenBudget, TokenUse};
pub use origin::{InvalidOrigin, OriginPattern};
pub use outcome::{ErrorCode, Failure, Interrupt, LogLevel, LogLine, LogSource, Outcome, Report};
pub use parent::Parent;
pub use policy::{Catchup, CronPolicy, FailureKind, LARGEST_BACKLOG, ON_TIME, Overlap, Retry};
pub use provision::{
    HeldSecret, Provision, SecretGrant, SecretSource, SecretValue, VariableGrant, VariableSource,
};
pub use request_key::RequestKey;
pub use run::{
    CronTrigger, InvalidTransition, Lease, MultitaskStrategy, OnCompletion, Run, RunError,
    RunStatus, Trigger,
};
pub use run_request::{Command, RunRequest};
pub use schedule::{Dst, Schedule, ScheduleError};
pub use thread::{Thread, ThreadStatus};
pub use ttl::{Expiry, Ttl};
pub use web_url::{InvalidWebUrl, WebUrl};

/// Any JSON document.
pub type Json = serde_json::Value;
/// A JSON object.
pub type Object = serde_json::Map<String, Json>;
/// An instant; the host keeps microseconds.
pub type Timestamp = jiff::Timestamp;
