use jiff::tz::TimeZone;
use serde_json::Value as Json;
use wakeful::core::{Dst, Schedule, Timestamp};

use crate::commands::{fields, next};
use crate::{format, out};

/// How many instants are shown.
const SHOWN: usize = 3;

/// Prints the next instants of a cron, in its own zone, and on standard error what to know of
/// them.
pub(super) fn print(cron: &Json) -> anyhow::Result<()> {
    let now = Timestamp::now();
    let upcoming = upcoming(cron);
    let shown = upcoming.get(..SHOWN).unwrap_or(&upcoming);
    for (line, at) in next::lines(shown.iter().copied(), &zone(cron)).zip(shown) {
        out::line(format_args!("  next  {line} ({})", format::relative(*at, now)))?;
    }
    if let ([], Some("ended")) = (shown, fields::optional(cron, "state")) {
        out::line(format_args!("  it has ended: no instant is left"))?;
    }
    for warning in fields::texts(cron, "warnings") {
        out::note(format_args!("warning: {}", format::clean(warning)));
    }
    for note in dst_notes(cron, shown) {
        out::note(format_args!("note: {note}"));
    }
    Ok(())
}

/// The next instants of a cron, as the server says; none if it is paused or has ended.
pub(super) fn upcoming(cron: &Json) -> Vec<Timestamp> {
    let told = cron.get("upcoming").and_then(Json::as_array);
    let Some(told) = told else {
        return fields::instant(cron, "next_run_date").into_iter().collect();
    };
    told.iter().filter_map(|at| at.as_str()?.parse().ok()).collect()
}

/// The time zone in which a cron is read.
pub(super) fn zone(cron: &Json) -> TimeZone {
    // A server may know zones that this machine does not.
    let named = fields::optional(cron, "timezone").and_then(|name| TimeZone::get(name).ok());
    named.unwrap_or(TimeZone::UTC)
}

/// What daylight saving time does to these instants.
fn dst_notes(cron: &Json, shown: &[Timestamp]) -> Vec<String> {
    let texts = fields::texts(cron, "schedules");
    let dst = fields::optional(cron, "dst").and_then(Dst::parse).unwrap_or_default();
    let schedule = Schedule::read(&texts, fields::optional(cron, "timezone"), dst);
    match (schedule, shown) {
        (Ok(schedule), [first, ..]) => {
            let after = *first - jiff::SignedDuration::from_nanos(1);
            schedule.dst_notes(after, shown.len())
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_next_instants_are_those_of_the_server_in_the_zone_of_the_cron() {
        let cron = json!({
            "timezone": "Europe/Berlin",
            "upcoming": ["2026-11-23T08:00:00+00:00", "2026-11-24T08:00:00+00:00"],
        });
        let lines: Vec<_> = next::lines(upcoming(&cron).into_iter(), &zone(&cron)).collect();
        assert_eq!(
            lines,
            ["Mon 2026-11-23 09:00:00 +01:00 CET", "Tue 2026-11-24 09:00:00 +01:00 CET"]
        );
        assert!(upcoming(&json!({"upcoming": [], "next_run_date": null})).is_empty());
    }

    #[test]
    fn a_server_that_tells_less_says_when_it_is_next() {
        let cron = json!({"schedule": "whenever", "next_run_date": "2026-11-22T10:00:00+00:00"});
        assert_eq!(upcoming(&cron), ["2026-11-22T10:00:00Z".parse().unwrap()]);
    }

    #[test]
    fn a_change_of_the_clocks_among_the_next_instants_is_told() {
        let cron = json!({
            "schedules": ["30 2 * * *"], "timezone": "America/New_York", "dst": "vixie",
        });
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let notes = dst_notes(&cron, &[at("2026-03-08T07:00:00Z"), at("2026-03-09T06:30:00Z")]);
        assert_eq!(notes.len(), 1, "{notes:?}");
        assert!(notes[0].starts_with("2026-03-08: 02:30"), "{notes:?}");
        assert!(dst_notes(&cron, &[at("2026-03-10T06:30:00Z")]).is_empty());
    }
}
