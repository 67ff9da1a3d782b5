use wakeful_core::Schedule;

/// Checks that a schedule is refused with a message that has all these parts.
fn refused(text: &str, parts: &[&str]) {
    let error = Schedule::parse(text, None).expect_err(text).to_string();
    for part in parts {
        assert!(error.contains(part), "{text}: no {part:?} in {error:?}");
    }
}

#[test]
fn an_error_names_the_field_the_text_and_the_fix() {
    refused("60 * * * *", &["minute", "\"60\"", "0 to 59"]);
    refused("* 1,24 * * *", &["hour", "\"24\"", "0 to 23"]);
    refused("* * * * 8", &["day-of-week", "\"8\"", "0 to 7"]);
    refused("* 22-4 * * *", &["hour", "\"22-4\"", "write 22-23,0-4"]);
    refused("* * * * FRI-SUN", &["day-of-week", "\"FRI-SUN\"", "write 5-6,0"]);
    refused("* * * * MONDAY", &["three letters, MON"]);
    refused("* MON * * *", &["hour", "fifth field"]);
    refused("* * * * JAN", &["day-of-week", "fourth field"]);
    refused("1,,2 * * * *", &["minute", "remove the comma"]);
    refused("*/0 * * * *", &["minute", "1 to 999"]);
    refused("* * LW * *", &["day-of-month", "\"LW\"", "5L"]);
    refused("* * W15 * *", &["15W"]);
    refused("* * L-3 * *", &["day-of-month", "\"L-3\"", "write L and nW alone"]);
    refused("* * * * L", &["day-of-week", "6L"]);
    refused("* * * * 5#6", &["day-of-week", "1 to 5"]);
    refused("* * 1#2 * *", &["day-of-week field, as in 5#2"]);
    refused("H/15 * * * *", &["minute", "\"H/15\"", "write the value itself"]);
    refused("? * * * *", &["minute", "write *"]);
    refused("5* * * * *", &["minute", "* stands alone"]);
    refused("０ 0 * * *", &["'０'", "ASCII"]);
    refused("0\n0 * * *", &["'\\n'", "blanks or tabs"]);
    refused(&" ".repeat(257), &["256", "257"]);
}

#[test]
fn habits_from_other_schedulers_are_recognised() {
    refused("0 0 9 * * MON-FRI", &["seconds field", "put it last: 0 9 * * MON-FRI 0"]);
    refused("0 0 12 * * ?", &["seconds field", "put it last: 0 12 * * ? 0"]);
    refused("0 0 12 * * ? 2027", &["this one has 7", "leave out the year", "end_time"]);
    refused("TZ=Europe/Berlin 0 9 * * *", &["`timezone` field"]);
    refused("cron_tz=Europe/Berlin 0 9 * * *", &["`timezone` field"]);
    refused("cron(0 12 * * ? *)", &["five fields alone"]);
    refused("rate(5 minutes)", &["`@every 5m`", "*/5 * * * *"]);
    refused("at(2027-01-01T00:00:00)", &["`@at 2027-01-31T09:00:00Z`"]);
    refused("@fortnightly", &["\"@fortnightly\"", "@weekly"]);
    refused("*****", &["this one has 1", "blank between"]);
    refused("0 0 31 2 *", &["never fire", "`enabled=false`"]);
}

#[test]
fn six_fields_warn_with_both_spellings() {
    let schedule = Schedule::parse("0 0 9 * * *", None).unwrap();
    let warnings = schedule.warnings().join(" ");
    assert!(warnings.contains("write 0 9 * * * 0"), "{warnings}");
}

#[test]
fn macros_blanks_and_names_are_read_in_any_form() {
    let same = |one: &str, other: &str| {
        let instants = |text| {
            let after = "2026-11-22T10:03:07Z".parse().unwrap();
            Schedule::parse(text, None).expect(text).upcoming(after).take(20).collect::<Vec<_>>()
        };
        assert_eq!(instants(one), instants(other), "{one} and {other}");
    };
    same("\t@HOURLY ", "0 * * * *");
    same("@annually", "0 0 1 1 *");
    same("@yearly", "0 0 1 1 *");
    same("@monthly", "0 0 1 * *");
    same("@weekly", "0 0 * * 7");
    same("@midnight", "@daily");
    same(" 0\t 9  * jan-Mar,DEC mon ", "0 9 * 1-3,12 1");
    same("0 0 * * 5L", "0 0 * * L5");
    same("0 0 * * friL", "0 0 * * 5l");
    same("0 0 * * 7L", "0 0 * * 0L");
    same("0 0 * * Fri#2", "0 0 * * 5#2");
    same("0 0 1W,15W * *", "0 0 15w,1w * *");
    same("007 09 * * *", "7 9 * * *");
}

#[test]
fn a_schedule_keeps_its_text_and_its_zone() {
    let schedule = Schedule::parse(" 0 9 * * 1 ", Some("Europe/Berlin")).unwrap();
    assert_eq!(schedule.texts().collect::<Vec<_>>(), [" 0 9 * * 1 "]);
    assert_eq!(schedule.canonical(), ["0 9 * * 1"]);
    assert_eq!(schedule.timezone().iana_name(), Some("Europe/Berlin"));
    assert_eq!(format!("{schedule:?}"), "Schedule(\" 0 9 * * 1 \" in Europe/Berlin)");
}
