use wakeful_core::{Schedule, Timestamp};

use crate::{at, schedule, upcoming};

fn check(text: &str, after: &str, expected: &[&str]) {
    let found = upcoming(&schedule(text, "UTC"), after, expected.len());
    let expected: Vec<_> = expected.iter().map(|at| at.replace('Z', "+00:00")).collect();
    assert_eq!(found, expected, "{text}");
}

#[test]
fn an_interval_counts_from_1970_and_its_phase_moves_it() {
    check(
        "@every 15m",
        "2026-11-22T10:07:00Z",
        &["2026-11-22T10:15:00Z", "2026-11-22T10:30:00Z", "2026-11-22T10:45:00Z"],
    );
    check(
        "@every 15m/10m",
        "2026-11-22T10:10:00Z",
        &["2026-11-22T10:25:00Z", "2026-11-22T10:40:00Z"],
    );
    check(
        "@every 1h30m/5m",
        "2026-11-22T00:00:00Z",
        &["2026-11-22T00:05:00Z", "2026-11-22T01:35:00Z", "2026-11-22T03:05:00Z"],
    );
    // 1970 began on a Thursday.
    check(
        "@every 7d/4d",
        "2026-11-22T00:00:00Z",
        &["2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z"],
    );
    check("\t@EVERY  1s ", "2026-11-22T10:00:00.25Z", &["2026-11-22T10:00:01Z"]);
    check("@every 40s", "1969-01-01T00:00:00Z", &["1970-01-01T00:00:00Z", "1970-01-01T00:00:40Z"]);
    check("@every 366d/1d12h", "1969-12-31T23:59:59.5Z", &["1970-01-02T12:00:00Z"]);
}

#[test]
fn an_interval_ends_with_the_calendar() {
    let schedule = schedule("@every 1h/59m59s", "UTC");
    let last = at("2100-12-31T23:59:59Z");
    assert_eq!(schedule.previous_before(Timestamp::MAX), Some(last));
    assert_eq!(schedule.next_after(at("2100-12-31T23:00:00Z")), Some(last));
    assert_eq!(schedule.next_after(last), None);
    assert_eq!(schedule.latest_between(last, Timestamp::MAX), None);
    assert_eq!(schedule.previous_before(at("1970-01-01T00:59:59Z")), None);
}

#[test]
fn intervals_and_instants_heed_no_clock_on_a_wall() {
    for text in ["@every 6h/1h", "@at 2024-10-27T01:30:00+01:00"] {
        let after = at("2024-10-26T00:00:00Z");
        let of = |zone| schedule(text, zone).upcoming(after).take(12).collect::<Vec<_>>();
        assert_eq!(of("Europe/Berlin"), of("UTC"), "{text}");
    }
}

#[test]
fn an_instant_fires_once_however_it_is_written() {
    let instant = at("2027-01-31T09:00:00Z");
    for text in [
        "@at 2027-01-31T09:00:00Z",
        "@AT\t2027-01-31t09:00:00z ",
        "@at 2027-01-31T10:30:00+01:30",
        "@at 2027-01-30T23:00:00-10:00",
        "@at 2027-01-31T09:00:00-00:00",
    ] {
        let schedule = schedule(text, "Asia/Tokyo");
        assert_eq!(schedule.next_after(Timestamp::MIN), Some(instant), "{text}");
        assert_eq!(schedule.upcoming(at("2027-01-31T08:59:59.999Z")).count(), 1, "{text}");
        assert_eq!(schedule.next_after(instant), None, "{text}");
        assert_eq!(schedule.latest_between(Timestamp::MIN, instant), Some(instant), "{text}");
        assert_eq!(schedule.latest_between(instant, Timestamp::MAX), None, "{text}");
        assert_eq!(schedule.previous_before(instant), None, "{text}");
        assert_eq!(schedule.previous_before(Timestamp::MAX), Some(instant), "{text}");
    }
    // Even one before the time of any calendar here.
    let past = schedule("@at 0001-01-01T00:00:00Z", "UTC");
    assert_eq!(past.next_after(Timestamp::MIN), Some(at("0001-01-01T00:00:00Z")));
    assert_eq!(past.next_after(at("1970-01-01T00:00:00Z")), None);
}

