//! Histories that must not be, and a few that may.

use std::time::Duration;

use serde_json::json;
use wakeful_core::{
    AssistantId, Catchup, CheckpointId, CheckpointSource, Coalesced, CronTrigger, FireCause, Json,
    Manifest, Outcome, Report, RunRequest, RunStatus, Schedule,
};

use super::super::guests::short;
use super::*;

fn at(text: &str) -> Timestamp {
    format!("2026-03-02T{text}Z").parse().unwrap()
}

fn cron() -> CronId {
    CronId::from_bytes([7; 16])
}

fn thread() -> ThreadId {
    ThreadId::from_bytes([9; 16])
}

/// Every minute, on a thread.
fn every_minute() -> Spec {
    Spec {
        schedule: Schedule::parse("* * * * *", None).unwrap(),
        end: None,
        enabled: true,
        thread: Some(thread()),
        overlap: Overlap::Skip,
        catchup: Catchup::Latest,
        catchup_window: Duration::from_secs(86_400),
        jitter: Duration::ZERO,
    }
}

fn window(from: &str, to: &str) -> Window {
    Window { span: (at(from), at(to)), ticked: Some(at(to)) }
}

fn started(scheduled: &str, recorded: &str) -> Fire {
    Fire {
        cron_id: cron(),
        scheduled_at: at(scheduled),
        recorded_at: at(recorded),
        late: Duration::ZERO,
        cause: FireCause::Schedule,
        status: FireStatus::Started(RunId::of_fire(cron(), at(scheduled))),
        coalesced: None,
    }
}

fn missed(mut fire: Fire, count: u64, first: &str, last: &str) -> Fire {
    fire.coalesced = Some(Coalesced { count, at_least: false, first: at(first), last: at(last) });
    fire
}

/// The verdict on a cron that was created at 12:00:30 and made these records until 12:05:10.
fn judge(spec: Spec, fires: &[Fire]) -> Verdict {
    let mut oracle = Oracle::default();
    oracle.cron_created(cron(), spec, (at("12:00:30"), at("12:00:31")));
    oracle.look_at_fires(cron(), &window("12:00:30", "12:05:10"), fires)
}

fn complete() -> Vec<Fire> {
    let late = missed(started("12:04:00", "12:04:40"), 2, "12:02:00", "12:03:00");
    vec![started("12:01:00", "12:01:00"), late, started("12:05:00", "12:05:01")]
}

#[test]
fn each_instant_has_one_record_and_nothing_else_has_one() {
    judge(every_minute(), &complete()).unwrap();
    let spoil = |spoil: fn(&mut Vec<Fire>)| {
        let mut fires = complete();
        spoil(&mut fires);
        judge(every_minute(), &fires).unwrap_err()
    };
    for (expected, wrong) in [
        ("has no record", spoil(|fires| fires.truncate(2))),
        ("has no record", spoil(Vec::clear)),
        ("was left out", spoil(|fires| fires.retain(|fire| fire.scheduled_at != at("12:01:00")))),
        ("was left out", spoil(|fires| fires.retain(|fire| fire.scheduled_at != at("12:04:00")))),
        ("twice", spoil(|fires| fires.insert(1, started("12:01:00", "12:01:03")))),
        ("twice", spoil(|fires| fires.insert(2, started("12:03:00", "12:04:41")))),
        ("twice", spoil(|fires| fires.insert(0, started("12:00:00", "12:00:30")))),
        ("not due", spoil(|fires| fires[0] = started("12:01:01", "12:01:02"))),
        ("early", spoil(|fires| fires[2].recorded_at = at("12:04:59"))),
        ("clock said", spoil(|fires| fires[2].recorded_at = at("12:06:00"))),
        ("were missed", spoil(|fires| fires[1].coalesced.as_mut().unwrap().count = 3)),
        ("were missed", spoil(|fires| fires[1].coalesced.as_mut().unwrap().last = at("12:02:00"))),
        ("has the id", spoil(|fires| fires[0].status = FireStatus::Started(RunId::generate()))),
        (
            "overlap that there was not",
            spoil(|fires| fires[0].status = FireStatus::Skipped(SkipReason::Overlap)),
        ),
    ] {
        assert!(wrong.contains(expected), "{expected}: {wrong}");
    }
}

