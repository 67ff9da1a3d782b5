//! What an assistant may reach beside its own thread: what its file says, what the host's settings
//! say to that, and what a run is given of it.

mod bounds;
mod file;
mod hosts;
mod provide;
mod provisions;

pub use bounds::{GrantBounds, HostEnvironment, InvalidName, NamePattern};
pub use file::{CronGrantSettings, GrantSettings};
