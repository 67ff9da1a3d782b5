use std::time::Duration;

use serde_json::json;
use wakeful_core::{ErrorCode, Failure, Outcome, RunError, RunStatus, ThreadStatus};

use super::{Stage, create};
use crate::{CancelAction, RunThread};

fn failing(retryable: bool) -> Outcome {
    Outcome::Failed(Failure {
        code: ErrorCode::Unavailable,
        message: "not now".to_owned(),
        retryable,
        retry_after: retryable.then(|| Duration::from_millis(3)),
    })
}

#[tokio::test]
async fn what_may_pass_is_tried_again_and_what_may_not_is_not() {
    let broken = || Outcome::HostFailed { message: "no directory".to_owned() };
    let trap = || Outcome::Trapped { message: "unreachable".to_owned() };
    for (outcomes, attempts, status) in [
        (vec![failing(true)], 2, RunStatus::Success),
        (vec![broken(), failing(true)], 3, RunStatus::Success),
        (vec![failing(true), trap()], 2, RunStatus::Error),
        (vec![failing(true), failing(true), failing(true)], 3, RunStatus::Error),
        (vec![failing(false)], 1, RunStatus::Error),
        (vec![trap()], 1, RunStatus::Error),
    ] {
        let stage = Stage::open(outcomes.clone()).await;
        let thread = stage.thread().await;
        let (run, thread) = stage.run(create(RunThread::Existing(thread), json!({}))).await;
        assert_eq!((run.status, run.attempt), (status, attempts), "{outcomes:?}");
        let tried_again = outcomes.iter().take(run.attempt as usize - 1).next_back();
        assert_eq!(run.last_error, tried_again.map(RunError::from), "{outcomes:?}");
        let attempts: Vec<_> = stage.jobs().iter().map(|job| job.attempt).collect();
        assert_eq!(attempts, (1..=run.attempt).collect::<Vec<_>>());
        let ends =
            if status == RunStatus::Success { ThreadStatus::Idle } else { ThreadStatus::Error };
        assert_eq!(thread.status, ends);
        stage.host.shutdown().await.unwrap();
    }
}

#[tokio::test]
async fn a_run_that_is_cancelled_is_not_tried_again() {
    let stage = Stage::open([failing(true)]).await;
    let thread = stage.thread().await;
    stage.hold();
    let run = stage.host.create_run(create(RunThread::Existing(thread), json!({}))).await.unwrap();
    stage.held().await;
    stage.host.cancel_run(run.id, CancelAction::Interrupt).await.unwrap();
    let run = stage.host.wait_for_run(run.id).await.unwrap();
    assert_eq!((run.status, run.attempt), (RunStatus::Interrupted, 1));
    stage.host.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_run_that_waits_for_its_next_attempt_is_pending_and_can_be_cancelled() {
    let mut failure = failing(true);
    if let Outcome::Failed(failure) = &mut failure {
        failure.retry_after = Some(Duration::from_secs(3_600));
    }
    let stage = Stage::open([failure]).await;
    let thread = stage.thread().await;
    let run = stage.host.create_run(create(RunThread::Existing(thread), json!({}))).await.unwrap();
    let run = loop {
        let run = stage.host.run(run.id).await.unwrap();
        if run.attempt == 1 && run.status == RunStatus::Pending {
            break run;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    let wait = run.available_at.duration_since(run.updated_at);
    assert!(wait.as_secs() >= 3_600, "{wait}");
    let error = run.last_error.unwrap();
    assert_eq!(error.name, "failed");
    assert!(error.message.contains("not now"), "{}", error.message);
    assert_eq!(stage.host.thread(thread).await.unwrap().status, ThreadStatus::Busy);
    stage.host.cancel_run(run.id, CancelAction::Interrupt).await.unwrap();
    let run = stage.host.run(run.id).await.unwrap();
    assert_eq!((run.status, run.attempt), (RunStatus::Interrupted, 1));
    stage.host.shutdown().await.unwrap();
}
