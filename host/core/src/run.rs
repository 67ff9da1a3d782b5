use std::time::Duration;

use thiserror::Error;

use crate::{
    AssistantId, CheckpointId, ComponentId, CronId, Digest, FireCause, Outcome, Parent, Report,
    Retry, RunId, RunRequest, ThreadId, Timestamp,
};

/// One invocation of an assistant, from request to outcome.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// The thread it runs on.
    pub thread_id: ThreadId,
    /// The assistant it invokes.
    pub assistant_id: AssistantId,
    /// The component of that assistant.
    pub component: ComponentId,
    /// Where it is.
    pub status: RunStatus,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When its status last changed.
    pub updated_at: Timestamp,
    /// It does not begin before this instant.
    pub available_at: Timestamp,
    /// Why it happens.
    pub trigger: Trigger,
    /// What was to be done if the thread was busy.
    pub multitask: MultitaskStrategy,
    /// What becomes of its thread when it ends.
    pub on_completion: OnCompletion,
    /// What it receives.
    pub request: RunRequest,
    /// The checkpoint it begins at. `None` means the newest at its claim, which is noted here then;
    /// a later attempt begins at what is the newest by then.
    pub checkpoint: Option<CheckpointId>,
    /// The run that asked for it, if another run did.
    pub parent: Option<Parent>,
    /// When and how often it is tried again; `None` leaves it to the host.
    pub retry: Option<Retry>,
    /// How often it has begun.
    pub attempt: u32,
    /// Grows with every claim; a write of an older claim is refused.
    pub epoch: u64,
    /// Who runs it, while it is running.
    pub lease: Option<Lease>,
    /// The bytes of the component it began with.
    pub digest: Option<Digest>,
    /// When its last attempt began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// What is known of it since it ended.
    pub report: Option<Report>,
    /// Why its last attempt that failed did so, if it was put back to be tried again.
    pub last_error: Option<RunError>,
    /// The digest of the request that made it, if that came with a key; see
    /// [`crate::RequestKey`].
    pub request_digest: Option<Digest>,
}

impl Run {
    /// From when a run may begin that waits for the runs of its cron before it.
    pub const HELD: Timestamp = Timestamp::constant(253_402_207_200, 0);

    /// The first attempt of a run that begins as soon as it can.
    pub fn new(
        id: RunId,
        thread_id: ThreadId,
        assistant_id: AssistantId,
        component: ComponentId,
        request: RunRequest,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            thread_id,
            assistant_id,
            component,
            status: RunStatus::Pending,
            created_at: now,
            updated_at: now,
            available_at: now,
            trigger: Trigger::Manual,
            multitask: MultitaskStrategy::Enqueue,
            on_completion: OnCompletion::Keep,
            request,
            checkpoint: None,
            parent: None,
            retry: None,
            attempt: 0,
            epoch: 0,
            lease: None,
            digest: None,
            started_at: None,
            ended_at: None,
            report: None,
            last_error: None,
            request_digest: None,
        }
    }

    /// Hands the run to `lease.owner` for its next attempt.
    pub fn claim(&mut self, lease: Lease, now: Timestamp) -> Result<(), InvalidTransition> {
        self.change(RunStatus::Pending, RunStatus::Running, now)?;
        self.attempt += 1;
        self.epoch += 1;
        self.lease = Some(lease);
        self.started_at = Some(now);
        Ok(())
    }

    /// Puts a running run back into the queue, to begin at `available_at` or later. The attempt
    /// counts if it failed: a run that the host stopped on purpose has no `failure`.
    pub fn requeue(
        &mut self,
        available_at: Timestamp,
        failure: Option<RunError>,
        now: Timestamp,
    ) -> Result<(), InvalidTransition> {
        self.change(RunStatus::Running, RunStatus::Pending, now)?;
        match failure {
            Some(failure) => self.last_error = Some(failure),
            None => self.attempt = self.attempt.saturating_sub(1),
        }
        self.lease = None;
        self.started_at = None;
        self.available_at = available_at;
        Ok(())
    }

    /// Ends a running run.
    pub fn finish(&mut self, report: Report, now: Timestamp) -> Result<(), InvalidTransition> {
        self.change(RunStatus::Running, report.outcome.run_status(), now)?;
        self.end(report, now);
        Ok(())
    }

    /// Ends a run that never began.
    pub fn abandon(&mut self, report: Report, now: Timestamp) -> Result<(), InvalidTransition> {
        self.change(RunStatus::Pending, report.outcome.run_status(), now)?;
        self.end(report, now);
        Ok(())
    }

    fn end(&mut self, report: Report, now: Timestamp) {
        self.lease = None;
        self.ended_at = Some(now);
        self.report = Some(report);
    }

    fn change(
        &mut self,
        from: RunStatus,
        to: RunStatus,
        now: Timestamp,
    ) -> Result<(), InvalidTransition> {
        if self.status != from {
            return Err(InvalidTransition { from: self.status, to });
        }
        self.status = to;
        self.updated_at = now;
        Ok(())
    }
}

/// A change of status that cannot happen.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("a run that is {} cannot become {}", .from.as_str(), .to.as_str())]
pub struct InvalidTransition {
    /// The status it has.
    pub from: RunStatus,
    /// The status it was to have.
    pub to: RunStatus,
}

