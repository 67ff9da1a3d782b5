//! The shapes of the protocol, one file per noun: what the host's records look like to a client,
//! and what clients may send.

mod assistant;
mod assistant_body;
mod cancel_body;
mod component;
mod cron;
mod cron_body;
mod cron_details;
mod cron_policy;
mod cron_search;
mod delivery;
mod extracted;
mod file;
mod fire;
mod grants;
mod graph;
mod interrupt;
mod item;
mod key;
mod length;
mod limit;
mod log;
mod options;
mod preview;
mod request;
mod run;
mod run_body;
mod schedule;
mod select;
mod state;
mod state_body;
mod state_select;
mod storage;
mod text;
mod thread;
mod thread_body;
mod ttl;
mod webhook;
mod word;

pub(crate) use assistant::{Assistant, AssistantFilter, AssistantSearch, AssistantVersion};
pub(crate) use assistant_body::{AssistantBody, AssistantPatchBody, LatestBody, VersionSearch};
pub(crate) use cancel_body::CancelBody;
pub(crate) use component::Component;
pub(crate) use cron::Cron;
pub(crate) use cron_body::{
    BackfillBody, CronBody, CronDocument, CronPatchBody, CronPatchDocument, PauseBody,
};
pub(crate) use cron_details::Details;
pub(crate) use cron_search::{CronFilter, CronSearch};
pub(crate) use delivery::Delivery;
pub(crate) use file::{File, Files};
pub(crate) use fire::Fire;
pub(crate) use grants::Grants;
pub(crate) use graph::{graph, schemas};
pub(crate) use interrupt::Asked;
pub(crate) use item::{
    AddressBody, FoundItem, Item, ItemBody, ItemSearch, NamespaceSearch, REFRESH, queried,
};
pub(crate) use key::{Key, KeyBody};
pub(crate) use length::Length;
pub(crate) use limit::Limit;
pub(crate) use log::Logs;
pub(crate) use preview::{Preview, PreviewBody, PreviewDocument};
pub(crate) use run::Run;
pub(crate) use run_body::{RunBody, RunDocument, RunOn};
pub(crate) use select::Select;
pub(crate) use state::{CheckpointRef, State};
pub(crate) use state_body::{StateBody, Updated};
pub(crate) use state_select::StateSelect;
pub(crate) use storage::Storage;
pub(crate) use text::{Text, Time, parse_time};
pub(crate) use thread::{Thread, ThreadFilter, ThreadSearch};
pub(crate) use thread_body::{PruneBody, ThreadBody, ThreadPatchBody};
pub(crate) use webhook::Ended;
