//! The API over a real host with one real component, in process.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as tests do"
)]

mod a2a;
mod assistants;
mod batches;
mod bodies;
mod cancelling;
mod commands;
mod corrections;
mod cron_fires;
mod cron_policies;
mod cron_preview;
mod crons;
mod errors;
mod files;
mod graphs;
mod headers;
mod inherited;
mod keys;
mod limits;
mod mcp;
mod metrics;
mod once;
mod openapi;
mod operations;
mod receiver;
mod request_log;
mod runs;
mod serving;
mod sockets;
mod sse;
mod states;
mod store;
mod streams;
mod support;
mod thread_changes;
mod thread_protocol;
mod thread_streams;
mod threads;
mod waits;
mod webhooks;
