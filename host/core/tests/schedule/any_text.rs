use wakeful_core::{Dst, Schedule};

use crate::at;
use crate::random::Random;

#[test]
fn no_text_panics_and_what_is_accepted_fires() {
    let mut random = Random(0xfeed);
    let parts = [
        "*",
        "?",
        "L",
        "W",
        "#",
        "/",
        "-",
        ",",
        " ",
        " ",
        " ",
        "\t",
        "0",
        "1",
        "5",
        "7",
        "9",
        "31",
        "59",
        "60",
        "999",
        "MON",
        "sun",
        "JAN",
        "dec",
        "@",
        "@daily",
        "TZ=",
        "~",
        "+",
        "H",
        "é",
        "\0",
        "99999999999999999999",
        "L5",
        "5#2",
        "15W",
        "*/2",
        "1-5",
        "@every ",
        "@at ",
        "1h",
        "30m",
        "5s",
        "2027-01-31T09:00:00",
        "Z",
        "+01:00",
        ":",
        ".5",
    ];
    let mut accepted = 0;
    for round in 0..60_000 {
        let text: String = match round % 4 {
            0 => (0..random.below(24)).map(|_| random.of(&parts)).collect(),
            1 => {
                // Rather like a schedule, so that many are accepted.
                let fields =
                    ["*", "?", "0", "7", "31", "5/2", "*/2", "1-5", "1,4", "L", "15W", "5#2"];
                (0..5 + random.below(2)).map(|_| random.of(&fields).to_owned() + " ").collect()
            }
            2 => {
                let bytes: Vec<_> = (0..random.below(30)).map(|_| random.next() as u8).collect();
                String::from_utf8_lossy(&bytes).into_owned()
            }
            _ => {
                // A schedule with one byte changed.
                let mut bytes = random.text().into_bytes();
                let place = random.below(bytes.len());
                bytes[place] = random.of(b" */,-@:#0159ALWTZsmhd\t~\xff");
                String::from_utf8_lossy(&bytes).into_owned()
            }
        };
        match Schedule::parse(&text, Some("Europe/Berlin")) {
            Ok(schedule) => {
                accepted += 1;
                let after = random.between(at("1960-01-01T00:00:00Z"), at("2040-01-01T00:00:00Z"));
                let next = schedule.next_after(after);
                let once =
                    text.trim_ascii().get(..3).is_some_and(|at| at.eq_ignore_ascii_case("@at"));
                assert!(next.map_or(once, |next| next > after), "{text}");
                let canonical = schedule.canonical();
                let again = Schedule::read(&canonical, Some("Europe/Berlin"), Dst::Vixie);
                assert_eq!(again.as_ref(), Ok(&schedule), "{text}");
                assert_eq!(again.unwrap().canonical(), canonical, "{text}");
            }
            Err(error) => {
                let column = error.column().expect(&text);
                assert!((1..=text.chars().count() + 1).contains(&column), "{text:?}: {error}");
            }
        }
    }
    assert!(accepted > 1000, "{accepted} of the texts were schedules");
}
