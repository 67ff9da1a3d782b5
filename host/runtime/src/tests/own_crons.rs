//! The books in which runs note what they do to crons.

use std::time::Duration;

use serde_json::json;
use wakeful_core::{
    Cron, CronGrant, CronId, CronPolicy, CronTrigger, ErrorCode, FireCause, OnCompletion, Run,
    RunRequest, Trigger,
};
use wakeful_engine::{CronAccess, CronAnswer, CronCall};
use wakeful_store::CronChange;

use super::{Stage, create, object};
use crate::{CreateCron, RunThread};

const GRANT: CronGrant = CronGrant { max: 2, min_interval: Duration::from_secs(3_600) };

async fn stage() -> (Stage, Run) {
    let stage = Stage::open([]).await;
    let thread = stage.thread().await;
    let (run, _) = stage.run(create(RunThread::Existing(thread), json!({}))).await;
    (stage, run)
}

fn daily() -> CronCall {
    CronCall::Create(object(json!({ "schedule": "0 9 * * *", "input": { "n": 1 } })))
}

async fn refusal(stage: &Stage, run: &Run, call: CronCall) -> ErrorCode {
    stage.host.cron_books().call(run.id, call).await.unwrap_err().code
}

#[tokio::test]
async fn a_book_is_open_while_its_run_is_in_progress() {
    let (stage, run) = stage().await;
    let list = CronCall::List { limit: 10 };
    assert_eq!(refusal(&stage, &run, list.clone()).await, ErrorCode::Unavailable);
    let book = stage.host.cron_books().open(&stage.host, &run, Some(GRANT));
    let listed = stage.host.cron_books().call(run.id, list.clone()).await;
    assert_eq!(listed, Ok(CronAnswer::Crons(Vec::new())));
    assert_eq!(book.close().await, []);
    assert_eq!(refusal(&stage, &run, list).await, ErrorCode::Unavailable);
}

#[tokio::test]
async fn a_book_without_a_grant_refuses_whatever_the_engine_lets_through() {
    let (stage, run) = stage().await;
    let book = stage.host.cron_books().open(&stage.host, &run, None);
    for call in [daily(), CronCall::List { limit: 1 }] {
        assert_eq!(refusal(&stage, &run, call).await, ErrorCode::Denied);
    }
    assert_eq!(book.close().await, []);
}

#[tokio::test]
async fn a_book_holds_what_is_to_be_written_and_nothing_that_was_taken_back() {
    let (stage, run) = stage().await;
    let client = CreateCron {
        assistant: "echo".to_owned(),
        thread_id: Some(run.thread_id),
        schedules: vec!["0 9 * * *".to_owned()],
        timezone: None,
        end_time: None,
        enabled: true,
        on_run_completed: OnCompletion::Keep,
        policy: CronPolicy::usual(true),
        note: None,
        metadata: object(json!({})),
        request: RunRequest::default(),
        key: None,
    };
    let client = stage.host.create_cron(client).await.unwrap();
    let books = stage.host.cron_books();
    let book = books.open(&stage.host, &run, Some(GRANT));
    let made = async || match books.call(run.id, daily()).await {
        Ok(CronAnswer::Created(cron)) => cron["cron_id"].as_str().unwrap().parse().unwrap(),
        other => panic!("{other:?}"),
    };
    let (first, second) = (made().await, made().await);
    assert_eq!(refusal(&stage, &run, daily()).await, ErrorCode::LimitExceeded);
    let deleted = books.call(run.id, CronCall::Delete(first)).await;
    assert_eq!(deleted, Ok(CronAnswer::Deleted(true)));
    assert_eq!(refusal(&stage, &run, CronCall::Delete(client.id)).await, ErrorCode::Denied);
    let changes = book.close().await;
    let [CronChange::Create(cron)] = changes.as_slice() else { panic!("{changes:?}") };
    let Cron { id, made_by, thread_id, assistant_id, .. } = **cron;
    assert_eq!((id, made_by, thread_id), (second, Some(run.id), Some(run.thread_id)));
    assert_eq!(assistant_id, run.assistant_id);
    assert_eq!(
        stage.host.cron(second).await.unwrap_err().to_string(),
        format!("cron {second} not found")
    );
}

#[tokio::test]
async fn only_what_a_fire_makes_has_to_wait() {
    let (stage, mut run) = stage().await;
    let soon = stage.host.now() + Duration::from_secs(5);
    let soon = format!("@at {}", jiff::Timestamp::from_second(soon.as_second()).unwrap());
    let call = CronCall::Create(object(json!({ "schedule": soon })));
    let books = stage.host.cron_books();
    let book = books.open(&stage.host, &run, Some(GRANT));
    assert!(books.call(run.id, call.clone()).await.is_ok());
    drop(book);
    run.trigger = Trigger::Cron(CronTrigger {
        cron_id: CronId::generate(),
        scheduled_at: stage.host.now(),
        missed: 0,
        cause: FireCause::Schedule,
        previous_at: None,
        late: Duration::ZERO,
    });
    let _book = books.open(&stage.host, &run, Some(GRANT));
    assert_eq!(refusal(&stage, &run, call).await, ErrorCode::InvalidInput);
    assert!(
        books
            .call(run.id, CronCall::Create(object(json!({ "at": "2099-01-01T00:00:00Z" }))))
            .await
            .is_ok()
    );
}
