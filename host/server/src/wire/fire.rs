use serde::Serialize;
use utoipa::ToSchema;
use wakeful::core::{Coalesced as MissedInstants, Fire as Record, FireStatus, RunId};

use crate::wire::{Text, Time};

/// What became of one due instant of a cron, on the wire.
#[derive(Serialize, ToSchema)]
pub(crate) struct Fire {
    /// The id of the run that it started, or would have started.
    #[schema(value_type = String, format = "uuid")]
    fire_id: Text<RunId>,
    scheduled_at: Time,
    recorded_at: Time,
    #[schema(value_type = u64)]
    late_ms: u128,
    cause: &'static str,
    status: &'static str,
    #[schema(value_type = Option<String>, format = "uuid")]
    run_id: Option<Text<RunId>>,
    reason: Option<&'static str>,
    coalesced: Option<Coalesced>,
}

#[derive(Serialize, ToSchema)]
struct Coalesced {
    count: u64,
    at_least: bool,
    first: Time,
    last: Time,
}

impl From<&Record> for Fire {
    fn from(record: &Record) -> Self {
        let (status, run_id, reason) = match record.status {
            FireStatus::Started(run) => ("started", Some(Text(run)), None),
            FireStatus::Skipped(reason) => ("skipped", None, Some(reason.as_str())),
        };
        Self {
            fire_id: Text(record.id()),
            scheduled_at: Time(record.scheduled_at),
            recorded_at: Time(record.recorded_at),
            late_ms: record.late.as_millis(),
            cause: record.cause.as_str(),
            status,
            run_id,
            reason,
            coalesced: record.coalesced.as_ref().map(Coalesced::from),
        }
    }
}

impl From<&MissedInstants> for Coalesced {
    fn from(missed: &MissedInstants) -> Self {
        Self {
            count: missed.count,
            at_least: missed.at_least,
            first: Time(missed.first),
            last: Time(missed.last),
        }
    }
}
