use serde_json::json;
use wakeful_core::{CheckpointSource, Command, Json, Outcome, RunStatus, ThreadStatus};
use wakeful_engine::JobTrigger;

use super::{Stage, asking, command, create, object};
use crate::{HistoryStart, RunThread};

fn resume(answer: Json) -> Command {
    Command { resume: Some(answer), ..Command::default() }
}

fn left(outcome: &Outcome) -> Vec<&str> {
    match outcome {
        Outcome::Interrupted(left) => left.iter().map(|question| question.id.as_str()).collect(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_assistant_is_invoked_again_when_its_last_question_has_an_answer() {
    let stage = Stage::open([asking(&["a", "b", "c"])]).await;
    let thread = stage.thread().await;
    let (run, found) = stage.run(create(RunThread::Existing(thread), json!("in"))).await;
    assert_eq!((run.status, found.status), (RunStatus::Success, ThreadStatus::Interrupted));
    for (answer, expected) in [(json!({ "b": 2 }), vec!["a", "c"]), (json!("one"), vec!["c"])] {
        let (run, found) = stage.run(command(thread, resume(answer))).await;
        assert_eq!((run.status, found.status), (RunStatus::Success, ThreadStatus::Interrupted));
        assert_eq!(left(&run.report.unwrap().outcome), expected);
        let state = stage.host.thread_state(thread, None).await.unwrap();
        let pending = state.checkpoint.unwrap().pending.unwrap();
        assert_eq!(left(&Outcome::Interrupted(pending.interrupts)), expected);
    }
    assert_eq!(stage.jobs().len(), 1);
    let (run, found) = stage.run(command(thread, resume(json!({ "c": 3 })))).await;
    assert_eq!((run.status, found.status), (RunStatus::Success, ThreadStatus::Idle));
    let jobs = stage.jobs();
    assert_eq!(jobs.len(), 2);
    assert_eq!(jobs[1].input, json!("in"));
    let answers =
        [("b", json!(2)), ("a", json!("one")), ("c", json!(3))].map(|(id, it)| (id.to_owned(), it));
    assert_eq!(jobs[1].trigger, JobTrigger::Resume(answers.to_vec()));
    let (run, _) = stage.run(command(thread, resume(json!("late")))).await;
    assert_eq!(run.report.unwrap().outcome, Outcome::Done(object(json!({ "done": true }))));
    assert_eq!(stage.jobs().len(), 2);
    stage.host.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_run_can_be_stopped_before_it_begins_and_be_continued() {
    let stage = Stage::open([]).await;
    let thread = stage.thread().await;
    let mut new = create(RunThread::Existing(thread), json!({ "parked": 1 }));
    new.request.options = object(json!({ "interrupt_before": ["echo"] }));
    let (run, found) = stage.run(new).await;
    assert_eq!((run.status, found.status), (RunStatus::Success, ThreadStatus::Interrupted));
    assert!(stage.jobs().is_empty());
    let (run, found) = stage.run(create(RunThread::Existing(thread), Json::Null)).await;
    assert_eq!((run.status, found.status), (RunStatus::Success, ThreadStatus::Idle));
    assert_eq!(stage.jobs()[0].input, json!({ "parked": 1 }));
    assert_eq!(found.values, Some(json!({ "done": true })));
    stage.host.shutdown().await.unwrap();
}

#[tokio::test]
async fn an_update_is_seen_by_the_run_and_stays_if_the_run_fails() {
    let broken = || Outcome::HostFailed { message: "once".to_owned() };
    let trap = Outcome::Trapped { message: "unreachable".to_owned() };
    let stage =
        Stage::open([Outcome::Done(object(json!({ "a": 1, "b": 1 }))), broken(), trap]).await;
    let thread = stage.thread().await;
    stage.run(create(RunThread::Existing(thread), json!({}))).await;
    let update = Command {
        update: Some(object(json!({ "b": 2, "c": 3 }))),
        goto: Some("echo".to_owned()),
        ..Command::default()
    };
    let (run, found) = stage.run(command(thread, update.clone())).await;
    let updated = json!({ "a": 1, "b": 2, "c": 3 });
    assert_eq!((run.status, run.attempt), (RunStatus::Error, 2));
    assert_eq!(found.values, Some(updated.clone()));
    assert!(stage.jobs()[1..].iter().all(|job| job.values == updated));
    // Tried twice, updated once.
    let history = stage
        .host
        .thread_history(thread, HistoryStart::Newest, &object(json!({})), 10)
        .await
        .unwrap();
    let sources: Vec<_> = history.iter().map(|it| it.source).collect();
    assert_eq!(sources, [CheckpointSource::Update, CheckpointSource::Loop]);

    let invoked = stage.jobs().len();
    for goto in [None, Some(Command::END.to_owned())] {
        let update = Command { goto, update: Some(object(json!({ "b": 4 }))), resume: None };
        let (run, found) = stage.run(command(thread, update)).await;
        let values = json!({ "a": 1, "b": 4, "c": 3 });
        assert_eq!(run.report.unwrap().outcome, Outcome::Done(object(values.clone())));
        assert_eq!((found.status, found.values), (ThreadStatus::Idle, Some(values)));
    }
    assert_eq!(stage.jobs().len(), invoked);
    let nowhere = Command { goto: Some("node".to_owned()), ..update };
    let refused = stage.host.create_run(command(thread, nowhere)).await.unwrap_err().to_string();
    assert!(refused.contains("`node`") && refused.contains("__end__"), "{refused}");
    stage.host.shutdown().await.unwrap();
}
