//! Every limit, and a guest that violates it beside a neighbour that does not notice.

use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use wakeful_core::{LogSource, Outcome};
use wakeful_engine::{EngineConfig, Runner};

use crate::guest::{echo, guest};
use crate::support::{contain, contain_until, done, job, own_runner, run};

const SPIN: &str = "(loop $again (br $again)) unreachable";

/// A loop around some statements.
fn forever(statements: &str) -> String {
    format!("(loop $again {statements} (br $again)) unreachable")
}

fn trap_message(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Trapped { message } => message,
        other => panic!("not a trap: {other:?}"),
    }
}

#[tokio::test]
async fn a_loop_ends_when_its_fuel_is_used_up() {
    let report = contain(guest("", SPIN), |job| job.limits.fuel = 50_000_000).await;
    assert_eq!(report.outcome, Outcome::OutOfFuel { limit: 50_000_000 });
    assert_eq!(report.fuel_used, 50_000_000);
}

#[tokio::test]
async fn a_loop_ends_when_its_time_is_up() {
    let limit = Duration::from_millis(200);
    let report = contain(guest("", SPIN), |job| job.limits.timeout = limit).await;
    assert_eq!(report.outcome, Outcome::TimedOut { limit });
    assert!(report.duration >= limit);
}

#[tokio::test]
async fn a_loop_in_a_start_function_ends_when_its_time_is_up() {
    let limit = Duration::from_millis(200);
    let spinning = guest("(func $begin (loop $again (br $again))) (start $begin)", "unreachable");
    let report = contain(spinning, |job| job.limits.timeout = limit).await;
    assert_eq!(report.outcome, Outcome::TimedOut { limit });
}

#[tokio::test]
async fn a_guest_that_sleeps_ends_when_its_time_is_up() {
    let sleeping = guest(
        r#"(import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration" (func $in_a_while (param i64) (result i32)))
           (import "wasi:io/poll@0.2.0" "[method]pollable.block" (func $block (param i32)))"#,
        "(call $block (call $in_a_while (i64.const 3600000000000))) (call $fine)",
    );
    let limit = Duration::from_millis(200);
    let report = contain(sleeping, |job| job.limits.timeout = limit).await;
    assert_eq!(report.outcome, Outcome::TimedOut { limit });
    assert!(report.fuel_used < 1_000_000);
}

#[tokio::test]
async fn a_loop_ends_when_it_is_cancelled() {
    let after = Some(Duration::from_millis(100));
    let report = contain_until(guest("", SPIN), |_| {}, CancellationToken::new(), after).await;
    assert_eq!(report.outcome, Outcome::Cancelled);
    assert!(report.fuel_used > 0);
}

#[tokio::test]
async fn a_run_that_is_cancelled_before_it_begins_never_begins() {
    let cancel = CancellationToken::new();
    cancel.cancel();
    let report = contain_until(guest("", SPIN), |_| {}, cancel, None).await;
    assert_eq!((report.outcome, report.fuel_used), (Outcome::Cancelled, 0));
}

#[tokio::test]
async fn a_run_that_nobody_waits_for_frees_its_slot() {
    let config = EngineConfig { workers: 1, max_concurrent: 1, ..EngineConfig::default() };
    let runner = own_runner(config);
    let spinning = runner.load(guest("", SPIN)).await.unwrap().digest;
    let good = runner.load(echo()).await.unwrap().digest;
    let begun = Instant::now();
    let abandoned = run(&runner, job(spinning), CancellationToken::new());
    assert!(tokio::time::timeout(Duration::from_millis(100), abandoned).await.is_err());
    let (report, _) = run(&runner, job(good), CancellationToken::new()).await;
    assert_eq!(report.outcome, done(serde_json::json!({})));
    assert!(begun.elapsed() < crate::support::PROMPT);
}

#[tokio::test]
async fn spinning_guests_on_every_thread_do_not_stop_timers() {
    let config = EngineConfig { workers: 1, ..EngineConfig::default() };
    let runner = own_runner(config);
    let spinning = runner.load(guest("", SPIN)).await.unwrap().digest;
    let limit = Duration::from_millis(300);
    let begun = Instant::now();
    let runs = (0..4).map(|_| {
        let mut job = job(spinning);
        job.limits.timeout = limit;
        run(&runner, job, CancellationToken::new())
    });
    let mut runs = runs.collect::<Vec<_>>().into_iter();
    let (a, b, c, d) = tokio::join!(
        runs.next().unwrap(),
        runs.next().unwrap(),
        runs.next().unwrap(),
        runs.next().unwrap()
    );
    for (report, _) in [a, b, c, d] {
        assert_eq!(report.outcome, Outcome::TimedOut { limit });
    }
    assert!(begun.elapsed() < crate::support::PROMPT);
}

