//! What the engine promises, tested with guests that break every promise of theirs.

// Helpers beside the tests fail them in the same way.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]
// The tests of HTTP are there twice: for guests in this process, and in one of their own.
#![allow(clippy::duplicate_mod)]

mod chat;
mod compiling;
mod containment;
mod contract;
mod crons;
mod describing;
mod egress;
#[cfg(target_os = "linux")]
#[path = "egress/mod.rs"]
mod egress_in_children;
mod examples;
mod guest;
mod hostile;
mod loading;
#[cfg(target_os = "linux")]
mod runner_process;
#[cfg(target_os = "linux")]
mod runners;
mod support;
