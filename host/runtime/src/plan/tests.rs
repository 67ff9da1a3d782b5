use serde_json::json;
use wakeful_core::{AssistantId, CronId, CronStats, Json, NextFire};

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn due(schedule: &str, next_run_at: &str) -> DueCron {
    let component: ComponentId = "echo".parse().unwrap();
    let assistant = AssistantId::of_component(&component);
    let created = at("2026-01-01T00:00:00Z");
    let mut cron = Cron::new(CronId::generate(), assistant, component, schedule, created);
    cron.next_run_at = Some(at(next_run_at));
    DueCron {
        cron,
        assistant: None,
        thread_metadata: Object::new(),
        thread_busy: false,
        open: 0,
        running: 0,
        held: 0,
        stats: CronStats::default(),
    }
}

fn plan(due: &DueCron, now: &str) -> FirePlan {
    let now = at(now);
    super::plan(due, &World { now, ttl: None, serves: &|_| true, slot: &|_| now })
}

fn next(plan: &FirePlan) -> Option<Timestamp> {
    plan.next.map(|next| next.at)
}

#[test]
fn a_cron_on_time_fires_its_instant_and_goes_on_to_the_next() {
    let plan = plan(&due("0 9 * * *", "2026-11-22T09:00:00Z"), "2026-11-22T09:00:00.2Z");
    assert_eq!(plan.fire.scheduled_at, at("2026-11-22T09:00:00Z"));
    assert_eq!(plan.fire.coalesced, None);
    assert_eq!(next(&plan), Some(at("2026-11-23T09:00:00Z")));
    let run = plan.run.unwrap().run;
    assert_eq!(plan.fire.status, FireStatus::Started(run.id));
    assert_eq!(run.id, RunId::of_fire(plan.fire.cron_id, plan.fire.scheduled_at));
}

#[test]
fn a_cron_after_downtime_fires_once_for_all_it_missed() {
    let plan = plan(&due("0 * * * *", "2026-11-22T09:00:00Z"), "2026-11-22T12:30:00Z");
    assert_eq!(plan.fire.scheduled_at, at("2026-11-22T12:00:00Z"));
    let missed = plan.fire.coalesced.clone().unwrap();
    assert_eq!((missed.count, missed.at_least), (3, false));
    assert_eq!(missed.first, at("2026-11-22T09:00:00Z"));
    assert_eq!(missed.last, at("2026-11-22T11:00:00Z"));
    assert_eq!(next(&plan), Some(at("2026-11-22T13:00:00Z")));
    assert_eq!(plan.fire.late, Duration::from_secs(30 * 60));
}

#[test]
fn counting_a_long_outage_stops_and_says_so() {
    let plan = plan(&due("* * * * * *", "2020-01-01T00:00:00Z"), "2026-01-01T00:00:00Z");
    let missed = plan.fire.coalesced.clone().unwrap();
    assert_eq!((missed.count, missed.at_least), (COUNT_BOUND, true));
    // What is late by less than a minute fires by itself.
    assert_eq!(plan.fire.scheduled_at, at("2025-12-31T23:59:01Z"));
    assert_eq!(next(&plan), Some(at("2025-12-31T23:59:02Z")));
}

#[test]
fn the_end_is_the_last_instant_that_fires() {
    let mut due = due("0 9 * * *", "2026-11-22T09:00:00Z");
    due.cron.end_time = Some(at("2026-11-23T09:00:00Z"));
    let first = plan(&due, "2026-11-22T09:00:00Z");
    assert_eq!(next(&first), Some(at("2026-11-23T09:00:00Z")));
    due.cron.next_run_at = next(&first);
    let last = plan(&due, "2026-11-23T12:00:00Z");
    assert_eq!(last.fire.scheduled_at, at("2026-11-23T09:00:00Z"));
    assert_eq!(next(&last), None);
}

