//! Counts the weeks of its thread: a place to start from.

use wakeful_guest::{Assistant, Outcome, Result, Run, export};

struct Weekly;
export!(Weekly);

impl Assistant for Weekly {
    fn run(run: &Run) -> Result<Outcome> {
        let week = run.values["week"].as_u64().unwrap_or(0) + 1;
        Ok(run.reply(format!("This is week {week}.")).with("week", week).into())
    }
}
