//! Running guests, with a neighbour.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use wakeful_core::{
    AssistantId, Digest, Grants, HttpLimits, Json, Limits, Object, Outcome, Provision, Report,
    RunId, SystemClock, ThreadId,
};
use wakeful_engine::{EngineConfig, GuestEvent, InProcessRunner, Job, JobTrigger, Runner};

/// No test may take longer for one run; generous, because machines that test are busy.
pub(crate) const PROMPT: Duration = Duration::from_secs(20);

static RUNNER: LazyLock<InProcessRunner> = LazyLock::new(|| {
    let config = EngineConfig { workers: 2, ..EngineConfig::default() };
    InProcessRunner::new(config, Arc::new(SystemClock)).expect("the engine starts")
});

/// The runner that most tests share.
pub(crate) fn runner() -> &'static InProcessRunner {
    &RUNNER
}

/// A runner of one's own.
pub(crate) fn own_runner(config: EngineConfig) -> InProcessRunner {
    InProcessRunner::new(config, Arc::new(SystemClock)).expect("the engine starts")
}

/// Limits that a well-behaved tiny guest stays far below.
pub(crate) fn limits() -> Limits {
    Limits {
        fuel: 1 << 40,
        memory: 32 << 20,
        timeout: Duration::from_secs(120),
        output: 1 << 20,
        logs: 10_000,
        events: 100,
        disk: 4 << 20,
        files: 20,
        http: HttpLimits::default(),
        ..Limits::default()
    }
}

/// A job with nothing special about it.
pub(crate) fn job(digest: Digest) -> Job {
    Job {
        digest,
        thread_id: ThreadId::generate(),
        assistant_id: AssistantId::generate(),
        run_id: RunId::generate(),
        attempt: 1,
        trigger: JobTrigger::Manual,
        metadata: Object::new(),
        input: Json::Object(Object::new()),
        values: Json::Null,
        config: Object::new(),
        limits: limits(),
        grants: Grants::default(),
        provision: Provision::default(),
        root: None,
    }
}

/// Loads a guest into the shared runner.
pub(crate) async fn load(bytes: Arc<[u8]>) -> Digest {
    runner().load(bytes).await.expect("the guest loads").digest
}

/// Runs a job to its end and collects its events.
pub(crate) async fn run(
    runner: &(impl Runner + ?Sized),
    job: Job,
    cancel: CancellationToken,
) -> (Report, Vec<GuestEvent>) {
    let (events, mut watched) = mpsc::channel(4);
    let collect = async {
        let mut all = Vec::new();
        while let Some(event) = watched.recv().await {
            all.push(event);
        }
        all
    };
    tokio::join!(runner.run(job, events, cancel), collect)
}

/// Runs one guest by itself.
pub(crate) async fn run_guest(
    bytes: Arc<[u8]>,
    change: impl FnOnce(&mut Job),
) -> (Report, Vec<GuestEvent>) {
    let mut job = job(load(bytes).await);
    change(&mut job);
    run(runner(), job, CancellationToken::new()).await
}

/// The outcome with these values.
pub(crate) fn done(values: Json) -> Outcome {
    match values {
        Json::Object(values) => Outcome::Done(values),
        other => panic!("not an object: {other}"),
    }
}
