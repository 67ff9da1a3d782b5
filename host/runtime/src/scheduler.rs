use std::sync::Arc;
use std::time::Duration;

use tracing::{error, info, warn};
use wakeful_core::{
    Assistant, Coalesced, Cron, CronTrigger, Fire, FireStatus, MultitaskStrategy, Object,
    OnCompletion, Run, RunId, Schedule, SkipReason, ThreadId, Timestamp, Trigger,
};
use wakeful_store::{DueCron, FirePlan, NewRun};

use crate::cancel::displacement;
use crate::crons::{fresh_thread, next_due, run_request, schedule_of};
use crate::runs::thread_metadata;
use crate::{Host, pace};

/// How many crons one claim takes.
const BATCH: usize = 100;
/// Where counting the instants of a long outage stops.
const COUNT_BOUND: u64 = 10_000;
/// The wait after an error of the store, so that a full disk does not fill the log as well.
const RETRY: Duration = Duration::from_secs(1);

/// Fires crons until the host stops.
pub(crate) async fn run(host: Host) {
    let stop = host.stop_token();
    while !stop.is_cancelled() {
        let sleep = match fire_due(&host).await {
            Ok(sleep) => sleep,
            Err(problem) => {
                host.note(&problem);
                error!(%problem, "cannot read or claim due crons");
                RETRY
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = host.scheduler_woken() => {}
            () = tokio::time::sleep(sleep) => {}
        }
    }
}

/// Fires everything that is due, and returns how long there is nothing to do.
async fn fire_due(host: &Host) -> Result<Duration, wakeful_store::Error> {
    loop {
        let now = host.now();
        if let Some(sleep) = pace::before(host.store().next_due().await?, now) {
            return Ok(sleep);
        }
        if host.stop_token().is_cancelled() {
            return Ok(pace::LONGEST);
        }
        let ttl = host.settings().retention.threads;
        let plan = Arc::new(move |due: &DueCron| {
            let mut plan = plan(due, now);
            if let Some(new) = &mut plan.run {
                let fresh = new.create_thread.take();
                new.create_thread = fresh.map(|thread| thread.with_ttl(ttl, now));
            }
            plan
        });
        let fired = host.store().claim_due(now, BATCH, plan).await?;
        if fired.is_empty() {
            return Ok(pace::AGAIN);
        }
        host.wake_executor();
        for plan in fired {
            host.counters().note_fire(&plan.fire);
            report(&plan.fire);
            if let Some(new) = plan.run {
                displace(host, new.run);
            }
        }
    }
}

/// Stops what the thread was doing, if the cron says so. In a task of its own: a run that takes
/// its time to stop must not delay other crons.
fn displace(host: &Host, run: Run) {
    let Some(action) = displacement(run.multitask) else { return };
    let host = host.clone();
    host.tasks().clone().spawn(async move {
        if let Err(problem) = host.displace(&run, action).await {
            error!(run_id = %run.id, %problem, "cannot stop what the thread was doing");
        }
    });
}

fn report(fire: &Fire) {
    let (cron_id, scheduled_at) = (fire.cron_id, fire.scheduled_at);
    let late_ms = fire.lateness().as_millis();
    match (&fire.status, &fire.coalesced) {
        (FireStatus::Skipped(reason), _) => {
            warn!(%cron_id, %scheduled_at, reason = reason.as_str(), "cron skipped");
        }
        (FireStatus::Started(run_id), None) => {
            info!(%cron_id, %scheduled_at, %run_id, late_ms, "cron fired");
        }
        (FireStatus::Started(run_id), Some(missed)) => {
            let (count, first) = (missed.count, missed.first);
            warn!(%cron_id, %scheduled_at, %run_id, late_ms, missed = count, since = %first,
                "cron fired late, once for all instants it missed");
        }
    }
}

/// Decides what happens to a cron that is due.
fn plan(due: &DueCron, now: Timestamp) -> FirePlan {
    let cron = &due.cron;
    let first = cron.next_run_at.unwrap_or(now);
    // A schedule is checked when it is stored. Should one be unreadable all the same, for example
    // because its time zone is gone, what is due now still fires and nothing after it.
    let schedule = schedule_of(cron)
        .inspect_err(|problem| {
            error!(cron_id = %cron.id, %problem, "schedule cannot be read; the cron ends here");
        })
        .ok();
    let (scheduled_at, coalesced) = match &schedule {
        Some(schedule) => coalesce(cron, schedule, first, now),
        None => (first, None),
    };
    let overlaps = due.thread_busy && cron.multitask == MultitaskStrategy::Reject;
    let missed = coalesced.as_ref().map_or(0, |missed| missed.count);
    let run = (!overlaps).then(|| new_run(due, scheduled_at, missed, now));
    FirePlan {
        fire: Fire {
            cron_id: cron.id,
            scheduled_at,
            recorded_at: now,
            status: match &run {
                Some(new) => FireStatus::Started(new.run.id),
                None => FireStatus::Skipped(SkipReason::Overlap),
            },
            coalesced,
        },
        run,
        next_run_at: schedule.and_then(|schedule| next_due(cron, &schedule, scheduled_at)),
    }
}

/// The newest due instant up to now, and the ones before it that it stands for.
fn coalesce(
    cron: &Cron,
    schedule: &Schedule,
    first: Timestamp,
    now: Timestamp,
) -> (Timestamp, Option<Coalesced>) {
    let until = cron.end_time.map_or(now, |end| end.min(now));
    let Some(latest) = schedule.latest_between(first, until) else {
        return (first, None);
    };
    let before_latest = latest.checked_sub(Duration::from_nanos(1)).unwrap_or(first);
    // As many instants lie in `first..latest` as in `(first, latest]`.
    let count = schedule.count_between(first, latest, COUNT_BOUND);
    let last = schedule.latest_between(first, before_latest).unwrap_or(first);
    let at_least = count >= COUNT_BOUND;
    (latest, Some(Coalesced { count, at_least, first, last }))
}

fn new_run(due: &DueCron, scheduled_at: Timestamp, missed: u64, now: Timestamp) -> NewRun {
    let cron = &due.cron;
    let assistant = due.assistant.clone().unwrap_or_else(|| Assistant {
        id: cron.assistant_id,
        metadata: Object::new(),
        ..Assistant::default_of(cron.component.clone(), now)
    });
    let id = RunId::of_fire(cron.id, scheduled_at);
    let thread_id = cron.thread_id.unwrap_or_else(|| ThreadId::of_run(id));
    let request = assistant.request(run_request(cron), &due.thread_metadata);
    let mut run = Run::new(id, thread_id, assistant.id, assistant.component.clone(), request, now);
    run.trigger = Trigger::Cron(CronTrigger { cron_id: cron.id, scheduled_at, missed });
    run.multitask = cron.multitask;
    run.on_completion = match cron.thread_id {
        Some(_) => OnCompletion::Keep,
        None => cron.on_run_completed,
    };
    NewRun {
        run,
        create_thread: cron.thread_id.is_none().then(|| fresh_thread(cron, thread_id, now)),
        thread_metadata: thread_metadata(&assistant),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use wakeful_core::{AssistantId, CronId, Json, RunRequest};

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn due(schedule: &str, next_run_at: &str) -> DueCron {
        let component = "echo".parse().unwrap();
        let cron = Cron {
            id: CronId::generate(),
            assistant_id: AssistantId::of_component(&component),
            component,
            thread_id: None,
            schedule: schedule.to_owned(),
            timezone: None,
            end_time: None,
            enabled: true,
            on_run_completed: OnCompletion::Delete,
            multitask: MultitaskStrategy::Enqueue,
            metadata: Object::new(),
            request: RunRequest::default(),
            created_at: at("2026-01-01T00:00:00Z"),
            updated_at: at("2026-01-01T00:00:00Z"),
            next_run_at: Some(at(next_run_at)),
            last_scheduled_at: None,
            version: 1,
            request_digest: None,
            made_by: None,
        };
        DueCron { cron, assistant: None, thread_metadata: Object::new(), thread_busy: false }
    }

    #[test]
    fn a_cron_on_time_fires_its_instant_and_goes_on_to_the_next() {
        let plan = plan(&due("0 9 * * *", "2026-11-22T09:00:00Z"), at("2026-11-22T09:00:00.2Z"));
        assert_eq!(plan.fire.scheduled_at, at("2026-11-22T09:00:00Z"));
        assert_eq!(plan.fire.coalesced, None);
        assert_eq!(plan.next_run_at, Some(at("2026-11-23T09:00:00Z")));
        let run = plan.run.unwrap().run;
        assert_eq!(plan.fire.status, FireStatus::Started(run.id));
        assert_eq!(run.id, RunId::of_fire(plan.fire.cron_id, plan.fire.scheduled_at));
    }

    #[test]
    fn a_cron_after_downtime_fires_once_for_all_it_missed() {
        let plan = plan(&due("0 * * * *", "2026-11-22T09:00:00Z"), at("2026-11-22T12:30:00Z"));
        assert_eq!(plan.fire.scheduled_at, at("2026-11-22T12:00:00Z"));
        let missed = plan.fire.coalesced.clone().unwrap();
        assert_eq!((missed.count, missed.at_least), (3, false));
        assert_eq!(missed.first, at("2026-11-22T09:00:00Z"));
        assert_eq!(missed.last, at("2026-11-22T11:00:00Z"));
        assert_eq!(plan.next_run_at, Some(at("2026-11-22T13:00:00Z")));
        assert_eq!(plan.fire.lateness(), Duration::from_secs(30 * 60));
    }

    #[test]
    fn counting_a_long_outage_stops_and_says_so() {
        let plan = plan(&due("* * * * * *", "2020-01-01T00:00:00Z"), at("2026-01-01T00:00:00Z"));
        let missed = plan.fire.coalesced.unwrap();
        assert_eq!((missed.count, missed.at_least), (COUNT_BOUND, true));
        assert_eq!(plan.fire.scheduled_at, at("2026-01-01T00:00:00Z"));
    }

    #[test]
    fn the_end_is_the_last_instant_that_fires() {
        let mut due = due("0 9 * * *", "2026-11-22T09:00:00Z");
        due.cron.end_time = Some(at("2026-11-23T09:00:00Z"));
        let first = plan(&due, at("2026-11-22T09:00:00Z"));
        assert_eq!(first.next_run_at, Some(at("2026-11-23T09:00:00Z")));
        due.cron.next_run_at = first.next_run_at;
        let last = plan(&due, at("2026-11-25T12:00:00Z"));
        assert_eq!(last.fire.scheduled_at, at("2026-11-23T09:00:00Z"));
        assert_eq!(last.next_run_at, None);
    }

    #[test]
    fn only_a_cron_that_rejects_skips_while_its_thread_is_busy() {
        let now = at("2026-11-22T09:00:00Z");
        let mut due = due("0 9 * * *", "2026-11-22T09:00:00Z");
        due.cron.thread_id = Some(ThreadId::generate());
        due.thread_busy = true;
        assert!(plan(&due, now).run.is_some());
        due.cron.multitask = MultitaskStrategy::Reject;
        let skipped = plan(&due, now);
        assert!(skipped.run.is_none());
        assert_eq!(skipped.fire.status, FireStatus::Skipped(SkipReason::Overlap));
        assert_eq!(skipped.next_run_at, Some(at("2026-11-23T09:00:00Z")));
    }

    #[test]
    fn a_fire_is_of_the_assistant_and_the_thread_as_they_are() {
        let object = |json: Json| json.as_object().unwrap().clone();
        let mut due = due("0 9 * * *", "2026-11-22T09:00:00Z");
        due.cron.thread_id = Some(ThreadId::generate());
        due.cron.metadata = object(json!({"c": 1}));
        due.cron.request.context = object(json!({"k": "cron"}));
        due.thread_metadata = object(json!({"t": 1, "cron_id": "another"}));
        due.assistant = Some(Assistant {
            id: due.cron.assistant_id,
            context: object(json!({"k": "assistant", "n": 1})),
            ..Assistant::default_of("newer".parse().unwrap(), at("2026-01-01T00:00:00Z"))
        });
        let planned = plan(&due, at("2026-11-22T09:00:00Z")).run.unwrap();
        let run = planned.run;
        assert_eq!((run.component.as_str(), run.assistant_id), ("newer", due.cron.assistant_id));
        assert_eq!(run.request.context, object(json!({"k": "cron", "n": 1})));
        let expected =
            json!({"created_by": "system", "t": 1, "c": 1, "cron_id": due.cron.id.to_string()});
        assert_eq!(Json::Object(run.request.metadata), expected);
        assert_eq!(planned.thread_metadata.get("graph_id"), Some(&json!("newer")));
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_bring_an_instant_back() {
        // The scheduler was late, then the clock went back an hour before the claim.
        let plan = plan(&due("*/10 * * * *", "2026-11-22T09:00:00Z"), at("2026-11-22T08:00:00Z"));
        assert_eq!(plan.fire.scheduled_at, at("2026-11-22T09:00:00Z"));
        assert_eq!(plan.next_run_at, Some(at("2026-11-22T09:10:00Z")));
    }
}