#[tokio::test]
async fn a_crash_is_told_with_its_place() {
    let report =
        contain(guest("(func $innermost unreachable)", "(call $innermost) (call $fine)"), |_| {})
            .await;
    let message = trap_message(&report.outcome);
    assert!(message.contains("unreachable") && message.contains("innermost"), "{message}");
}

#[tokio::test]
async fn a_guest_that_exits_is_told_with_its_status() {
    let exiting = guest(
        r#"(import "wasi:cli/exit@0.2.0" "exit" (func $exit (param i32)))"#,
        "(call $exit (i32.const 1)) unreachable",
    );
    let report = contain(exiting, |_| {}).await;
    assert!(trap_message(&report.outcome).contains("exited with status 1"));
}

#[tokio::test]
async fn endless_recursion_overflows_only_the_stack_of_its_guest() {
    let report = contain(
        guest("(func $deeper (param i64) (result i64) (i64.add (i64.const 1) (call $deeper (local.get 0))))",
            "(drop (call $deeper (i64.const 0))) (call $fine)"),
        |_| {},
    )
    .await;
    let message = trap_message(&report.outcome);
    assert!(message.contains("call stack exhausted"), "{message}");
}

#[tokio::test]
async fn an_output_beyond_the_limit_is_refused() {
    let large = guest(
        "",
        "(drop (memory.grow (i32.const 4))) (call $done (i32.const 200000) (i32.const 100000))",
    );
    let report = contain(large, |job| job.limits.output = 99_999).await;
    assert_eq!(report.outcome, Outcome::OutputTooLarge { limit: 99_999 });
}

#[tokio::test]
async fn an_output_far_beyond_the_limit_is_refused_before_it_is_copied() {
    let huge = guest(
        "",
        "(drop (memory.grow (i32.const 400))) (call $done (i32.const 1024) (i32.const 25000000))",
    );
    let report = contain(huge, |_| {}).await;
    assert_eq!(report.outcome, Outcome::OutputTooLarge { limit: 1 << 20 });
}

#[tokio::test]
async fn a_string_outside_its_memory_is_a_crash() {
    let lying = guest("", "(call $done (i32.const -16) (i32.const 1000))");
    let report = contain(lying, |_| {}).await;
    trap_message(&report.outcome);
}

#[tokio::test]
async fn an_output_that_breaks_the_contract_is_invalid() {
    let cases = [
        ("(call $done (i32.const 1024) (i32.const 4))", "{no}", "must carry JSON"),
        ("(call $done (i32.const 1024) (i32.const 3))", "[1]", "an array"),
        (
            "(call $result (i32.const 0) (i32.const 1) (i32.const 1024) (i32.const 0))",
            "",
            "at least one question",
        ),
    ];
    for (body, text, expected) in cases {
        let data = format!("(data (i32.const 1024) \"{text}\")");
        let report = contain(guest(&data, body), |_| {}).await;
        let Outcome::InvalidOutput { message } = report.outcome else {
            panic!("{text}: {:?}", report.outcome)
        };
        assert!(message.contains(expected), "{message}");
    }
}

#[tokio::test]
async fn a_flood_of_log_lines_is_bounded_and_costs_fuel() {
    let log =
        "(call $log (i32.const 2) (i32.const 1024) (i32.const 16) (i32.const 0) (i32.const 0))";
    let report = contain(guest("", &forever(log)), |job| job.limits.fuel = 200_000_000).await;
    assert_eq!(report.outcome, Outcome::OutOfFuel { limit: 200_000_000 });
    assert!(report.logs.iter().all(|line| line.source == LogSource::Log));
    assert!(report.logs.iter().map(|line| line.message.len()).sum::<usize>() <= 10_000);
    assert!(!report.logs.is_empty() && report.logs_dropped > 1_000);
    // 200 million instructions could make 20 million calls if calls were free.
    assert!(report.logs_dropped < 200_000, "{}", report.logs_dropped);
}

