use wakeful_core::{Dst, Timestamp};

use crate::{at, list, schedule};

fn check(texts: &[&str], zone: &str, dst: Dst, (after, n): (&str, usize), expected: &[&str]) {
    let notes = list(texts, zone, dst).dst_notes(at(after), n);
    assert_eq!(notes, expected, "{texts:?} in {zone}");
}

#[test]
fn a_note_tells_what_becomes_of_a_time_that_does_not_exist() {
    let saturday = ("2026-03-07T12:00:00-05:00", 3);
    let new_york = "America/New_York";
    let shift = "since the clock of America/New_York goes from 02:00 to 03:00";
    check(
        &["30 2 * * *"],
        new_york,
        Dst::Vixie,
        saturday,
        &[&format!("2026-03-08: 02:30 does not exist, {shift}; it fires at 03:00 instead (vixie)")],
    );
    check(
        &["15,45 2 * * *"],
        new_york,
        Dst::Vixie,
        saturday,
        &[&format!(
            "2026-03-08: 02:15 and 02:45 do not exist, {shift}; they fire once, at 03:00 (vixie)"
        )],
    );
    check(
        &["30 2 * * * 5"],
        new_york,
        Dst::SkipAndOnce,
        saturday,
        &[&format!("2026-03-08: 02:30:05 does not exist, {shift}; skipped (skip_and_once)")],
    );
    check(
        &["* * * * *"],
        new_york,
        Dst::Vixie,
        ("2026-03-08T01:59:00-05:00", 1),
        &[&format!("2026-03-08: 02:00, 02:01 and more do not exist, {shift}; skipped (vixie)")],
    );
    check(
        &["0 12 * * *"],
        "Pacific/Apia",
        Dst::Vixie,
        ("2011-12-29T13:00:00-10:00", 1),
        &["2011-12-30: 12:00 does not exist, since the clock of Pacific/Apia goes from 00:00 to \
           2011-12-31 00:00; skipped (vixie)"],
    );
}

#[test]
fn a_note_tells_what_becomes_of_a_time_that_comes_twice() {
    let saturday = ("2026-10-24T12:00:00+02:00", 2);
    let twice = "twice, since the clock of Europe/Berlin goes back from 03:00 to 02:00";
    let once = "once, in the first pass, at +02";
    let both = "in both passes, at +02 and at +01";
    for (texts, dst, expected) in [
        ("30 2 * * *", Dst::Vixie, format!("02:30 comes {twice}; it fires {once} (vixie)")),
        (
            "0,30 2 * * *",
            Dst::SkipAndRepeat,
            format!("02:00 and 02:30 come {twice}; each fires {both} (skip_and_repeat)"),
        ),
        (
            "0 */2 25 * *",
            Dst::SkipAndOnce,
            format!("02:00 comes {twice}; it fires {once} (skip_and_once)"),
        ),
    ] {
        check(&[texts], "Europe/Berlin", dst, saturday, &[&format!("2026-10-25: {expected}")]);
    }
    // The second pass is still to come.
    check(
        &["30 * * * *"],
        "Europe/Berlin",
        Dst::SkipAndRepeat,
        ("2026-10-25T02:45:00+02:00", 1),
        &[&format!("2026-10-25: 02:30 comes {twice}; it fires {both} (skip_and_repeat)")],
    );
    // A fold that reaches into the day before.
    check(
        &["30 23 6 11 *"],
        "America/St_Johns",
        Dst::Vixie,
        ("2010-11-06T12:00:00-02:30", 1),
        &["2010-11-06: 23:30 comes twice, since the clock of America/St_Johns goes back from \
           2010-11-07 00:01 to 23:01; it fires once, in the first pass, at -02:30 (vixie)"],
    );
}

#[test]
fn a_note_names_the_text_of_several_and_says_that_intervals_count_in_utc() {
    check(
        &["30 2 * * *", "@every 6h", "@every 30m", "@at 2026-03-29T01:00:00Z", "0 9 * * *"],
        "Europe/Berlin",
        Dst::SkipAndRepeat,
        ("2026-03-28T12:00:00+01:00", 50),
        &[
            "2026-03-29: `30 2 * * *`: 02:30 does not exist, since the clock of Europe/Berlin goes \
             from 02:00 to 03:00; skipped (skip_and_repeat)",
            "2026-03-29: `@every 6h`: the clock of Europe/Berlin goes from 02:00 to 03:00; an \
             interval counts in UTC, so that its local times are others from then on",
        ],
    );
}

#[test]
fn nothing_is_noted_of_shifts_that_touch_no_instant() {
    let none: [&str; 0] = [];
    for (text, zone, after, n) in [
        ("30 2 * * *", "UTC", "2026-03-07T12:00:00Z", 100),
        ("30 2 * * *", "Asia/Tokyo", "2026-03-07T12:00:00Z", 100),
        ("0 9 * * *", "Europe/Berlin", "2026-01-01T00:00:00Z", 1000),
        // The shift comes after the last of them, or before the first.
        ("30 2 * * *", "Europe/Berlin", "2026-03-27T12:00:00+01:00", 1),
        ("30 2 * * *", "Europe/Berlin", "2026-10-25T02:30:00+02:00", 1),
        ("30 2 * * *", "Europe/Berlin", "2026-03-29T03:00:00+02:00", 100),
        ("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00+01:00", 0),
        ("@at 2026-10-25T02:30:00+02:00", "Europe/Berlin", "2026-10-24T12:00:00+01:00", 5),
    ] {
        assert_eq!(schedule(text, zone).dst_notes(at(after), n), none, "{text} in {zone}");
    }
}

#[test]
fn notes_are_bounded_and_exist_at_the_ends_of_time() {
    for zone in ["Africa/Casablanca", "Europe/Berlin"] {
        for text in ["* * * * * *", "30 2 * * *", "@every 366d", "30 2 31 3 *"] {
            for dst in Dst::ALL {
                for after in [Timestamp::MIN, at("1969-12-31T00:00:00Z"), Timestamp::MAX] {
                    let notes = list(&[text], zone, dst).dst_notes(after, usize::MAX);
                    assert!(notes.len() <= 50, "{text} in {zone}: {}", notes.len());
                }
            }
        }
    }
}
