//! Durable storage for the host: the [`Store`] trait, its contract suite, and the sled backend.
//!
//! Use it to open a data folder or to write another backend. Do not use it to decide anything:
//! when a cron is due, what a run may do and what is retried are the host library's to say.
//!
//! Invariants: an `Ok` from a writing method means the write survives `kill -9` and a power cut;
//! every method is one transaction; what is not written whole is not written at all.

#[cfg(feature = "sled")]
mod archive;
#[cfg(feature = "sled")]
mod blobs;
mod contain;
#[cfg(feature = "contract")]
pub mod contract;
#[cfg(feature = "sled")]
mod folder;
#[cfg(feature = "sled")]
mod record;
#[cfg(feature = "sled")]
mod sled;
mod store;

#[cfg(feature = "sled")]
pub use archive::{WEBHOOK_SECRET, restore};
pub use contain::contains;
pub use store::{
    AssistantQuery, AssistantSort, AssistantStore, Backup, Cancelled, ClaimDeliveries, ClaimedRun,
    CopyThread, Created, CronChange, CronQuery, DeletedAssistant, DeliveryQuery, DueCron, Error,
    EventStore, Expired, FinishRun, Finished, FirePlan, FireStore, FoundItems, GetItem, Inserted,
    ItemQuery, ItemStore, JournalEntry, JournalStore, KeyStore, NamespaceQuery, NewRun, Order,
    OutboxStore, Page, Planner, Purse, Put, PutCheckpoint, PutItem, RecordCall, Recovered,
    Redelivery, RunQuery, SortBy, StateStore, StatsStore, Store, StoreStats, ThreadPatch,
    ThreadQuery, VersionQuery, origin,
};

#[cfg(feature = "faults")]
pub use self::sled::{Faults, Step};
#[cfg(feature = "sled")]
pub use self::sled::{SledConfig, SledStore};
