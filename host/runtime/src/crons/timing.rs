//! When a cron fires next, and what a change of it does about the instants that are past.

use std::time::Duration;

use jiff::SignedDuration;
use wakeful_core::{
    Cron, Dst, Fire, FireCause, FireStatus, NextFire, Schedule, ScheduleError, SkipReason,
    Timestamp,
};

use crate::plan::coalesce;
use crate::{CronPatch, Error};

/// How many instants ahead are looked at for the shortest time between two.
const LOOKED_AT: usize = 100;

pub(crate) fn schedule_of(cron: &Cron) -> Result<Schedule, Error> {
    read_schedule(&cron.schedules, cron.timezone.as_deref(), cron.policy.dst)
}

/// Reads schedules. The error begins with the field of the request that it is about.
pub(crate) fn read_schedule(
    texts: &[String],
    timezone: Option<&str>,
    dst: Dst,
) -> Result<Schedule, Error> {
    Schedule::read(texts, timezone, dst).map_err(|error| {
        Error::Invalid(match &error {
            ScheduleError::TimeZone { .. } => format!("timezone: {error}"),
            ScheduleError::Number { .. } => format!("schedules: {error}"),
            ScheduleError::InList { index, error, .. } => format!("schedules.{index}: {error}"),
            _ => format!("schedule: {error}"),
        })
    })
}

/// Refuses a cron that has no instant ahead.
pub(super) fn refuse_past(cron: &Cron, schedule: &Schedule, now: Timestamp) -> Result<(), Error> {
    if !cron.enabled {
        return Ok(());
    }
    if schedule.next_after(now).is_none() {
        return Err(Error::Invalid(
            "schedule: all of its instants are past, so it would never fire; name a later one, or create the cron with `enabled: false` to run it by hand".to_owned(),
        ));
    }
    let from = cron.policy.start_time.map(before);
    if from.is_some_and(|from| schedule.next_after(from.max(now)).is_none()) {
        return Err(Error::Invalid(
            "start_time: the schedule names no instant from then on, so it would never fire; choose an earlier one".to_owned(),
        ));
    }
    Ok(())
}

/// When a cron fires next after this instant; never, when it has started as many runs as it may or
/// its end comes first.
pub(crate) fn next_fire(
    cron: &Cron,
    schedule: &Schedule,
    after: Timestamp,
    started: u64,
) -> Option<NextFire> {
    if cron.policy.max_fires.is_some_and(|most| most <= started) {
        return None;
    }
    let before_start = cron.policy.start_time.map(before);
    let next = schedule.next_after(before_start.map_or(after, |start| start.max(after)))?;
    let fires = cron.end_time.is_none_or(|end| next <= end);
    fires.then(|| NextFire {
        at: next,
        delay: delay(cron, schedule, next),
        offset: offset(schedule, next),
    })
}

/// The seconds by which the time zone of a schedule is ahead of UTC.
fn offset(schedule: &Schedule, at: Timestamp) -> i32 {
    schedule.timezone().to_offset(at).seconds()
}

/// Moves the next instant of a cron to where the time-zone files put it now. Returns whether it
/// moved.
///
/// What counts is what a clock on the wall was to show: if the files move 09:00, the cron fires at
/// 09:00 all the same, once.
pub(crate) fn follow_zone(cron: &mut Cron) -> Result<bool, Error> {
    let (Some(at), Some(was)) = (cron.next_run_at, cron.offset) else { return Ok(false) };
    let schedule = schedule_of(cron)?;
    let is = offset(&schedule, at);
    let moved = at.checked_add(SignedDuration::from_secs((was - is).into())).unwrap_or(at);
    let accounted = cron.last_scheduled_at.unwrap_or(cron.created_at);
    let after = before(at.min(moved)).max(accounted);
    // It has not ended, so it has not started as many runs as it may.
    let next = next_fire(cron, &schedule, after, 0);
    if next.is_some_and(|next| next.at == at && next.offset == was) {
        return Ok(false);
    }
    cron.set_next(next);
    Ok(true)
}

/// The latest instant before this one.
pub(super) fn before(at: Timestamp) -> Timestamp {
    at.checked_sub(Duration::from_nanos(1)).unwrap_or(at)
}

/// How long after an instant of its schedule a cron fires: always the same part of its jitter,
/// unless the next instant comes before.
pub(crate) fn delay(cron: &Cron, schedule: &Schedule, at: Timestamp) -> Duration {
    let jitter = u64::try_from(cron.policy.jitter.as_millis()).unwrap_or(u64::MAX);
    if jitter == 0 {
        return Duration::ZERO;
    }
    // The end of an id is random.
    let [.., a, b, c, d, e, f, g] = *cron.id.as_bytes();
    let offset = u64::from_be_bytes([0, a, b, c, d, e, f, g]) % jitter;
    let gap = schedule.next_after(at).map(|next| next.duration_since(at));
    let gap = gap.and_then(|gap| Duration::try_from(gap).ok()).unwrap_or(Duration::MAX);
    Duration::from_millis(offset).min(gap.saturating_sub(Duration::from_secs(1)))
}

/// The shortest time between two instants that are near.
pub(super) fn least_gap(schedule: &Schedule, now: Timestamp) -> Option<Duration> {
    let instants: Vec<_> = schedule.upcoming(now).take(LOOKED_AT).collect();
    let gap = |pair: &[Timestamp]| match pair {
        [a, b] => Duration::try_from(b.duration_since(*a)).ok(),
        _ => None,
    };
    instants.windows(2).filter_map(gap).min()
}

