//! What to do about a cron that is due: which of its instants to account for, and how.

use std::time::Duration;

use tracing::error;
use wakeful_core::{
    Assistant, Catchup, Coalesced, ComponentId, Cron, CronTrigger, Fire, FireCause, FireStatus,
    LARGEST_BACKLOG, ON_TIME, Object, OnCompletion, Overlap, Run, RunId, Schedule, SkipReason,
    ThreadId, Timestamp, Trigger, Ttl,
};
use wakeful_store::{DueCron, FirePlan, NewRun};

use crate::crons::{delay, fresh_thread, next_fire, run_request, schedule_of};
use crate::runs::thread_metadata;

/// Where counting the instants of a long outage stops.
const COUNT_BOUND: u64 = 10_000;

/// What a plan depends on beside the cron.
pub(crate) struct World<'a> {
    /// The present instant.
    pub(crate) now: Timestamp,
    /// How long threads live for which nobody says so.
    pub(crate) ttl: Option<Ttl>,
    /// Whether a component can run.
    pub(crate) serves: &'a (dyn Fn(&ComponentId) -> bool + Sync),
    /// When the run may begin that makes up for this missed instant.
    pub(crate) slot: &'a (dyn Fn(Timestamp) -> Timestamp + Sync),
}

/// The instant to account for.
struct Instant {
    at: Timestamp,
    /// Those before it for which it stands.
    coalesced: Option<Coalesced>,
    standing: Standing,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    OnTime,
    /// It was missed, and is made up for.
    Late,
    /// It was missed, and is not.
    Missed,
}

/// Decides what happens to a cron that is due.
pub(crate) fn plan(due: &DueCron, world: &World<'_>) -> FirePlan {
    let (cron, now) = (&due.cron, world.now);
    let first = cron.next_run_at.unwrap_or(now);
    // A schedule is checked when it is stored. Should one be unreadable all the same, for example
    // because its time zone is gone, what is due now still fires and nothing after it.
    let schedule = schedule_of(cron)
        .inspect_err(|problem| {
            error!(cron_id = %cron.id, %problem, "schedule cannot be read; the cron ends here");
        })
        .ok();
    let instant = match &schedule {
        Some(schedule) => choose(cron, schedule, first, now),
        None => Instant { at: first, coalesced: None, standing: Standing::OnTime },
    };
    let put_off = match &schedule {
        Some(schedule) if instant.at != first => delay(cron, schedule, instant.at),
        _ => cron.delay,
    };
    let was_due = instant.at.checked_add(put_off).unwrap_or(instant.at);
    let late = Duration::try_from(now.duration_since(was_due)).unwrap_or_default();
    let run = match verdict(due, instant.standing, world) {
        Ok(held) => Ok(new_run(due, &instant, late, held, world)),
        Err(reason) => Err(reason),
    };
    let started = due.stats.started + u64::from(run.is_ok());
    FirePlan {
        fire: Fire {
            cron_id: cron.id,
            scheduled_at: instant.at,
            recorded_at: now,
            late,
            cause: instant.standing.cause(),
            status: match &run {
                Ok(new) => FireStatus::Started(new.run.id),
                Err(reason) => FireStatus::Skipped(*reason),
            },
            coalesced: instant.coalesced,
        },
        run: run.ok(),
        next: schedule.and_then(|schedule| next_fire(cron, &schedule, instant.at, started)),
    }
}

impl Standing {
    fn cause(self) -> FireCause {
        match self {
            Self::OnTime => FireCause::Schedule,
            Self::Late | Self::Missed => FireCause::Catchup,
        }
    }
}

/// Chooses the instant to account for, from `first` on.
fn choose(cron: &Cron, schedule: &Schedule, first: Timestamp, now: Timestamp) -> Instant {
    let shown = now.checked_sub(cron.delay).unwrap_or(now);
    let missed_until = shown.checked_sub(ON_TIME).unwrap_or(shown);
    if missed_until < first {
        return Instant { at: first, coalesced: None, standing: Standing::OnTime };
    }
    let until = cron.end_time.map_or(shown, |end| end.min(shown));
    let window = shown.checked_sub(cron.policy.catchup_window).unwrap_or(Timestamp::MIN);
    let has_come = |at: &Timestamp| {
        *at <= until && at.checked_add(delay(cron, schedule, *at)).is_ok_and(|due| due <= now)
    };
    let on_time = schedule.next_after(missed_until).filter(has_come);
    let last = latest(schedule, first, on_time.map_or(until, before).min(missed_until));
    let as_one = |at, standing| Instant { at, coalesced: coalesce(schedule, first, at), standing };
    match cron.policy.catchup {
        Catchup::Latest => match on_time {
            Some(on_time) => as_one(on_time, Standing::OnTime),
            None if window <= last => as_one(last, Standing::Late),
            None => as_one(last, Standing::Missed),
        },
        Catchup::None => as_one(last, Standing::Missed),
        Catchup::All => match oldest_to_make_up(schedule, first, last, window) {
            None => as_one(last, Standing::Missed),
            Some(oldest) if oldest <= first => {
                Instant { at: first, coalesced: None, standing: Standing::Late }
            }
            Some(oldest) => as_one(latest(schedule, first, before(oldest)), Standing::Missed),
        },
    }
}

