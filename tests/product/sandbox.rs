//! What guests do wrong ends their run, and nothing else.

use serde_json::json;

use crate::support::{Server, eventually, text};

#[test]
fn a_failed_run_leaves_values_and_files_as_they_were() {
    let server = Server::start();
    let thread = server.thread();
    let run = |input| {
        let body = json!({"assistant_id": "echo", "input": input});
        server.post(&format!("/threads/{thread}/runs/wait"), body).ok()
    };
    assert_eq!(run(json!({}))["count"], 1);
    let failed = run(json!({"fail": "no milk"}));
    assert_eq!(failed["__error__"]["message"], "no milk");
    let state = server.get(&format!("/threads/{thread}")).ok();
    assert_eq!(state["status"], "error");
    assert_eq!(state["values"]["count"], 1);
    assert_eq!(run(json!({}))["count"], 2);
    assert_eq!(server.get(&format!("/threads/{thread}")).ok()["status"], "idle");
}

#[test]
fn a_cancelled_run_ends_at_once_and_the_next_one_runs() {
    let server = Server::start();
    let thread = server.thread();
    let body = json!({"assistant_id": "echo", "input": {"sleep": 60}});
    let run = text(&server.post(&format!("/threads/{thread}/runs"), body).ok(), "run_id");
    let path = format!("/threads/{thread}/runs/{run}");
    eventually("it runs", || server.get(&path).ok()["status"] == "running");
    assert_eq!(server.send("POST", &format!("{path}/cancel?wait=1"), "").status, 200);
    assert_eq!(server.get(&path).ok()["status"], "interrupted");
    let body = json!({"assistant_id": "echo", "input": {}});
    assert_eq!(server.post(&format!("/threads/{thread}/runs/wait"), body).ok()["count"], 1);
    assert_eq!(server.send("POST", &format!("{path}/cancel"), "").status, 404);
}

#[test]
fn every_limit_has_an_outcome_of_its_own() {
    let server = Server::start();
    let outcome = |toml: &str, input| {
        let id = toml.split_whitespace().next().unwrap();
        std::fs::write(server.assistants().join(format!("{id}.toml")), format!("[limits]\n{toml}"))
            .unwrap();
        server.install("echo", id);
        eventually("it serves", || {
            let body = json!({"graph_id": id});
            server.post("/assistants/count", body).body == json!(1)
        });
        let body = json!({"assistant_id": id, "input": input});
        text(&server.post("/runs/wait", body).ok()["__error__"], "error")
    };
    let long = "x".repeat(10_000);
    assert_eq!(outcome("fuel = 1000\n", json!({})), "out_of_fuel");
    assert_eq!(outcome("memory = \"64 KiB\"\n", json!({})), "out_of_memory");
    assert_eq!(outcome("timeout = \"50ms\"\n", json!({"sleep": 5})), "timed_out");
    assert_eq!(outcome("events = 3\n", json!({"custom": 4})), "too_many_events");
    let long = json!({"messages": [{"role": "user", "content": long}]});
    assert_eq!(outcome("output = \"1 KiB\"\n", long), "output_too_large");
}

#[test]
fn a_guest_sees_no_network_no_environment_and_no_file_but_its_own() {
    let server = Server::start();
    server.install("test/probe", "probe");
    eventually("it serves", || {
        server.post("/assistants/count", json!({"graph_id": "probe"})).body == json!(1)
    });
    let address = server.url().strip_prefix("http://").unwrap();
    let body = json!({"assistant_id": "probe", "input": {"address": address}});
    let found = server.post("/runs/wait", body).ok();
    for refused in ["connect", "listen", "udp", "names", "host_file", "parent", "climb", "link_out"]
    {
        assert!(found[refused].is_string(), "{refused} was not refused: {found}");
    }
    // The server itself has an environment and arguments.
    assert_eq!(found["environment"], json!([]));
    assert_eq!(found["arguments"], json!([]));
}
