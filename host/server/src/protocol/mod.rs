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

/// How many runs of a thread's past are told to a client that comes to it.
const PAST: usize = 20;
/// How many are told to one that comes back, of those that ended since it left.
const MISSED: usize = 200;

/// How far back the history of a thread is told to a client that has seen everything up to this
/// number, or nothing yet.
pub(crate) fn history(since: u64) -> History {
    match since {
        0 => History { runs: PAST, outlines: true, after_ms: None },
        _ => History { runs: MISSED, outlines: true, after_ms: Some(event::ms_of(since)) },
    }
}
