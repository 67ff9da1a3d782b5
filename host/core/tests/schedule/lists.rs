use wakeful_core::{Dst, Schedule, Timestamp};

use crate::{at, list, upcoming};

#[test]
fn several_texts_name_each_instant_once() {
    let schedule = list(
        &["0 9 * * 1-5", "@every 6h", "30 9 * * SUN", "@at 2026-11-22T09:45:00Z", "0 */6 * * *"],
        "UTC",
        Dst::Vixie,
    );
    let expected = [
        "2026-11-22T09:30:00+00:00",
        "2026-11-22T09:45:00+00:00",
        "2026-11-22T12:00:00+00:00",
        "2026-11-22T18:00:00+00:00",
        "2026-11-23T00:00:00+00:00",
        "2026-11-23T06:00:00+00:00",
        "2026-11-23T09:00:00+00:00",
        "2026-11-23T12:00:00+00:00",
    ];
    assert_eq!(upcoming(&schedule, "2026-11-22T07:00:00Z", expected.len()), expected);
    let (after, until) = (at("2026-11-22T07:00:00Z"), at("2026-11-23T12:00:00Z"));
    assert_eq!(schedule.count_between(after, until, 100), 8);
    assert_eq!(schedule.latest_between(after, until), Some(until));
    assert_eq!(schedule.previous_before(until), Some(at("2026-11-23T09:00:00Z")));
}

#[test]
fn a_list_has_one_to_sixteen_schedules() {
    for count in [1, 2, 16] {
        let texts = vec!["@daily"; count];
        assert!(Schedule::read(&texts, None, Dst::Vixie).is_ok(), "{count}");
    }
    for count in [0, 17, 1000] {
        let error = Schedule::read(&vec!["@daily"; count], None, Dst::Vixie).unwrap_err();
        assert!(error.to_string().contains("1 to 16 schedules"), "{error}");
        assert_eq!((error.index(), error.column(), error.field()), (None, None, None));
    }
}

#[test]
fn an_error_says_which_of_the_texts_it_is_about() {
    let texts = ["@daily".to_owned(), "0 9 * * 8".to_owned(), "x".to_owned()];
    let error = Schedule::read(&texts, None, Dst::Vixie).unwrap_err();
    assert_eq!(error.index(), Some(1));
    assert_eq!(error.column(), Some(9));
    assert_eq!(error.field(), Some("day-of-week"));
    assert!(error.to_string().starts_with("schedule 2 of 3: \"8\" in the day-of-week"), "{error}");
    // Each must fire by itself.
    let error = Schedule::read(&["@daily", "0 0 30 2 *"], None, Dst::Vixie).unwrap_err();
    assert!(error.to_string().contains("never fire"), "{error}");
    // One alone needs no number.
    let error = Schedule::read(&["0 9 * * 8"], None, Dst::Vixie).unwrap_err();
    assert_eq!(error.index(), None);
}

#[test]
fn a_warning_says_which_of_the_texts_it_is_about() {
    let schedule = list(&["@daily", " 0 9 13 * 5 ", "@every 7h"], "UTC", Dst::Vixie);
    let warnings = schedule.warnings();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].starts_with("`0 9 13 * 5`: day-of-month and"), "{warnings:?}");
    assert!(warnings[1].starts_with("`@every 7h`: "), "{warnings:?}");
}

#[test]
fn when_all_is_over_nothing_is_left() {
    let texts = ["@at 2020-01-01T00:00:00Z", "@at 2021-01-01T00:00:00Z"];
    let schedule = list(&texts, "UTC", Dst::Vixie);
    assert_eq!(schedule.upcoming(Timestamp::MIN).count(), 2);
    assert_eq!(schedule.next_after(at("2021-01-01T00:00:00Z")), None);
}