/// What was planned, in a word: whether a run starts and waits, or why not.
fn verdict(plan: &FirePlan) -> &'static str {
    match (&plan.fire.status, &plan.run) {
        (FireStatus::Skipped(reason), None) => reason.as_str(),
        (FireStatus::Started(id), Some(new)) if *id == new.run.id && new.held => "held",
        (FireStatus::Started(id), Some(new)) if *id == new.run.id => "starts",
        other => panic!("{other:?}"),
    }
}

#[test]
fn overlapping_fires_do_as_the_policy_says() {
    // Of the cron's own runs: queued or running, running, held; whether its thread is busy; then
    // what each policy makes of it, without a thread and on one.
    let idle = (0, 0, 0, false);
    let running = (1, 1, 0, true);
    let one_waits = (1, 1, 1, true);
    let others_run = (0, 0, 0, true);
    let many_wait = (1, 1, LARGEST_BACKLOG, true);
    for (policy, state, alone, on_thread) in [
        (Overlap::Skip, idle, "starts", "starts"),
        (Overlap::Skip, running, "overlap", "overlap"),
        (Overlap::Skip, others_run, "starts", "overlap"),
        (Overlap::BufferOne, idle, "held", "starts"),
        (Overlap::BufferOne, running, "held", "starts"),
        (Overlap::BufferOne, one_waits, "overlap", "overlap"),
        (Overlap::BufferAll, running, "held", "starts"),
        (Overlap::BufferAll, one_waits, "held", "starts"),
        (Overlap::BufferAll, many_wait, "overlap", "overlap"),
        (Overlap::Allow, running, "starts", "starts"),
        (Overlap::CancelOther, running, "held", "starts"),
        (Overlap::TerminateOther, one_waits, "held", "starts"),
    ] {
        for (thread, expected) in [(None, alone), (Some(ThreadId::generate()), on_thread)] {
            let mut due = due("0 9 * * *", "2026-11-22T09:00:00Z");
            (due.open, due.running, due.held, due.thread_busy) = state;
            due.cron.thread_id = thread;
            due.cron.policy.overlap = policy;
            let plan = plan(&due, "2026-11-22T09:00:00Z");
            assert_eq!(verdict(&plan), expected, "{policy:?} {state:?} {thread:?}");
            assert_eq!(next(&plan), Some(at("2026-11-23T09:00:00Z")));
            if let Some(new) = plan.run {
                assert_eq!(new.run.multitask, policy.multitask());
            }
        }
    }
}

#[test]
fn missed_instants_are_made_up_for_as_the_policy_says() {
    // Due at 09:00 and every hour from then on; found at another time. The instant accounted for,
    // how many earlier ones it stands for, what happens, and the next one.
    for (catchup, window, now, expected) in [
        // Late by less than a minute is not missed.
        (Catchup::Latest, 24, "09:00:59", ("09:00", 0, "starts", "10:00")),
        (Catchup::None, 24, "09:00:59", ("09:00", 0, "starts", "10:00")),
        (Catchup::Latest, 24, "09:01:00", ("09:00", 0, "starts", "10:00")),
        (Catchup::None, 24, "09:01:00", ("09:00", 0, "misfire", "10:00")),
        (Catchup::All, 24, "09:01:00", ("09:00", 0, "starts", "10:00")),
        (Catchup::Latest, 24, "12:30:00", ("12:00", 3, "starts", "13:00")),
        (Catchup::None, 24, "12:30:00", ("12:00", 3, "misfire", "13:00")),
        (Catchup::All, 24, "12:30:00", ("09:00", 0, "starts", "10:00")),
        // Some are too old.
        (Catchup::Latest, 2, "12:30:00", ("12:00", 3, "starts", "13:00")),
        (Catchup::All, 2, "12:30:00", ("10:00", 1, "misfire", "11:00")),
        // The one that is on time stands for those that were missed, or fires after them.
        (Catchup::Latest, 24, "12:00:05", ("12:00", 3, "starts", "13:00")),
        (Catchup::None, 24, "12:00:05", ("11:00", 2, "misfire", "12:00")),
        (Catchup::All, 24, "12:00:05", ("09:00", 0, "starts", "10:00")),
        (Catchup::Latest, 1, "12:00:05", ("12:00", 3, "starts", "13:00")),
    ] {
        let mut due = due("0 * * * *", "2026-11-22T09:00:00Z");
        due.cron.policy.overlap = Overlap::Allow;
        due.cron.policy.catchup = catchup;
        due.cron.policy.catchup_window = Duration::from_secs(window * 3_600);
        let plan = plan(&due, &format!("2026-11-22T{now}Z"));
        let clock = |at: Timestamp| at.strftime("%H:%M").to_string();
        let stands_for = plan.fire.coalesced.as_ref().map_or(0, |missed| missed.count);
        let next = next(&plan).map(clock).unwrap_or_default();
        let scheduled = clock(plan.fire.scheduled_at);
        let found = (scheduled.as_str(), stands_for, verdict(&plan), next.as_str());
        assert_eq!(found, expected, "{catchup:?} {window} {now}");
    }
}

