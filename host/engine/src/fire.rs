//! Why a cron started a run, as the guest sees it.

use serde_json::json;
use wakeful_core::{CronTrigger, Json, RunId};

use crate::bindings::wakeful::assistant::fire::Host;
use crate::sandbox::Sandbox;
use crate::{Job, JobTrigger};

/// What is known of the fire; nothing if no cron started the run.
pub(crate) fn of(job: &Job) -> Option<Json> {
    match &job.trigger {
        JobTrigger::Cron(fire) => Some(facts(fire, job.run_id)),
        JobTrigger::Manual | JobTrigger::Resume(_) => None,
    }
}

/// A fire and the run that it starts have one id.
fn facts(fire: &CronTrigger, run: RunId) -> Json {
    json!({
        "cron_id": fire.cron_id.to_string(),
        "fire_id": run.to_string(),
        "scheduled_at": fire.scheduled_at.to_string(),
        "previous_scheduled_at": fire.previous_at.map(|at| at.to_string()),
        "late_ms": u64::try_from(fire.late.as_millis()).unwrap_or(u64::MAX),
        "trigger": fire.cause.as_str(),
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
