use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wakeful::core::{Dst, Json, Object, Timestamp};
use wakeful::{Preview as Seen, PreviewCron};

use crate::described;
use crate::error::Error;
use crate::extract::typed;
use crate::wire::cron_policy::instant;
use crate::wire::schedule::ScheduleFields;
use crate::wire::{Time, word};

/// The most instants that are shown at once.
const MOST: u64 = 1_000;
/// How many are shown unless the client says.
const USUAL: u64 = 10;

/// The body of `POST /runs/crons/preview`.
pub(crate) struct PreviewBody(pub(crate) PreviewCron);

#[derive(Deserialize, ToSchema)]
#[schema(as = PreviewFields)]
struct Fields {
    timezone: Option<String>,
    #[serde(default, deserialize_with = "word::dst")]
    #[schema(value_type = Option<described::Dst>)]
    dst: Option<Option<Dst>>,
    start_time: Option<String>,
    end_time: Option<String>,
    /// Show instants after this one; from now on if not given.
    after: Option<String>,
    /// How many, 1 to 1,000; 10 if not given.
    n: Option<u64>,
}

/// The whole body, for the description.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "only described; it is read in two parts")]
pub(crate) struct PreviewDocument {
    #[serde(flatten)]
    schedule: ScheduleFields,
    #[serde(flatten)]
    fields: Fields,
}

impl PreviewBody {
    pub(crate) fn read(mut body: Object) -> Result<Self, Error> {
        let schedule = ScheduleFields::take(&mut body)?;
        let fields: Fields = typed(Json::Object(body), "")?;
        let count = fields.n.unwrap_or(USUAL);
        if !(1..=MOST).contains(&count) {
            return Err(Error::unprocessable(format!("n: {count} is not between 1 and {MOST}")));
        }
        let read = |field, text: Option<String>| {
            text.as_deref().map(|text| instant(field, text)).transpose()
        };
        Ok(Self(PreviewCron {
            schedules: schedule.required_texts(fields.timezone.as_deref())?,
            dst: fields.dst.flatten().unwrap_or_default(),
            start_time: read("start_time", fields.start_time)?,
            end_time: read("end_time", fields.end_time)?,
            after: read("after", fields.after)?,
            count: usize::try_from(count).unwrap_or(usize::MAX),
            timezone: fields.timezone,
        }))
    }
}

/// What a schedule would do.
#[derive(Serialize, ToSchema)]
pub(crate) struct Preview {
    /// Its next instants.
    instants: Vec<Instant>,
    /// What is correct, and may still not be what was meant.
    warnings: Vec<String>,
    /// What changes of the clocks do to these instants.
    dst_notes: Vec<String>,
    /// The time zone in which it was read.
    timezone: String,
    /// The version of the time-zone data, if the server's machine tells.
    tzdata: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct Instant {
    /// In UTC.
    at: Time,
    /// As the clocks of the time zone show it, with their offset.
    local: String,
    /// What is special about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'static str>,
}

impl From<Seen> for Preview {
    fn from(seen: Seen) -> Self {
        let local = |at| local(at, &seen.timezone);
        let instants = seen.instants.iter();
        Self {
            instants: instants
                .map(|it| Instant { at: Time(it.at), local: local(it.at), note: it.note })
                .collect(),
            warnings: seen.warnings,
            dst_notes: seen.dst_notes,
            timezone: seen.timezone.iana_name().unwrap_or("UTC").to_owned(),
            tzdata: seen.tzdata,
        }
    }
}

fn local(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}
