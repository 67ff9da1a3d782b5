use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use wakeful_core::{
    Digest, ErrorCode, Failure, Interrupt, Json, Object, Outcome, Report, RunId, ThreadId,
};
use wakeful_engine::{ComponentInfo, GuestEvent, Job, JobTrigger, LoadError, Runner};

use super::clock::SimClock;
use super::random::Random;
use super::trace::Trace;

/// How long a run may take; see [`Fate`].
const LIMIT: Duration = Duration::from_secs(20 * 60);

/// Guests that take simulated time, and end as the seed says.
pub(super) struct Guests {
    seed: u64,
    clock: Arc<SimClock>,
    trace: Trace,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By number, in the order in which they began.
    active: BTreeMap<u64, Active>,
    begun: Vec<Begun>,
    count: u64,
    /// What must never happen, and did.
    wrong: Option<String>,
}

struct Active {
    thread: ThreadId,
    run: RunId,
    /// When it ends, in time since the simulation began.
    ends: Duration,
    release: Option<oneshot::Sender<()>>,
}

/// A guest that was invoked.
#[derive(Debug, Clone)]
pub(super) struct Begun {
    pub(super) run: RunId,
    pub(super) thread: ThreadId,
    pub(super) attempt: u32,
    pub(super) trigger: JobTrigger,
}

/// How an attempt of a run goes.
#[derive(Debug)]
struct Fate {
    takes: Duration,
    outcome: Outcome,
    /// How long it goes on after it was told to stop.
    stubborn: Duration,
    /// Whether it does as if it had not been told.
    deaf: bool,
}

impl Guests {
    pub(super) fn new(seed: u64, clock: Arc<SimClock>, trace: Trace) -> Self {
        Self { seed, clock, trace, state: Mutex::default() }
    }

    /// Every guest is gone, with the process it was in.
    pub(super) fn clear(&self) {
        self.state.lock().unwrap().active.clear();
    }

    /// How many are at work.
    pub(super) fn count(&self) -> usize {
        self.state.lock().unwrap().active.len()
    }

    /// When the next one ends.
    pub(super) fn next_end(&self) -> Option<Duration> {
        let state = self.state.lock().unwrap();
        let waiting = state.active.values().filter(|guest| guest.release.is_some());
        waiting.map(|guest| guest.ends).min()
    }

    /// Lets those end whose time has come. Returns whether there were any.
    pub(super) fn release(&self) -> bool {
        let now = self.clock.elapsed();
        let mut state = self.state.lock().unwrap();
        let mut any = false;
        for guest in state.active.values_mut().filter(|guest| guest.ends <= now) {
            if let Some(release) = guest.release.take() {
                // Whoever is gone needs no telling.
                let _ = release.send(());
                any = true;
            }
        }
        any
    }

    /// The guests that were invoked since the last call.
    pub(super) fn take_begun(&self) -> Vec<Begun> {
        std::mem::take(&mut self.state.lock().unwrap().begun)
    }

    /// What must never happen, if it did.
    pub(super) fn wrong(&self) -> Option<String> {
        self.state.lock().unwrap().wrong.clone()
    }

    fn enter(&self, job: &Job, fate: &Fate) -> (u64, oneshot::Receiver<()>) {
        let (run, thread) = (job.run_id, job.thread_id);
        self.trace.note(
            &self.clock,
            format_args!(
                "guest: {} begins attempt {}, to be {} after {:?}",
                short(run),
                job.attempt,
                fate.outcome.kind(),
                fate.takes
            ),
        );
        let mut state = self.state.lock().unwrap();
        if let Some(other) = state.active.values().find(|other| other.thread == thread) {
            let text = format!("thread {thread} is entered by {run} while {} is in it", other.run);
            state.wrong.get_or_insert(text);
        }
        state.begun.push(Begun { run, thread, attempt: job.attempt, trigger: job.trigger.clone() });
        state.count += 1;
        let number = state.count;
        let (release, released) = oneshot::channel();
        let ends = self.clock.elapsed() + fate.takes;
        state.active.insert(number, Active { thread, run, ends, release: Some(release) });
        (number, released)
    }

