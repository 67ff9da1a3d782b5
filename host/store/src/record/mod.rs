//! What is kept of each domain type, as JSON behind one byte that says the format.
//!
//! A record is small. What can be large in it (an input, values, metadata) is a [`Doc`], which
//! stands in the record itself or, beyond a kilobyte, in a blob that the record names.

mod assistant;
mod checkpoint;
mod codec;
mod cron;
mod cron_stats;
mod delivery;
mod doc;
mod event;
mod fire;
mod item;
mod journal;
mod key;
mod policy;
mod report;
mod run;
mod thread;

pub(crate) use assistant::{StoredAssistant, StoredVersion};
pub(crate) use checkpoint::{Draft, StoredCheckpoint};
pub(crate) use codec::{Unreadable, VERSION, decode, encode};
pub(crate) use cron::StoredCron;
pub(crate) use cron_stats::StoredCronStats;
pub(crate) use delivery::{StoredDelivery, StoredWebhook};
pub(crate) use doc::{Doc, Docs};
pub(crate) use event::StoredEvents;
pub(crate) use fire::StoredFire;
pub(crate) use item::StoredItem;
pub(crate) use journal::{StoredCall, StoredDay};
pub(crate) use key::StoredKey;
pub(crate) use run::{StoredLease, StoredRun};
pub(crate) use thread::{StoredThread, StoredTtl, error_doc};

#[cfg(test)]
mod fixtures;
