use wakeful_core::{AssistantId, ComponentId, CronId};

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A cron that was created on the first of November 2026 and whose next instant is known.
fn cron(schedule: &str, now: &str) -> Cron {
    let component: ComponentId = "echo".parse().unwrap();
    let assistant = AssistantId::of_component(&component);
    let created = at("2026-11-01T00:00:00Z");
    let mut cron = Cron::new(CronId::generate(), assistant, component, schedule, created);
    let schedule = schedule_of(&cron).unwrap();
    set_next(&mut cron, &schedule, at(now), 0);
    cron
}

/// Changes the cron; returns the record that this left, in words, and the cron.
fn change(before: &Cron, now: &str, patch: CronPatch) -> (Option<String>, Cron) {
    let mut cron = before.clone();
    patch.apply(&mut cron);
    let schedule = schedule_of(&cron).unwrap();
    assert!(reschedules(before, &cron));
    let past = reschedule(before, &mut cron, &schedule, at(now), 0);
    let told = past.map(|fire| {
        let FireStatus::Skipped(reason) = fire.status else { panic!("{fire:?}") };
        assert_eq!(Some(fire.scheduled_at), cron.last_scheduled_at);
        let stands_for = fire.coalesced.map_or(0, |missed| missed.count);
        format!("{} {} {stands_for}", fire.scheduled_at, reason.as_str())
    });
    (told, cron)
}

fn enabled(enabled: bool) -> CronPatch {
    CronPatch { enabled: Some(enabled), ..CronPatch::default() }
}

#[test]
fn the_instants_of_a_pause_are_on_record_and_none_of_them_fires() {
    let hourly = cron("0 * * * *", "2026-11-22T08:30:00Z");
    let (told, paused) = change(&hourly, "2026-11-22T08:40:00Z", enabled(false));
    assert_eq!((told, paused.next_run_at), (None, None));
    assert_eq!(paused.paused_from, Some(at("2026-11-22T09:00:00Z")));
    let (told, resumed) = change(&paused, "2026-11-22T12:30:00Z", enabled(true));
    assert_eq!(told.as_deref(), Some("2026-11-22T12:00:00Z paused 3"));
    assert_eq!(resumed.next_run_at, Some(at("2026-11-22T13:00:00Z")));
    assert_eq!((resumed.paused_from, resumed.ended_at), (None, None));
    // A pause without an instant leaves nothing.
    let (told, resumed) = change(&paused, "2026-11-22T08:50:00Z", enabled(true));
    assert_eq!((told, resumed.next_run_at), (None, Some(at("2026-11-22T09:00:00Z"))));
}

#[test]
fn what_was_due_when_a_cron_was_paused_belongs_to_the_pause() {
    let hourly = cron("0 * * * *", "2026-11-22T08:30:00Z");
    let (told, paused) = change(&hourly, "2026-11-22T09:00:01Z", enabled(false));
    assert_eq!((told, paused.paused_from), (None, Some(at("2026-11-22T09:00:00Z"))));
    let (told, _) = change(&paused, "2026-11-22T09:00:02Z", enabled(true));
    assert_eq!(told.as_deref(), Some("2026-11-22T09:00:00Z paused 0"));
}

#[test]
fn another_schedule_accounts_for_what_was_due_by_the_old_one() {
    let hourly = cron("0 * * * *", "2026-11-22T08:30:00Z");
    let daily =
        || CronPatch { schedules: Some(vec!["30 9 * * *".to_owned()]), ..CronPatch::default() };
    let (told, changed) = change(&hourly, "2026-11-22T08:59:00Z", daily());
    assert_eq!((told, changed.next_run_at), (None, Some(at("2026-11-22T09:30:00Z"))));
    let (told, changed) = change(&hourly, "2026-11-22T10:00:01Z", daily());
    assert_eq!(told.as_deref(), Some("2026-11-22T10:00:00Z rescheduled 1"));
    assert_eq!(changed.next_run_at, Some(at("2026-11-23T09:30:00Z")));
    // The same when it is paused with it.
    let (told, paused) =
        change(&hourly, "2026-11-22T10:00:01Z", CronPatch { enabled: Some(false), ..daily() });
    assert_eq!(told.as_deref(), Some("2026-11-22T10:00:00Z rescheduled 1"));
    assert_eq!(paused.paused_from, Some(at("2026-11-23T09:30:00Z")));
    // The same while it is paused.
    let (_, paused) = change(&hourly, "2026-11-22T08:40:00Z", enabled(false));
    let (told, changed) = change(&paused, "2026-11-22T10:00:01Z", daily());
    assert_eq!(told.as_deref(), Some("2026-11-22T10:00:00Z paused 1"));
    assert_eq!(changed.paused_from, Some(at("2026-11-23T09:30:00Z")));
}

