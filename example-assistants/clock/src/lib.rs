//! Clock answers every question with the time of day, in UTC.
//!
//! If a cron woke it, it also says which instant the schedule named, and how many earlier ones
//! went by while nobody was there to run it.

use std::time::SystemTime;

use jiff::{Timestamp, civil::DateTime, tz::Offset};
use wakeful_guest::{Assistant, Outcome, Result, Run, Trigger, export};

struct Clock;
export!(Clock);

impl Assistant for Clock {
    fn run(run: &Run) -> Result<Outcome> {
        let now = now();
        let mut reply = format!("It is {} {} UTC.", now.date(), now.time());
        if let Trigger::Cron(fire) = &run.trigger {
            reply += &format!(" This run was scheduled for {}", fire.scheduled_at);
            reply += &match fire.missed {
                0 => ".".into(),
                1 => " and stands for one that was missed.".into(),
                missed => format!(" and stands for {missed} that were missed."),
            };
        }
        Ok(run.reply(reply).into())
    }
}

fn now() -> DateTime {
    let since_1970 = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    let now = Timestamp::from_second(since_1970.as_secs().cast_signed()).unwrap_or_default();
    Offset::UTC.to_datetime(now)
}
