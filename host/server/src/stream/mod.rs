//! Streams of server-sent events: what runs do, while they do it.

mod body;
mod frame;
mod mode;
mod resume;
mod show;

pub(crate) use body::{EventStream, Source};
pub(crate) use frame::{Metadata, Wanted};
pub(crate) use mode::Modes;
pub(crate) use resume::Resume;
pub(crate) use show::{RunStream, ThreadModes, ThreadShow};
