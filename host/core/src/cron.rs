use std::collections::BTreeMap;
use std::time::Duration;

use crate::{
    AssistantId, ComponentId, CronId, CronPolicy, Digest, FailureKind, Fire, FireStatus, Object,
    OnCompletion, Outcome, Report, RunId, RunRequest, SkipReason, ThreadId, Timestamp,
};

/// A schedule for an assistant and an input.
#[derive(Debug, Clone, PartialEq)]
pub struct Cron {
    /// Its id.
    pub id: CronId,
    /// The assistant it invokes.
    pub assistant_id: AssistantId,
    /// The component of that assistant.
    pub component: ComponentId,
    /// The thread it runs on; `None` means a new thread at each fire.
    pub thread_id: Option<ThreadId>,
    /// The schedules, as they were written; it fires at the instants of each. Never empty.
    pub schedules: Vec<String>,
    /// The IANA time zone in which they are read; `None` means UTC.
    pub timezone: Option<String>,
    /// The last instant at which it may fire.
    pub end_time: Option<Timestamp>,
    /// Whether it fires.
    pub enabled: bool,
    /// How it fires.
    pub policy: CronPolicy,
    /// What becomes of the thread of each fire, when there is no `thread_id`.
    pub on_run_completed: OnCompletion,
    /// Free-form facts, searchable by containment; its runs carry them too.
    pub metadata: Object,
    /// What each run receives.
    pub request: RunRequest,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// The next instant of its schedule; `None` when it is paused or has ended.
    pub next_run_at: Option<Timestamp>,
    /// How long after that instant it fires; see [`CronPolicy::jitter`].
    pub delay: Duration,
    /// The seconds by which its time zone was ahead of UTC at that instant, when the instant was
    /// found; if it is not any more, the time-zone files have changed.
    pub offset: Option<i32>,
    /// The last instant it accounted for. Only grows, so that a clock that jumps back fires
    /// nothing twice.
    pub last_scheduled_at: Option<Timestamp>,
    /// The first instant that it did not account for because it was paused.
    pub paused_from: Option<Timestamp>,
    /// When it was found that it will not fire again.
    pub ended_at: Option<Timestamp>,
    /// Why it is as it is, from whoever paused it; for people.
    pub note: Option<String>,
    /// Counts changes; a write names the version it read.
    pub version: u64,
    /// The digest of the request that made it, if that came with a key; see
    /// [`crate::RequestKey`].
    pub request_digest: Option<Digest>,
    /// The run that made it, where its assistant made it for itself.
    pub made_by: Option<RunId>,
}

impl Cron {
    /// A cron without a thread, in UTC, as usual in everything, whose next instant is still to be
    /// found.
    pub fn new(
        id: CronId,
        assistant_id: AssistantId,
        component: ComponentId,
        schedule: impl Into<String>,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            assistant_id,
            component,
            thread_id: None,
            schedules: vec![schedule.into()],
            timezone: None,
            end_time: None,
            enabled: true,
            policy: CronPolicy::usual(false),
            on_run_completed: OnCompletion::Delete,
            metadata: Object::new(),
            request: RunRequest::default(),
            created_at: now,
            updated_at: now,
            next_run_at: None,
            delay: Duration::ZERO,
            offset: None,
            last_scheduled_at: None,
            paused_from: None,
            ended_at: None,
            note: None,
            version: 1,
            request_digest: None,
            made_by: None,
        }
    }

    /// Sets when it fires next; never again, if there is no such instant.
    pub fn set_next(&mut self, next: Option<NextFire>) {
        self.next_run_at = next.map(|next| next.at);
        self.delay = next.map(|next| next.delay).unwrap_or_default();
        self.offset = next.map(|next| next.offset);
    }

    /// Whether it goes on.
    pub fn state(&self) -> CronState {
        match (self.enabled, self.next_run_at) {
            (false, _) => CronState::Paused,
            (true, None) => CronState::Ended,
            (true, Some(_)) => CronState::Active,
        }
    }

    /// Whether its end has passed.
    pub fn has_ended(&self) -> bool {
        self.state() == CronState::Ended
    }

    /// When it has to fire next: never while it is paused.
    pub fn due_at(&self) -> Option<Timestamp> {
        let next = self.next_run_at.filter(|_| self.enabled)?;
        Some(next.checked_add(self.delay).unwrap_or(Timestamp::MAX))
    }
}