/// Checks that a text is refused in this field, at this column, with a message that has this part.
fn refused(text: &str, field: &str, column: usize, part: &str) {
    let error = Schedule::parse(text, None).expect_err(text);
    assert_eq!((error.field(), error.column()), (Some(field), Some(column)), "{text}: {error}");
    assert!(error.to_string().contains(part), "{text}: no {part:?} in {error}");
    assert!(error.to_string().contains(&format!("column {column}")), "{text}: {error}");
}

#[test]
fn what_is_no_interval_is_refused_with_a_way_to_write_it() {
    refused("@every", "interval", 7, "`@every 15m`");
    refused("  @every  ", "interval", 9, "`@every 15m`");
    refused("@every 15", "interval", 8, "name the unit");
    refused("@every 1h30", "interval", 8, "name the unit");
    refused("@every 0s", "interval", 8, "1s to 366d");
    refused("@every 367d", "interval", 8, "1s to 366d");
    refused("@every 999999999d", "interval", 8, "1s to 366d");
    refused("@every 9999999999s", "interval", 8, "1d12h or 1h30m");
    refused("@every 1.5h", "interval", 8, "1h30m for 1.5h");
    refused("@every -5m", "interval", 8, "without a sign");
    refused("@every 100ms", "interval", 8, "the least unit is 1s");
    refused("@every 2w", "interval", 8, "7d for 1w");
    refused("@every PT15M", "interval", 8, "for PT1H30M");
    refused("@every 15M", "interval", 8, "small, in that order");
    refused("@every 30m1h", "interval", 8, "in that order and each once");
    refused("@every 1h1h", "interval", 8, "in that order and each once");
    refused("@every m", "interval", 8, "1d12h or 1h30m");
    refused("@every 1:30:00", "interval", 8, "1d12h or 1h30m");
    refused("@every 5 minutes", "interval", 10, "`@every 1h/5m`");
    refused("@every /5m", "interval", 8, "`@every 15m`");
    refused("@every 1h/", "phase", 11, "`@every 15m`");
    refused("@every 1h/5", "phase", 11, "name the unit");
    refused("@every 1h/1h", "phase", 11, "the same as 0s");
    refused("@every 1h/1d1h5m", "phase", 11, "the same as 5m");
    refused("@every 1h/5m/5m", "phase", 14, "one phase");
}

#[test]
fn what_is_no_instant_is_refused_with_a_way_to_write_it() {
    refused("@at", "instant", 4, "`@at 2027-01-31T09:00:00Z`");
    refused("@at tomorrow", "instant", 5, "RFC 3339");
    refused("@at 2027-01-31", "instant", 5, "RFC 3339");
    refused("@at 2027-01-31T09:00Z", "instant", 5, "RFC 3339");
    refused("@at 20270131T090000Z", "instant", 5, "RFC 3339");
    refused("@at +002027-01-31T09:00:00Z", "instant", 5, "RFC 3339");
    refused("@at 2027-01-31T09:00:00", "instant", 5, "add Z");
    refused("@at 2027-01-31 09:00:00Z", "instant", 16, "write T");
    refused("@at 2027-01-31T09:00:00.5Z", "instant", 5, "whole seconds");
    refused("@at 2027-01-31T09:00:00+0100", "instant", 5, "+01:00");
    refused("@at 2027-01-31T09:00:00+01:00[Europe/Berlin]", "instant", 5, "in brackets");
    for none in [
        "2027-02-29T09:00:00Z",
        "2027-13-01T09:00:00Z",
        "2027-01-31T24:00:00Z",
        "2027-01-31T09:60:00Z",
        "2016-12-31T23:59:60Z",
        "2027-01-31T09:00:00+24:00",
        "2027-01-31T09:00:00+01:60",
    ] {
        refused(&format!(" @at {none}"), "instant", 6, "that exist");
    }
    refused("@at 2101-01-01T00:00:00Z", "instant", 5, "2100");
}
