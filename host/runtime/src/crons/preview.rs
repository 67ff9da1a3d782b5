use jiff::tz::{AmbiguousOffset, TimeZone};
use wakeful_core::{Dst, Timestamp};

use super::timing::{before, read_schedule};
use crate::{Error, Host, TimeZoneData};

/// Which instants to look ahead at.
#[derive(Debug, Clone)]
pub struct PreviewCron {
    /// The texts of the schedule.
    pub schedules: Vec<String>,
    /// The IANA time zone in which they are read; `None` means UTC.
    pub timezone: Option<String>,
    /// What a change of the clocks does to them.
    pub dst: Dst,
    /// The first instant that counts.
    pub start_time: Option<Timestamp>,
    /// The last instant that counts.
    pub end_time: Option<Timestamp>,
    /// Only instants after this one; `None` means from now on.
    pub after: Option<Timestamp>,
    /// How many.
    pub count: usize,
}

/// What a schedule does.
#[derive(Debug, Clone)]
pub struct Preview {
    /// Its instants, in order.
    pub instants: Vec<PreviewedInstant>,
    /// What is correct, and may still not be what was meant; for people.
    pub warnings: Vec<String>,
    /// What changes of the clocks do to these instants; for people.
    pub dst_notes: Vec<String>,
    /// The time zone in which it was read.
    pub timezone: TimeZone,
    /// The version of the time-zone data, where the machine tells.
    pub tzdata: Option<String>,
}

/// An instant of a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PreviewedInstant {
    /// The instant.
    pub at: Timestamp,
    /// What is special about it; for people.
    pub note: Option<&'static str>,
}

impl Host {
    /// Tells what a schedule would do, and stores nothing.
    pub fn preview_cron(&self, preview: &PreviewCron) -> Result<Preview, Error> {
        let PreviewCron { schedules, timezone, dst, .. } = preview;
        let schedule = read_schedule(schedules, timezone.as_deref(), *dst)?;
        if preview.start_time.zip(preview.end_time).is_some_and(|(start, end)| end < start) {
            return Err(Error::Invalid(
                "end_time: it comes before start_time, so there is no instant between them"
                    .to_owned(),
            ));
        }
        let now = self.now();
        let after = preview.after.unwrap_or(now);
        let after = preview.start_time.map_or(after, |start| before(start).max(after));
        let end = preview.end_time.unwrap_or(Timestamp::MAX);
        let zone = schedule.timezone();
        let instants: Vec<_> = schedule
            .upcoming(after)
            .take_while(|at| *at <= end)
            .take(preview.count)
            .map(|at| PreviewedInstant { at, note: note(zone, at) })
            .collect();
        let mut warnings = schedule.warnings();
        warnings.extend(self.too_frequent(&schedule, after));
        Ok(Preview {
            warnings,
            dst_notes: schedule.dst_notes(after, instants.len()),
            timezone: zone.clone(),
            tzdata: TimeZoneData::read().version,
            instants,
        })
    }
}

/// What the clocks of a zone do at an instant.
fn note(zone: &TimeZone, at: Timestamp) -> Option<&'static str> {
    match zone.to_ambiguous_timestamp(zone.to_datetime(at)).offset() {
        AmbiguousOffset::Fold { before, .. } if zone.to_offset(at) == before => {
            Some("the clock shows this time twice; this is the first")
        }
        AmbiguousOffset::Fold { .. } => Some("the clock shows this time twice; this is the second"),
        _ => {
            let forward = zone.to_offset(before(at)) < zone.to_offset(at);
            forward.then_some("the clock is set forward to this time")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_says_what_the_clock_does_there() {
        let zone = TimeZone::get("America/New_York").unwrap();
        for (at, expected) in [
            ("2026-03-08T03:00:00-04:00", Some("the clock is set forward to this time")),
            ("2026-03-08T03:00:01-04:00", None),
            (
                "2026-11-01T01:30:00-04:00",
                Some("the clock shows this time twice; this is the first"),
            ),
            (
                "2026-11-01T01:30:00-05:00",
                Some("the clock shows this time twice; this is the second"),
            ),
            ("2026-11-01T02:00:00-05:00", None),
        ] {
            assert_eq!(note(&zone, at.parse().unwrap()), expected, "{at}");
            assert_eq!(note(&TimeZone::UTC, at.parse().unwrap()), None);
        }
    }
}
