//! What a schedule accepts, and when it fires.
//!
//! The files in `tests/cron` hold one JSON object in each line:
//! - `vectors.jsonl`: instants on which croniter, cronsim and Debian's cron agree;
//! - `rulings.jsonl`: those on which the first two differ, by Debian's rules;
//! - `extensions.jsonl`: what goes beyond Unix cron, as croniter 7 has it;
//! - `invalid.jsonl`: what must be refused;
//! - `borderline.jsonl`: what schedulers differ on; `borderline.rs` decides.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod any_list;
mod any_text;
mod borderline;
mod canonical;
mod columns;
mod dst;
mod every_and_at;
mod lists;
mod messages;
mod notes;
mod properties;
mod random;
mod vectors;
mod warnings;
mod zones;

use wakeful_core::{Dst, Schedule, Timestamp};

/// The lines of a data file.
fn lines(text: &str) -> Vec<serde_json::Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn schedule(expression: &str, zone: &str) -> Schedule {
    Schedule::parse(expression, Some(zone)).unwrap_or_else(|error| panic!("{expression}: {error}"))
}

/// Several texts as one schedule.
fn list(texts: &[&str], zone: &str, dst: Dst) -> Schedule {
    Schedule::read(texts, Some(zone), dst).unwrap_or_else(|error| panic!("{texts:?}: {error}"))
}

/// The first instants after `after`, with the offsets of the zone.
fn upcoming(schedule: &Schedule, after: &str, count: usize) -> Vec<String> {
    schedule
        .upcoming(at(after))
        .take(count)
        .map(|at| at.display_with_offset(schedule.timezone().to_offset(at)).to_string())
        .collect()
}