/// The first instant in `first..=last` that is neither too old nor one of too many.
fn oldest_to_make_up(
    schedule: &Schedule,
    first: Timestamp,
    last: Timestamp,
    window: Timestamp,
) -> Option<Timestamp> {
    let most = LARGEST_BACKLOG as u64;
    let recent = if window <= first { Some(first) } else { schedule.next_after(before(window)) };
    let recent = recent.filter(|at| *at <= last)?;
    if schedule.count_between(recent, last, most) < most {
        return Some(recent);
    }
    let mut oldest = last;
    for _ in 1..most {
        oldest = latest(schedule, recent, before(oldest));
    }
    Some(oldest)
}

/// The latest instant up to `until`; `first`, if there is none after it.
fn latest(schedule: &Schedule, first: Timestamp, until: Timestamp) -> Timestamp {
    schedule.latest_between(first, until).unwrap_or(first)
}

fn before(at: Timestamp) -> Timestamp {
    at.checked_sub(Duration::from_nanos(1)).unwrap_or(at)
}

/// The instants from `first` on that one at `at` stands for.
pub(crate) fn coalesce(schedule: &Schedule, first: Timestamp, at: Timestamp) -> Option<Coalesced> {
    if at <= first {
        return None;
    }
    // As many instants lie in `first..at` as in `(first, at]`.
    let count = schedule.count_between(first, at, COUNT_BOUND);
    let last = latest(schedule, first, before(at));
    Some(Coalesced { count, at_least: count >= COUNT_BOUND, first, last })
}

/// Whether a run starts, and if so whether it waits for the others of its cron.
fn verdict(due: &DueCron, standing: Standing, world: &World<'_>) -> Result<bool, SkipReason> {
    let policy = &due.cron.policy;
    let component = due.assistant.as_ref().map_or(&due.cron.component, |it| &it.component);
    if standing == Standing::Missed {
        return Err(SkipReason::Misfire);
    }
    if !(world.serves)(component) {
        return Err(SkipReason::AssistantGone);
    }
    if policy.fuel_per_day.is_some_and(|most| most <= due.stats.fuel_today(world.now)) {
        return Err(SkipReason::Budget);
    }
    if policy.tokens_per_day.is_some_and(|most| most <= due.stats.tokens_today(world.now)) {
        return Err(SkipReason::Budget);
    }
    let stateless = due.cron.thread_id.is_none();
    let busy = if stateless { 0 < due.open + due.held } else { due.thread_busy };
    match policy.overlap {
        Overlap::Skip if busy => Err(SkipReason::Overlap),
        Overlap::BufferOne if 0 < due.waiting() => Err(SkipReason::Overlap),
        Overlap::BufferAll if LARGEST_BACKLOG <= due.waiting() => Err(SkipReason::Overlap),
        Overlap::Skip | Overlap::Allow => Ok(false),
        // Runs of one thread take turns anyway.
        _ => Ok(stateless),
    }
}

fn new_run(
    due: &DueCron,
    instant: &Instant,
    late: Duration,
    held: bool,
    world: &World<'_>,
) -> NewRun {
    let (cron, now) = (&due.cron, world.now);
    let assistant = due.assistant.clone().unwrap_or_else(|| Assistant {
        id: cron.assistant_id,
        metadata: Object::new(),
        ..Assistant::default_of(cron.component.clone(), now)
    });
    let trigger = CronTrigger {
        cron_id: cron.id,
        scheduled_at: instant.at,
        missed: instant.coalesced.as_ref().map_or(0, |missed| missed.count),
        cause: instant.standing.cause(),
        previous_at: cron.last_scheduled_at,
        late,
    };
    let id = RunId::of_fire(cron.id, instant.at);
    let mut run = run_of_fire(id, cron, &assistant, &due.thread_metadata, trigger, now);
    if instant.standing == Standing::Late {
        run.available_at = (world.slot)(instant.at).max(now);
    }
    let thread_id = run.thread_id;
    let fresh = || fresh_thread(cron, thread_id, now).with_ttl(world.ttl, now);
    NewRun {
        run,
        create_thread: cron.thread_id.is_none().then(fresh),
        thread_metadata: thread_metadata(&assistant),
        held,
    }
}

/// The run of a fire.
pub(crate) fn run_of_fire(
    id: RunId,
    cron: &Cron,
    assistant: &Assistant,
    thread_metadata: &Object,
    trigger: CronTrigger,
    now: Timestamp,
) -> Run {
    let thread_id = cron.thread_id.unwrap_or_else(|| ThreadId::of_run(id));
    let request = assistant.request(run_request(cron), thread_metadata);
    let mut run = Run::new(id, thread_id, assistant.id, assistant.component.clone(), request, now);
    run.trigger = Trigger::Cron(trigger);
    run.multitask = cron.policy.overlap.multitask();
    run.retry = cron.policy.retry.clone();
    run.on_completion = match cron.thread_id {
        Some(_) => OnCompletion::Keep,
        None => cron.on_run_completed,
    };
    run
}

#[cfg(test)]
mod tests;