    /// The guest has been told to stop.
    fn delay(&self, number: u64, by: Duration) -> oneshot::Receiver<()> {
        let (release, released) = oneshot::channel();
        let ends = self.clock.elapsed() + by;
        if let Some(guest) = self.state.lock().unwrap().active.get_mut(&number) {
            guest.ends = ends;
            guest.release = Some(release);
        }
        released
    }

    fn leave(&self, number: u64, run: RunId, outcome: &Outcome) {
        self.state.lock().unwrap().active.remove(&number);
        self.trace.note(&self.clock, format_args!("guest: {} is {}", short(run), outcome.kind()));
    }
}

#[async_trait]
impl Runner for Guests {
    async fn load(&self, bytes: Arc<[u8]>) -> Result<ComponentInfo, LoadError> {
        Ok(ComponentInfo {
            digest: Digest::of(&bytes),
            bytes: bytes.len() as u64,
            contract: "0.1.0".to_owned(),
            imports: Vec::new(),
            uses_files: false,
            from_cache: false,
            about: None,
        })
    }

    fn unload(&self, _: Digest) {}

    async fn run(
        &self,
        job: Job,
        _: mpsc::Sender<GuestEvent>,
        cancel: CancellationToken,
    ) -> Report {
        let fate = fate(self.seed, &job);
        let (number, mut released) = self.enter(&job, &fate);
        let cancelled = tokio::select! {
            biased;
            _ = &mut released => false,
            () = cancel.cancelled() => true,
        };
        let mut outcome = fate.outcome;
        if cancelled {
            if fate.deaf {
                let _ = released.await;
            } else {
                if !fate.stubborn.is_zero() {
                    let _ = self.delay(number, fate.stubborn).await;
                }
                outcome = Outcome::Cancelled;
            }
        }
        self.leave(number, job.run_id, &outcome);
        Report::not_run(outcome)
    }
}

/// How this attempt goes, which depends on nothing but the seed and the run.
fn fate(seed: u64, job: &Job) -> Fate {
    let id = u128::from_be_bytes(*job.run_id.as_bytes());
    let mut random = Random::new(seed ^ (id >> 64) as u64 ^ id as u64, job.attempt.into());
    let takes = match random.below(10) {
        0..4 => Duration::from_millis(random.below(900)),
        4..7 => Duration::from_secs(random.between(1, 20)),
        7..9 => Duration::from_secs(random.between(20, 300)),
        _ => Duration::from_secs(random.between(300, 1200)),
    };
    let failure = |retryable, retry_after| {
        let message = "as the seed says".to_owned();
        Outcome::Failed(Failure { code: ErrorCode::Unavailable, message, retryable, retry_after })
    };
    let (takes, outcome) = match random.below(100) {
        0..62 => (takes, Outcome::Done(written(job))),
        62..70 => (takes, failure(false, None)),
        70..78 => (takes, failure(true, None)),
        78..81 => (takes, failure(true, Some(Duration::from_secs(45)))),
        81..86 => (takes, Outcome::Interrupted(vec![question()])),
        86..89 => (takes, Outcome::Trapped { message: "as the seed says".to_owned() }),
        89..92 => (takes, Outcome::OutOfFuel { limit: 1 }),
        92..95 => (takes, Outcome::HostFailed { message: "as the seed says".to_owned() }),
        // It would never end by itself.
        _ => (LIMIT, Outcome::TimedOut { limit: LIMIT }),
    };
    let stubborn = if random.chance(80) { 0 } else { random.between(1, 30) };
    let deaf = random.chance(10);
    Fate { takes, outcome, stubborn: Duration::from_secs(stubborn), deaf }
}

/// The thread's values, with a mark of this run.
fn written(job: &Job) -> Object {
    let mut log = job.values.get("log").and_then(Json::as_array).cloned().unwrap_or_default();
    log.push(Json::String(short(job.run_id)));
    let mut values = Object::new();
    values.insert("log".to_owned(), log.into());
    values
}

fn question() -> Interrupt {
    Interrupt {
        id: "q".to_owned(),
        reason: "as the seed says".to_owned(),
        payload: json!("?"),
        answer_schema: None,
    }
}

/// The mark that a run leaves, enough of its id to tell it from every other.
pub(super) fn short(run: RunId) -> String {
    let bytes = run.as_bytes();
    bytes[10..].iter().map(|byte| format!("{byte:02x}")).collect()
}
