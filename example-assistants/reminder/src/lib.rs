//! Reminder reminds of things on its thread, at the times it was asked to, by crons that it makes
//! for itself.
//!
//! The input `{"remind": "call Ada", "at": "2030-01-01T09:00:00Z"}` asks to be reminded once;
//! `"every": "2h"`, or `"schedule": "0 9 * * MON"` and `"timezone": "Europe/Berlin"`, again and
//! again. `{"forget": "<cron id>"}` takes a reminder back. To anything else it replies with what it
//! will remind of. Its crons bring it `{"reminder": "call Ada"}`, which is what it then says.
//!
//! It needs a grant, such as this in `reminder.toml`:
//!
//! ```toml
//! [grants]
//! crons = { max = 20, min_interval = "15m" }
//! ```

wit_bindgen::generate!({ path: "../../wit", world: "described-assistant-plugin" });

mod about;

use exports::wakeful::assistant::assistant::Guest;
use serde_json::{Map, Value, json};
use wakeful::assistant::assistant_types::{Error, ErrorCode, Outcome, ThreadInfo};
use wakeful::assistant::events::{self, Event};
use wakeful::assistant::{crons, fire, thread};

/// What of the input says when.
const WHEN: [&str; 4] = ["at", "every", "schedule", "timezone"];

struct Reminder;

export!(Reminder);

impl Guest for Reminder {
    fn invoke(_info: ThreadInfo, input: String) -> Result<Outcome, Error> {
        let input = messages::input(&input).map_err(invalid)?;
        let new = messages::of(&input).map_err(invalid)?;

        let said = if let Some(text) = input.get("reminder") {
            remind(text, input["once"] == true)?
        } else if let Some(text) = input.get("remind") {
            promise(text, &input)?
        } else if let Some(id) = input.get("forget").and_then(Value::as_str) {
            let was_there = crons::delete(id)?;
            if was_there { "Forgotten." } else { "There is no such reminder." }.to_owned()
        } else {
            agenda()?
        };

        let reply = messages::reply(said);
        events::emit(&Event::Message(reply.to_string()))?;
        let mut conversation = messages::so_far(&messages::parsed(&thread::values()), new);
        conversation.push(reply);
        Ok(Outcome::Done(json!({ "messages": conversation }).to_string()))
    }
}

/// Says what is to be remembered, now that its time has come.
fn remind(text: &Value, once: bool) -> Result<String, Error> {
    let info = fire::info().map(|info| messages::parsed(&info)).unwrap_or_default();
    if once && let Some(id) = info["cron_id"].as_str() {
        // It goes with the end of this run: should the run fail, it is there for the next try.
        crons::delete(id)?;
    }
    let text = text.as_str().unwrap_or_default();
    Ok(match info["scheduled_at"].as_str() {
        Some(at) => format!("Reminder: {text} ({at})"),
        None => format!("Reminder: {text}"),
    })
}

/// Makes a cron that will bring the text back.
fn promise(text: &Value, input: &Map<String, Value>) -> Result<String, Error> {
    let Some(text) = text.as_str() else {
        return Err(invalid("`remind` must be a text".to_owned()));
    };
    let mut request = json!({
        "input": { "reminder": text, "once": input.contains_key("at") },
        "metadata": { "reminder": text },
    });
    for key in WHEN {
        if let Some(value) = input.get(key) {
            request[key] = value.clone();
        }
    }
    let cron = messages::parsed(&crons::create(&request.to_string())?);
    let (id, next) = (&cron["cron_id"], &cron["next_run_date"]);
    Ok(format!("I will remind you of {text:?}, next at {next}; its id is {id}."))
}

/// What it will remind of, or why it cannot.
fn agenda() -> Result<String, Error> {
    let crons = match crons::list() {
        Ok(crons) => crons,
        Err(Error { code: ErrorCode::Denied, message, .. }) => return Ok(message),
        Err(error) => return Err(error),
    };
    let lines: Vec<_> = crons
        .iter()
        .map(|cron| messages::parsed(cron))
        .filter(|cron| cron["metadata"]["reminder"].is_string() && cron["ended"] == false)
        .map(|cron| format!("{}: {}", cron["next_run_date"], cron["metadata"]["reminder"]))
        .collect();
    Ok(if lines.is_empty() { "There is nothing to remember.".to_owned() } else { lines.join("\n") })
}

fn invalid(message: String) -> Error {
    Error { code: ErrorCode::InvalidInput, message, retryable: false, retry_after_ms: None }
}
