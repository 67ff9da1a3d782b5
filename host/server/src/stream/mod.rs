//! Streams of server-sent events: what runs do, while they do it.

mod body;
mod frame;
mod mode;
mod resume;
mod show;

pub(crate) use body::{EventStream, Show, Source, TRUNCATED};
pub(crate) use frame::{Metadata, Wanted, write};
pub(crate) use mode::{Mode, Modes};
pub(crate) use resume::Resume;
pub(crate) use show::context::Context;
pub(crate) use show::values::Values;
pub(crate) use show::{RunStream, ThreadModes, ThreadShow, tasks};
