use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use serde::Deserialize;
use utoipa::ToSchema;
use wakeful::core::{Dst, Json, Object, Schedule, ScheduleError, Timestamp};

use crate::error::Error;
use crate::extract::typed;
use crate::wire::Length;

/// The ways to say when a cron fires, of which a request has one.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct ScheduleFields {
    /// Cron text, `@every …` or `@at …`.
    schedule: Option<String>,
    /// Several such texts. It fires at the instants of each.
    schedules: Option<Vec<String>>,
    /// An interval.
    every: Option<Every>,
    /// One instant; without an offset it is one of `timezone`.
    at: Option<String>,
}

const KEYS: [&str; 4] = ["schedule", "schedules", "every", "at"];

#[derive(Debug, Deserialize, ToSchema)]
#[serde(
    untagged,
    expecting = "expected an interval such as \"15m\", a number of seconds, or {\"interval\": \"1h\", \"phase\": \"5m\"}"
)]
enum Every {
    Interval(Length),
    Phased { interval: Length, phase: Option<Length> },
}

impl ScheduleFields {
    /// Takes them out of a body.
    pub(crate) fn take(body: &mut Object) -> Result<Self, Error> {
        typed(Json::Object(take(body, &KEYS)), "")
    }

    /// The texts that they mean, in this time zone; `None` if nothing is said.
    pub(crate) fn texts(self, timezone: Option<&str>) -> Result<Option<Vec<String>>, Error> {
        let texts = match (self.schedule, self.schedules, self.every, self.at) {
            (None, None, None, None) => return Ok(None),
            (Some(text), None, None, None) => vec![text],
            (first, Some(texts), None, None) => {
                if first.is_some_and(|first| texts.first() != Some(&first)) {
                    return Err(Error::unprocessable(
                        "schedule: beside `schedules` it has to be the first of them; leave one of the two out",
                    ));
                }
                texts
            }
            (None, None, Some(every), None) => vec![every.text()?],
            (None, None, None, Some(at)) => vec![at_text(&at, timezone)?],
            _ => {
                return Err(Error::unprocessable(format!("schedule: {ONE_OF}, not several")));
            }
        };
        Ok(Some(texts))
    }

    /// The same, where something has to be said.
    pub(crate) fn required_texts(self, timezone: Option<&str>) -> Result<Vec<String>, Error> {
        self.texts(timezone)?.ok_or_else(|| Error::unprocessable(format!("schedule: {ONE_OF}")))
    }
}

const ONE_OF: &str = "give one of `schedule` (such as \"0 9 * * 1-5\"), `schedules` (a list of such), `every` (such as \"15m\") and `at` (such as \"2030-01-31T09:00:00Z\")";

impl Every {
    fn text(self) -> Result<String, Error> {
        let (interval, phase) = match self {
            Self::Interval(interval) => (interval, None),
            Self::Phased { interval, phase } => (interval, phase),
        };
        let phase = phase.map_or(Duration::ZERO, |phase| phase.0);
        if [interval.0, phase].iter().any(|length| length.subsec_nanos() != 0) {
            return Err(Error::unprocessable("every: write whole seconds"));
        }
        let text = format!("@every {}s/{}s", interval.0.as_secs(), phase.as_secs());
        match Schedule::read(&[text], None, Dst::default()) {
            Ok(schedule) => Ok(schedule.canonical().concat()),
            Err(ScheduleError::Field { field, fix, .. }) => {
                Err(Error::unprocessable(format!("every: the {field} cannot be that long; {fix}")))
            }
            Err(error) => Err(Error::unprocessable(format!("every: {error}"))),
        }
    }
}

fn at_text(text: &str, timezone: Option<&str>) -> Result<String, Error> {
    let at = instant(text, timezone).map_err(|reason| {
        let text: String = text.chars().take(64).collect();
        Error::unprocessable(format!("at: `{text}` {reason}"))
    })?;
    if at.subsec_nanosecond() != 0 {
        return Err(Error::unprocessable("at: write whole seconds"));
    }
    Ok(format!("@at {at}"))
}