#[test]
fn another_end_keeps_what_is_due_unless_that_lies_beyond_it() {
    let hourly = cron("0 * * * *", "2026-11-22T08:30:00Z");
    let end = |text: &str| CronPatch { end_time: Some(Some(at(text))), ..CronPatch::default() };
    let (told, kept) = change(&hourly, "2026-11-22T09:00:01Z", end("2026-11-22T20:00:00Z"));
    assert_eq!((told, kept.next_run_at), (None, Some(at("2026-11-22T09:00:00Z"))));
    let (told, over) = change(&hourly, "2026-11-22T09:00:01Z", end("2026-11-22T08:45:00Z"));
    assert_eq!(told.as_deref(), Some("2026-11-22T09:00:00Z rescheduled 0"));
    assert_eq!((over.next_run_at, over.ended_at), (None, Some(at("2026-11-22T09:00:01Z"))));
}

#[test]
fn a_start_and_an_end_bound_the_instants() {
    let mut bounded = cron("0 9 * * *", "2026-11-22T08:30:00Z");
    bounded.policy.start_time = Some(at("2026-12-24T09:00:00Z"));
    bounded.end_time = Some(at("2026-12-25T09:00:00Z"));
    let schedule = schedule_of(&bounded).unwrap();
    let next = |after| next_fire(&bounded, &schedule, at(after), 0).map(|next| next.at);
    assert_eq!(next("2026-11-22T08:30:00Z"), Some(at("2026-12-24T09:00:00Z")));
    assert_eq!(next("2026-12-24T09:00:00Z"), Some(at("2026-12-25T09:00:00Z")));
    assert_eq!(next("2026-12-25T09:00:00Z"), None);
}

#[test]
fn the_least_gap_is_that_of_the_nearest_pair() {
    for (schedule, seconds) in [("0 9 * * *", 86_400), ("0,5 9 * * *", 300), ("* * * * * *", 1)] {
        let schedule = Schedule::parse(schedule, None).unwrap();
        let gap = least_gap(&schedule, at("2026-11-22T08:30:00Z"));
        assert_eq!(gap, Some(Duration::from_secs(seconds)));
    }
    let once = Schedule::parse("@at 2027-01-01T00:00:00Z", None).unwrap();
    assert_eq!(least_gap(&once, at("2026-11-22T08:30:00Z")), None);
}

#[test]
fn a_cron_follows_its_time_zone_and_fires_each_instant_once() {
    // As if the files had said another offset when the next instant was found. What was accounted
    // for last, the next instant, the hours that were assumed; then where it belongs.
    for (schedule, last, next, hours, expected) in [
        // 09:00 in Berlin is 08:00 UTC in winter.
        ("0 9 * * *", "2026-11-21T08:00:00Z", "2026-11-22T08:00:00Z", 1, "2026-11-22T08:00:00Z"),
        ("0 9 * * *", "2026-11-21T07:00:00Z", "2026-11-22T07:00:00Z", 2, "2026-11-22T08:00:00Z"),
        ("0 9 * * *", "2026-11-21T09:00:00Z", "2026-11-22T09:00:00Z", 0, "2026-11-22T08:00:00Z"),
        // What recurs anyway neither recurs once more nor leaves one out.
        ("0 * * * *", "2026-11-22T08:00:00Z", "2026-11-22T09:00:00Z", 2, "2026-11-22T09:00:00Z"),
        ("0 * * * *", "2026-11-22T08:00:00Z", "2026-11-22T09:00:00Z", 0, "2026-11-22T09:00:00Z"),
        ("@every 15m", "2026-11-22T08:45:00Z", "2026-11-22T09:00:00Z", 2, "2026-11-22T09:00:00Z"),
    ] {
        let mut cron = cron(schedule, "2026-11-20T00:00:00Z");
        cron.timezone = Some("Europe/Berlin".to_owned());
        cron.last_scheduled_at = Some(at(last));
        cron.next_run_at = Some(at(next));
        cron.offset = Some(hours * 3_600);
        let moved = follow_zone(&mut cron).unwrap();
        assert_eq!(moved, hours != 1, "{schedule} {hours}");
        let found = (cron.next_run_at, cron.offset);
        assert_eq!(found, (Some(at(expected)), Some(3_600)), "{schedule} {hours}");
        assert!(!follow_zone(&mut cron).unwrap());
    }
}