/// When a cron fires next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NextFire {
    /// The instant of its schedule.
    pub at: Timestamp,
    /// See [`Cron::delay`].
    pub delay: Duration,
    /// See [`Cron::offset`].
    pub offset: i32,
}

/// Whether a cron goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CronState {
    /// It fires.
    Active,
    /// It fires when it is resumed.
    Paused,
    /// It has no instant left.
    Ended,
}

impl CronState {
    /// The word for it, on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Ended => "ended",
        }
    }
}

/// What has become of a cron's fires so far.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CronStats {
    /// How often its schedule started a run.
    pub started: u64,
    /// How often somebody else did: runs by hand and for instants of the past.
    pub triggered: u64,
    /// How often it skipped, by reason.
    pub skipped: BTreeMap<SkipReason, u64>,
    /// How many instants a fire of a later one stood for.
    pub missed: u64,
    /// How many of its runs ended well.
    pub succeeded: u64,
    /// How many failed.
    pub failed: u64,
    /// How many failed since the last that ended well.
    pub failed_in_a_row: u32,
    /// The last run that failed.
    pub last_failure: Option<LastFailure>,
    /// How late its last fire was.
    pub last_late: Duration,
    /// How late the latest of its fires was.
    pub worst_late: Duration,
    /// The day, counted from 1970 in UTC, of `fuel`.
    pub day: i64,
    /// What its runs used up on that day.
    pub fuel: u64,
    /// The tokens of language models that its runs used up on that day.
    pub tokens: u64,
}

/// A run that failed for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastFailure {
    /// The run.
    pub run_id: RunId,
    /// When it ended.
    pub at: Timestamp,
    /// How, for people.
    pub message: String,
}

impl CronStats {
    /// Counts a fire.
    pub fn note_fire(&mut self, fire: &Fire) {
        let missed = fire.coalesced.as_ref().map_or(0, |missed| missed.count);
        match fire.status {
            FireStatus::Started(_) if fire.cause.is_of_schedule() => {
                self.started += 1;
                self.missed += missed;
                self.last_late = fire.late;
                self.worst_late = self.worst_late.max(fire.late);
            }
            FireStatus::Started(_) => self.triggered += 1,
            FireStatus::Skipped(reason) => *self.skipped.entry(reason).or_default() += 1 + missed,
        }
    }

    /// Counts the end of a run. A run that was stopped has neither succeeded nor failed.
    pub fn note_end(&mut self, run_id: RunId, report: &Report, now: Timestamp) {
        self.turn_to(day(now));
        self.fuel = self.fuel.saturating_add(report.fuel_used);
        if report.outcome.commits() {
            self.succeeded += 1;
            self.failed_in_a_row = 0;
        } else if FailureKind::of(&report.outcome).is_some() {
            self.failed += 1;
            self.failed_in_a_row = self.failed_in_a_row.saturating_add(1);
            let message = brief(&report.outcome);
            self.last_failure = Some(LastFailure { run_id, at: now, message });
        }
    }

    /// Counts tokens that a run used.
    pub fn note_tokens(&mut self, tokens: u64, now: Timestamp) {
        self.turn_to(day(now));
        self.tokens = self.tokens.saturating_add(tokens);
    }

    fn turn_to(&mut self, day: i64) {
        if day != self.day {
            (self.day, self.fuel, self.tokens) = (day, 0, 0);
        }
    }

    /// The tokens that its runs have used up on the day of `now`.
    pub fn tokens_today(&self, now: Timestamp) -> u64 {
        if day(now) == self.day { self.tokens } else { 0 }
    }

    /// What its runs have used up on the day of `now`.
    pub fn fuel_today(&self, now: Timestamp) -> u64 {
        if day(now) == self.day { self.fuel } else { 0 }
    }
}

/// The number of the day in UTC.
fn day(at: Timestamp) -> i64 {
    at.as_second().div_euclid(24 * 60 * 60)
}

/// What happened, in a length that a record can hold.
fn brief(outcome: &Outcome) -> String {
    const LONGEST: usize = 300;
    let text = format!("{}: {outcome}", outcome.kind());
    if text.chars().count() <= LONGEST {
        return text;
    }
    text.chars().take(LONGEST - 1).chain(['…']).collect()
}