/// Where a run is: `pending → running → success | error | timeout | interrupted`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RunStatus {
    /// Waits for its turn.
    Pending,
    /// Has been handed to a runner.
    Running,
    /// Ended with new values or with questions.
    Success,
    /// Failed.
    Error,
    /// Ran longer than it may.
    Timeout,
    /// Was cancelled.
    Interrupted,
}

impl RunStatus {
    /// Every status.
    pub const ALL: [Self; 6] = [
        Self::Pending,
        Self::Running,
        Self::Success,
        Self::Error,
        Self::Timeout,
        Self::Interrupted,
    ];

    /// The word for it, on the wire and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Success => "success",
            Self::Error => "error",
            Self::Timeout => "timeout",
            Self::Interrupted => "interrupted",
        }
    }

    /// The status with this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }

    /// Whether the run has ended.
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Pending | Self::Running)
    }
}

/// Why a run happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trigger {
    /// Somebody asked for it.
    Manual,
    /// A cron fired.
    Cron(CronTrigger),
}

/// The fire that caused a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CronTrigger {
    /// The cron.
    pub cron_id: CronId,
    /// The instant that the schedule named.
    pub scheduled_at: Timestamp,
    /// How many earlier instants this run stands for.
    pub missed: u64,
    /// Why the cron fired.
    pub cause: FireCause,
    /// The instant before that one which the cron accounted for, if there is one.
    pub previous_at: Option<Timestamp>,
    /// How long after it was due the fire was recorded.
    pub late: Duration,
}

/// What to do with a new run for a thread that is busy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MultitaskStrategy {
    /// Refuse it.
    Reject,
    /// Cancel what the thread is doing, keep those runs' records.
    Interrupt,
    /// Cancel what the thread is doing and delete those runs.
    Rollback,
    /// Wait for its turn.
    #[default]
    Enqueue,
}

impl MultitaskStrategy {
    /// Every strategy.
    pub const ALL: [Self; 4] = [Self::Reject, Self::Interrupt, Self::Rollback, Self::Enqueue];

    /// The word for it, on the wire and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reject => "reject",
            Self::Interrupt => "interrupt",
            Self::Rollback => "rollback",
            Self::Enqueue => "enqueue",
        }
    }

    /// The strategy with this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|strategy| strategy.as_str() == word)
    }
}

/// What becomes of a run's thread when the run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnCompletion {
    /// It stays.
    #[default]
    Keep,
    /// It is deleted, with its files and checkpoints; the run's record stays.
    Delete,
}

impl OnCompletion {
    /// The word for it, on the wire and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Delete => "delete",
        }
    }

    /// The choice with this word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Keep, Self::Delete].into_iter().find(|choice| choice.as_str() == word)
    }
}

/// The right of one host to run one run for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The host, by the id it gave itself when it started.
    pub owner: String,
    /// When the right ends unless it is renewed.
    pub until: Timestamp,
}

/// Why a run failed, as clients see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunError {
    /// A stable word; see [`crate::Outcome::kind`].
    pub name: String,
    /// For people.
    pub message: String,
}

impl RunError {
    /// The error of a run with this report, if it failed.
    pub fn of(report: &Report) -> Option<Self> {
        match report.outcome.run_status() {
            RunStatus::Error | RunStatus::Timeout => Some(Self::from(&report.outcome)),
            _ => None,
        }
    }
}

impl From<&Outcome> for RunError {
    fn from(outcome: &Outcome) -> Self {
        Self { name: outcome.kind().to_owned(), message: outcome.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Object;

    fn run() -> Run {
        Run::new(
            RunId::generate(),
            ThreadId::generate(),
            AssistantId::generate(),
            "echo".parse().unwrap(),
            RunRequest::default(),
            Timestamp::UNIX_EPOCH,
        )
    }

    fn lease() -> Lease {
        Lease { owner: "host".into(), until: Timestamp::UNIX_EPOCH }
    }

    #[test]
    fn a_run_ends_only_once() {
        let mut run = run();
        let now = Timestamp::UNIX_EPOCH;
        run.claim(lease(), now).unwrap();
        run.finish(Report::not_run(Outcome::Done(Object::new())), now).unwrap();
        assert_eq!(run.status, RunStatus::Success);
        assert!(run.finish(Report::not_run(Outcome::Cancelled), now).is_err());
        assert!(run.claim(lease(), now).is_err());
        assert_eq!(run.status, RunStatus::Success);
    }

    #[test]
    fn only_a_forgiven_attempt_does_not_count() {
        let mut run = run();
        let now = Timestamp::UNIX_EPOCH;
        run.claim(lease(), now).unwrap();
        run.requeue(now, None, now).unwrap();
        assert_eq!((run.attempt, &run.last_error), (0, &None));
        run.claim(lease(), now).unwrap();
        let failure = RunError { name: "failed".into(), message: "no answer".into() };
        run.requeue(now, Some(failure.clone()), now).unwrap();
        assert_eq!(run.last_error, Some(failure));
        run.claim(lease(), now).unwrap();
        assert_eq!((run.attempt, run.epoch), (2, 3));
    }
}
