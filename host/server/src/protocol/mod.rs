//! The protocol of LangGraph's newer clients, which talk to a thread: commands to it, and everything
//! that happens on it as numbered events, over server-sent events or a WebSocket.

mod attempt;
mod command;
mod event;
mod said;
mod show;
mod socket;
mod subscription;

use wakeful::History;

pub(crate) use command::Command;
pub(crate) use show::EventShow;
pub(crate) use socket::talk;
pub(crate) use subscription::{EventFilter, Subscription};

/// How far back the history of a thread is told.
pub(crate) const HISTORY: History = History { runs: 20, outlines: true };
