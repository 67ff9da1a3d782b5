use wakeful_core::{Schedule, ScheduleError};

use crate::{lines, schedule, upcoming};

/// Checks every line and shows the first that differ.
fn check(text: &str, expected_lines: usize) {
    let lines = lines(text);
    assert_eq!(lines.len(), expected_lines);
    let mut wrong = Vec::new();
    for line in &lines {
        let word = |key: &str| line[key].as_str().unwrap();
        let Some(next) = line["next"].as_array() else {
            let refusal = Schedule::parse(word("expr"), Some(word("tz")));
            assert!(matches!(refusal, Err(ScheduleError::NeverFires { .. })), "{line}");
            continue;
        };
        let expected: Vec<_> = next.iter().map(|at| at.as_str().unwrap()).collect();
        let found = upcoming(&schedule(word("expr"), word("tz")), word("after"), expected.len());
        if found != expected {
            wrong.push(format!("{line}\n  found {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} wrong: {}", wrong.len(), wrong[..wrong.len().min(5)].join("\n"));
}

#[test]
fn instants_are_those_of_croniter_cronsim_and_debian() {
    check(include_str!("../cron/vectors.jsonl"), 2248);
}

#[test]
fn where_others_differ_instants_are_those_of_debian() {
    check(include_str!("../cron/rulings.jsonl"), 205);
}

#[test]
fn extensions_fire_when_croniter_fires_them() {
    check(include_str!("../cron/extensions.jsonl"), 172);
}

#[test]
fn what_is_invalid_is_refused() {
    let lines = lines(include_str!("../cron/invalid.jsonl"));
    assert_eq!(lines.len(), 137);
    for line in lines {
        let text = line["expr"].as_str().unwrap();
        let error = Schedule::parse(text, None).expect_err(text);
        let never = line["why"].as_str().unwrap().starts_with("never fires");
        assert_eq!(matches!(error, ScheduleError::NeverFires { .. }), never, "{text:?}: {error}");
    }
}
