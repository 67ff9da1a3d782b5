//! Crons fire, and what they did can be seen.

use serde_json::{Value, json};

use crate::support::{Server, eventually, list, text};

fn fires(server: &Server, cron: &str) -> Vec<Value> {
    list(server.get(&format!("/runs/crons/{cron}/fires")).ok())
}

fn cron_on(server: &Server, thread: &str, assistant: &str, input: Value) -> String {
    let body = json!({"assistant_id": assistant, "schedule": "* * * * * *", "input": input});
    text(&server.post(&format!("/threads/{thread}/runs/crons"), body).ok(), "cron_id")
}

#[test]
fn a_thread_cron_goes_on_where_the_last_fire_ended() {
    let server = Server::start();
    let thread = server.thread();
    let cron =
        cron_on(&server, &thread, "echo", json!({"messages": [{"role": "user", "content": "hi"}]}));
    let count = || server.get(&format!("/threads/{thread}/state")).ok()["values"]["count"].as_u64();
    eventually("it counts to three", || Some(3) <= count());

    server.patch(&format!("/runs/crons/{cron}"), json!({"enabled": false})).ok();
    let fires = fires(&server, &cron);
    let run = server.get(&format!("/runs/{}", text(fires.last().unwrap(), "run_id"))).ok();
    let execution = &run["execution"];
    assert_eq!(run["status"], "success");
    assert_eq!(run["metadata"]["cron_id"], json!(cron));
    assert_eq!(execution["output"]["count"], 1);
    assert!(0 < execution["fuel_used"].as_u64().unwrap(), "{run}");
    assert!(execution["duration_ms"].is_number(), "{run}");
    assert!(fires.iter().all(|fire| fire["status"] == "started"));
}

#[test]
fn files_of_a_thread_persist_from_fire_to_fire() {
    let server = Server::start();
    let thread = server.thread();
    let say = |text: &str| json!({"messages": [{"role": "user", "content": text}]});
    let run = |input: Value| {
        let body = json!({"assistant_id": "weekly-todos", "input": input});
        server.post(&format!("/threads/{thread}/runs/wait"), body).ok()
    };
    run(say("add buy milk"));
    run(say("add call Ada"));
    let cron = cron_on(&server, &thread, "weekly-todos", json!({}));
    eventually("the list is printed by a fire", || {
        fires(&server, &cron).iter().any(|fire| {
            let run = server.get(&format!("/runs/{}", text(fire, "run_id"))).ok();
            let output = run["execution"]["output"].to_string();
            output.contains("buy milk") && output.contains("call Ada")
        })
    });
    let run = text(&fires(&server, &cron)[0], "run_id");
    eventually("the run's log is kept", || {
        let logs = server.get(&format!("/runs/{run}/logs")).ok();
        logs["logs"][0]["message"] == "2 of 2 open" && logs["logs"][0]["level"] == "info"
    });
    let printed = server.wakeful(&["runs", "logs", &run]);
    assert!(String::from_utf8(printed.stdout).unwrap().contains("2 of 2 open"));
}

#[test]
fn a_stateless_cron_sees_an_empty_sandbox_and_leaves_no_thread() {
    let server = Server::start();
    let body = json!({"assistant_id": "echo", "schedule": "* * * * * *", "input": {}});
    let cron = text(&server.post("/runs/crons", body).ok(), "cron_id");
    let ended = || {
        let runs = list(server.get(&format!("/runs?cron_id={cron}")).ok());
        runs.into_iter().filter(|run| run["status"] == "success").collect::<Vec<_>>()
    };
    eventually("it fires twice", || 2 <= ended().len());
    for run in ended() {
        assert_eq!(run["execution"]["output"]["count"], 1, "{run}");
        let thread = text(&run, "thread_id");
        assert_eq!(server.get(&format!("/threads/{thread}")).status, 404);
    }
    assert_eq!(list(server.post("/threads/search", json!({})).ok()).len(), 0);
}

#[test]
fn a_stateless_cron_keeps_its_threads_when_asked() {
    let server = Server::start();
    let body = json!({
        "assistant_id": "echo", "schedule": "* * * * * *", "input": {}, "on_run_completed": "keep",
    });
    let cron = text(&server.post("/runs/crons", body).ok(), "cron_id");
    eventually("two threads are kept", || {
        let query = json!({"metadata": {"cron_id": cron}, "status": "idle"});
        2 <= list(server.post("/threads/search", query).ok()).len()
    });
}

#[test]
fn what_came_due_during_a_short_stop_fires_after_it() {
    let mut server = Server::start();
    let thread = server.thread();
    let cron = cron_on(&server, &thread, "echo", json!({}));
    eventually("it fires", || !fires(&server, &cron).is_empty());
    server.terminate();
    std::thread::sleep(std::time::Duration::from_millis(3_500));
    server.launch();
    let late = |fire: &Value| 1_000 <= fire["late_ms"].as_i64().unwrap_or(0);
    eventually("the late fires are recorded", || {
        2 <= fires(&server, &cron).iter().filter(|fire| late(fire)).count()
    });
    // Less than a minute late is not missed: each has a run of its own.
    let fires = fires(&server, &cron);
    assert!(fires.iter().all(|fire| fire["status"] == "started" && fire["coalesced"].is_null()));
}

#[test]
fn a_cron_that_says_reject_skips_while_its_thread_is_busy() {
    let server = Server::start();
    let thread = server.thread();
    let body = json!({
        "assistant_id": "echo", "schedule": "* * * * * *", "input": {"sleep": 3},
        "multitask_strategy": "reject",
    });
    let cron = text(&server.post(&format!("/threads/{thread}/runs/crons"), body).ok(), "cron_id");
    eventually("a fire is skipped", || {
        fires(&server, &cron)
            .iter()
            .any(|fire| fire["status"] == "skipped" && fire["reason"] == "overlap")
    });
}

#[test]
fn a_backlog_on_one_thread_delays_no_other() {
    let server = Server::start();
    let busy = server.thread();
    for _ in 0..200 {
        let body = json!({"assistant_id": "echo", "input": {"sleep": 30}});
        server.post(&format!("/threads/{busy}/runs"), body).ok();
    }
    let free = server.thread();
    let body = json!({"assistant_id": "echo", "input": {}});
    let answer = server.post(&format!("/threads/{free}/runs/wait"), body).ok();
    assert_eq!(answer["count"], 1);
    let pending = list(server.get(&format!("/threads/{busy}/runs?status=pending&limit=1000")).ok());
    assert_eq!(pending.len(), 199, "the backlog is still there");
}

#[test]
fn shutdown_puts_back_what_it_cut_off_and_the_next_start_runs_it() {
    let mut server = Server::new();
    server.install("echo", "echo");
    std::fs::write(server.data().with_file_name("wakeful.toml"), "shutdown_grace = \"200ms\"\n")
        .unwrap();
    server.launch();
    let thread = server.thread();
    let body = json!({"assistant_id": "echo", "input": {"sleep": 3}});
    let run = text(&server.post(&format!("/threads/{thread}/runs"), body).ok(), "run_id");
    let path = format!("/threads/{thread}/runs/{run}");
    eventually("it runs", || server.get(&path).ok()["status"] == "running");
    assert_eq!(server.terminate(), Some(0));
    server.launch();
    eventually("it ends well", || server.get(&path).ok()["status"] == "success");
    assert_eq!(server.get(&path).ok()["execution"]["attempt"], 1);
}
