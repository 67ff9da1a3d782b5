//! Guests that break every promise of theirs: one table of attacks per kind, each tried on every
//! machine, beside neighbours that must not notice.
//!
//! `cargo test --test engine hostile -- --nocapture` prints how long containing each of them took.

mod attack;
mod clocks;
mod components;
mod cpu;
mod disk;
mod files;
mod handles;
mod machine;
mod many;
mod memory;
mod neighbours;
mod output;
mod paths;
mod resident;
mod stage;
mod strings;

pub(crate) use files::{FILES, OPEN_ROOT};

/// A guest that never stops by itself.
const SPIN: &str = "(loop $again (br $again)) unreachable";

/// A loop around some statements.
fn forever(statements: &str) -> String {
    format!("(loop $again {statements} (br $again)) unreachable")
}