#[test]
fn what_was_missed_longer_ago_than_the_window_is_skipped() {
    let plan = plan(&due("0 9 * * *", "2026-11-22T09:00:00Z"), "2026-11-24T08:00:00Z");
    assert_eq!(verdict(&plan), "starts");
    let mut short = due("0 9 * * *", "2026-11-22T09:00:00Z");
    short.cron.policy.catchup_window = Duration::from_secs(3_600);
    let plan = self::plan(&short, "2026-11-24T08:00:00Z");
    assert_eq!(verdict(&plan), "misfire");
    assert_eq!(plan.fire.coalesced.as_ref().map(|missed| missed.count), Some(1));
    assert_eq!(next(&plan), Some(at("2026-11-24T09:00:00Z")));
}

#[test]
fn of_many_missed_instants_only_the_latest_are_made_up_for_one_by_one() {
    let mut due = due("* * * * *", "2026-11-22T00:00:00Z");
    due.cron.policy.overlap = Overlap::BufferAll;
    due.cron.policy.catchup = Catchup::All;
    let first = plan(&due, "2026-11-22T12:00:30Z");
    assert_eq!(verdict(&first), "misfire");
    due.cron.next_run_at = next(&first);
    // 12:00 is on time, and a hundred before it are not.
    assert_eq!(due.cron.next_run_at, Some(at("2026-11-22T10:20:00Z")));
    let mut causes = Vec::new();
    while let Some(at) = due.cron.next_run_at.filter(|next| *next < at("2026-11-22T12:00:30Z")) {
        let plan = plan(&due, "2026-11-22T12:00:30Z");
        assert_eq!((plan.fire.scheduled_at, verdict(&plan)), (at, "held"));
        causes.push(plan.fire.cause);
        due.cron.next_run_at = next(&plan);
    }
    let late = vec![FireCause::Catchup; LARGEST_BACKLOG];
    assert_eq!(causes, [late, vec![FireCause::Schedule]].concat());
}

#[test]
fn a_run_that_makes_up_for_an_instant_waits_for_its_slot() {
    let slot = at("2026-11-22T12:40:00Z");
    for (now, expected) in
        [("2026-11-22T12:30:00Z", slot), ("2026-11-22T09:00:00Z", at("2026-11-22T09:00:00Z"))]
    {
        let due = due("0 9 * * *", "2026-11-22T09:00:00Z");
        let world = World { now: at(now), ttl: None, serves: &|_| true, slot: &|_| slot };
        assert_eq!(super::plan(&due, &world).run.unwrap().run.available_at, expected);
    }
}

