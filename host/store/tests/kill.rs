//! Kills a writing process again and again, and looks for every write that it had acknowledged.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the lints know only functions that are tests"
)]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use wakeful_core::{
    AssistantId, CheckpointId, Lease, Manifest, Object, Outcome, Report, Run, RunId, RunRequest,
    Thread, ThreadId, Timestamp,
};
use wakeful_store::{
    FinishRun, Finished, Inserted, NewRun, RunQuery, SledConfig, SledStore, Store,
};

const FOLDER: &str = "WAKEFUL_KILL_FOLDER";
const KILLS: u32 = 20;

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

async fn open(path: &Path) -> SledStore {
    let config = SledConfig { min_free_bytes: 0, ..SledConfig::new(path) };
    SledStore::open(config).await.unwrap()
}

fn values(run: RunId) -> serde_json::Value {
    // Every fourth is too large for a record.
    let length = if run.as_bytes()[15].is_multiple_of(4) { 9_000 } else { 9 };
    json!({ "run": run.to_string(), "text": "x".repeat(length) })
}

/// One run from its beginning to its end; says so after each acknowledged step.
async fn live_through_a_run(store: &SledStore, owner: String) {
    let (thread, id) = (ThreadId::generate(), RunId::generate());
    let component = "echo".parse().unwrap();
    let request = RunRequest { input: values(id), ..RunRequest::default() };
    let run = Run::new(id, thread, AssistantId::generate(), component, request, now());
    let create_thread = Some(Thread::new(thread, Object::new(), now()));
    let new = NewRun { run, create_thread, thread_metadata: Object::new(), held: false };
    assert!(matches!(store.insert_run(new).await.unwrap(), Inserted::Run(_)));
    say(&format!("begun {id}"));
    let lease = Lease { owner, until: now() };
    for claimed in store.claim_runs(now(), lease, 1).await.unwrap() {
        let run = claimed.run;
        let values = values(run.id);
        let finish = FinishRun {
            run_id: run.id,
            epoch: run.epoch,
            digest: None,
            report: Report::not_run(Outcome::Done(values.as_object().unwrap().clone())),
            checkpoint: Some(wakeful_core::Checkpoint {
                id: CheckpointId::generate(),
                thread_id: run.thread_id,
                parent: None,
                run_id: Some(run.id),
                step: 0,
                created_at: now(),
                values,
                files: Manifest::default(),
                pending: None,
                source: wakeful_core::CheckpointSource::Loop,
                metadata: Object::new(),
            }),
            crons: Vec::new(),
            events: None,
            now: now(),
        };
        assert_eq!(store.finish_run(finish).await.unwrap(), Finished::Written);
        say(&format!("ended {}", run.id));
    }
}

/// Not through the test harness, which may keep back what is printed.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("{line}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

async fn write_until_killed(folder: &Path) {
    say("opening");
    let store = Arc::new(open(folder).await);
    store.recover_runs(now(), "child", true, 1_000).await.unwrap();
    let mut writers = tokio::task::JoinSet::new();
    for n in 0..4 {
        let store = store.clone();
        writers.spawn(async move {
            loop {
                live_through_a_run(&store, format!("child {n}")).await;
            }
        });
    }
    // A writer ends only if it fails.
    if let Some(failed) = writers.join_next().await {
        failed.unwrap();
    }
}

/// Runs a child for a while; returns what it acknowledged.
fn kill_a_child(folder: &Path, after: Duration) -> Vec<(String, RunId)> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["what_was_acknowledged_survives_kill_nine", "--exact", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // The clock runs from when the child begins to open the folder, so some kills hit the opening.
    while lines.next().unwrap().unwrap() != "opening" {}
    let killer = std::thread::spawn(move || {
        let deadline = Instant::now() + after;
        while let Some(left) = deadline.checked_duration_since(Instant::now()) {
            std::thread::sleep(left);
        }
        child.kill().unwrap();
        child.wait().unwrap()
    });
    let mut acknowledged = Vec::new();
    for line in lines.map_while(Result::ok) {
        if let Some((step, id)) = line.split_once(' ')
            && let Ok(id) = id.parse()
        {
            acknowledged.push((step.to_owned(), id));
        }
    }
    let status = killer.join().unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9), "{status}");
    acknowledged
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_kill_nine() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return write_until_killed(Path::new(&folder)).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = Vec::new();
    let (mut begun, mut ended) = (0, 0);
    for kill in 0..KILLS {
        // Spread over the opening and the work after it, never the same twice.
        let after = Duration::from_millis(5 + u64::from(kill * 37 % 400));
        acknowledged.extend(kill_a_child(folder.path(), after));
        let store = open(folder.path()).await;
        for (step, id) in &acknowledged {
            let run = store.run(*id).await.unwrap().unwrap_or_else(|| panic!("{id} is lost"));
            assert_eq!(run.request.input, values(*id));
            begun += usize::from(step == "begun");
            if step == "ended" {
                ended += 1;
                assert!(run.status.is_final(), "the end of {id} is lost");
                let thread = store.thread(run.thread_id).await.unwrap().unwrap();
                assert_eq!(thread.values, Some(values(*id)));
                let head = store.checkpoint(run.thread_id, thread.head.unwrap()).await.unwrap();
                assert_eq!(head.unwrap().values, values(*id));
            }
        }
        let known = store.runs(RunQuery { limit: 1, ..RunQuery::default() }).await.unwrap().total;
        assert!(known >= acknowledged.iter().filter(|(step, _)| step == "begun").count());
        store.close().await.unwrap();
        // Those were found once; the next child has its own.
        acknowledged.drain(..acknowledged.len().saturating_sub(500));
    }
    assert!(begun > 0 && ended > 0, "no child got as far as an acknowledgement");
}
