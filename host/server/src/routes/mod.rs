//! The handlers, one file per noun; each file lists its own routes.

pub(crate) mod assistants;
pub(crate) mod cron_actions;
pub(crate) mod cron_fires;
pub(crate) mod crons;
pub(crate) mod deliveries;
pub(crate) mod endings;
pub(crate) mod files;
pub(crate) mod graphs;
pub(crate) mod items;
pub(crate) mod keys;
pub(crate) mod meta;
pub(crate) mod operations;
pub(crate) mod page;
pub(crate) mod runs;
pub(crate) mod states;
pub(crate) mod streams;
pub(crate) mod thread_protocol;
pub(crate) mod threads;