#[test]
fn guards_stop_a_cron() {
    let usual = || due("0 9 * * *", "2026-11-22T09:00:00Z");
    let now = "2026-11-22T09:00:00Z";
    let mut spent = usual();
    spent.cron.policy.fuel_per_day = Some(100);
    spent.stats.day = at(now).as_second() / 86_400;
    for (fuel, expected) in [(99, "starts"), (100, "budget")] {
        spent.stats.fuel = fuel;
        assert_eq!(verdict(&plan(&spent, now)), expected);
    }
    let mut talkative = usual();
    talkative.cron.policy.tokens_per_day = Some(100);
    talkative.stats.day = at(now).as_second() / 86_400;
    for (tokens, expected) in [(99, "starts"), (100, "budget")] {
        talkative.stats.tokens = tokens;
        assert_eq!(verdict(&plan(&talkative, now)), expected);
    }
    // Another day, another budget.
    spent.stats.day -= 1;
    assert_eq!(verdict(&plan(&spent, now)), "starts");

    let mut last = usual();
    last.cron.policy.max_fires = Some(3);
    for (started, expected) in [(1, Some(at("2026-11-23T09:00:00Z"))), (2, None)] {
        last.stats.started = started;
        assert_eq!(next(&plan(&last, now)), expected);
    }

    let gone = World { now: at(now), ttl: None, serves: &|_| false, slot: &|_| at(now) };
    let plan = super::plan(&usual(), &gone);
    assert_eq!(verdict(&plan), "assistant_gone");
    assert_eq!(next(&plan), Some(at("2026-11-23T09:00:00Z")));
}

#[test]
fn jitter_puts_every_fire_off_by_the_same_time_and_never_beyond_the_next() {
    let mut due = due("0 9 * * *", "2026-11-22T09:00:00Z");
    due.cron.policy.jitter = Duration::from_secs(3_600);
    let schedule = schedule_of(&due.cron).unwrap();
    let delay = delay(&due.cron, &schedule, at("2026-11-22T09:00:00Z"));
    assert!(delay < Duration::from_secs(3_600));
    due.cron.delay = delay;
    let now = at("2026-11-22T09:00:01Z").checked_add(delay).unwrap();
    let plan = plan(&due, &now.to_string());
    assert_eq!(
        (plan.fire.scheduled_at, plan.fire.cause),
        (at("2026-11-22T09:00:00Z"), FireCause::Schedule)
    );
    assert_eq!(plan.fire.late, Duration::from_secs(1));
    let expected = NextFire { at: at("2026-11-23T09:00:00Z"), delay, offset: 0 };
    assert_eq!(plan.next, Some(expected));

    due.cron.schedules = vec!["*/7 * * * *".to_owned()];
    let schedule = schedule_of(&due.cron).unwrap();
    for (instant, gap) in [("2026-11-22T09:00:00Z", 420), ("2026-11-22T09:56:00Z", 240)] {
        let delay = super::delay(&due.cron, &schedule, at(instant));
        assert!(delay < Duration::from_secs(gap), "{instant} {delay:?}");
    }
}

#[test]
fn a_run_knows_its_fire() {
    let mut due = due("0 * * * *", "2026-11-22T09:00:00Z");
    due.cron.last_scheduled_at = Some(at("2026-11-22T08:00:00Z"));
    let run = plan(&due, "2026-11-22T11:30:00Z").run.unwrap().run;
    let Trigger::Cron(trigger) = run.trigger else { panic!("{:?}", run.trigger) };
    assert_eq!(
        trigger,
        CronTrigger {
            cron_id: due.cron.id,
            scheduled_at: at("2026-11-22T11:00:00Z"),
            missed: 2,
            cause: FireCause::Catchup,
            previous_at: Some(at("2026-11-22T08:00:00Z")),
            late: Duration::from_secs(30 * 60),
        }
    );
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
    let planned = plan(&due, "2026-11-22T09:00:00Z").run.unwrap();
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
    let plan = plan(&due("*/10 * * * *", "2026-11-22T09:00:00Z"), "2026-11-22T08:00:00Z");
    assert_eq!(plan.fire.scheduled_at, at("2026-11-22T09:00:00Z"));
    assert_eq!(next(&plan), Some(at("2026-11-22T09:10:00Z")));
}
