//! Clock answers every question with the time of day, in UTC.
//!
//! If a cron woke it, it also says which instant the schedule named, and how many earlier ones
//! went by while nobody was there to run it.

wit_bindgen::generate!({ path: "../../wit", world: "assistant-plugin" });

use std::time::SystemTime;

use exports::wakeful::assistant::assistant::Guest;
use jiff::{Timestamp, civil::DateTime, tz::Offset};
use serde_json::json;
use wakeful::assistant::assistant_types::{Error, ErrorCode, Outcome, ThreadInfo, Trigger};
use wakeful::assistant::thread;

struct Clock;

export!(Clock);

impl Guest for Clock {
    fn invoke(info: ThreadInfo, input: String) -> Result<Outcome, Error> {
        let input = messages::input(&input).map_err(invalid)?;
        let new = messages::of(&input).map_err(invalid)?;

        let now = now();
        let mut reply = format!("It is {} {} UTC.", now.date(), now.time());
        if let Trigger::Cron(fire) = info.trigger {
            reply += &format!(" This run was scheduled for {}", fire.scheduled_at);
            reply += &match fire.missed {
                0 => ".".into(),
                1 => " and stands for one that was missed.".into(),
                missed => format!(" and stands for {missed} that were missed."),
            };
        }

        let old = messages::parsed(&thread::values());
        let mut conversation = messages::so_far(&old, new);
        conversation.push(messages::reply(reply));
        Ok(Outcome::Done(json!({ "messages": conversation }).to_string()))
    }
}

fn now() -> DateTime {
    let since_1970 = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    let now = Timestamp::from_second(since_1970.as_secs().cast_signed()).unwrap_or_default();
    Offset::UTC.to_datetime(now)
}

fn invalid(message: String) -> Error {
    Error { code: ErrorCode::InvalidInput, message, retryable: false, retry_after_ms: None }
}
