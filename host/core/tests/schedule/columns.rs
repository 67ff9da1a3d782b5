use wakeful_core::Schedule;

use crate::lines;

#[test]
fn an_error_names_the_column_of_what_has_to_change() {
    let check = |text: &str, column: usize, field: Option<&str>| {
        let error = Schedule::parse(text, None).expect_err(text);
        assert_eq!((error.column(), error.field()), (Some(column), field), "{text}: {error}");
        assert!(error.to_string().contains(&format!("column {column}")), "{text}: {error}");
    };
    check("60 * * * *", 1, Some("minute"));
    check("  60 * * * *", 3, Some("minute"));
    check("0 \t 24 * * *", 5, Some("hour"));
    check("0 1,2,30 * * *", 7, Some("hour"));
    check("1,,2 * * * *", 3, Some("minute"));
    check("1-5, * * * *", 5, Some("minute"));
    check("0 0 1-32/2 * *", 5, Some("day-of-month"));
    check("0 0 * 1,FOO *", 9, Some("month"));
    check("0 0 * * 5#2,5#6", 13, Some("day-of-week"));
    check("* * * * * 1,60", 13, Some("seconds"));
    check("0 9 * *", 8, Some("day-of-week"));
    check(" 0 9  ", 5, Some("day-of-month"));
    check("", 1, Some("minute"));
    check("   ", 1, Some("minute"));
    check("0 9 * * * 0 2027", 13, None);
    check("0 9 * * * 0 2027 x", 13, None);
    check("0 9 * * *\u{a0}", 10, None);
    check("éé０", 1, None);
    check("0 9 日 é *", 5, None);
    check(" TZ=UTC 0 9 * * *", 2, None);
    check("@fortnightly", 1, None);
    check("@daily 5", 8, None);
    check("rate(5 minutes)", 1, None);
    check("0 0 31 2,4 *", 5, Some("day-of-month"));
    check(&"1".repeat(257), 257, None);
    check(&"é".repeat(200), 129, None);
    check(&format!("{}éé", " ".repeat(255)), 256, None);
}

#[test]
fn every_refusal_has_a_place_and_a_way_to_write_it() {
    // What a way to write it begins with, or is.
    let ways = [
        "use ",
        "write ",
        "put ",
        "leave out ",
        "remove ",
        "add ",
        "belong in ",
        "belongs in ",
        "comes a step, a number from 1 to 999",
        "name the unit",
        "stands alone, ",
    ];
    for line in lines(include_str!("../cron/invalid.jsonl")) {
        let text = line["expr"].as_str().unwrap();
        let error = Schedule::parse(text, None).expect_err(text);
        let message = error.to_string();
        let column = error.column().unwrap_or_else(|| panic!("{text:?}: no column in {message}"));
        assert!((1..=text.chars().count() + 1).contains(&column), "{text:?}: {message}");
        assert!(message.contains(&format!("column {column}")), "{text:?}: {message}");
        let (_, way) = message.rsplit_once("; ").unwrap_or_else(|| panic!("{text:?}: {message}"));
        assert!(ways.iter().any(|start| message.contains(start)), "{text:?}: {message}");
        assert!(way.len() >= 10 && !way.contains("not valid"), "{text:?}: {message}");
        // A whole field at fault is named, and the column is inside of what was given.
        if let Some(field) = error.field() {
            assert!(message.contains(field), "{text:?}: {message}");
        }
        assert!(message.len() < 700 + text.len(), "{text:?}: {message}");
    }
}