/// Reads an instant. One without an offset is what the clocks of the time zone show, once.
fn instant(text: &str, timezone: Option<&str>) -> Result<Timestamp, &'static str> {
    if let Ok(instant) = text.parse() {
        return Ok(instant);
    }
    let civil: DateTime = text.parse().map_err(|_| {
        "is not an instant; write one such as `2030-01-31T09:00:00Z`, or without an offset for one of `timezone`"
    })?;
    // A zone that is none is refused where the schedule is read.
    let zone = timezone.and_then(|name| TimeZone::get(name).ok()).unwrap_or(TimeZone::UTC);
    let instant = zone.to_ambiguous_timestamp(civil);
    match instant.offset() {
        AmbiguousOffset::Gap { .. } => Err(
            "does not exist there, because the clock is set forward over it; write another time, or one with its offset from UTC",
        ),
        AmbiguousOffset::Fold { .. } => Err(
            "comes twice there, because the clock is set back over it; write it with its offset from UTC",
        ),
        AmbiguousOffset::Unambiguous { .. } => {
            instant.unambiguous().map_err(|_| "is too far from now")
        }
    }
}

/// Takes some fields out of a body, to be read by themselves: only then does an error name the
/// field.
pub(crate) fn take(body: &mut Object, keys: &[&str]) -> Object {
    let mut taken = Object::new();
    for key in keys {
        if let Some(value) = body.shift_remove(*key) {
            taken.insert((*key).to_owned(), value);
        }
    }
    taken
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn texts(body: Json, zone: Option<&str>) -> Result<Option<Vec<String>>, String> {
        let mut body = body.as_object().unwrap().clone();
        let fields = ScheduleFields::take(&mut body).and_then(|fields| fields.texts(zone));
        fields.map_err(|error| error.to_string())
    }

    #[test]
    fn every_way_to_say_when_becomes_texts() {
        for (body, zone, expected) in [
            (json!({"schedule": "@daily"}), None, vec!["@daily"]),
            (json!({"schedules": ["@daily", "@hourly"]}), None, vec!["@daily", "@hourly"]),
            (json!({"schedule": "a", "schedules": ["a", "b"]}), None, vec!["a", "b"]),
            (json!({"every": "15m", "at": null}), None, vec!["@every 15m"]),
            (json!({"every": 90}), None, vec!["@every 1m30s"]),
            (
                json!({"every": {"interval": "1h 30m", "phase": "5m"}}),
                None,
                vec!["@every 1h30m/5m"],
            ),
            (json!({"at": "2030-01-31T09:00:00+01:00"}), None, vec!["@at 2030-01-31T08:00:00Z"]),
            (json!({"at": "2030-01-31T09:00:00"}), None, vec!["@at 2030-01-31T09:00:00Z"]),
            (
                json!({"at": "2030-01-31T09:00:00"}),
                Some("Europe/Berlin"),
                vec!["@at 2030-01-31T08:00:00Z"],
            ),
        ] {
            let expected = Some(expected.into_iter().map(str::to_owned).collect());
            assert_eq!(texts(body.clone(), zone), Ok(expected), "{body}");
        }
        assert_eq!(texts(json!({"schedule": null, "other": 1}), None), Ok(None));
    }

    #[test]
    fn what_cannot_be_meant_is_refused_by_field() {
        for (body, expected) in [
            (json!({"schedule": "@daily", "every": "1h"}), "schedule: give one of"),
            (json!({"schedule": "a", "schedules": ["b"]}), "schedule: beside"),
            (json!({"schedule": 7}), "schedule: "),
            (json!({"schedules": "@daily"}), "schedules: "),
            (json!({"every": "soon"}), "every: expected an interval"),
            (json!({"every": 0}), "every: the interval"),
            (json!({"every": 0.5}), "every: write whole seconds"),
            (json!({"every": {"interval": "5m", "phase": "5m"}}), "every: the phase"),
            (json!({"at": "tomorrow"}), "at: `tomorrow` is not an instant"),
            (json!({"at": "2030-01-01T00:00:00.5Z"}), "at: write whole seconds"),
        ] {
            let refusal = texts(body.clone(), None).unwrap_err();
            assert!(refusal.starts_with(expected), "{body}: {refusal}");
        }
        for (at, expected) in
            [("2027-03-28T02:30:00", "does not exist"), ("2027-10-31T02:30:00", "comes twice")]
        {
            let refusal = texts(json!({"at": at}), Some("Europe/Berlin")).unwrap_err();
            assert!(refusal.contains(expected), "{refusal}");
            assert!(texts(json!({"at": at}), None).is_ok());
        }
    }
}
