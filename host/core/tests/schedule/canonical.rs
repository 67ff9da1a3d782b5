use wakeful_core::{Dst, Schedule};

use crate::list;

#[test]
fn a_schedule_has_one_canonical_spelling() {
    let check = |text: &str, expected: &str| {
        let schedule = Schedule::parse(text, None).expect(text);
        assert_eq!(schedule.canonical(), [expected], "{text}");
        let again = Schedule::parse(expected, None).expect(expected);
        assert_eq!(again, schedule, "{text}");
        assert_eq!(again.canonical(), [expected], "{text}");
    };
    check(" 00\t09  * jan-mar,DEC mon-FRI ", "0 9 * 1-3,12 1-5");
    check("@Daily", "0 0 * * *");
    check("0 9 * * * 0", "0 9 * * *");
    check("0 9 * * * 30", "0 9 * * * 30");
    check("5/15 * ? * ?", "5-50/15 * * * *");
    check("3,1,2,2,40 * * * *", "1-3,40 * * * *");
    check("1-59/2,30 * * * *", "1-59/2,30 * * * *");
    check("0 0 * 1-12 0-7", "0 0 * * 0-6");
    check("0 0 1-31 * 1", "0 0 1-31 * 1");
    check("*/60 */24 * * *", "*/60 */24 * * *");
    check("*,5 * * * *", "* * * * *");
    check("*/40,40,20 * * * *", "*/20 * * * *");
    check("*/2,5 0 * */2 *", "*/2,5 0 * 1-11/2 *");
    check("0 0 L,15W,1W,1 * *", "0 0 1,1W,15W,L * *");
    check("0 0 * * L5,fri#2,7#1,SUN", "0 0 * * 0,0#1,5#2,5L");
    check("0 0 *,L * *", "0 0 *,L * *");
    check("@every 90m", "@every 1h30m");
    check(" @EVERY 86400s/0s", "@every 1d");
    check("@every 1d1s/60m", "@every 1d1s/1h");
    check("@at 2027-01-31t10:00:00+01:00", "@at 2027-01-31T09:00:00Z");
}

#[test]
fn schedules_are_equal_if_they_mean_the_same() {
    let one = list(&["0 9 * * MON", "@every 60m"], "UTC", Dst::Vixie);
    assert_eq!(one, list(&["0 9 * * 1", "@every 1h"], "UTC", Dst::Vixie));
    assert_ne!(one, list(&["0 9 * * 1", "@every 1h"], "UTC", Dst::SkipAndOnce));
    assert_ne!(one, list(&["0 9 * * 1", "@every 1h"], "Asia/Tokyo", Dst::Vixie));
    assert_ne!(one, list(&["0 9 * * 1"], "UTC", Dst::Vixie));
    assert_ne!(one, list(&["0 9 * * 1", "0 * * * *"], "UTC", Dst::Vixie));
    // The star decides on the days that match, and on what happens in a gap.
    let parse = |text| Schedule::parse(text, None).unwrap();
    assert_ne!(parse("0 0 1-31 * 1"), parse("0 0 * * 1"));
    assert_ne!(parse("0 0-23 * * *"), parse("0 * * * *"));
}

#[test]
fn a_spelling_that_would_be_too_long_is_left_alone() {
    let dates: Vec<_> = (1..=31).map(|day| format!("{day}W")).collect();
    let text = format!("0,1,4,9,16,25,36,49,50 3,1,4,15,9,2,6 {} * sun#1,mon#2", dates.join(","));
    let schedule = Schedule::parse(&text, None).unwrap();
    let canonical = schedule.canonical();
    assert!(canonical[0].len() <= 256, "{canonical:?}");
    assert_eq!(Schedule::read(&canonical, None, Dst::Vixie).unwrap(), schedule);
}
