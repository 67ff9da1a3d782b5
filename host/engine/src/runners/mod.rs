//! Guests in child processes.
//!
//! The host keeps what is worth something: the store, the secrets, the network, the compiler. A
//! runner gets compiled code, jobs and a stream to the host, and has given up everything else before
//! it sees the first of them. What it tells is held against the run that it is told of.
//!
//! - Host: [`ChildRunner`] spreads runs over runners; [`seat`] keeps one of them alive; [`link`] is
//!   what the host knows of a living one; [`watched`] what it allows one run.
//! - Runner: [`serve`] takes jobs; [`remote`], [`bridge`] and [`asker`] stand for what is on the host's side.
//! - Both: [`frame`] and [`wire`].

mod asker;
mod bridge;
mod codes;
mod confine;
mod errands;
mod frame;
mod keeper;
mod link;
mod loading;
mod oracle;
mod outlet;
mod placing;
mod pool;
mod remote;
mod running;
mod seat;
mod serve;
mod suspects;
mod watched;
mod wire;

pub use confine::{Confinement, confine, isolate};
pub use pool::ChildRunner;
pub use serve::run_for_parent;
