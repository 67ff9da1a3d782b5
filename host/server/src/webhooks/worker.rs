use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::task::{Id, JoinSet};
use tracing::{debug, error, info, warn};
use wakeful::core::{AfterAttempt, Attempt, AttemptResult, Delivery, Run};
use wakeful::{ClaimDeliveries, Error as HostError, Host, origin};

use super::backoff::Backoff;
use super::sender::{Answer, Sender};
use crate::wire::Ended;

/// How many deliveries are in progress at once.
const CONCURRENT: usize = 32;
/// How many of them go to one origin, so that a slow one delays no other.
const PER_ORIGIN: usize = 4;
/// When a delivery comes up again that was begun and never heard of; longer than any attempt.
const CLAIM: Duration = Duration::from_secs(120);
/// The longest sleep, which notices a clock that was set.
const LONGEST: Duration = Duration::from_secs(1);
/// The shortest, when something became due just now.
const SHORTEST: Duration = Duration::from_millis(10);
/// How long attempts in progress may go on once the host stops.
const GRACE: Duration = Duration::from_secs(5);

/// Sends what is due.
pub(super) struct Worker {
    pub(super) host: Host,
    pub(super) sender: Arc<Sender>,
    pub(super) backoff: Backoff,
}

/// The attempts in progress, with the origins they go to.
#[derive(Default)]
struct InProgress {
    attempts: JoinSet<()>,
    origins: HashMap<Id, String>,
}

impl Worker {
    pub(super) async fn run(self) {
        let worker = Arc::new(self);
        let mut sending = InProgress::default();
        loop {
            let sleep = match worker.begin(&mut sending).await {
                Ok(sleep) => sleep,
                Err(problem) => {
                    error!(%problem, "cannot read or claim deliveries");
                    LONGEST
                }
            };
            tokio::select! {
                () = worker.host.stopping() => break,
                () = worker.host.outbox_woken() => {}
                () = sending.one() => {}
                () = tokio::time::sleep(sleep) => {}
            }
        }
        // What is cut off is tried again by the next host.
        let _ = tokio::time::timeout(GRACE, sending.all()).await;
    }

    /// Begins everything that is due and has its turn. Returns how long there is nothing to do.
    async fn begin(self: &Arc<Self>, sending: &mut InProgress) -> Result<Duration, HostError> {
        loop {
            let free = CONCURRENT.saturating_sub(sending.attempts.len());
            if free == 0 {
                return Ok(LONGEST);
            }
            let now = self.host.now();
            let Some(due) = self.host.next_delivery().await? else { return Ok(LONGEST) };
            if now < due {
                let wait = Duration::try_from(due.duration_since(now)).unwrap_or_default();
                return Ok(wait.clamp(SHORTEST, LONGEST));
            }
            let claim = ClaimDeliveries {
                now,
                until: now.checked_add(CLAIM).unwrap_or(now),
                limit: free,
                per_origin: PER_ORIGIN,
                busy: sending.busy(),
            };
            let claimed = self.host.claim_deliveries(claim).await?;
            if claimed.is_empty() {
                // Its origin is busy, and the end of an attempt wakes this loop.
                return Ok(LONGEST);
            }
            for delivery in claimed {
                let origin = origin(&delivery.url);
                let attempt = sending.attempts.spawn(Arc::clone(self).attempt(delivery));
                sending.origins.insert(attempt.id(), origin);
            }
        }
    }

    /// One attempt, from the reading of the run to the note of what came of it.
    async fn attempt(self: Arc<Self>, delivery: Delivery) {
        let (host, id) = (&self.host, delivery.id);
        let at = host.now();
        let began = Instant::now();
        let sent = match host.run(delivery.run_id).await {
            Ok(run) => self.send(&run, &delivery).await,
            Err(HostError::NotFound { .. }) => {
                debug!(delivery_id = %id, "the run was deleted, and its delivery with it");
                return;
            }
            Err(problem) => Err(format!("the run could not be read: {problem}")),
        };
        let then = self.backoff.after(&delivery, sent.as_ref().ok(), host.now());
        report(&delivery, &sent, then);
        let result = match sent {
            Ok(Answer { status, body, .. }) => AttemptResult::Answered { status, body },
            Err(reason) => AttemptResult::Failed { reason },
        };
        let attempt = Attempt { at, took: began.elapsed(), result };
        if let Err(problem) = host.note_attempt(id, attempt, then).await {
            warn!(delivery_id = %id, %problem, "an attempt could not be noted; there will be another");
        }
    }

    async fn send(&self, run: &Run, delivery: &Delivery) -> Result<Answer, String> {
        let at = self.host.now();
        let body = serde_json::to_vec(&Ended::new(run, delivery, at))
            .map_err(|problem| format!("the run cannot be written as JSON: {problem}"))?;
        let (sender, delivery) = (Arc::clone(&self.sender), delivery.clone());
        let (reply, answer) = oneshot::channel();
        // Not one of the runtime's own threads: those keep the process from ending.
        let thread = std::thread::Builder::new().name("wakeful-webhook".to_owned());
        let sending = thread.spawn(move || reply.send(sender.send(&delivery, at, &body)));
        sending.map_err(|problem| format!("no thread for it could be started: {problem}"))?;
        answer.await.unwrap_or_else(|_| Err("the attempt broke off".to_owned()))
    }
}

impl InProgress {
    /// How many attempts go to each origin.
    fn busy(&self) -> BTreeMap<String, usize> {
        let mut busy = BTreeMap::new();
        for origin in self.origins.values() {
            *busy.entry(origin.clone()).or_default() += 1;
        }
        busy
    }

    /// Resolves when an attempt ends; never, if there is none.
    async fn one(&mut self) {
        let ended = match self.attempts.join_next_with_id().await {
            Some(Ok((id, ()))) => id,
            Some(Err(failed)) => {
                error!(problem = %failed, "an attempt to deliver failed");
                failed.id()
            }
            None => return std::future::pending().await,
        };
        self.origins.remove(&ended);
    }

    /// Resolves when every attempt has ended.
    async fn all(&mut self) {
        while !self.attempts.is_empty() {
            self.one().await;
        }
    }
}

fn report(delivery: &Delivery, sent: &Result<Answer, String>, then: AfterAttempt) {
    let (delivery_id, run_id) = (delivery.id, delivery.run_id);
    let outcome = match sent {
        Ok(answer) => format!("answered with {}", answer.status),
        Err(reason) => reason.clone(),
    };
    let attempt = delivery.tries.saturating_add(1);
    match then {
        AfterAttempt::Delivered => info!(%delivery_id, %run_id, attempt, "webhook delivered"),
        AfterAttempt::GivenUp => {
            warn!(%delivery_id, %run_id, attempt, outcome, "webhook given up");
        }
        AfterAttempt::Again(next) => {
            warn!(%delivery_id, %run_id, attempt, outcome, %next, "webhook not delivered yet");
        }
    }
}
