//! Many hostile guests at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use wakeful_core::{Outcome, ThreadId};
use wakeful_engine::EngineConfig;

use super::files::{FILES, OPEN_ROOT, Scene};
use super::machine::MACHINES;
use super::neighbours::{beside, greet, loaded};
use super::stage::{GRACE, HEADROOM, Row, TURN, bounded};
use super::{SPIN, forever};
use crate::guest::{echo, guest};
use crate::support::{job, limits, run};

/// How many guests run at once, and how many attack: more than there is room for.
const ROOM: u32 = 24;
const ATTACKERS: usize = 64;

/// What an attacker does, and how that must end.
fn attackers() -> Vec<(Arc<[u8]>, &'static str)> {
    let deeper = "(func $deeper (param i64) (result i64) (i64.add (i64.const 1) (call $deeper (local.get 0))))";
    let emit = "(call $emit (i32.const 0) (i32.const 1024) (i32.const 4) (i32.const 0) (i32.const 0) (i32.const 512))";
    let sleep = r#"
      (import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration" (func $in_a_while (param i64) (result i32)))
      (import "wasi:io/poll@0.2.1" "[method]pollable.block" (func $block (param i32)))"#;
    let fill = format!("{OPEN_ROOT} (call $create) {}", forever("(call $append)"));
    vec![
        (guest("", SPIN), "timed_out"),
        (guest("", &forever("(drop (call $cancelled))")), "timed_out"),
        (
            guest(sleep, "(call $block (call $in_a_while (i64.const 3600000000000))) (call $fine)"),
            "timed_out",
        ),
        (guest("", &forever("(drop (memory.grow (i32.const 16)))")), "out_of_memory"),
        (guest("", "unreachable"), "trapped"),
        (guest(deeper, "(drop (call $deeper (i64.const 0))) (call $fine)"), "trapped"),
        (guest("", &forever(emit)), "too_many_events"),
        (guest(FILES, &fill), "disk_full"),
    ]
}

#[tokio::test]
async fn guests_that_all_hit_a_limit_at_once_are_contained() {
    for machine in &MACHINES {
        let _turn = TURN.lock().await;
        let config = EngineConfig { workers: 2, max_concurrent: ROOM, ..EngineConfig::default() };
        let runner = machine.own(config);
        let mut kinds = Vec::new();
        for (guest, kind) in attackers() {
            kinds.push((loaded(&runner, guest).await.unwrap(), kind));
        }
        let scenes: Vec<_> = (0..ATTACKERS).map(|_| Scene::new()).collect();
        // Who hardly gets a turn among so many runs into this limit before it reaches its own.
        let limit = Duration::from_secs(1);
        let attack = async {
            let mut runs = JoinSet::new();
            for (scene, (digest, kind)) in scenes.iter().zip(kinds.iter().cycle()) {
                let (runner, kind) = (Arc::clone(&runner), *kind);
                let mut job = job(*digest);
                job.root = Some(scene.root());
                job.limits.timeout = limit;
                runs.spawn(async move {
                    (run(&*runner, job, CancellationToken::new()).await.0.outcome, kind)
                });
            }
            runs.join_all().await
        };
        let attack = beside(&runner, attack).await.unwrap();
        let row =
            Row { kind: "many", name: "sixty-four of eight kinds at once", machine: machine.name };
        row.print("all kinds", attack.took, attack.slowest, attack.growth);
        for (outcome, kind) in &attack.value {
            assert!([*kind, "timed_out"].contains(&outcome.kind()), "{kind}: {outcome:?}");
        }
        // Each takes its turn in the room that there is.
        let rounds = u32::try_from(ATTACKERS).unwrap() / ROOM + 1;
        let memory = limits().memory * u64::from(ROOM);
        bounded(attack.took, limit * rounds, attack.growth, memory.max(HEADROOM)).unwrap();
        for scene in &scenes {
            scene.judge().await.unwrap();
        }
    }
}

#[tokio::test]
async fn spinning_guests_on_every_thread_do_not_stop_timers() {
    for machine in &MACHINES {
        let _turn = TURN.lock().await;
        let runner = machine.own(EngineConfig { workers: 1, ..EngineConfig::default() });
        let spinning = loaded(&runner, guest("", SPIN)).await.unwrap();
        let limit = Duration::from_millis(300);
        let attack = async {
            let mut runs = JoinSet::new();
            for _ in 0..4 {
                let runner = Arc::clone(&runner);
                let mut job = job(spinning);
                job.limits.timeout = limit;
                runs.spawn(async move { run(&*runner, job, CancellationToken::new()).await.0 });
            }
            runs.join_all().await
        };
        let attack = beside(&runner, attack).await.unwrap();
        for report in attack.value {
            assert_eq!(report.outcome, Outcome::TimedOut { limit });
        }
        bounded(attack.took, limit, attack.growth, limits().memory * 4).unwrap();
    }
}

#[tokio::test]
async fn a_run_that_nobody_waits_for_frees_its_slot() {
    for machine in &MACHINES {
        let config = EngineConfig { workers: 1, max_concurrent: 1, ..EngineConfig::default() };
        let runner = machine.own(config);
        let spinning = loaded(&runner, guest("", SPIN)).await.unwrap();
        let good = loaded(&runner, echo()).await.unwrap();
        let abandoned = run(&*runner, job(spinning), CancellationToken::new());
        let begun = Instant::now();
        assert!(tokio::time::timeout(Duration::from_millis(100), abandoned).await.is_err());
        greet(&runner, good, ThreadId::generate()).await.unwrap();
        assert!(begun.elapsed() < GRACE);
    }
}
