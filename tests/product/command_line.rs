//! The commands, as a person and a script use them.

use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::support::{PROGRAM, Server, eventually, examples};

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[track_caller]
fn ok(output: Output) -> String {
    assert!(output.status.success(), "{}\n{}", out(&output), err(&output));
    out(&output)
}

fn wakeful(arguments: &[&str]) -> Output {
    let empty = tempfile::tempdir().unwrap();
    Command::new(PROGRAM)
        .args(arguments)
        .env("WAKEFUL_URL", "http://127.0.0.1:9")
        .current_dir(empty.path())
        .output()
        .unwrap()
}

#[test]
fn next_prints_instants_in_the_zone() {
    let printed = ok(wakeful(&[
        "next",
        "30 2 * * *",
        "--tz",
        "America/New_York",
        "--after",
        "2024-03-10T00:00:00-05:00",
        "-n",
        "2",
        "--json",
    ]));
    let printed: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(printed, json!(["2024-03-10T03:00:00-04:00", "2024-03-11T02:30:00-04:00"]));
}

#[test]
fn next_reads_several_schedules_and_tells_what_daylight_saving_time_does() {
    let next = |dst: &[&str]| {
        let schedules = ["next", "30 2 * * *", "@every 12h/15m", "@at 2026-03-08T12:00:00Z"];
        let rest = ["--tz", "America/New_York", "--after", "2026-03-08T00:00:00-05:00", "-n", "4"];
        wakeful(&[&schedules[..], &rest, dst, &["--json"]].concat())
    };
    let instants = |output: Output| serde_json::from_str::<Value>(&ok(output)).unwrap();
    let vixie = next(&[]);
    assert!(err(&vixie).contains("note: 2026-03-08: `30 2 * * *`: 02:30 does not exist"));
    assert!(err(&vixie).contains("it fires at 03:00 instead (vixie)"), "{}", err(&vixie));
    assert_eq!(
        instants(vixie),
        json!([
            "2026-03-08T03:00:00-04:00",
            "2026-03-08T08:00:00-04:00",
            "2026-03-08T08:15:00-04:00",
            "2026-03-08T20:15:00-04:00"
        ])
    );
    let skipping = next(&["--dst", "skip_and_once"]);
    assert!(err(&skipping).contains("skipped (skip_and_once)"), "{}", err(&skipping));
    assert_eq!(
        instants(skipping),
        json!([
            "2026-03-08T08:00:00-04:00",
            "2026-03-08T08:15:00-04:00",
            "2026-03-08T20:15:00-04:00",
            "2026-03-09T02:30:00-04:00"
        ])
    );
    let wrong = next(&["--dst", "never"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(err(&wrong).contains("vixie, skip_and_repeat, skip_and_once"), "{}", err(&wrong));
}

#[test]
fn a_schedule_is_looked_at_among_the_crons_too() {
    let printed = ok(wakeful(&["crons", "preview", "@daily", "-n", "2"]));
    assert_eq!(printed.lines().count(), 2, "{printed}");
}

#[test]
fn a_bad_expression_fails_with_the_reason_and_the_place() {
    let output = wakeful(&["next", "61 * * * *"]);
    assert!(!output.status.success());
    assert!(err(&output).contains("minute field (column 1)"), "{}", err(&output));
    let output = wakeful(&["next", "@daily", "@every 5"]);
    assert!(err(&output).contains("schedule 2 of 2: \"5\""), "{}", err(&output));
    let output = wakeful(&["next"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_component_file_runs_without_a_server() {
    let echo = examples().join("echo.wasm");
    let input = r#"{"messages": [{"role": "user", "content": "hello"}]}"#;
    let output = wakeful(&["run", echo.to_str().unwrap(), "--input", input]);
    let values: Value = serde_json::from_str(&ok(output)).unwrap();
    assert_eq!(values["messages"][1]["content"], "echo: hello");

    let failed = wakeful(&["run", echo.to_str().unwrap(), "--input", r#"{"fail": "no milk"}"#]);
    assert_eq!(failed.status.code(), Some(3));
    assert!(err(&failed).contains("no milk"), "{}", err(&failed));
}

#[test]
fn without_a_server_the_commands_say_how_to_start_one() {
    let output = wakeful(&["crons", "list"]);
    assert_eq!(output.status.code(), Some(6));
    assert!(err(&output).contains("wakeful serve"), "{}", err(&output));
}

#[test]
fn a_cron_is_created_watched_paused_and_deleted() {
    let server = Server::start();
    let created = ok(server.wakeful(&[
        "crons",
        "create",
        "--assistant",
        "echo",
        "--schedule",
        "* * * * * */1",
        "--input",
        r#"{"messages": [{"role": "user", "content": "hi"}]}"#,
        "--json",
    ]));
    let created: Value = serde_json::from_str(&created).unwrap();
    let cron = created["cron_id"].as_str().unwrap();
    eventually("its runs are listed", || {
        ok(server.wakeful(&["runs", "list", "--cron", cron])).contains("success")
    });
    let runs =
        ok(server.wakeful(&["runs", "list", "--cron", cron, "--status", "success", "--json"]));
    let runs: Value = serde_json::from_str(&runs).unwrap();
    let run = runs[0]["run_id"].as_str().unwrap();
    let shown = ok(server.wakeful(&["runs", "show", run]));
    assert!(shown.contains("fuel") && shown.contains("echo: hi"), "{shown}");
    let shown = ok(server.wakeful(&["crons", "show", cron]));
    assert!(shown.contains("* * * * * */1"), "{shown}");
    ok(server.wakeful(&["crons", "pause", cron]));
    let triggered = ok(server.wakeful(&["crons", "trigger", cron, "--json"]));
    let triggered: Value = serde_json::from_str(&triggered).unwrap();
    let listed = ok(server.wakeful(&["runs", "list", "--cron", cron]));
    assert!(listed.contains(triggered["run_id"].as_str().unwrap()), "{listed}");
    ok(server.wakeful(&["crons", "resume", cron]));
    ok(server.wakeful(&["crons", "delete", cron]));
    assert_eq!(server.wakeful(&["crons", "show", cron]).status.code(), Some(5));
}

#[test]
fn a_second_server_on_the_same_folder_names_the_file_and_the_holder() {
    let server = Server::start();
    let output = server.command().output().unwrap();
    assert!(!output.status.success());
    let message = err(&output);
    assert!(message.contains("wakeful.lock") && message.contains("in use"), "{message}");
}

#[test]
fn a_data_path_that_is_a_file_is_named() {
    let server = Server::new();
    std::fs::write(server.data(), "not a folder").unwrap();
    let output = server.command().output().unwrap();
    assert!(!output.status.success());
    assert!(err(&output).contains("data"), "{}", err(&output));
}

#[test]
fn an_unknown_setting_is_named() {
    let server = Server::new();
    std::fs::write(server.data().with_file_name("wakeful.toml"), "lisetn = \"x\"\n").unwrap();
    let output = server.command().output().unwrap();
    assert!(!output.status.success());
    assert!(err(&output).contains("lisetn"), "{}", err(&output));
}

#[test]
fn a_backup_of_a_running_server_restores_into_a_new_folder() {
    let mut server = Server::start();
    let thread = server.thread();
    let body = json!({"assistant_id": "weekly-todos", "input": {"messages": [{"role": "user", "content": "add buy milk"}]}});
    server.post(&format!("/threads/{thread}/runs/wait"), body).ok();
    let place = tempfile::tempdir().unwrap();
    let copy = place.path().join("copy");
    ok(server.wakeful(&[
        "backup",
        copy.to_str().unwrap(),
        "--data",
        server.data().to_str().unwrap(),
    ]));
    server.delete(&format!("/threads/{thread}"));
    server.kill();
    std::fs::remove_dir_all(server.data()).unwrap();
    ok(wakeful(&["restore", copy.to_str().unwrap(), "--data", server.data().to_str().unwrap()]));
    server.launch();
    let body = json!({"assistant_id": "weekly-todos", "input": {}});
    let values = server.post(&format!("/threads/{thread}/runs/wait"), body).ok();
    assert!(values.to_string().contains("buy milk"), "{values}");

    let again =
        wakeful(&["restore", copy.to_str().unwrap(), "--data", server.data().to_str().unwrap()]);
    assert!(!again.status.success(), "a folder in use is not overwritten");
}

#[test]
fn an_assistant_is_made_changed_taken_back_and_deleted() {
    let server = Server::start();
    let read = |arguments: &[&str]| -> Value {
        let json = [arguments, &["--json"]].concat();
        serde_json::from_str(&ok(server.wakeful(&json))).unwrap()
    };
    let made =
        read(&["assistants", "create", "echo", "--name", "Mine", "--context", r#"{"k": 1}"#]);
    let id = made["assistant_id"].as_str().unwrap();
    let changed = ok(server.wakeful(&["assistants", "update", id, "--context", r#"{"k": 2}"#]));
    assert!(changed.contains("version 2"), "{changed}");
    let versions = read(&["assistants", "versions", id]);
    assert_eq!(versions[0]["context"], json!({"k": 2}));
    assert!(ok(server.wakeful(&["assistants", "versions", id])).contains("Mine"));
    assert_eq!(read(&["assistants", "revert", id, "1"])["context"], json!({"k": 1}));
    let listed = ok(server.wakeful(&["assistants", "list", "--all"]));
    assert!(listed.contains(id) && listed.contains("Mine"), "{listed}");
    assert!(ok(server.wakeful(&["assistants", "show", id])).contains("Mine"));
    let shown = ok(server.wakeful(&["assistants", "show", "weekly-todos"]));
    assert!(shown.contains("Keeps the list") && shown.contains("input schema"), "{shown}");
    ok(server.wakeful(&["assistants", "delete", id, "--threads"]));
    for command in ["show", "update", "versions", "delete"] {
        let output = server.wakeful(&["assistants", command, id]);
        assert!(!output.status.success() && err(&output).contains("not found"), "{command}");
    }
}