#[tokio::test]
async fn a_flood_of_output_is_bounded() {
    let flooding = guest(
        r#"(import "wasi:cli/stdout@0.2.0" "get-stdout" (func $stdout (result i32)))
           (import "wasi:io/streams@0.2.0" "[method]output-stream.blocking-write-and-flush"
             (func $write (param i32 i32 i32 i32)))
           (global $out (mut i32) (i32.const 0))"#,
        &format!(
            "(global.set $out (call $stdout)) {}",
            forever(
                "(call $write (global.get $out) (i32.const 1024) (i32.const 4096) (i32.const 512))"
            )
        ),
    );
    let report = contain(flooding, |job| job.limits.fuel = 50_000_000).await;
    assert_eq!(report.outcome, Outcome::OutOfFuel { limit: 50_000_000 });
    assert!(report.logs.iter().map(|line| line.message.len()).sum::<usize>() <= 10_000);
    assert!(report.logs_dropped > 0);
}

#[tokio::test]
async fn a_flood_of_events_ends_its_run() {
    let emit = "(call $emit (i32.const 0) (i32.const 1024) (i32.const 4) (i32.const 0) (i32.const 0) (i32.const 512))";
    let report = contain(guest("", &forever(emit)), |_| {}).await;
    assert_eq!(report.outcome, Outcome::TooManyEvents { limit: 100 });
}

#[tokio::test]
async fn events_that_are_too_large_end_their_run() {
    let emit = "(call $emit (i32.const 0) (i32.const 1024) (i32.const 60000) (i32.const 0) (i32.const 0) (i32.const 512))";
    let report = contain(guest("", &forever(emit)), |_| {}).await;
    assert_eq!(report.outcome, Outcome::OutputTooLarge { limit: 1 << 20 });
}

#[tokio::test]
async fn a_memory_bomb_ends_at_the_limit() {
    let growing = guest("", &forever("(drop (memory.grow (i32.const 16)))"));
    let report = contain(growing, |_| {}).await;
    assert_eq!(report.outcome, Outcome::OutOfMemory { limit: 32 << 20 });
    assert!(report.peak_memory <= 32 << 20);
    assert!(report.peak_memory > 30 << 20);
}

#[tokio::test]
async fn memory_that_is_too_large_from_the_start_is_refused() {
    let report = contain(echo(), |job| job.limits.memory = 65_536).await;
    assert_eq!(report.outcome, Outcome::OutOfMemory { limit: 65_536 });
}

#[tokio::test]
async fn a_table_bomb_ends_at_the_limit() {
    let growing = guest(
        "(table $t 1 funcref)",
        &forever("(drop (table.grow $t (ref.null func) (i32.const 1000)))"),
    );
    let report = contain(growing, |job| job.limits.memory = 512 << 10).await;
    assert_eq!(report.outcome, Outcome::OutOfMemory { limit: 512 << 10 });
}

#[tokio::test]
async fn dear_host_calls_neither_hold_up_a_timeout_nor_go_on_for_ever() {
    let hungry = guest(
        r#"(import "wasi:random/random@0.2.0" "get-random-bytes" (func $random (param i64 i32)))"#,
        &forever(
            "(global.set $top (i32.const 65536)) (call $random (i64.const 1000000) (i32.const 512))",
        ),
    );
    let limit = Duration::from_millis(200);
    let report = contain(hungry.clone(), |job| job.limits.timeout = limit).await;
    assert_eq!(report.outcome, Outcome::TimedOut { limit });
    assert!(report.duration < Duration::from_secs(5), "{:?}", report.duration);
    let report = contain(hungry, |job| job.limits.fuel = 200_000).await;
    assert_eq!(report.outcome, Outcome::OutOfFuel { limit: 200_000 });
}

#[tokio::test]
async fn more_random_bytes_than_allowed_are_a_crash() {
    let hungry = guest(
        r#"(import "wasi:random/random@0.2.0" "get-random-bytes" (func $random (param i64 i32)))"#,
        "(call $random (i64.const 1073741824) (i32.const 512)) (call $fine)",
    );
    let report = contain(hungry, |_| {}).await;
    trap_message(&report.outcome);
}

#[tokio::test]
async fn a_guest_cannot_hoard_resources_of_the_host() {
    let hoarding = guest(
        r#"(import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration" (func $in_a_while (param i64) (result i32)))"#,
        &forever("(drop (call $in_a_while (i64.const 3600000000000)))"),
    );
    let report = contain(hoarding, |_| {}).await;
    trap_message(&report.outcome);
    assert!(report.fuel_used < 10_000_000);
}

