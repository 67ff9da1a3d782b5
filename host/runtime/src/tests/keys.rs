use serde_json::json;
use wakeful_core::{Digest, OnCompletion, RequestKey};
use wakeful_store::{Created, RunQuery};

use super::{Stage, create};
use crate::{CreateRun, RunThread};

fn keyed(key: &str, body: &str) -> CreateRun {
    let mut new = create(RunThread::Fresh(OnCompletion::Keep), json!({ "body": body }));
    new.key = Some(RequestKey::new("me", "run", None, key, Digest::of(body.as_bytes())));
    new
}

#[tokio::test]
async fn requests_of_one_key_that_come_at_once_make_one_run() {
    let stage = Stage::open([]).await;
    let requests = (0..16).map(|_| {
        let host = stage.host.clone();
        tokio::spawn(async move { host.create_run_once(keyed("k", "b")).await.unwrap() })
    });
    let mut ids = Vec::new();
    let mut made = 0;
    for request in requests.collect::<Vec<_>>() {
        let created = request.await.unwrap();
        made += usize::from(!created.was_there());
        ids.push(created.into_inner().id);
    }
    ids.dedup();
    assert_eq!((made, ids.len()), (1, 1));
    let other = stage.host.create_run_once(keyed("k", "c")).await.unwrap_err().to_string();
    assert!(other.starts_with("Idempotency-Key: "), "{other}");
    let all = RunQuery { limit: 9, ..RunQuery::default() };
    assert_eq!(stage.host.runs(all).await.unwrap().total, 1);
    stage.host.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_batch_is_made_once_and_whole() {
    let stage = Stage::open([]).await;
    let batch = |body: &str, count: usize| -> Vec<CreateRun> {
        let key = RequestKey::new("me", "batch", None, "k", Digest::of(body.as_bytes()));
        let part = |index| CreateRun { key: Some(key.part(index)), ..keyed("", body) };
        (0..count).map(part).collect()
    };
    let first = stage.host.create_runs(batch("b", 5)).await.unwrap();
    assert!(first.iter().all(|created| !created.was_there()));
    let ids = |runs: Vec<Created<_>>| -> Vec<_> {
        runs.into_iter().map(|run: Created<wakeful_core::Run>| run.into_inner().id).collect()
    };
    let again = stage.host.create_runs(batch("b", 5)).await.unwrap();
    assert!(again.iter().all(Created::was_there));
    assert_eq!(ids(first), ids(again));
    assert!(stage.host.create_runs(batch("c", 7)).await.is_err());
    let all = RunQuery { limit: 9, ..RunQuery::default() };
    assert_eq!(stage.host.runs(all).await.unwrap().total, 5);
    stage.host.shutdown().await.unwrap();
}
