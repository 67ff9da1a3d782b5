use serde::Serialize;
use utoipa::ToSchema;
use wakeful::core::{
    Attempt as AttemptRecord, AttemptResult, Delivery as Record, DeliveryId, RunId,
};

use crate::wire::{Text, Time};

/// The delivery of a webhook, on the wire.
#[derive(Serialize, ToSchema)]
pub(crate) struct Delivery<'a> {
    #[schema(value_type = String, format = "uuid")]
    delivery_id: Text<DeliveryId>,
    #[schema(value_type = String, format = "uuid")]
    run_id: Text<RunId>,
    /// Without its query, where secrets are.
    url: &'a str,
    status: &'static str,
    created_at: Time,
    next_attempt_at: Option<Time>,
    attempts: Vec<Attempt<'a>>,
}

#[derive(Serialize, ToSchema)]
struct Attempt<'a> {
    at: Time,
    duration_ms: f64,
    http_status: Option<u16>,
    error: Option<&'a str>,
    /// The beginning of the answer.
    response: Option<&'a str>,
}

impl<'a> From<&'a Record> for Delivery<'a> {
    fn from(record: &'a Record) -> Self {
        Self {
            delivery_id: Text(record.id),
            run_id: Text(record.run_id),
            url: record.url.split(['?', '#']).next().unwrap_or_default(),
            status: record.status.as_str(),
            created_at: Time(record.created_at),
            next_attempt_at: record.next_attempt_at.map(Time),
            attempts: record.attempts.iter().map(Attempt::from).collect(),
        }
    }
}

impl<'a> From<&'a AttemptRecord> for Attempt<'a> {
    fn from(record: &'a AttemptRecord) -> Self {
        let (http_status, error, response) = match &record.result {
            AttemptResult::Answered { status, body } => (Some(*status), None, Some(body.as_str())),
            AttemptResult::Failed { reason } => (None, Some(reason.as_str()), None),
        };
        let duration_ms = record.took.as_secs_f64() * 1e3;
        Self { at: Time(record.at), duration_ms, http_status, error, response }
    }
}
