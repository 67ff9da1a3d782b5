use std::borrow::Cow;

use serde::Serialize;
use serde_json::Map;
use utoipa::ToSchema;
use wakeful::core::{Delivery, Json, Outcome, Run as Record, Timestamp};

use crate::wire::{Asked, Run, Time};

/// What a webhook is told: the run, and how it ended.
#[derive(Serialize, ToSchema)]
pub(crate) struct Ended<'a> {
    #[serde(flatten)]
    run: Run<'a>,
    run_started_at: Option<Time>,
    run_ended_at: Option<Time>,
    webhook_sent_at: Time,
    values: Cow<'a, Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Problem>,
    /// Not part of the protocol, which leaves questions out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    interrupts: Vec<Asked<'a>>,
}

#[derive(Serialize, ToSchema)]
struct Problem {
    error: &'static str,
    message: String,
}

impl<'a> Ended<'a> {
    pub(crate) fn new(run: &'a Record, delivery: &'a Delivery, now: Timestamp) -> Self {
        let outcome = run.report.as_ref().map(|report| &report.outcome);
        let values = match (outcome, &delivery.values) {
            (Some(Outcome::Done(values)), _) => Cow::Owned(Json::Object(values.clone())),
            (_, Some(values)) => Cow::Borrowed(values),
            (_, None) => Cow::Owned(Json::Object(Map::new())),
        };
        let interrupts = match outcome {
            Some(Outcome::Interrupted(asked)) => asked.iter().map(Asked::from).collect(),
            _ => Vec::new(),
        };
        Self {
            run: Run::from(run),
            run_started_at: run.started_at.map(Time),
            run_ended_at: run.ended_at.map(Time),
            webhook_sent_at: Time(now),
            values,
            error: outcome
                .filter(|outcome| !outcome.commits())
                .map(|outcome| Problem { error: outcome.kind(), message: outcome.to_string() }),
            interrupts,
        }
    }
}
