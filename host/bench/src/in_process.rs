//! The engine and the host, called from the same process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use wakeful::core::{
    AssistantId, Digest, Limits, MultitaskStrategy, Object, OnCompletion, RunId, RunRequest,
    RunStatus, ThreadId,
};
use wakeful::{CreateRun, Host, RunThread};
use wakeful_engine::{Job, JobTrigger, Runner};

use crate::table::Samples;

/// Runs on the engine alone: fresh store, limits, nothing stored. This many callers at once.
pub(crate) async fn engine(
    runner: &Arc<dyn Runner>,
    echo: &Arc<[u8]>,
    callers: usize,
    length: Duration,
) -> Result<Samples> {
    let digest = runner.load(Arc::clone(echo)).await?.digest;
    let begin = Instant::now();
    let callers: Vec<_> = (0..callers)
        .map(|_| {
            let runner = Arc::clone(runner);
            tokio::spawn(async move {
                let mut each = Vec::new();
                while begin.elapsed() < length {
                    let start = Instant::now();
                    let (events, _) = tokio::sync::mpsc::channel(1);
                    let report = runner.run(job(digest), events, CancellationToken::new()).await;
                    ensure!(report.outcome.commits(), "echo failed: {}", report.outcome);
                    each.push(start.elapsed());
                }
                Ok(each)
            })
        })
        .collect();
    let mut samples = Samples::default();
    for caller in callers {
        samples.each.extend(caller.await??);
    }
    samples.total = begin.elapsed();
    Ok(samples)
}

fn job(digest: Digest) -> Job {
    Job {
        digest,
        thread_id: ThreadId::generate(),
        assistant_id: AssistantId::generate(),
        run_id: RunId::generate(),
        attempt: 1,
        trigger: JobTrigger::Manual,
        metadata: Object::new(),
        input: input(),
        values: serde_json::Value::Null,
        config: Object::new(),
        limits: Limits::default(),
        grants: wakeful::core::Grants::default(),
        provision: wakeful::core::Provision::default(),
        root: None,
    }
}

/// Stateless runs, each waited for, by this many callers at once.
pub(crate) async fn host(host: &Host, callers: usize, length: Duration) -> Result<Samples> {
    let begin = Instant::now();
    let callers: Vec<_> = (0..callers)
        .map(|_| {
            let host = host.clone();
            tokio::spawn(async move {
                let mut each = Vec::new();
                while begin.elapsed() < length {
                    let start = Instant::now();
                    let run = host.create_run(stateless()).await?;
                    let run = host.wait_for_run(run.id).await?;
                    ensure!(run.status == RunStatus::Success, "echo failed: {:?}", run.report);
                    each.push(start.elapsed());
                }
                Ok(each)
            })
        })
        .collect();
    let mut samples = Samples::default();
    for caller in callers {
        samples.each.extend(caller.await??);
    }
    samples.total = begin.elapsed();
    Ok(samples)
}

pub(crate) fn input() -> serde_json::Value {
    json!({"messages": [{"role": "user", "content": "hello"}]})
}

fn stateless() -> CreateRun {
    CreateRun {
        thread: RunThread::Fresh(OnCompletion::Delete),
        assistant: "echo".to_owned(),
        request: RunRequest { input: input(), ..RunRequest::default() },
        multitask: MultitaskStrategy::default(),
        after: Duration::ZERO,
        checkpoint: None,
        key: None,
    }
}