#[test]
fn a_cron_that_is_paused_or_has_ended_does_not_fire() {
    let ended = Spec { end: Some(at("12:01:00")), ..every_minute() };
    judge(ended.clone(), &[started("12:01:00", "12:01:00")]).unwrap();
    judge(ended, &complete()).unwrap_err();
    let paused = Spec { enabled: false, ..every_minute() };
    judge(paused.clone(), &[]).unwrap();
    judge(paused, &complete()).unwrap_err();
}

#[test]
fn a_change_begins_anew_from_the_time_at_which_it_was_made() {
    let change = |before: &[Fire], after: &[Fire]| {
        let mut oracle = Oracle::default();
        oracle.cron_created(cron(), every_minute(), (at("12:00:30"), at("12:00:31")));
        let hourly = Schedule::parse("0 * * * *", None).unwrap();
        let hourly = Spec { schedule: hourly, ..every_minute() };
        oracle.cron_changed(cron(), hourly, (at("12:02:30"), at("12:02:31")), Replan::Other);
        oracle.look_at_fires(cron(), &window("12:00:30", "12:03:00"), before)?;
        oracle.look_at_fires(cron(), &window("12:03:00", "13:00:30"), after)
    };
    let before = [started("12:01:00", "12:01:00"), started("12:02:00", "12:02:00")];
    let after = [started("13:00:00", "13:00:00")];
    change(&before, &after).unwrap();
    change(&before[..1], &after).unwrap_err();
    let mut left = before.clone();
    left[1].status = FireStatus::Skipped(SkipReason::Rescheduled);
    change(&left, &after).unwrap();
    let wrong = change(&before, &[]).unwrap_err();
    assert!(wrong.contains("13:00:00Z has no record"), "{wrong}");
    change(&before, &[started("12:03:00", "12:03:00"), after[0].clone()]).unwrap_err();
}

#[test]
fn a_record_that_was_seen_stays_as_it_was() {
    let mut oracle = Oracle::default();
    oracle.cron_created(cron(), every_minute(), (at("12:00:30"), at("12:00:31")));
    oracle.look_at_fires(cron(), &window("12:00:30", "12:05:10"), &complete()).unwrap();
    oracle.compare_fires(cron(), &complete()).unwrap();
    oracle.compare_fires(cron(), &complete()[1..]).unwrap_err();
    let mut other = complete();
    other[0].recorded_at = at("12:01:01");
    oracle.compare_fires(cron(), &other).unwrap_err();
    other = complete();
    other.push(started("12:03:00", "12:03:00"));
    oracle.compare_fires(cron(), &other).unwrap_err();
}

fn run(id: RunId, outcome: Outcome, ended: &str) -> Run {
    let (assistant, component) = (AssistantId::generate(), "echo".parse().unwrap());
    let mut run =
        Run::new(id, thread(), assistant, component, RunRequest::default(), at("12:00:00"));
    run.status = outcome.run_status();
    run.ended_at = Some(at(ended));
    run.report = Some(Report::not_run(outcome));
    run
}

fn done(id: RunId, before: &[RunId]) -> Run {
    run(id, Outcome::Done(values(id, before).as_object().unwrap().clone()), "12:00:05")
}

fn values(id: RunId, before: &[RunId]) -> Json {
    let marks: Vec<_> = before.iter().chain([&id]).map(|id| short(*id)).collect();
    json!({ "log": marks })
}

