//! What the engine promises, tested with guests that break every promise of theirs.

// Helpers beside the tests fail them in the same way.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

mod compiling;
mod containment;
mod contract;
mod crons;
mod describing;
mod egress;
mod examples;
mod guest;
mod hostile;
mod loading;
mod support;
