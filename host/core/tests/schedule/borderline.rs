use wakeful_core::Schedule;

use crate::lines;

/// What becomes of the forms that schedulers differ on.
enum Decision {
    /// Accepted.
    Fires,
    /// Accepted, with a warning that says this.
    Warns(&'static str),
    /// Accepted, with two warnings that say these.
    WarnsTwice(&'static str, &'static str),
    /// Refused, with an error that says this.
    Refused(&'static str),
}

use Decision::{Fires, Refused, Warns, WarnsTwice};

const DECISIONS: [(&str, Decision); 23] = [
    ("5/15 * * * *", Fires),
    ("0 0 L * *", Fires),
    ("0 0 * * 5#2", Fires),
    ("0 0 * * 5L", Fires),
    ("H H * * *", Refused("write the value itself")),
    ("R R * * *", Refused("write the value itself")),
    ("5~30 * * * *", Refused("write the value itself")),
    ("@reboot", Refused("not supported")),
    ("@every 1h30m", Fires),
    ("0 0 * JAN-MAR/2 *", Fires),
    ("0 */24 * * *", Warns("only its first value")),
    ("0 0 * * 1-7", Fires),
    ("0 0 30 2 1", WarnsTwice("match either", "no day 30 in February")),
    ("0 0 29 2 *", Warns("29 February")),
    ("@Daily", Fires),
    ("0 0 15W * *", Fires),
    ("0 0 ? * *", Fires),
    ("0 0 1 * +MON", Refused("by + is not supported")),
    ("*/5 * * * * *", Warns("the last of the six fields is seconds")),
    ("0 0 * * Mon", Fires),
    ("*/60 * * * *", Warns("only its first value")),
    ("0 0 * * 5-7", Fires),
    // The star rule of the day fields, which the file leaves to the vectors.
    ("0 0 */2 * 1", Warns("match both")),
];

#[test]
fn every_borderline_form_is_decided() {
    for line in lines(include_str!("../cron/borderline.jsonl")) {
        let text = line["expr"].as_str().unwrap();
        assert!(DECISIONS.iter().any(|(decided, _)| *decided == text), "{text}");
    }
    for (text, decision) in &DECISIONS {
        let parsed = Schedule::parse(text, None);
        let warns = |parts: &[&str]| {
            let warnings = parsed.as_ref().expect(text).warnings();
            assert_eq!(warnings.len(), parts.len(), "{text}: {warnings:?}");
            for (warning, part) in warnings.iter().zip(parts) {
                assert!(warning.contains(part), "{text}: {warnings:?}");
            }
        };
        match decision {
            Fires => warns(&[]),
            Warns(part) => warns(&[part]),
            WarnsTwice(one, two) => warns(&[one, two]),
            Refused(part) => {
                let error = parsed.expect_err(text).to_string();
                assert!(error.contains(part), "{text}: {error}");
            }
        }
    }
}
