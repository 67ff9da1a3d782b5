//! The server is killed in the middle of everything, again and again.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::support::{Server, eventually, list, request, text};

const KILLS: u64 = 50;

/// What clients were told is done.
#[derive(Default)]
struct Acknowledged {
    threads: Vec<String>,
    crons: Vec<String>,
    /// Run id to thread id.
    runs: HashMap<String, String>,
}

#[test]
fn fifty_kills_lose_nothing_and_fire_nothing_twice() {
    let mut server = Server::start();
    let thread = server.thread();
    let every_second = json!({
        "assistant_id": "echo", "schedule": "* * * * * *", "multitask_strategy": "enqueue",
        "input": {"messages": [{"role": "user", "content": "tick"}]},
    });
    let on_thread = text(
        &server.post(&format!("/threads/{thread}/runs/crons"), every_second.clone()).ok(),
        "cron_id",
    );
    let stateless = text(&server.post("/runs/crons", every_second).ok(), "cron_id");

    let acknowledged = Arc::new(Mutex::new(Acknowledged::default()));
    let mut random = Random(0x5eed);
    for _ in 0..KILLS {
        let stop = Arc::new(AtomicBool::new(false));
        let writers: Vec<_> = (0..3)
            .map(|_| {
                let (url, stop) = (server.url().to_owned(), Arc::clone(&stop));
                let acknowledged = Arc::clone(&acknowledged);
                thread::spawn(move || write_until(&url, &stop, &acknowledged))
            })
            .collect();
        thread::sleep(Duration::from_millis(random.below(900)));
        server.kill();
        stop.store(true, Ordering::SeqCst);
        for writer in writers {
            writer.join().unwrap();
        }
        if random.below(3) == 0 {
            // Opening the folder and taking runs back is a moment like any other.
            server.launch_and_kill(Duration::from_millis(random.below(200)));
        }
        server.launch();
    }

    for cron in [&on_thread, &stateless] {
        eventually("the scheduler has caught up", || {
            let newest = all_fires(&server, cron).last_key_value().map(|(at, _)| at.as_second());
            newest.is_some_and(|newest| Timestamp::now().as_second() <= newest + 1)
        });
        server.patch(&format!("/runs/crons/{cron}"), json!({"enabled": false})).ok();
    }
    let acknowledged = acknowledged.lock().unwrap();
    assert!(20 < acknowledged.runs.len(), "the writers were hardly heard");
    for id in &acknowledged.threads {
        server.get(&format!("/threads/{id}")).ok();
    }
    for id in &acknowledged.crons {
        server.get(&format!("/runs/crons/{id}")).ok();
    }
    for (run, thread) in &acknowledged.runs {
        eventually("every acknowledged run ends", || {
            let run = server.get(&format!("/threads/{thread}/runs/{run}")).ok();
            run["status"] == "success"
        });
    }
    let done = check_fires(&server, &on_thread);
    check_fires(&server, &stateless);

    // The thread counts its invocations; every successful run has left exactly one mark.
    let state = server.get(&format!("/threads/{thread}/state")).ok();
    assert_eq!(state["values"]["count"], json!(done), "effects on the thread");
}

/// Creates threads, runs and crons until told to stop or nobody answers any more.
fn write_until(url: &str, stop: &AtomicBool, acknowledged: &Mutex<Acknowledged>) {
    while !stop.load(Ordering::SeqCst) {
        let answer = request(url, "POST", "/threads", Some("{}"));
        if answer.status != 200 {
            return;
        }
        let thread = text(&answer.body, "thread_id");
        acknowledged.lock().unwrap().threads.push(thread.clone());
        let run = json!({"assistant_id": "echo", "input": {}});
        let answer =
            request(url, "POST", &format!("/threads/{thread}/runs"), Some(&run.to_string()));
        if answer.status != 200 {
            return;
        }
        let run = text(&answer.body, "run_id");
        acknowledged.lock().unwrap().runs.insert(run, thread);
        let cron = json!({"assistant_id": "echo", "schedule": "0 0 1 1 *", "input": {}});
        let answer = request(url, "POST", "/runs/crons", Some(&cron.to_string()));
        if answer.status != 200 {
            return;
        }
        acknowledged.lock().unwrap().crons.push(text(&answer.body, "cron_id"));
    }
}

/// Checks that the fires of a cron account for every second once, and that each started one run
/// which succeeded once. Returns how many.
fn check_fires(server: &Server, cron: &str) -> usize {
    let fires = all_fires(server, cron);
    let paused = server.get(&format!("/runs/crons/{cron}")).ok();
    let instant = |field| text(&paused, field).parse::<Timestamp>().unwrap();
    let (created, ended) = (instant("created_at"), instant("updated_at"));
    let mut expected = Timestamp::from_second(created.as_second() + 1).unwrap();
    let mut runs = HashSet::new();
    for (scheduled_at, fire) in &fires {
        let coalesced = &fire["coalesced"];
        let first = match coalesced["first"].as_str() {
            Some(first) => first.parse().unwrap(),
            None => *scheduled_at,
        };
        assert_eq!(first, expected, "the first instant that no fire before accounts for");
        let instants = scheduled_at.duration_since(first).as_secs();
        assert_eq!(coalesced["count"].as_i64().unwrap_or(0), instants, "{fire}");
        expected = *scheduled_at + Duration::from_secs(1);

        assert_eq!(fire["status"], "started", "{fire}");
        let run = text(fire, "run_id");
        eventually("every run of a fire ends", || {
            server.get(&format!("/runs/{run}")).ok()["status"] == "success"
        });
        assert!(runs.insert(run), "two fires name one run");
    }
    // Instants just before it was paused may not have been claimed by then.
    assert!(ended.as_second() <= expected.as_second() + 1, "{cron} stopped firing before {ended}");
    let recorded = list(server.get(&format!("/runs?cron_id={cron}&limit=1000")).ok());
    let recorded: HashSet<_> = recorded.iter().map(|run| text(run, "run_id")).collect();
    assert_eq!(recorded, runs, "the runs of {cron} are those of its fires");
    assert!((KILLS as usize) / 4 < fires.len(), "the cron hardly fired");
    fires.len()
}

fn all_fires(server: &Server, cron: &str) -> BTreeMap<Timestamp, Value> {
    let fires = list(server.get(&format!("/runs/crons/{cron}/fires?limit=1000")).ok());
    let count = fires.len();
    let by_instant: BTreeMap<Timestamp, Value> = fires
        .into_iter()
        .map(|fire| (text(&fire, "scheduled_at").parse().unwrap(), fire))
        .collect();
    assert_eq!(by_instant.len(), count, "two fires of one instant");
    by_instant
}

/// Numbers that look random and are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}
