use jiff::tz::TimeZone;
use serde_json::Value as Json;
use wakeful::core::{Schedule, Timestamp};

use crate::commands::{fields, next};
use crate::{format, out};

/// How many instants are shown.
const SHOWN: usize = 3;

/// Prints the next instants of a cron, in its own zone.
pub(super) fn print(cron: &Json) -> anyhow::Result<()> {
    let now = Timestamp::now();
    for (line, at) in upcoming(cron, now) {
        out::line(format_args!("  next  {line} ({})", format::relative(at, now)))?;
    }
    Ok(())
}

/// The next instants of a cron as text and as themselves; none if it is paused or has ended.
fn upcoming(cron: &Json, now: Timestamp) -> Vec<(String, Timestamp)> {
    if cron.get("enabled").and_then(Json::as_bool) == Some(false) {
        return Vec::new();
    }
    let end = fields::instant(cron, "end_time").unwrap_or(Timestamp::MAX);
    let schedule = fields::optional(cron, "schedule").unwrap_or_default();
    let Ok(schedule) = Schedule::parse(schedule, fields::optional(cron, "timezone")) else {
        // A newer server may know schedules that this program does not; it said when it is next.
        let next = fields::instant(cron, "next_run_date");
        return next.map(|at| (format::instant(at, &TimeZone::UTC), at)).into_iter().collect();
    };
    let instants: Vec<_> = schedule.upcoming(now).take_while(|at| *at <= end).take(SHOWN).collect();
    let lines = next::lines(instants.iter().copied(), schedule.timezone());
    lines.zip(instants.iter().copied()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(cron: &Json, expected: &[&str]) {
        let now = "2026-11-22T09:00:00Z".parse().unwrap();
        let found = upcoming(cron, now);
        assert_eq!(found.iter().map(|(line, _)| line.as_str()).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn the_next_instants_are_in_the_zone_of_the_cron_and_not_after_its_end() {
        let mut cron = json!({
            "schedule": "0 9 * * *", "timezone": "Europe/Berlin", "enabled": true,
            "end_time": "2026-11-24T23:00:00Z",
        });
        let days = ["Mon 2026-11-23 09:00:00 +01:00 CET", "Tue 2026-11-24 09:00:00 +01:00 CET"];
        check(&cron, &days);
        cron["enabled"] = false.into();
        check(&cron, &[]);
    }

    #[test]
    fn a_schedule_from_a_newer_server_falls_back_to_what_it_said() {
        let cron = json!({"schedule": "whenever", "next_run_date": "2026-11-22T10:00:00+00:00"});
        check(&cron, &["Sun 2026-11-22 10:00:00 +00:00"]);
    }
}
