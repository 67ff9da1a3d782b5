use clap::Args;
use jiff::tz::TimeZone;
use serde_json::Value as Json;
use wakeful::core::{Dst, Schedule, Timestamp};

use crate::failure::Failure;
use crate::{format, out};

/// Print the next instants that a schedule names, and what to know of it; needs no server
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  wakeful next '*/15 9-17 * * MON-FRI' --tz Europe/Berlin
  wakeful next '30 2 * * *' --tz America/New_York --after 2024-03-09T12:00:00-05:00 -n 3
  wakeful next '0 9 * * *' '@every 6h/30m' --tz Europe/Berlin --dst skip_and_once
  wakeful next '@at 2027-01-31T09:00:00+01:00'
  wakeful next @hourly --json")]
pub(crate) struct Arguments {
    /// Read this schedule; of several, print what any of them names. One is five fields, a sixth
    /// for seconds if you like, or a word such as @daily; `@every 15m`, or `@every 1h30m/5m` for an
    /// interval and its phase; `@at 2027-01-31T09:00:00Z` for one instant
    #[arg(required = true, value_name = "SCHEDULE")]
    schedules: Vec<String>,

    /// Read the schedule in this IANA time zone [default: UTC]
    #[arg(long, visible_alias = "timezone", value_name = "ZONE")]
    tz: Option<String>,

    /// Follow this rule where the clock is set forward or back. vixie: what is jumped over comes right after
    /// it, and what comes twice counts once; a schedule that begins with * does as the wall does.
    /// skip_and_repeat: as the wall does. skip_and_once: what is jumped over is left out, and what
    /// comes twice counts once [default: vixie]
    #[arg(long, value_name = "RULE", value_parser = dst, default_value = Dst::Vixie.as_str(), hide_default_value = true)]
    dst: Dst,

    /// Begin after this instant, given as RFC 3339 [default: now]
    #[arg(long, value_name = "INSTANT")]
    after: Option<Timestamp>,

    /// Print this many instants
    #[arg(short = 'n', long = "count", value_name = "N", default_value_t = 5)]
    count: usize,
}

pub(super) fn run(arguments: &Arguments, json: bool) -> anyhow::Result<()> {
    let Arguments { schedules, tz, dst, .. } = arguments;
    let schedule = Schedule::read(schedules, tz.as_deref(), *dst)
        .map_err(|error| Failure::Usage(error.to_string()))?;
    for warning in schedule.warnings() {
        out::note(format_args!("warning: {warning}"));
    }
    let zone = schedule.timezone();
    let after = arguments.after.unwrap_or_else(Timestamp::now);
    let instants = schedule.upcoming(after).take(arguments.count);
    if json {
        out::json(&instants.map(|at| Json::String(format::rfc3339(at, zone))).collect())?;
    } else {
        for line in lines(instants, zone) {
            out::line(format_args!("{line}"))?;
        }
    }
    for note in schedule.dst_notes(after, arguments.count) {
        out::note(format_args!("note: {note}"));
    }
    Ok(())
}

fn dst(word: &str) -> Result<Dst, String> {
    Dst::parse(word).ok_or_else(|| format!("use {}", Dst::ALL.map(Dst::as_str).join(", ")))
}

/// One line per instant: weekday, date, time, offset, and the zone's abbreviation if it has one.
pub(super) fn lines(
    instants: impl Iterator<Item = Timestamp>,
    zone: &TimeZone,
) -> impl Iterator<Item = String> {
    instants.map(|at| {
        let abbreviation = at.to_zoned(zone.clone()).strftime("%Z").to_string();
        let line = format::instant(at, zone);
        if abbreviation.chars().all(|c| c.is_ascii_alphabetic()) {
            format!("{line} {abbreviation}")
        } else {
            line
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(schedule: &str, zone: &str, after: &str, expected: &[&str]) {
        let schedule = Schedule::parse(schedule, Some(zone)).unwrap();
        let after = after.parse().unwrap();
        let found: Vec<String> = schedule
            .upcoming(after)
            .take(expected.len())
            .map(|at| format::rfc3339(at, schedule.timezone()))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_fixed_time_in_the_spring_gap_comes_right_after_it() {
        check(
            "30 2 * * *",
            "America/New_York",
            "2024-03-09T12:00:00-05:00",
            &["2024-03-10T03:00:00-04:00", "2024-03-11T02:30:00-04:00"],
        );
    }

    #[test]
    fn a_fixed_time_in_the_autumn_fold_comes_once() {
        check(
            "30 2 * * *",
            "Europe/Berlin",
            "2024-10-26T12:00:00+02:00",
            &["2024-10-27T02:30:00+02:00", "2024-10-28T02:30:00+01:00"],
        );
    }

    #[test]
    fn an_hourly_schedule_keeps_to_real_hours() {
        check(
            "0 * * * *",
            "Europe/Berlin",
            "2024-10-26T23:30:00Z",
            &[
                "2024-10-27T02:00:00+02:00",
                "2024-10-27T02:00:00+01:00",
                "2024-10-27T03:00:00+01:00",
            ],
        );
    }

    #[test]
    fn a_line_has_the_weekday_and_the_offset() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let at = "2026-11-22T09:00:00Z".parse().unwrap();
        let line = lines([at].into_iter(), &zone).next().unwrap();
        assert_eq!(line, "Sun 2026-11-22 10:00:00 +01:00 CET");
    }
}
