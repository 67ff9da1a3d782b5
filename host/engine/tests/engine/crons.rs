//! What a guest learns of crons, and what it may do with those of its own thread.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use wakeful_core::{
    CronGrant, CronId, CronTrigger, ErrorCode, Failure, FireCause, Json, LogLevel, RunId,
};
use wakeful_engine::{
    CronAccess, CronAnswer, CronCall, EngineConfig, Job, JobTrigger, Reach, Runner,
};

use crate::guest::guest;
use crate::support::{done, job, load, own_runner, run, run_guest, runner};

/// Notes the calls, and answers the first with a cron and others with a refusal.
#[derive(Default)]
struct Notes(Mutex<Vec<(RunId, CronCall)>>);

#[async_trait]
impl CronAccess for Notes {
    async fn call(&self, run: RunId, call: CronCall) -> Result<CronAnswer, Failure> {
        let mut notes = self.0.lock().unwrap();
        notes.push((run, call));
        match notes.len() {
            1 => Ok(CronAnswer::Created(json!({ "cron": 1 }).as_object().unwrap().clone())),
            _ => Err(Failure {
                code: ErrorCode::LimitExceeded,
                message: "too many".into(),
                retryable: false,
                retry_after: None,
            }),
        }
    }
}

/// Asks for a cron, and returns the answer; `{}` if it is refused.
fn asking(request: &str) -> Arc<[u8]> {
    let data = format!(r#"(data (i32.const 1024) "{}")"#, request.replace('"', "\\\""));
    asking_with(&data, 1_024, request.len())
}

/// Likewise, with so many bytes of its memory, which is grown to 256 KiB.
fn asking_with(data: &str, at: usize, length: usize) -> Arc<[u8]> {
    let import = r#"(import "wakeful:assistant/crons@0.1.0" "create"
                      (func $create (param i32 i32 i32)))"#;
    guest(
        &format!("{import}{data}"),
        &format!(
            "(drop (memory.grow (i32.const 2)))
             (call $create (i32.const {at}) (i32.const {length}) (i32.const 512))
             (if (i32.load8_u (i32.const 512)) (then (return (call $fine))))
             (call $done (i32.load (i32.const 516)) (i32.load (i32.const 520)))"
        ),
    )
}

fn granted(job: &mut Job) {
    job.grants.crons = Some(CronGrant { max: 1, min_interval: Duration::from_secs(60) });
}

#[tokio::test]
async fn a_guest_asks_for_crons_as_far_as_it_is_granted() {
    let notes = Arc::new(Notes::default());
    let runner = own_runner(EngineConfig::default())
        .with_reach(Reach::default().with_crons(Arc::<Notes>::clone(&notes)));
    let guest = asking(r#"{"every": "2h"}"#);
    let digest = runner.load(guest).await.unwrap().digest;

    let (report, _) = run(&runner, job(digest), CancellationToken::new()).await;
    assert_eq!(report.outcome, done(json!({})));
    let refusal = &report.logs[0];
    assert_eq!(refusal.level, LogLevel::Warn);
    assert!(refusal.message.contains("crons = { max = 5, min_interval = "), "{refusal:?}");
    assert!(notes.0.lock().unwrap().is_empty(), "what is not granted goes no further");

    let mut may = job(digest);
    granted(&mut may);
    let (report, _) = run(&runner, may.clone(), CancellationToken::new()).await;
    assert_eq!(report.outcome, done(json!({ "cron": 1 })));
    assert_eq!(report.logs, []);
    assert!(report.fuel_used > 10_000_000);
    let wish = json!({ "every": "2h" }).as_object().unwrap().clone();
    assert_eq!(*notes.0.lock().unwrap(), [(may.run_id, CronCall::Create(wish))]);
    let (report, _) = run(&runner, may, CancellationToken::new()).await;
    assert_eq!(report.outcome, done(json!({})));
}

#[tokio::test]
async fn a_request_that_is_no_object_or_too_large_goes_no_further() {
    let notes = Arc::new(Notes::default());
    let runner = own_runner(EngineConfig::default())
        .with_reach(Reach::default().with_crons(Arc::<Notes>::clone(&notes)));
    for guest in [asking("[]"), asking("{"), asking_with("", 131_072, 65_537)] {
        let digest = runner.load(guest).await.unwrap().digest;
        let mut job = job(digest);
        granted(&mut job);
        let (report, _) = run(&runner, job, CancellationToken::new()).await;
        assert_eq!(report.outcome, done(json!({})));
    }
    assert!(notes.0.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_host_that_keeps_no_crons_says_so() {
    let (report, _) = run_guest(asking("{}"), granted).await;
    assert_eq!(report.outcome, done(json!({})));
}

#[tokio::test]
async fn a_guest_learns_of_the_fire_that_it_is_for() {
    let digest = load(guest(
        r#"(import "wakeful:assistant/fire@0.1.0" "info" (func $info (param i32)))"#,
        "(call $info (i32.const 512))
         (if (i32.eqz (i32.load8_u (i32.const 512))) (then (return (call $fine))))
         (call $done (i32.load (i32.const 516)) (i32.load (i32.const 520)))",
    ))
    .await;
    let fire = CronTrigger {
        cron_id: CronId::generate(),
        scheduled_at: "2026-11-22T09:00:00Z".parse().unwrap(),
        missed: 3,
        cause: FireCause::Catchup,
        previous_at: Some("2026-11-22T08:00:00Z".parse().unwrap()),
        late: Duration::from_millis(1_500),
    };
    let told = json!({
        "cron_id": fire.cron_id.to_string(),
        "scheduled_at": "2026-11-22T09:00:00Z",
        "previous_scheduled_at": "2026-11-22T08:00:00Z",
        "late_ms": 1_500,
        "trigger": "catchup",
        "missed": 3,
    });
    for (trigger, mut expected) in [
        (JobTrigger::Cron(fire), told),
        (JobTrigger::Manual, json!({})),
        (JobTrigger::Resume(vec![("q".to_owned(), Json::Null)]), json!({})),
    ] {
        let mut job = job(digest);
        job.trigger = trigger;
        if let (Some(fire), JobTrigger::Cron(_)) = (expected.as_object_mut(), &job.trigger) {
            fire.insert("fire_id".to_owned(), job.run_id.to_string().into());
        }
        let (report, _) = run(runner(), job, CancellationToken::new()).await;
        assert_eq!(report.outcome, done(expected));
    }
}
