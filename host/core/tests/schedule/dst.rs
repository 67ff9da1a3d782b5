use jiff::tz::TimeZone;
use wakeful_core::{Dst, Timestamp};

use crate::{at, list, upcoming};

/// A zone, a text, the instant to begin after, and what comes next by each rule.
type Case = (&'static str, &'static str, &'static str, [&'static [&'static str]; 3]);

const CASES: [Case; 15] = [
    // Spring in New York: 01:59:59 -05:00 is followed by 03:00:00 -04:00.
    (
        "America/New_York",
        "30 2 * * *",
        "2026-03-08T00:00:00-05:00",
        [
            &["2026-03-08T03:00:00-04:00", "2026-03-09T02:30:00-04:00"],
            &["2026-03-09T02:30:00-04:00", "2026-03-10T02:30:00-04:00"],
            &["2026-03-09T02:30:00-04:00", "2026-03-10T02:30:00-04:00"],
        ],
    ),
    (
        "America/New_York",
        "*/30 * * * *",
        "2026-03-08T01:30:00-05:00",
        [
            &["2026-03-08T03:00:00-04:00", "2026-03-08T03:30:00-04:00"],
            &["2026-03-08T03:00:00-04:00", "2026-03-08T03:30:00-04:00"],
            &["2026-03-08T03:00:00-04:00", "2026-03-08T03:30:00-04:00"],
        ],
    ),
    // Autumn: the hour from 01:00 comes at -04:00 and again at -05:00.
    (
        "America/New_York",
        "30 1 * * *",
        "2026-11-01T00:00:00-04:00",
        [
            &["2026-11-01T01:30:00-04:00", "2026-11-02T01:30:00-05:00"],
            &[
                "2026-11-01T01:30:00-04:00",
                "2026-11-01T01:30:00-05:00",
                "2026-11-02T01:30:00-05:00",
            ],
            &["2026-11-01T01:30:00-04:00", "2026-11-02T01:30:00-05:00"],
        ],
    ),
    (
        "America/New_York",
        "*/30 * * * *",
        "2026-11-01T01:00:00-04:00",
        [
            &[
                "2026-11-01T01:30:00-04:00",
                "2026-11-01T01:00:00-05:00",
                "2026-11-01T01:30:00-05:00",
            ],
            &[
                "2026-11-01T01:30:00-04:00",
                "2026-11-01T01:00:00-05:00",
                "2026-11-01T01:30:00-05:00",
            ],
            &["2026-11-01T01:30:00-04:00", "2026-11-01T02:00:00-05:00"],
        ],
    ),
    (
        "Europe/Berlin",
        "0,30 2 29 3 *",
        "2026-03-29T00:00:00+01:00",
        [
            &["2026-03-29T03:00:00+02:00", "2027-03-29T02:00:00+02:00"],
            &["2027-03-29T02:00:00+02:00", "2027-03-29T02:30:00+02:00"],
            &["2027-03-29T02:00:00+02:00", "2027-03-29T02:30:00+02:00"],
        ],
    ),
    (
        "Europe/Berlin",
        "0 1,2,3 * * *",
        "2026-10-25T00:00:00+02:00",
        [
            &[
                "2026-10-25T01:00:00+02:00",
                "2026-10-25T02:00:00+02:00",
                "2026-10-25T03:00:00+01:00",
            ],
            &[
                "2026-10-25T01:00:00+02:00",
                "2026-10-25T02:00:00+02:00",
                "2026-10-25T02:00:00+01:00",
            ],
            &[
                "2026-10-25T01:00:00+02:00",
                "2026-10-25T02:00:00+02:00",
                "2026-10-25T03:00:00+01:00",
            ],
        ],
    ),
    // Half an hour: 01:59:59 +10:30 is followed by 02:30:00 +11:00.
    (
        "Australia/Lord_Howe",
        "15 2 * * *",
        "2026-10-04T00:00:00+10:30",
        [
            &["2026-10-04T02:30:00+11:00", "2026-10-05T02:15:00+11:00"],
            &["2026-10-05T02:15:00+11:00"],
            &["2026-10-05T02:15:00+11:00"],
        ],
    ),
    // And back: from 01:30 to 02:00 twice.
    (
        "Australia/Lord_Howe",
        "*/15 1 * * *",
        "2026-04-05T01:15:00+11:00",
        [
            &[
                "2026-04-05T01:30:00+11:00",
                "2026-04-05T01:45:00+11:00",
                "2026-04-05T01:30:00+10:30",
            ],
            &[
                "2026-04-05T01:30:00+11:00",
                "2026-04-05T01:45:00+11:00",
                "2026-04-05T01:30:00+10:30",
            ],
            &[
                "2026-04-05T01:30:00+11:00",
                "2026-04-05T01:45:00+11:00",
                "2026-04-06T01:00:00+10:30",
            ],
        ],
    ),
    (
        "America/St_Johns",
        "15 2 * * *",
        "2026-03-08T00:00:00-03:30",
        [
            &["2026-03-08T03:00:00-02:30"],
            &["2026-03-09T02:15:00-02:30"],
            &["2026-03-09T02:15:00-02:30"],
        ],
    ),
    // Until 2011 the shifts came a minute after midnight, so that a fold went into the day before.
    (
        "America/St_Johns",
        "30 23 * * *",
        "2010-11-06T12:00:00-02:30",
        [
            &["2010-11-06T23:30:00-02:30", "2010-11-07T23:30:00-03:30"],
            &["2010-11-06T23:30:00-02:30", "2010-11-06T23:30:00-03:30"],
            &["2010-11-06T23:30:00-02:30", "2010-11-07T23:30:00-03:30"],
        ],
    ),
    // Ramadan of 2024: back on 10 March at 03:00, forward on 14 April at 02:00.
    (
        "Africa/Casablanca",
        "30 2 * * *",
        "2024-03-10T00:00:00+01:00",
        [
            &["2024-03-10T02:30:00+01:00", "2024-03-11T02:30:00+00:00"],
            &["2024-03-10T02:30:00+01:00", "2024-03-10T02:30:00+00:00"],
            &["2024-03-10T02:30:00+01:00", "2024-03-11T02:30:00+00:00"],
        ],
    ),
    (
        "Africa/Casablanca",
        "30 2 * * *",
        "2024-04-14T00:00:00+00:00",
        [
            &["2024-04-14T03:00:00+01:00", "2024-04-15T02:30:00+01:00"],
            &["2024-04-15T02:30:00+01:00"],
            &["2024-04-15T02:30:00+01:00"],
        ],
    ),
    // 30 December 2011 did not exist in Apia; too far for daylight saving time by any rule.
    (
        "Pacific/Apia",
        "0 12 * * *",
        "2011-12-29T00:00:00-10:00",
        [
            &["2011-12-29T12:00:00-10:00", "2011-12-31T12:00:00+14:00"],
            &["2011-12-29T12:00:00-10:00", "2011-12-31T12:00:00+14:00"],
            &["2011-12-29T12:00:00-10:00", "2011-12-31T12:00:00+14:00"],
        ],
    ),
    (
        "Pacific/Apia",
        "30 3 * * *",
        "2012-09-30T00:00:00+13:00",
        [
            &["2012-09-30T04:00:00+14:00", "2012-10-01T03:30:00+14:00"],
            &["2012-10-01T03:30:00+14:00"],
            &["2012-10-01T03:30:00+14:00"],
        ],
    ),
    (
        "Pacific/Apia",
        "30 3 * * *",
        "2013-04-07T00:00:00+14:00",
        [
            &["2013-04-07T03:30:00+14:00", "2013-04-08T03:30:00+13:00"],
            &["2013-04-07T03:30:00+14:00", "2013-04-07T03:30:00+13:00"],
            &["2013-04-07T03:30:00+14:00", "2013-04-08T03:30:00+13:00"],
        ],
    ),
];

#[test]
fn each_rule_has_its_own_gaps_and_folds() {
    for (zone, text, after, expected) in CASES {
        for (dst, expected) in Dst::ALL.into_iter().zip(expected) {
            let found = upcoming(&list(&[text], zone, dst), after, expected.len());
            assert_eq!(found, expected, "{text} in {zone} by {}", dst.as_str());
        }
    }
}

/// Whether an hour and a minute match a text.
type Matches = fn(i8, i8) -> bool;

/// The slow way to tell when something fires: look at the wall every five minutes.
fn by_the_wall(
    zone: &TimeZone,
    (from, to): (Timestamp, Timestamp),
    matches: Matches,
    dst: Dst,
) -> Vec<Timestamp> {
    let mut latest = jiff::civil::DateTime::MIN;
    let mut found = Vec::new();
    for second in (from.as_second()..to.as_second()).step_by(300) {
        let at = Timestamp::from_second(second).unwrap();
        let wall = zone.to_datetime(at);
        let again = wall <= latest;
        latest = latest.max(wall);
        if matches(wall.hour(), wall.minute()) && (dst == Dst::SkipAndRepeat || !again) {
            found.push(at);
        }
    }
    found
}

#[test]
fn the_rules_that_skip_agree_with_the_wall_itself() {
    let zones = [
        "America/New_York",
        "Europe/Berlin",
        "Australia/Lord_Howe",
        "America/St_Johns",
        "Africa/Casablanca",
        "Pacific/Apia",
        "Antarctica/Troll",
    ];
    let texts: [(&str, Matches); 2] = [
        ("*/15 * * * *", |_, minute| minute % 15 == 0),
        ("5,45 0-3,23 * * *", |hour, minute| {
            (hour <= 3 || hour == 23) && (minute == 5 || minute == 45)
        }),
    ];
    for name in zones {
        let zone = TimeZone::get(name).unwrap();
        let shifts = zone.following(at("2010-09-01T00:00:00Z")).map(|shift| shift.timestamp());
        for shift in shifts.take_while(|shift| *shift < at("2012-06-01T00:00:00Z")) {
            // Shifts do not come on the minute everywhere; looking does.
            let day = shift.as_second() / 86_400 * 86_400;
            let span = [day - 86_400, day + 2 * 86_400];
            let [from, to] = span.map(|second| Timestamp::from_second(second).unwrap());
            let before = Timestamp::from_second(from.as_second() - 1).unwrap();
            for dst in [Dst::SkipAndRepeat, Dst::SkipAndOnce] {
                for (text, matches) in texts {
                    let schedule = list(&[text], name, dst);
                    let found: Vec<_> =
                        schedule.upcoming(before).take_while(|found| *found < to).collect();
                    let expected = by_the_wall(&zone, (from, to), matches, dst);
                    assert_eq!(found, expected, "{schedule:?} at {shift}");
                }
            }
        }
    }
}

#[test]
fn a_rule_is_named_by_its_word() {
    for dst in Dst::ALL {
        assert_eq!(Dst::parse(dst.as_str()), Some(dst));
    }
    assert_eq!(Dst::default(), Dst::Vixie);
    assert_eq!(Dst::parse("Vixie"), None);
    assert_eq!(Dst::parse(""), None);
}
