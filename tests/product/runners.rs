//! The processes that guests run in.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tempfile::TempDir;

use crate::support::{PROGRAM, Server, children, eventually, text};

/// A server whose guests run in two processes.
fn two() -> Server {
    let mut server = Server::new();
    server.install("echo", "echo");
    server.set("WAKEFUL_RUNNERS", Path::new("2"));
    server
}

fn launch(server: &mut Server) {
    server.launch();
    eventually("both are there", || runners(server).len() == 2);
}

fn runners(server: &Server) -> Vec<u32> {
    children(server.pid(), "run-for-parent")
}

fn kill(pid: u32) {
    let pid = Pid::from_raw(pid.try_into().unwrap()).unwrap();
    kill_process(pid, Signal::KILL).unwrap();
}

/// A run that sleeps for some seconds: the paths of its thread and of itself.
fn sleeping(server: &Server) -> (String, String) {
    let thread = server.thread();
    let body = json!({"assistant_id": "echo", "input": {"sleep": 2}});
    let run = text(&server.post(&format!("/threads/{thread}/runs"), body).ok(), "run_id");
    let path = format!("/threads/{thread}/runs/{run}");
    eventually("it runs", || server.get(&path).ok()["status"] == "running");
    (thread, path)
}

#[test]
fn a_run_whose_process_is_killed_is_tried_again_and_no_other_notices() {
    let folder = TempDir::new().unwrap();
    let log = folder.path().join("log");
    let mut server = two();
    server.log_to(&log);
    launch(&mut server);
    let runs = [sleeping(&server), sleeping(&server)];
    let before = runners(&server);
    kill(before[0]);
    for (_, path) in &runs {
        eventually("it succeeds", || server.get(path).ok()["status"] == "success");
    }
    for (thread, _) in &runs {
        let state = server.get(&format!("/threads/{thread}/state")).ok();
        assert_eq!(state["values"]["count"], 1, "its effects came once");
    }
    let log = fs::read_to_string(log).unwrap();
    assert_eq!(log.matches("the run is tried again").count(), 1, "{log}");
    assert!(log.contains("signal: 9"), "{log}");
    eventually("it was replaced", || {
        let now = runners(&server);
        now.len() == 2 && !now.contains(&before[0]) && now.contains(&before[1])
    });
    let metrics = server.get("/metrics").ok();
    let metrics = metrics.as_str().unwrap();
    for line in
        ["wakeful_runners 2.0", "wakeful_runners_alive 2.0", "wakeful_runners_replaced_total 1"]
    {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
}

#[test]
fn nothing_is_left_of_runners_when_their_host_is_killed_or_stops() {
    let is_there = |pid: &u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // Somebody has yet to take note of the end of a Z.
        stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
    };
    let mut server = two();
    launch(&mut server);
    let before = runners(&server);
    // One that would not notice that its stream has ended.
    let stopped = Pid::from_raw(before[0].try_into().unwrap()).unwrap();
    kill_process(stopped, Signal::STOP).unwrap();
    server.kill();
    eventually("they are gone", || !before.iter().any(is_there));
    server.launch();
    eventually("there are new ones", || runners(&server).len() == 2);
    let before = runners(&server);
    assert_eq!(server.terminate(), Some(0));
    eventually("they are gone as well", || !before.iter().any(is_there));
}

#[test]
fn a_runner_has_no_environment_no_file_of_the_host_and_no_way_back() {
    let mut server = Server::new();
    server.install("echo", "echo");
    server.set("WAKEFUL_RUNNERS", Path::new("1"));
    server.set("SECRET_OF_THE_HOST", Path::new("correct-horse"));
    server.launch();
    server.post("/runs/wait", json!({"assistant_id": "echo", "input": {}})).ok();
    let process = format!("/proc/{}", runners(&server)[0]);
    // Who may not even ask knows less than this.
    let environment = fs::read(format!("{process}/environ")).unwrap_or_default();
    assert!(environment.is_empty(), "{}", String::from_utf8_lossy(&environment));
    let status = fs::read_to_string(format!("{process}/status")).unwrap();
    for line in ["NoNewPrivs:\t1", "Seccomp:\t2"] {
        assert!(status.contains(line), "{line}: {status}");
    }
    let data = server.data().canonicalize().unwrap();
    for descriptor in fs::read_dir(format!("{process}/fd")).into_iter().flatten().flatten() {
        let target = fs::read_link(descriptor.path()).unwrap_or_default();
        // Code stays open for as long as it may run.
        let is_code = target.starts_with(data.join("compiled"));
        assert!(is_code || !target.starts_with(&data), "{}", target.display());
    }
    for thread in fs::read_dir(format!("{process}/task")).unwrap().flatten() {
        let status = fs::read_to_string(thread.path().join("status")).unwrap();
        assert!(status.contains("Seccomp:\t2"), "{status}");
    }
}

#[test]
fn what_a_runner_gives_up_is_out_of_its_reach() {
    let home = TempDir::new().unwrap();
    let sandboxes = home.path().join("sandboxes");
    fs::create_dir(&sandboxes).unwrap();
    let outside = home.path().join("outside");
    fs::write(&outside, "kept").unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let output = Command::new(PROGRAM)
        .arg("probe-confinement")
        .args([&sandboxes, &outside])
        .arg(listener.local_addr().unwrap().to_string())
        .env_clear()
        .output()
        .unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told} {said}");
    let mut lines: Vec<_> = told.lines().collect();
    lines.retain(|line| !line.ends_with("inside: done"));
    assert_eq!(lines.len(), 9, "both went well inside, and nothing is lacking: {told}");
    for line in lines {
        assert!(line.contains(": refused: "), "{line}");
    }
    assert_eq!(fs::read_to_string(&outside).unwrap(), "kept");
}

#[test]
fn without_runners_guests_run_in_the_process_of_the_host() {
    let mut server = Server::new();
    server.install("echo", "echo");
    server.set("WAKEFUL_RUNNERS", Path::new("0"));
    server.launch();
    server.post("/runs/wait", json!({"assistant_id": "echo", "input": {}})).ok();
    assert!(runners(&server).is_empty());
    let metrics = server.get("/metrics").ok();
    assert!(!metrics.as_str().unwrap().contains("wakeful_runners"));
    let refused = server.wakeful(&["config", "--runners", "100000"]);
    assert!(!refused.status.success());
    let shown = server.wakeful(&["config", "--runners", "7"]);
    assert!(String::from_utf8(shown.stdout).unwrap().contains("runners = 7"));
}