/// Sets when a cron fires next, from now on.
pub(super) fn set_next(cron: &mut Cron, schedule: &Schedule, now: Timestamp, started: u64) {
    // The watermark keeps a clock that was set back from firing an instant again.
    let after = cron.last_scheduled_at.map_or(now, |last| last.max(now));
    let next = next_fire(cron, schedule, after, started);
    if !cron.enabled {
        cron.set_next(None);
        cron.ended_at = None;
        cron.paused_from = next.map(|next| next.at);
        return;
    }
    cron.set_next(next);
    cron.ended_at = next.is_none().then_some(now);
    cron.paused_from = None;
}

/// Whether a change moves the instants at which a cron fires.
pub(super) fn reschedules(before: &Cron, after: &Cron) -> bool {
    renames(before, after)
        || before.end_time != after.end_time
        || before.enabled != after.enabled
        || before.policy.max_fires != after.policy.max_fires
        || before.policy.jitter != after.policy.jitter
}

/// Whether it names other instants altogether.
pub(super) fn renames(before: &Cron, after: &Cron) -> bool {
    before.schedules != after.schedules
        || before.timezone != after.timezone
        || before.policy.start_time != after.policy.start_time
        || before.policy.dst != after.policy.dst
}

/// Sets when a changed cron fires next. Returns the record of the instants that are past and that
/// it will not come to any more.
pub(super) fn reschedule(
    before: &Cron,
    cron: &mut Cron,
    schedule: &Schedule,
    now: Timestamp,
    started: u64,
) -> Option<Fire> {
    if !before.enabled {
        let from = before.paused_from;
        let past = from.and_then(|from| skipped(before, from, now, SkipReason::Paused));
        cron.last_scheduled_at =
            cron.last_scheduled_at.max(past.as_ref().map(|fire| fire.scheduled_at));
        let waits = !cron.enabled && past.is_none() && !renames(before, cron);
        set_next(cron, schedule, now, started);
        if waits && from.is_some() {
            cron.paused_from = from;
        }
        return past;
    }
    // An instant that has come is not forgotten, not even while it is put off.
    let Some(from) = before.next_run_at.filter(|at| *at <= now) else {
        set_next(cron, schedule, now, started);
        return None;
    };
    if !renames(before, cron) && cron.end_time.is_none_or(|end| from <= end) {
        // What is due already still fires, or is accounted for with what comes due in the pause.
        if cron.enabled {
            cron.delay = delay(cron, schedule, from);
        } else {
            set_next(cron, schedule, now, started);
            cron.paused_from = Some(from);
        }
        return None;
    }
    let past = skipped(before, from, now, SkipReason::Rescheduled);
    cron.last_scheduled_at =
        cron.last_scheduled_at.max(past.as_ref().map(|fire| fire.scheduled_at));
    set_next(cron, schedule, now, started);
    past
}

/// The record of the instants from `from` until now, none of which fires.
fn skipped(cron: &Cron, from: Timestamp, now: Timestamp, reason: SkipReason) -> Option<Fire> {
    let until = cron.end_time.map_or(now, |end| end.min(now));
    if until < from {
        return None;
    }
    let schedule = schedule_of(cron).ok();
    let latest = schedule.as_ref().and_then(|it| it.latest_between(from, until)).unwrap_or(from);
    Some(Fire {
        cron_id: cron.id,
        scheduled_at: latest,
        recorded_at: now,
        late: Duration::try_from(now.duration_since(latest)).unwrap_or_default(),
        cause: FireCause::Schedule,
        status: FireStatus::Skipped(reason),
        coalesced: schedule.and_then(|schedule| coalesce(&schedule, from, latest)),
    })
}

impl CronPatch {
    /// Changes the cron.
    pub(super) fn apply(&self, cron: &mut Cron) {
        fn set<T: Clone>(field: &mut T, new: Option<&T>) {
            if let Some(new) = new {
                field.clone_from(new);
            }
        }
        set(&mut cron.schedules, self.schedules.as_ref());
        set(&mut cron.timezone, self.timezone.as_ref());
        set(&mut cron.end_time, self.end_time.as_ref());
        set(&mut cron.enabled, self.enabled.as_ref());
        set(&mut cron.note, self.note.as_ref());
        set(&mut cron.on_run_completed, self.on_run_completed.as_ref());
        set(&mut cron.request.input, self.request.input.as_ref());
        set(&mut cron.request.config, self.request.config.as_ref());
        set(&mut cron.request.context, self.request.context.as_ref());
        super::merge_options(&mut cron.request.options, &self.request.options);
        super::merge(&mut cron.metadata, &self.metadata);
        let (policy, new) = (&mut cron.policy, &self.policy);
        set(&mut policy.overlap, new.overlap.as_ref());
        set(&mut policy.catchup, new.catchup.as_ref());
        set(&mut policy.catchup_window, new.catchup_window.as_ref());
        set(&mut policy.dst, new.dst.as_ref());
        set(&mut policy.jitter, new.jitter.as_ref());
        set(&mut policy.start_time, new.start_time.as_ref());
        set(&mut policy.max_fires, new.max_fires.as_ref());
        set(&mut policy.pause_after_failures, new.pause_after_failures.as_ref());
        set(&mut policy.fuel_per_day, new.fuel_per_day.as_ref());
        set(&mut policy.tokens_per_day, new.tokens_per_day.as_ref());
        set(&mut policy.retry, new.retry.as_ref());
    }
}

#[cfg(test)]
mod tests;
