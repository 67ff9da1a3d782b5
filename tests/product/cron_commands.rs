//! The commands for crons, as a person uses them.

use std::process::Output;

use serde_json::Value;

use crate::support::{Server, eventually};

#[track_caller]
fn ok(output: Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    assert!(output.status.success(), "{}\n{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

fn refused(output: Output) -> String {
    assert_eq!(output.status.code(), Some(2));
    String::from_utf8(output.stderr).unwrap()
}

/// The id in `created cron <id>…`.
fn id(printed: &str) -> String {
    let id = printed.strip_prefix("created cron ").unwrap();
    id.split(|c: char| c.is_whitespace() || c == ',').next().unwrap().to_owned()
}

#[test]
fn a_new_cron_prints_its_next_three_instants_in_its_zone_and_what_to_know() {
    let server = Server::start();
    let output = server.wakeful(&[
        "crons",
        "create",
        "--assistant",
        "echo",
        "--schedule",
        "0 9 13 * 5",
        "--schedule",
        "@daily",
        "--timezone",
        "Asia/Kolkata",
        "--pause-after-failures",
        "3",
        "--jitter",
        "5m",
    ]);
    let warned = String::from_utf8(output.stderr.clone()).unwrap();
    assert!(warned.contains("warning: `0 9 13 * 5`: "), "{warned}");
    let printed = ok(output);
    let next: Vec<_> = printed.lines().filter(|line| line.starts_with("  next  ")).collect();
    assert_eq!(next.len(), 3, "{printed}");
    assert!(next.iter().all(|line| line.contains("+05:30 IST (in ")), "{printed}");

    let id = id(&printed);
    let shown = ok(server.wakeful(&["crons", "show", &id]));
    for part in ["pauses after 3 failed runs in a row", "jitter", "0 started", "|oooooooooo "] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(!shown.contains("overlap") && shown.is_ascii(), "{shown}");
}

#[test]
fn a_cron_is_changed_paused_with_a_note_and_run_for_the_past() {
    let server = Server::start();
    let created = ok(server.wakeful(&[
        "crons",
        "create",
        "--assistant",
        "echo",
        "--every",
        "1h",
        "--paused",
    ]));
    let id = id(&created);
    let changed = ok(server.wakeful(&[
        "crons",
        "update",
        &id,
        "--schedule",
        "0 * * * *",
        "--overlap",
        "buffer_all",
        "--note",
        "just so",
    ]));
    assert!(changed.starts_with("changed cron "), "{changed}");
    let resumed = ok(server.wakeful(&["crons", "resume", &id]));
    assert!(resumed.contains("  next  "), "{resumed}");
    ok(server.wakeful(&["crons", "pause", &id, "--note", "on holiday"]));
    let filled = ok(server.wakeful(&[
        "crons",
        "backfill",
        &id,
        "--from",
        "2024-01-01T00:00:00Z",
        "--to",
        "2024-01-01T02:00:00Z",
    ]));
    assert!(filled.starts_with("created 3 runs"), "{filled}");
    eventually("the line of its fires is drawn", || {
        ok(server.wakeful(&["crons", "show", &id])).contains("2024-01-01 00:00 +++|")
    });
    let shown = ok(server.wakeful(&["crons", "show", &id]));
    for part in ["paused", "on holiday", "overlap", "3 by hand", "backfill"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let fires = |more: &[&str]| {
        let arguments = [&["crons", "fires", &id, "--json"], more].concat();
        let fires: Value = serde_json::from_str(&ok(server.wakeful(&arguments))).unwrap();
        fires.as_array().unwrap().len()
    };
    assert_eq!(fires(&["--status", "started"]), 3);
    assert_eq!(fires(&["--before", "2024-01-01T01:00:00Z"]), 1);
    assert_eq!(fires(&["--reason", "overlap"]), 0);
    assert!(refused(server.wakeful(&["crons", "update", &id])).contains("name something"));
    let bad = refused(server.wakeful(&["crons", "update", &id, "--schedule", "0 9 * * 8"]));
    assert!(bad.contains("schedule: ") && bad.contains("column 9"), "{bad}");
}
