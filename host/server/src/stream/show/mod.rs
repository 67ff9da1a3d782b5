//! What clients see of the events of a run.

pub(crate) mod chain;
pub(crate) mod context;
pub(crate) mod messages;
mod run;
pub(crate) mod tasks;
mod thread;
pub(crate) mod values;

pub(crate) use run::RunStream;
pub(crate) use thread::{ThreadModes, ThreadShow};
