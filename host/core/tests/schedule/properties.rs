use wakeful_core::Timestamp;

use crate::random::Random;
use crate::{at, schedule};

pub(crate) const ZONES: [&str; 14] = [
    "UTC",
    "America/New_York",
    "America/St_Johns",
    "America/Havana",
    "America/Santiago",
    "Africa/Casablanca",
    "Africa/Cairo",
    "Antarctica/Casey",
    "Antarctica/Troll",
    "Asia/Gaza",
    "Asia/Tehran",
    "Australia/Lord_Howe",
    "Europe/Berlin",
    "Pacific/Apia",
];

const EXPRESSIONS: [&str; 16] = [
    "* * * * *",
    "*/7 */3 * * *",
    "*/20 2 * * *",
    "30 2 * * *",
    "30 1 * * *",
    "0 0 * * *",
    "0,30 0-3 * * *",
    "15 */2 * * 0",
    "@hourly",
    "0 0 L * *",
    "59 23 * * 5L",
    "0 1 15W * *",
    "0 1 * * SUN#1",
    "*/30 1,2 * 3,10,11 0 7/20",
    "0 0 13 * 5",
    "0 0 29 2 *",
];

#[test]
fn instants_only_grow_and_are_the_same_from_anywhere_between() {
    let mut random = Random(0x5eed);
    for zone in ZONES {
        for text in EXPRESSIONS {
            let schedule = schedule(text, zone);
            // Begin shortly before each shift of two years, and at some instant of them.
            let (from, to) = (at("2011-01-01T00:00:00Z"), at("2013-01-01T00:00:00Z"));
            let shifts = schedule.timezone().following(from).map(|shift| shift.timestamp());
            let shifts: Vec<_> = shifts.take_while(|shift| *shift < to).collect();
            let starts = shifts
                .iter()
                .map(|shift| Timestamp::from_second(shift.as_second() - 4 * 3600 + 17).unwrap());
            for start in starts.chain([random.between(from, to)]).collect::<Vec<_>>() {
                let mut last = start;
                for next in schedule.upcoming(start).take(60) {
                    assert!(next > last, "{text} in {zone}: {last} then {next}");
                    for _ in 0..2 {
                        let between = random.between(last, next);
                        let found = schedule.next_after(between);
                        assert_eq!(found, Some(next), "{text} in {zone}: from {between}");
                    }
                    last = next;
                }
            }
        }
    }
}

#[test]
fn every_instant_that_should_fire_does() {
    // The slow way: ask the wall, minute by minute, around each shift of 2012.
    for zone in ZONES {
        let schedule = schedule("*/20 1-3 * * *", zone);
        let (mut minute, end) = (at("2012-03-01T00:00:00Z"), at("2012-12-01T00:00:00Z"));
        let mut found = schedule.upcoming(minute);
        let mut expected = Vec::new();
        while minute < end {
            minute = Timestamp::from_second(minute.as_second() + 60).unwrap();
            let wall = minute.to_zoned(schedule.timezone().clone());
            if wall.minute() % 20 == 0 && (1..=3).contains(&wall.hour()) {
                expected.push(minute);
            }
        }
        let found: Vec<_> = found.by_ref().take(expected.len()).collect();
        assert_eq!(found, expected, "{zone}");
    }
}

#[test]
fn looking_back_and_counting_agree_with_iteration() {
    let mut random = Random(0xc0de);
    let (from, to) = (at("2011-06-01T00:00:00Z"), at("2014-06-01T00:00:00Z"));
    for text in EXPRESSIONS {
        for _ in 0..40 {
            let schedule = schedule(text, ZONES[random.below(ZONES.len())]);
            let after = random.between(from, to);
            let instants: Vec<_> = schedule.upcoming(after).take(60).collect();
            let shown = random.below(instants.len() - 1);
            let until = match random.below(3) {
                0 => instants[shown],
                _ => random.between(instants[shown], instants[shown + 1]),
            };
            let expected = &instants[..=shown];
            let count = schedule.count_between(after, until, 1000);
            assert_eq!(count, expected.len() as u64, "{schedule:?} {after} {until}");
            assert_eq!(schedule.count_between(after, until, 1), 1);
            assert_eq!(schedule.count_between(after, until, 0), 0);
            let latest = schedule.latest_between(after, until);
            assert_eq!(latest, expected.last().copied(), "{schedule:?} {after} {until}");
            assert_eq!(schedule.latest_between(until, after), None);
            let none = random.between(after, instants[0]);
            assert_eq!(schedule.latest_between(after, none), None, "{schedule:?} {after} {none}");
            assert_eq!(schedule.count_between(after, none, 9), 0);
        }
    }
}

#[test]
fn the_latest_of_billions_is_found_at_once() {
    let schedule = schedule("* * * * * *", "America/New_York");
    let until = at("2099-07-01T12:00:00.5Z");
    assert_eq!(
        schedule.latest_between(at("1971-01-01T00:00:00Z"), until),
        Some(at("2099-07-01T12:00:00Z"))
    );
    assert_eq!(schedule.count_between(at("1971-01-01T00:00:00Z"), until, 1000), 1000);
}

#[test]
fn the_ends_of_time_are_no_trouble() {
    for zone in ["UTC", "Pacific/Kiritimati", "Pacific/Niue", "Africa/Casablanca"] {
        for text in EXPRESSIONS.into_iter().chain(["* * * * * *", "59 23 31 12 * 59"]) {
            let schedule = schedule(text, zone);
            let first = schedule.next_after(Timestamp::MIN).unwrap();
            assert!(first >= at("1969-12-31T00:00:00Z"), "{schedule:?}: {first}");
            assert_eq!(schedule.next_after(Timestamp::MAX), None);
            let last = schedule.latest_between(Timestamp::MIN, Timestamp::MAX).unwrap();
            assert!(last > at("2095-12-01T00:00:00Z"), "{schedule:?}: {last}");
            assert_eq!(schedule.next_after(last), None);
            assert_eq!(schedule.latest_between(last, Timestamp::MAX), None);
        }
    }
    let schedule = schedule("59 23 31 12 * 59", "Pacific/Niue");
    let end = schedule.latest_between(Timestamp::MIN, Timestamp::MAX);
    assert_eq!(end, Some(at("2100-12-31T23:59:59-11:00")));
}
