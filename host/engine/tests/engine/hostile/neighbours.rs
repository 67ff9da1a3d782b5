//! Well-behaved runs beside an attack.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use wakeful_core::{Digest, GuestEvent, Report, ThreadId};
use wakeful_engine::Runner;

use super::resident::Gauge;
use super::stage::GRACE;
use crate::guest::{echo, guest};
use crate::support::{done, job, run};

/// What came of something, and what its neighbours noticed of it.
pub(crate) struct Beside<T> {
    pub(crate) value: T,
    /// How long it took.
    pub(crate) took: Duration,
    /// The longest that a neighbour took.
    pub(crate) slowest: Duration,
    /// By how many bytes this process grew.
    pub(crate) growth: u64,
}

/// Lets something happen beside a run that begins before it and ends after it, and beside short
/// runs one after the other. Fails if any of them does.
pub(crate) async fn beside<T>(
    runner: &Arc<dyn Runner>,
    attack: impl Future<Output = T>,
) -> Result<Beside<T>, String> {
    let neighbour = loaded(runner, echo()).await?;
    let companion = Companion::begin(runner).await?;
    let gauge = Gauge::begin();
    let begun = Instant::now();
    let mut slowest = Duration::ZERO;
    let greetings = async {
        loop {
            match greet(runner, neighbour, ThreadId::generate()).await {
                Ok(took) => slowest = slowest.max(took),
                Err(problem) => return problem,
            }
        }
    };
    let value = tokio::select! {
        value = attack => value,
        problem = greetings => return Err(problem),
    };
    let took = begun.elapsed();
    companion.end().await?;
    let after = greet(runner, neighbour, ThreadId::generate()).await?;
    Ok(Beside { value, took, slowest: slowest.max(after), growth: gauge.growth() })
}

/// Runs a well-behaved guest, which answers promptly.
pub(crate) async fn greet(
    runner: &Arc<dyn Runner>,
    neighbour: Digest,
    thread: ThreadId,
) -> Result<Duration, String> {
    let mut job = job(neighbour);
    job.thread_id = thread;
    job.input = json!({ "hello": "neighbour" });
    let begun = Instant::now();
    let (report, _) = run(&**runner, job.clone(), CancellationToken::new()).await;
    let took = begun.elapsed();
    if report.outcome != done(job.input) {
        return Err(format!("a neighbour ended {:?}", report.outcome));
    }
    if took > GRACE { Err(format!("a neighbour took {took:?}")) } else { Ok(took) }
}

pub(crate) async fn loaded(runner: &Arc<dyn Runner>, guest: Arc<[u8]>) -> Result<Digest, String> {
    match runner.load(guest).await {
        Ok(info) => Ok(info.digest),
        Err(problem) => Err(format!("it does not load: {problem}")),
    }
}

/// A run that goes on for as long as nobody takes its events, more of which than wait anywhere.
struct Companion {
    running: JoinHandle<Report>,
    events: mpsc::Receiver<GuestEvent>,
}

impl Companion {
    async fn begin(runner: &Arc<dyn Runner>) -> Result<Self, String> {
        let emit = "(call $emit (i32.const 0) (i32.const 1024) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 512))";
        let patient = guest(
            "",
            &format!(
                "{} (call $done (i32.load offset=84 (local.get $in)) (i32.load offset=88 (local.get $in)))",
                emit.repeat(60)
            ),
        );
        let mut job = job(loaded(runner, patient).await?);
        job.input = json!({ "kept": "meanwhile" });
        let (sender, mut events) = mpsc::channel(1);
        let runner = Arc::clone(runner);
        let running =
            tokio::spawn(async move { runner.run(job, sender, CancellationToken::new()).await });
        match events.recv().await {
            Some(_) => Ok(Self { running, events }),
            None => Err("the companion did not begin".to_owned()),
        }
    }

    async fn end(mut self) -> Result<(), String> {
        while self.events.recv().await.is_some() {}
        let report = self.running.await.map_err(|error| error.to_string())?;
        if report.outcome == done(json!({ "kept": "meanwhile" })) {
            Ok(())
        } else {
            Err(format!("the companion ended {:?}", report.outcome))
        }
    }
}