fn checkpoint(id: RunId, before: &[RunId]) -> Checkpoint {
    Checkpoint {
        id: CheckpointId::generate(),
        thread_id: thread(),
        parent: None,
        run_id: Some(id),
        step: 0,
        created_at: at("12:00:05"),
        values: values(id, before),
        files: Manifest::default(),
        pending: None,
        source: CheckpointSource::Loop,
        metadata: Default::default(),
    }
}

fn id(number: u8) -> RunId {
    RunId::from_bytes([number; 16])
}

/// An oracle that saw these runs promised and ended.
fn promised(runs: &[&Run]) -> Oracle {
    let mut oracle = Oracle::default();
    for run in runs {
        oracle.run_asked(run.id, thread(), MultitaskStrategy::Enqueue, None);
        oracle.run_promised(run.id);
        oracle.look_at_run(run.id, Some(run)).unwrap();
    }
    oracle.looked().unwrap();
    oracle
}

#[test]
fn a_run_ends_once_and_is_not_lost() {
    let first = done(id(1), &[]);
    let oracle = promised(&[&first]);
    oracle.look_at_all_runs(std::slice::from_ref(&first)).unwrap();
    oracle.look_at_all_runs(&[]).unwrap_err();
    oracle.look_at_all_runs(&[run(id(1), Outcome::Cancelled, "12:00:05")]).unwrap_err();
    oracle.look_at_all_runs(&[first.clone(), done(id(2), &[])]).unwrap_err();
    let begun = Begun { run: id(1), thread: thread(), attempt: 2, trigger: JobTrigger::Manual };
    promised(&[&first]).guests_begun(vec![begun]).unwrap_err();
    let mut running = [done(id(1), &[]), done(id(2), &[])];
    let mut oracle = promised(&[]);
    for run in &mut running {
        run.status = RunStatus::Running;
        oracle.run_asked(run.id, thread(), MultitaskStrategy::Enqueue, None);
    }
    oracle.look_at_all_runs(&running).unwrap_err();
}

#[test]
fn a_run_is_invoked_only_for_a_fire_that_stays() {
    let begun = |scheduled: &str| {
        let fire = CronTrigger {
            cron_id: cron(),
            scheduled_at: at(scheduled),
            missed: 0,
            cause: FireCause::Schedule,
            previous_at: None,
            late: Duration::ZERO,
        };
        let run = RunId::of_fire(cron(), at(scheduled));
        Begun { run, thread: thread(), attempt: 1, trigger: JobTrigger::Cron(fire) }
    };
    let mut oracle = Oracle::default();
    oracle.cron_created(cron(), every_minute(), (at("12:00:30"), at("12:00:31")));
    oracle.look_at_fires(cron(), &window("12:00:30", "12:05:10"), &complete()).unwrap();
    oracle.guests_begun(vec![begun("12:01:00")]).unwrap();
    oracle.looked().unwrap();
    for unknown in ["12:06:00", "12:04:00"] {
        // The fire is lost, or the run was not told what it stands for.
        oracle.guests_begun(vec![begun(unknown)]).unwrap();
        oracle.looked().unwrap_err();
    }
}

#[test]
fn each_run_leaves_its_mark_once() {
    let runs = [done(id(1), &[]), done(id(2), &[id(1)])];
    let oracle = promised(&[&runs[0], &runs[1]]);
    let (first, second) = (checkpoint(id(1), &[]), checkpoint(id(2), &[id(1)]));
    let look = |checkpoints: &[&Checkpoint]| {
        let checkpoints: Vec<_> = checkpoints.iter().copied().rev().cloned().collect();
        oracle.look_at_thread(thread(), &checkpoints, &runs)
    };
    look(&[&first, &second]).unwrap();
    look(&[&first]).unwrap_err();
    look(&[&second]).unwrap_err();
    look(&[&first, &checkpoint(id(2), &[])]).unwrap_err();
    look(&[&first, &second, &checkpoint(id(1), &[id(1), id(2)])]).unwrap_err();
}