/// Opens a file named by the four bytes at 1024, counted up for each, and writes.
const FILES: &str = r#"
  (import "wasi:filesystem/preopens@0.2.0" "get-directories" (func $directories (param i32)))
  (import "wasi:filesystem/types@0.2.0" "[method]descriptor.open-at"
    (func $open (param i32 i32 i32 i32 i32 i32 i32)))
  (import "wasi:filesystem/types@0.2.0" "[method]descriptor.write"
    (func $write (param i32 i32 i32 i64 i32)))
  (import "wasi:filesystem/types@0.2.0" "[method]descriptor.unlink-file-at"
    (func $unlink (param i32 i32 i32 i32)))
  (import "wasi:filesystem/types@0.2.0" "[resource-drop]descriptor" (func $close (param i32)))
  (global $root (mut i32) (i32.const 0))
  (global $file (mut i32) (i32.const 0))
  (global $at (mut i64) (i64.const 0))
  (data (i32.const 1024) "aaaa")
  (func $create
    (call $open (global.get $root) (i32.const 0) (i32.const 1024) (i32.const 4) (i32.const 1)
      (i32.const 3) (i32.const 512))
    (if (i32.load8_u (i32.const 512)) (then unreachable))
    (global.set $file (i32.load (i32.const 516))))
  (func $append
    (call $write (global.get $file) (i32.const 2048) (i32.const 60000) (global.get $at) (i32.const 512))
    (global.set $at (i64.add (global.get $at) (i64.const 60000))))
  (func $rename
    (i32.store8 (i32.const 1024) (i32.add (i32.load8_u (i32.const 1024)) (i32.const 1)))
    (if (i32.gt_u (i32.load8_u (i32.const 1024)) (i32.const 122)) (then
      (i32.store8 (i32.const 1024) (i32.const 97))
      (i32.store8 (i32.const 1025) (i32.add (i32.load8_u (i32.const 1025)) (i32.const 1))))))
"#;

const OPEN_ROOT: &str =
    "(call $directories (i32.const 512)) (global.set $root (i32.load (i32.load (i32.const 512))))";

fn disk_message(outcome: Outcome) -> String {
    match outcome {
        Outcome::DiskFull { message } => message,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_disk_bomb_ends_soon_after_the_limit() {
    for hide in
        ["", "(call $unlink (global.get $root) (i32.const 1024) (i32.const 4) (i32.const 512))"]
    {
        let root = tempfile::tempdir().unwrap();
        let body = format!("{OPEN_ROOT} (call $create) {hide} {}", forever("(call $append)"));
        let report = contain(guest(FILES, &body), |job| job.root = Some(root.path().into())).await;
        assert!(disk_message(report.outcome).contains("limit `disk`"));
    }
}

#[tokio::test]
async fn a_bomb_of_small_files_ends_soon_after_the_limit() {
    let root = tempfile::tempdir().unwrap();
    let body = format!(
        "{OPEN_ROOT} {}",
        forever("(call $create) (call $close (global.get $file)) (call $rename)")
    );
    let report = contain(guest(FILES, &body), |job| job.root = Some(root.path().into())).await;
    assert!(disk_message(report.outcome).contains("limit `files`"));
}

#[tokio::test]
async fn a_guest_that_ends_before_the_first_look_is_looked_at_all_the_same() {
    let root = tempfile::tempdir().unwrap();
    let body = format!("{OPEN_ROOT} (call $create) (call $append) (call $fine)");
    let writing = guest(FILES, &body);
    let with = |disk| {
        let path = root.path().to_owned();
        move |job: &mut wakeful_engine::Job| {
            job.root = Some(path);
            job.limits.disk = disk;
        }
    };
    let report = contain(writing.clone(), with(59_999)).await;
    assert!(disk_message(report.outcome).contains("limit `disk`"));
    let report = contain(writing, with(60_000)).await;
    assert_eq!(report.outcome, done(serde_json::json!({})));
    assert_eq!(std::fs::metadata(root.path().join("aaaa")).unwrap().len(), 60_000);
}

#[tokio::test]
async fn a_guest_without_a_directory_has_none() {
    let body = "(call $directories (i32.const 512))
        (if (i32.load (i32.const 516)) (then unreachable)) (call $fine)";
    let report = contain(guest(FILES, body), |_| {}).await;
    assert_eq!(report.outcome, done(serde_json::json!({})));
}

#[tokio::test]
async fn a_missing_directory_is_the_fault_of_the_host() {
    let missing = tempfile::tempdir().unwrap().path().join("missing");
    let report = contain(guest(FILES, "(call $fine)"), |job| job.root = Some(missing)).await;
    assert!(matches!(report.outcome, Outcome::HostFailed { .. }), "{:?}", report.outcome);
}
