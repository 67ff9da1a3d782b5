//! What passes between the host and a guest that behaves.

use serde_json::json;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

use wakeful_core::{
    CronId, CronTrigger, ErrorCode, Failure, FireCause, Interrupt, LogLevel, LogSource, Outcome,
};
use wakeful_engine::{GuestEvent, JobTrigger};

use crate::guest::{echo, guest, returning_argument};
use crate::support::{done, job, load, run, run_guest, runner};

#[tokio::test]
async fn a_run_returns_the_values_of_its_guest() {
    let input = json!({ "greeting": "Grüß Gott", "list": [1, 2.5, null] });
    let (report, events) = run_guest(echo(), |job| job.input = input.clone()).await;
    assert_eq!(report.outcome, done(input));
    assert_eq!(events, []);
    assert!(report.fuel_used > 0);
    assert!(report.peak_memory >= 2 * 65_536);
    assert_eq!((report.logs, report.logs_dropped), (vec![], 0));
}

#[tokio::test]
async fn a_guest_sees_why_and_for_whom_it_runs() {
    let (report, _) = run_guest(returning_argument(76), |job| {
        job.metadata.insert("caller".into(), "test".into());
    })
    .await;
    assert_eq!(report.outcome, done(json!({ "caller": "test" })));
}

#[tokio::test]
async fn a_guest_sees_what_triggered_it() {
    // The trigger lies at 28: its kind; then at 32 a list of answers with its length at 36, or a
    // fire with the number of missed instants at 48.
    let body = r#"
      (local $kind i32) (local $count i32)
      (local.set $kind (i32.load8_u offset=28 (local.get $in)))
      (if (i32.eq (local.get $kind) (i32.const 1))
        (then (local.set $count (i32.load offset=48 (local.get $in)))))
      (if (i32.eq (local.get $kind) (i32.const 2))
        (then (local.set $count (i32.load offset=36 (local.get $in)))))
      (i32.store8 (i32.const 1032) (i32.add (i32.const 48) (local.get $kind)))
      (i32.store8 (i32.const 1042) (i32.add (i32.const 48) (local.get $count)))
      (call $done (i32.const 1024) (i32.const 20))"#;
    let digest = load(guest(r#"(data (i32.const 1024) "{\"kind\":0,\"count\":0}")"#, body)).await;
    let fire = CronTrigger {
        cron_id: CronId::generate(),
        scheduled_at: "2026-11-22T09:00:00Z".parse().unwrap(),
        missed: 3,
        cause: FireCause::Schedule,
        previous_at: None,
        late: Duration::ZERO,
    };
    let answers = vec![("first".to_owned(), json!(true)), ("second".to_owned(), json!({}))];
    for (trigger, kind, count) in [
        (JobTrigger::Manual, 0, 0),
        (JobTrigger::Cron(fire), 1, 3),
        (JobTrigger::Resume(answers), 2, 2),
    ] {
        let mut job = job(digest);
        job.trigger = trigger;
        let (report, _) = run(runner(), job, CancellationToken::new()).await;
        assert_eq!(report.outcome, done(json!({ "kind": kind, "count": count })));
    }
}

#[tokio::test]
async fn a_guest_reads_values_and_configuration() {
    let values = guest(
        "",
        "(call $values (i32.const 512)) (call $done (i32.load (i32.const 512)) (i32.load (i32.const 516)))",
    );
    let (report, _) = run_guest(values, |job| job.values = json!({ "count": 7 })).await;
    assert_eq!(report.outcome, done(json!({ "count": 7 })));

    let setting = guest(
        r#"(data (i32.const 1024) "model")"#,
        "(call $get (i32.const 1024) (i32.const 5) (i32.const 512))
         (if (i32.eqz (i32.load8_u (i32.const 512))) (then (return (call $fine))))
         (call $done (i32.load (i32.const 516)) (i32.load (i32.const 520)))",
    );
    let configure = |job: &mut wakeful_engine::Job| {
        job.config.insert("model".into(), json!({ "name": "small" }));
    };
    let (report, _) = run_guest(setting.clone(), configure).await;
    assert_eq!(report.outcome, done(json!({ "name": "small" })));
    let (report, _) = run_guest(setting, |_| {}).await;
    assert_eq!(report.outcome, done(json!({})));
}

#[tokio::test]
async fn a_guest_that_fails_says_how() {
    let failing = guest(
        r#"(data (i32.const 1024) "no such city")"#,
        "(call $result (i32.const 1) (i32.const 2) (i32.const 1024) (i32.const 12))",
    );
    let (report, _) = run_guest(failing, |_| {}).await;
    let expected = Failure {
        code: ErrorCode::NotFound,
        message: "no such city".into(),
        retryable: true,
        retry_after: Some(std::time::Duration::from_millis(1_500)),
    };
    assert_eq!(report.outcome, Outcome::Failed(expected));
}

#[tokio::test]
async fn a_guest_that_asks_is_interrupted() {
    let asking = guest(
        r#"(data (i32.const 1024) "q1") (data (i32.const 1030) "why") (data (i32.const 1040) "[1]")"#,
        "(i32.store (i32.const 600) (i32.const 1024)) (i32.store (i32.const 604) (i32.const 2))
         (i32.store (i32.const 608) (i32.const 1030)) (i32.store (i32.const 612) (i32.const 3))
         (i32.store (i32.const 616) (i32.const 1040)) (i32.store (i32.const 620) (i32.const 3))
         (i32.store (i32.const 624) (i32.const 0))
         (call $result (i32.const 0) (i32.const 1) (i32.const 600) (i32.const 1))",
    );
    let (report, _) = run_guest(asking, |_| {}).await;
    let question = Interrupt {
        id: "q1".into(),
        reason: "why".into(),
        payload: json!([1]),
        answer_schema: None,
    };
    assert_eq!(report.outcome, Outcome::Interrupted(vec![question]));
}

#[tokio::test]
async fn events_arrive_in_order_and_a_bad_one_is_refused_to_the_guest() {
    let talking = guest(
        r#"(data (i32.const 1024) "text") (data (i32.const 1032) "[true]") (data (i32.const 1040) "{bad")
           (data (i32.const 1048) "{\"refused\":1}")"#,
        "(call $emit (i32.const 0) (i32.const 1024) (i32.const 4) (i32.const 0) (i32.const 0) (i32.const 512))
         (call $emit (i32.const 1) (i32.const 1032) (i32.const 6) (i32.const 0) (i32.const 0) (i32.const 512))
         (call $emit (i32.const 2) (i32.const 1032) (i32.const 6) (i32.const 0) (i32.const 0) (i32.const 512))
         (call $emit (i32.const 3) (i32.const 1024) (i32.const 4) (i32.const 1032) (i32.const 6) (i32.const 512))
         (if (i32.load8_u (i32.const 512)) (then unreachable))
         (call $emit (i32.const 1) (i32.const 1040) (i32.const 4) (i32.const 0) (i32.const 0) (i32.const 512))
         (if (i32.load8_u (i32.const 512)) (then (return (call $done (i32.const 1048) (i32.const 13)))))
         (call $fine)",
    );
    let (report, events) = run_guest(talking, |_| {}).await;
    assert_eq!(report.outcome, done(json!({ "refused": 1 })));
    let expected = [
        GuestEvent::TextDelta("text".into()),
        GuestEvent::Message(json!([true])),
        GuestEvent::Values(json!([true])),
        GuestEvent::Custom { name: "text".into(), data: json!([true]) },
    ];
    assert_eq!(events, expected);
}

#[tokio::test]
async fn what_a_guest_logs_and_prints_is_in_its_report() {
    let chatty = guest(
        r#"(import "wasi:cli/stdout@0.2.0" "get-stdout" (func $stdout (result i32)))
           (import "wasi:io/streams@0.2.1" "[method]output-stream.blocking-write-and-flush"
             (func $write (param i32 i32 i32 i32)))
           (data (i32.const 1024) "one\ntwo") (data (i32.const 1040) "logged")
           (data (i32.const 1048) "keyvalue")"#,
        "(call $write (call $stdout) (i32.const 1024) (i32.const 7) (i32.const 512))
         (i32.store (i32.const 600) (i32.const 1048)) (i32.store (i32.const 604) (i32.const 3))
         (i32.store (i32.const 608) (i32.const 1051)) (i32.store (i32.const 612) (i32.const 5))
         (call $log (i32.const 4) (i32.const 1040) (i32.const 6) (i32.const 600) (i32.const 1))
         (call $fine)",
    );
    let (report, events) = run_guest(chatty, |_| {}).await;
    assert_eq!(report.outcome, done(json!({})));
    let lines: Vec<_> = report
        .logs
        .iter()
        .map(|line| (line.source, line.level, line.message.as_str(), line.fields.len()))
        .collect();
    let expected = [
        (LogSource::Stdout, LogLevel::Info, "one", 0),
        (LogSource::Log, LogLevel::Error, "logged", 1),
        (LogSource::Stdout, LogLevel::Info, "two", 0),
    ];
    assert_eq!(lines, expected);
    assert_eq!(report.logs[1].fields, [("key".to_owned(), "value".to_owned())]);
    assert_eq!(events[..2], [report.logs[0].clone(), report.logs[1].clone()].map(GuestEvent::Log));
}
