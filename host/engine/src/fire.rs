//! Why a cron started a run, as the guest sees it.

use serde_json::json;
use wakeful_core::{CronTrigger, Json};

use crate::JobTrigger;
use crate::bindings::wakeful::assistant::fire::Host;
use crate::sandbox::Sandbox;

/// What is known of the fire; nothing if no cron started the run.
pub(crate) fn of(trigger: &JobTrigger) -> Option<Json> {
    match trigger {
        JobTrigger::Cron(fire) => Some(facts(fire)),
        JobTrigger::Manual | JobTrigger::Resume(_) => None,
    }
}

fn facts(fire: &CronTrigger) -> Json {
    json!({
        "cron_id": fire.cron_id.to_string(),
        "scheduled_at": fire.scheduled_at.to_string(),
        "missed": fire.missed,
    })
}

impl Host for Sandbox {
    fn info(&mut self) -> Option<String> {
        let text = self.fire.as_ref().map(Json::to_string);
        self.meter.bytes(text.as_ref().map_or(0, String::len));
        text
    }
}
