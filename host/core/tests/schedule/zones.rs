use wakeful_core::Schedule;

use crate::{schedule, upcoming};

#[test]
fn zones_are_iana_names_in_their_own_spelling() {
    for good in ["UTC", "Europe/Berlin", "EST", "Etc/GMT+2", "America/Argentina/Buenos_Aires"] {
        assert!(Schedule::parse("@daily", Some(good)).is_ok(), "{good}");
    }
    let long = "x".repeat(10_000);
    for bad in [
        "",
        " ",
        "utc",
        "europe/berlin",
        "GMT+2",
        "+02:00",
        "../x",
        "/etc/localtime",
        "localtime",
        "posixrules",
        "right/Europe/Berlin",
        "posix/Europe/Berlin",
        "Etc/Unknown",
        "Europe",
        "CEST",
        "EST5EDT,M3.2.0,M11.1.0",
        "Europe/Berlin ",
        "Europe/Berlin\0",
        "zone.tab",
        &long,
    ] {
        let error = Schedule::parse("@daily", Some(bad)).expect_err(bad).to_string();
        assert!(error.contains("such as Europe/Berlin"), "{error}");
        assert!(error.len() < 300, "{error}");
    }
}

#[test]
fn a_machine_without_zone_files_has_the_embedded_ones() {
    assert!(jiff::tz::TimeZoneDatabase::bundled().get("Europe/Berlin").is_ok());
}

fn check(text: &str, zone: &str, after: &str, expected: &[&str]) {
    let found = upcoming(&schedule(text, zone), after, expected.len());
    assert_eq!(found, expected, "{text} in {zone}");
}

#[test]
fn a_fixed_time_that_is_jumped_over_fires_once_at_the_shift() {
    check(
        "30 2 * * * 15,45",
        "Europe/Berlin",
        "2024-03-30T12:00:00Z",
        &["2024-03-31T03:00:00+02:00", "2024-04-01T02:30:15+02:00"],
    );
    // The seconds field does not make a time of day a wildcard.
    check(
        "30 2 * * * *",
        "Europe/Berlin",
        "2024-03-31T00:59:59.999Z",
        &["2024-03-31T03:00:00+02:00", "2024-04-01T02:30:00+02:00"],
    );
}

#[test]
fn a_wildcard_with_seconds_follows_the_clock_on_the_wall() {
    check(
        "* * * * * */30",
        "Australia/Lord_Howe",
        "2024-04-06T14:59:15Z",
        &["2024-04-07T01:59:30+11:00", "2024-04-07T01:30:00+10:30", "2024-04-07T01:30:30+10:30"],
    );
    check(
        "* 2 * * * 0",
        "America/New_York",
        "2024-03-10T06:59:59Z",
        &["2024-03-11T02:00:00-04:00"],
    );
}

#[test]
fn a_fixed_time_with_seconds_fires_in_the_first_pass_alone() {
    check(
        "30 1 * * * 10,20",
        "America/New_York",
        "2024-11-03T05:30:10Z",
        &["2024-11-03T01:30:20-04:00", "2024-11-04T01:30:10-05:00"],
    );
}

#[test]
fn a_day_that_a_zone_left_out_does_not_fire() {
    check("0 12 30 12 *", "Pacific/Apia", "2011-06-01T00:00:00Z", &["2012-12-30T12:00:00+14:00"]);
}

#[test]
fn the_extensions_of_the_day_fields_obey_the_either_rule_too() {
    // croniter drops the plain one of the two fields here, and in the next.
    check(
        "0 6 L * L5",
        "UTC",
        "2026-11-22T00:00:00Z",
        &["2026-11-27T06:00:00+00:00", "2026-11-30T06:00:00+00:00", "2026-12-25T06:00:00+00:00"],
    );
    check(
        "0 6 15W * SUN",
        "UTC",
        "2026-11-11T00:00:00Z",
        &["2026-11-15T06:00:00+00:00", "2026-11-16T06:00:00+00:00", "2026-11-22T06:00:00+00:00"],
    );
    check(
        "0 6 */2 * 5#2",
        "UTC",
        "2026-11-11T00:00:00Z",
        &["2026-11-13T06:00:00+00:00", "2026-12-11T06:00:00+00:00", "2027-04-09T06:00:00+00:00"],
    );
}
