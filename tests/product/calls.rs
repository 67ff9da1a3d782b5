//! Assistants that call assistants.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Server, eventually, list, text};

/// A server whose probe `boss` may call `echo`, itself, and `gone`, which is not there.
fn server(settings: &str) -> Server {
    let mut server = Server::new();
    let settings = format!("retry_wait = \"10ms\"\n{settings}");
    fs::write(server.data().with_file_name("wakeful.toml"), settings).unwrap();
    let grants = "[grants]\nassistants = [\"echo\", \"boss\", \"gone\"]\n";
    fs::write(server.assistants().join("boss.toml"), grants).unwrap();
    server.install("test/probe", "boss");
    server.install("echo", "echo");
    server.launch();
    server
}

/// Starts a run of these calls, and returns its id.
fn begin(server: &Server, calls: Value) -> String {
    let body = json!({ "assistant_id": "boss", "input": { "calls": calls } });
    text(&server.post("/runs", body).ok(), "run_id")
}

/// The execution of a run that has ended.
fn ended(server: &Server, run: &str) -> Value {
    let path = format!("/runs/{run}");
    eventually("it ends", || {
        let status = server.get(&path).ok()["status"].clone();
        status != "pending" && status != "running"
    });
    server.get(&path).ok()["execution"].clone()
}

/// What came of these calls.
fn answers(server: &Server, calls: Value) -> Vec<Value> {
    let execution = ended(server, &begin(server, calls));
    list(execution["output"]["answers"].clone())
}

fn called(server: &Server, parent: &str) -> Vec<Value> {
    let runs = list(server.get("/runs?limit=100").ok());
    runs.into_iter().filter(|run| run["execution"]["parent_run_id"] == parent).collect()
}

#[test]
fn an_assistant_waits_for_another_or_starts_it_and_a_second_attempt_finds_both() {
    let server = server("");
    let hello = json!({ "messages": [{ "role": "user", "content": "hi" }] });
    let calls = json!([
        { "granted": true },
        { "invoke": "echo", "input": hello },
        { "start": "echo", "input": hello },
        { "fail": true },
    ]);
    let run = begin(&server, calls);
    let execution = ended(&server, &run);
    assert_eq!(execution["attempt"], 2);
    let answers = list(execution["output"]["answers"].clone());
    assert_eq!(answers[0]["ok"], json!(["echo", "boss", "gone"]));
    assert_eq!(answers[1]["ok"]["status"], "success", "{answers:?}");
    assert_eq!(answers[1]["ok"]["values"]["count"], 1, "{answers:?}");
    let children = called(&server, &run);
    let mut ids: Vec<_> = children.iter().map(|child| text(child, "run_id")).collect();
    let mut expected = [text(&answers[1]["ok"], "run_id"), text(&answers[2], "ok")];
    ids.sort();
    expected.sort();
    assert_eq!(ids, expected, "called once each");
    let child = ended(&server, &expected[0]);
    assert_eq!(child["outcome"], "done");
    // The caller pays for what it waits for.
    assert!(execution["fuel_used"].as_u64() > child["fuel_used"].as_u64(), "{execution}");
    let shown = server.wakeful(&["runs", "show", &expected[0]]).stdout;
    assert!(String::from_utf8(shown).unwrap().contains(&run));
}

#[test]
fn what_is_not_granted_not_there_or_fails_is_told() {
    let server = server("");
    let answers = answers(
        &server,
        json!([
            { "invoke": "clock", "input": {} },
            { "start": "gone", "input": {} },
            { "invoke": "echo", "input": { "fail": "no milk" } },
            { "invoke": "echo", "input": [] },
        ]),
    );
    for (answer, (word, message)) in answers.iter().zip([
        ("Denied", "assistants = [\"echo\", \"boss\", \"gone\", \"clock\"]"),
        ("NotFound", "gone"),
        ("", "assistant echo failed: no milk"),
        ("InvalidInput", "object"),
    ]) {
        assert!(text(answer, "error").ends_with(word), "{answer}");
        assert!(text(answer, "message").contains(message), "{answer}");
    }
}

/// Calls of itself, so deep.
fn nested(depth: u32) -> Value {
    match depth {
        0 => json!([{ "invoke": "echo", "input": {} }]),
        depth => json!([{ "invoke": "boss", "input": { "calls": nested(depth - 1) } }]),
    }
}

/// The answer of the innermost call.
fn innermost(answer: &Value) -> Value {
    match answer.pointer("/ok/values/answers/0") {
        Some(inner) => innermost(inner),
        None => answer.clone(),
    }
}

#[test]
fn cycles_end_at_a_depth_and_no_slots_are_lost_to_runs_that_wait() {
    let server = server("concurrent_runs = 4\n");
    // The fourth slot is where what the three wait for has its turn.
    let fits = answers(&server, nested(2));
    assert_eq!(innermost(&fits[0])["ok"]["status"], "success", "{fits:?}");
    let full = innermost(&answers(&server, nested(3))[0]);
    assert!(text(&full, "message").contains("concurrent_runs"), "{full}");
    // Many at once: each comes to its end.
    let runs: Vec<_> = (0..12).map(|_| begin(&server, nested(1))).collect();
    for run in &runs {
        assert_eq!(ended(&server, run)["outcome"], "done");
    }
    drop(server);
    let server = self::server("");
    let deep = innermost(&answers(&server, nested(7))[0]);
    assert!(text(&deep, "message").contains("at most 4 deep"), "{deep}");
}

#[test]
fn what_a_stopped_run_waits_for_is_stopped() {
    let server = server("");
    let run = begin(&server, json!([{ "invoke": "echo", "input": { "sleep": 60 } }]));
    let child = || called(&server, &run).into_iter().next();
    eventually("the other runs", || child().is_some_and(|child| child["status"] == "running"));
    let path = format!("/runs/{run}");
    let thread = text(&server.get(&path).ok(), "thread_id");
    server.send("POST", &format!("/threads/{thread}/runs/{run}/cancel?wait=1"), "");
    eventually("the other is stopped", || {
        child().is_some_and(|child| child["status"] == "interrupted")
    });
}

#[test]
fn nobody_uses_more_than_the_caller_has_left() {
    let server = server("[limits]\nfuel = 3_000_000_000\n");
    let spin = json!({ "calls": [{ "invoke": "boss", "input": { "calls": [] } }] });
    let run = begin(&server, json!([{ "invoke": "boss", "input": spin }]));
    let execution = ended(&server, &run);
    assert_eq!(execution["outcome"], "done");
    let mut below = execution["fuel_used"].as_u64().unwrap();
    let mut parent = run;
    for _ in 0..2 {
        let children = called(&server, &parent);
        let fuel = children[0]["execution"]["fuel_used"].as_u64().unwrap();
        assert!(fuel < below, "what a run calls is part of what it uses");
        (below, parent) = (fuel, text(&children[0], "run_id"));
    }
}
