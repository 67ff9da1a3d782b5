use std::collections::BTreeSet;

use wakeful_core::{Dst, Schedule, Timestamp};

use crate::at;
use crate::properties::ZONES;
use crate::random::Random;

/// Random lists of schedules, in random zones, by each rule.
fn each_list(seed: u64, count: usize, check: impl Fn(&mut Random, &[String], &Schedule)) {
    let mut random = Random(seed);
    for round in 0..count {
        let texts: Vec<_> = (0..1 + random.below(4)).map(|_| random.text()).collect();
        let zone = random.of(&ZONES);
        let dst = Dst::ALL[round % 3];
        let schedule = Schedule::read(&texts, Some(zone), dst).expect("random texts are schedules");
        check(&mut random, &texts, &schedule);
    }
}

/// An instant that is likely to be near a shift of the schedule's zone.
fn start(random: &mut Random, schedule: &Schedule) -> Timestamp {
    let any = random.between(at("2011-03-01T00:00:00Z"), at("2014-03-01T00:00:00Z"));
    let shift = schedule.timezone().following(any).next().map(|shift| shift.timestamp());
    match shift.filter(|_| random.below(3) > 0) {
        Some(shift) => Timestamp::from_second(shift.as_second() - 3 * 3600 + 17).unwrap(),
        None => any,
    }
}

#[test]
fn a_list_names_what_its_texts_name() {
    each_list(0x11, 200, |random, texts, schedule| {
        let after = start(random, schedule);
        let found: Vec<_> = schedule.upcoming(after).take(30).collect();
        let zone = schedule.timezone().iana_name();
        let members = texts.iter().flat_map(|text| {
            let member = Schedule::read(&[text], zone, schedule.dst()).unwrap();
            member.upcoming(after).take(30).collect::<Vec<_>>()
        });
        let expected: BTreeSet<_> = members.collect();
        let expected: Vec<_> = expected.into_iter().take(found.len().max(1)).collect();
        assert_eq!(found, expected, "{schedule:?}");
    });
}

#[test]
fn the_next_of_a_list_is_later_and_the_same_from_anywhere_before_it() {
    each_list(0x22, 150, |random, _, schedule| {
        let mut last = start(random, schedule);
        for next in schedule.upcoming(last).take(25).collect::<Vec<_>>() {
            assert!(next > last, "{schedule:?}: {last} then {next}");
            assert_eq!(schedule.next_after(last), Some(next), "{schedule:?}: from {last}");
            let between = random.between(last, next);
            assert_eq!(schedule.next_after(between), Some(next), "{schedule:?}: from {between}");
            let before = Timestamp::from_nanosecond(next.as_nanosecond() - 1).unwrap();
            assert_eq!(schedule.next_after(before), Some(next), "{schedule:?}: from {before}");
            last = next;
        }
    });
}

#[test]
fn a_later_start_never_has_an_earlier_next() {
    each_list(0x33, 600, |random, _, schedule| {
        let one = start(random, schedule);
        let day = Timestamp::from_second(one.as_second() + 86_400).unwrap();
        let other = random.between(one, day);
        let next = |from| schedule.next_after(from).unwrap_or(Timestamp::MAX);
        assert!(next(one) <= next(other), "{schedule:?}: from {one} and {other}");
    });
}

#[test]
fn looking_back_finds_what_looking_ahead_has_found() {
    each_list(0x44, 100, |random, _, schedule| {
        let after = start(random, schedule);
        let found: Vec<_> = schedule.upcoming(after).take(20).collect();
        for pair in found.windows(2) {
            let [one, next] = [pair[0], pair[1]];
            assert_eq!(schedule.previous_before(next), Some(one), "{schedule:?}: before {next}");
            let between = random.between(one, next);
            let expected = if between == one { schedule.previous_before(one) } else { Some(one) };
            assert_eq!(schedule.previous_before(between), expected, "{schedule:?}: {between}");
            assert_eq!(schedule.latest_between(after, between), Some(one), "{schedule:?}");
        }
        if let Some(last) = found.last() {
            let count = schedule.count_between(after, *last, 1000);
            assert_eq!(count, found.len() as u64, "{schedule:?}");
        }
    });
}

#[test]
fn what_is_printed_means_the_same() {
    each_list(0x55, 800, |random, _, schedule| {
        let printed = schedule.canonical();
        let zone = schedule.timezone().iana_name();
        let again = Schedule::read(&printed, zone, schedule.dst()).unwrap();
        assert_eq!(&again, schedule, "{printed:?}");
        assert_eq!(again.canonical(), printed);
        let after = start(random, schedule);
        let instants = |schedule: &Schedule| schedule.upcoming(after).take(5).collect::<Vec<_>>();
        assert_eq!(instants(&again), instants(schedule), "{schedule:?} and {again:?}");
    });
}

#[test]
fn the_ends_of_time_are_no_trouble_for_any_list() {
    let ends = [
        Timestamp::MIN,
        at("1969-12-30T23:59:59.999999999Z"),
        at("1969-12-31T00:00:00Z"),
        at("1969-12-31T23:59:59.5Z"),
        at("1970-01-01T00:00:00Z"),
        at("2100-12-31T23:59:59Z"),
        at("2101-01-02T00:00:00Z"),
        Timestamp::MAX,
    ];
    each_list(0x66, 60, |_, _, schedule| {
        for one in ends {
            assert!(schedule.next_after(one).is_none_or(|next| next > one), "{schedule:?}: {one}");
            let previous = schedule.previous_before(one);
            assert!(previous.is_none_or(|previous| previous < one), "{schedule:?}: {one}");
            for other in ends {
                let latest = schedule.latest_between(one, other);
                assert!(latest.is_none_or(|at| one < at && at <= other), "{schedule:?}: {one}");
                let counted = schedule.count_between(one, other, 3);
                assert_eq!(latest.is_some(), counted > 0, "{schedule:?}: {one} {other}");
            }
        }
    });
}
