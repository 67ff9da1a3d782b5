//! When a cron fires: the text of a schedule, read strictly, and the instants it names.
//!
//! Use it to check a schedule, to learn its next instants, or to find what was missed. Do not use
//! it to wait for them; it reads no clock.
//!
//! A schedule is one text or several: cron text, `@every` for an interval, `@at` for one instant.
//!
//! Texts are parsed here, by rules of our own (see [`Schedule::read`]); the `cron` crate counts
//! through the calendar, always on zone-less wall time, because its own reading of user text and
//! of time zones differs from Unix cron. Time zones come from the system's zone files, or from an
//! embedded copy on a machine that has none.
//!
//! Invariants: an instant is strictly later than the one it was asked for; the answer is the same
//! from any instant between two fires; no input panics or takes long.

mod calendar;
mod canonical;
mod days;
mod dst;
mod error;
mod every;
mod expression;
mod field;
mod instants;
mod local;
mod notes;
mod once;
mod piece;
mod rule;
mod search;
mod wall;
mod warnings;

pub use dst::Dst;
pub use error::ScheduleError;
pub use instants::Schedule;

/// Longer texts are refused unread.
const MAX_BYTES: usize = 256;
/// The most texts that one schedule has.
const MAX_TEXTS: usize = 16;
