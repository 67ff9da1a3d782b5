use serde_json::{Value, json};

use crate::support::{Api, text};

/// A cron of `echo` with this beside its assistant.
async fn create(api: &Api, more: Value) -> (String, Value) {
    let mut body = json!({"assistant_id": "echo"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let cron = api.post("/runs/crons", body).await.ok();
    (format!("/runs/crons/{}", text(&cron, "cron_id")), cron)
}

const POLICY: [&str; 13] = [
    "schedules",
    "overlap",
    "catchup",
    "catchup_window",
    "jitter",
    "dst",
    "start_time",
    "max_fires",
    "pause_after_failures",
    "fuel_per_day",
    "tokens_per_day",
    "retry",
    "note",
];

#[tokio::test]
async fn a_new_cron_has_the_usual_policies() {
    let api = Api::start().await;
    let (_, cron) = create(&api, json!({"schedule": "@yearly"})).await;
    for (key, expected) in [
        ("state", json!("active")),
        ("overlap", json!("skip")),
        ("catchup", json!("latest")),
        ("catchup_window", json!("24h")),
        ("jitter", json!("0s")),
        ("delay", json!("0s")),
        ("dst", json!("vixie")),
        ("start_time", Value::Null),
        ("max_fires", Value::Null),
        ("pause_after_failures", Value::Null),
        ("fuel_per_day", Value::Null),
        ("tokens_per_day", Value::Null),
        ("retry", json!({"attempts": 3, "first_wait": "1s", "longest_wait": "1m", "on": []})),
        ("note", Value::Null),
        ("ended_at", Value::Null),
        ("last_fires", json!([])),
        ("warnings", json!([])),
    ] {
        assert_eq!(cron[key], expected, "{key}");
    }
    assert_eq!(cron["upcoming"].as_array().unwrap().len(), 10);
    assert_eq!(cron["upcoming"][0], cron["next_run_date"]);
    let stats = json!({
        "started": 0, "triggered": 0, "skipped": {}, "missed": 0, "succeeded": 0, "failed": 0,
        "failed_in_a_row": 0, "last_failure": null, "last_late_ms": 0, "worst_late_ms": 0,
        "fuel_today": 0,
        "tokens_today": 0,
    });
    assert_eq!(cron["stats"], stats);
    let thread = api.thread().await;
    let body = json!({"assistant_id": "echo", "schedule": "@yearly"});
    let cron = api.post(&format!("{thread}/runs/crons"), body).await.ok();
    assert_eq!(cron["overlap"], "buffer_all");
}

#[tokio::test]
async fn what_a_cron_was_made_of_is_shown_and_makes_it_again() {
    let api = Api::start().await;
    let given = json!({
        "schedules": ["0 9 * * *", "@every 6h", "@at 2090-01-01T00:00:00Z"],
        "timezone": "Europe/Berlin", "overlap": "buffer_one", "catchup": "none",
        "catchup_window": "1h 30m", "jitter": 90, "dst": "skip_and_once",
        "start_time": "2030-01-01T00:00:00+00:00", "max_fires": 5, "pause_after_failures": 2,
        "fuel_per_day": 1000, "tokens_per_day": 2000, "note": "for Ada",
        "retry": {"attempts": 4, "first_wait": "10s", "longest_wait": 600, "on": ["timed_out"]},
    });
    let (_, cron) = create(&api, given.clone()).await;
    let mut expected = given;
    expected["jitter"] = json!("1m 30s");
    expected["retry"]["longest_wait"] = json!("10m");
    for key in POLICY {
        assert_eq!(cron[key], expected[key], "{key}");
    }
    assert_eq!(cron["schedule"], "0 9 * * *");
    assert_eq!(cron["next_run_date"], "2030-01-01T00:00:00+00:00");
    assert_eq!(cron["upcoming"].as_array().unwrap().len(), 5);
    let again = api.post("/runs/crons", cron["payload"].clone()).await.ok();
    for key in POLICY {
        assert_eq!(again[key], cron[key], "{key}");
    }
    for overlap in ["skip", "buffer_one", "buffer_all", "allow", "cancel_other", "terminate_other"]
    {
        let (_, cron) = create(&api, json!({"schedule": "@yearly", "overlap": overlap})).await;
        assert_eq!(cron["overlap"], overlap);
        let again = api.post("/runs/crons", cron["payload"].clone()).await.ok();
        assert_eq!(again["overlap"], overlap, "{}", cron["payload"]);
    }
}

#[tokio::test]
async fn a_policy_changes_by_itself_and_null_makes_it_usual() {
    let api = Api::start().await;
    let (path, _) = create(&api, json!({"schedule": "@yearly"})).await;
    for (key, value, shown, usual) in [
        ("overlap", json!("cancel_other"), json!("cancel_other"), json!("skip")),
        ("catchup", json!("none"), json!("none"), json!("latest")),
        ("catchup_window", json!("2h"), json!("2h"), json!("24h")),
        ("jitter", json!(60), json!("1m"), json!("0s")),
        ("dst", json!("skip_and_once"), json!("skip_and_once"), json!("vixie")),
        (
            "start_time",
            json!("2030-01-01T00:00:00Z"),
            json!("2030-01-01T00:00:00+00:00"),
            Value::Null,
        ),
        ("max_fires", json!(3), json!(3), Value::Null),
        ("pause_after_failures", json!(3), json!(3), Value::Null),
        ("fuel_per_day", json!(3), json!(3), Value::Null),
        ("tokens_per_day", json!(4), json!(4), Value::Null),
        ("note", json!("so"), json!("so"), Value::Null),
        (
            "retry",
            json!({"attempts": 2}),
            json!({"attempts": 2, "first_wait": "1s", "longest_wait": "1m", "on": []}),
            json!({"attempts": 3, "first_wait": "1s", "longest_wait": "1m", "on": []}),
        ),
        (
            "schedules",
            json!(["@daily", "@weekly"]),
            json!(["@daily", "@weekly"]),
            json!(["@daily", "@weekly"]),
        ),
    ] {
        let mut patch = json!({});
        patch[key] = value;
        assert_eq!(api.patch(&path, patch.clone()).await.ok()[key], shown, "{key}");
        assert_eq!(api.get(&path).await.ok()[key], shown, "{key}");
        patch[key] = Value::Null;
        assert_eq!(api.patch(&path, patch).await.ok()[key], usual, "{key}");
    }
    for (patch, schedules) in [
        (json!({"every": "15m"}), json!(["@every 15m"])),
        (json!({"at": "2090-01-01T00:00:00"}), json!(["@at 2090-01-01T00:00:00Z"])),
        (json!({"schedule": "@monthly"}), json!(["@monthly"])),
    ] {
        assert_eq!(api.patch(&path, patch).await.ok()["schedules"], schedules);
    }
    let patched = api.patch(&path, json!({"multitask_strategy": "rollback"})).await.ok();
    assert_eq!(patched["overlap"], "terminate_other");
    api.patch(&path, json!({"overlap": null})).await.ok();
    let patched = api.patch(&path, json!({"catchup": "all"})).await.ok();
    assert_eq!(patched["overlap"], "buffer_all");
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused_by_field() {
    let api = Api::start().await;
    let (path, _) = create(&api, json!({"schedule": "@yearly"})).await;
    for (more, expected) in [
        (json!({"overlap": "x"}), "overlap: `x` is not one of `skip`, `buffer_one`"),
        (json!({"catchup": "x"}), "catchup: `x` is not one of `latest`, `none`, `all`"),
        (json!({"dst": "x"}), "dst: `x` is not one of `vixie`"),
        (json!({"catchup_window": "soon"}), "catchup_window: `soon` is not a length of time"),
        (json!({"catchup_window": "1s"}), "catchup_window: what is late"),
        (json!({"jitter": -1}), "jitter: `-1` is not a length of time"),
        (json!({"jitter": {}}), "jitter: expected a length of time"),
        (json!({"start_time": "x"}), "start_time: `x` is not an instant"),
        (json!({"max_fires": 0}), "max_fires: 0 would never fire"),
        (json!({"max_fires": -1}), "max_fires: "),
        (json!({"pause_after_failures": 0}), "pause_after_failures: "),
        (json!({"fuel_per_day": 0}), "fuel_per_day: 0 would never"),
        (json!({"tokens_per_day": 0}), "tokens_per_day: 0 would never"),
        (json!({"retry": {"attempts": 0}}), "retry.attempts: "),
        (json!({"retry": {"first_wait": "2m", "longest_wait": "1m"}}), "retry.longest_wait: "),
        (json!({"retry": {"on": ["x"]}}), "retry.on: `x` is not one of `failed`"),
        (json!({"retry": 3}), "retry: "),
        (json!({"note": "n".repeat(301)}), "note: "),
        (
            json!({"multitask_strategy": "reject", "overlap": "allow"}),
            "multitask_strategy: `reject` means the overlap `skip`, and `overlap` is `allow`",
        ),
        (json!({"catchup": "all", "overlap": "skip"}), "catchup: `all` starts a run for each"),
        (
            json!({"start_time": "2031-01-01T00:00:00Z", "end_time": "2030-01-01T00:00:00Z"}),
            "end_time: it comes before start_time",
        ),
        (json!({"at": "2020-01-01T00:00:00Z"}), "schedule: all of its instants are past"),
        (
            json!({"at": "2090-01-01T00:00:00Z", "start_time": "2091-01-01T00:00:00Z"}),
            "start_time: the schedule names no instant from then on",
        ),
        (json!({"every": "1h", "at": "2090-01-01T00:00:00Z"}), "schedule: give one of"),
        (json!({"schedule": "0 9 * * 8"}), "schedule: \"8\" in the day-of-week field (column 9)"),
        (json!({"schedules": ["@daily", "x"]}), "schedules.1: "),
        (json!({"timezone": "Mars/X"}), "timezone: \"Mars/X\" is not a known time zone"),
    ] {
        let detail = api.patch(&path, more.clone()).await.refused(422);
        assert!(detail.starts_with(expected), "{more}: {detail}");
        let mut body = more.clone();
        body["assistant_id"] = json!("echo");
        if ["at", "every", "schedule", "schedules"].iter().all(|key| body.get(key).is_none()) {
            body["schedule"] = json!("@yearly");
        }
        let detail = api.post("/runs/crons", body).await.refused(422);
        assert!(detail.starts_with(expected), "{more}: {detail}");
    }
    let thread = api.thread().await;
    let body = json!({"assistant_id": "echo", "schedule": "@yearly", "overlap": "allow"});
    let detail = api.post(&format!("{thread}/runs/crons"), body).await.refused(422);
    assert!(detail.starts_with("overlap: `allow`"), "{detail}");
    // One that only people run may have any schedule.
    let past = json!({"at": "2020-01-01T00:00:00Z", "enabled": false});
    assert_eq!(create(&api, past).await.1["state"], "paused");
    let all = json!({"every": "1h", "catchup": "all"});
    assert_eq!(create(&api, all).await.1["overlap"], "buffer_all");
}

#[tokio::test]
async fn runs_that_would_overlap_are_skipped_or_wait() {
    let api = Api::start().await;
    for (overlap, started) in [("skip", 1), ("buffer_one", 2)] {
        let body = json!({
            "schedule": "* * * * * *", "overlap": overlap, "input": {"sleep": 60},
        });
        let (path, _) = create(&api, body).await;
        let cron = api.until(&path, |cron| cron["stats"]["skipped"]["overlap"].is_u64()).await;
        assert_eq!(cron["stats"]["started"], started, "{overlap}");
        let skipped = api.get(&format!("{path}/fires?reason=overlap")).await.ok();
        assert_eq!(
            (&skipped[0]["status"], &skipped[0]["run_id"]),
            (&json!("skipped"), &Value::Null)
        );
        let runs = api.get(&format!("/runs?cron_id={}", text(&cron, "cron_id"))).await.ok();
        let mut states: Vec<_> =
            runs.as_array().unwrap().iter().map(|run| text(run, "status")).collect();
        states.sort_unstable();
        assert_eq!(states, ["pending", "running"][2 - started..], "{overlap}");
        api.delete(&path).await;
    }
}

#[tokio::test]
async fn a_cron_ends_after_as_many_fires_as_it_may_have() {
    let api = Api::start().await;
    let (path, cron) = create(&api, json!({"every": 1, "max_fires": 2, "overlap": "allow"})).await;
    assert_eq!(cron["upcoming"].as_array().unwrap().len(), 2);
    let cron = api.until(&path, |cron| cron["state"] == "ended").await;
    assert_eq!(cron["stats"]["started"], 2);
    assert_eq!(cron["last_fires"].as_array().unwrap().len(), 2);
    assert!(cron["ended_at"].is_string() && cron["ended"] == true);
    assert_eq!((&cron["upcoming"], &cron["next_run_date"]), (&json!([]), &Value::Null));
}

#[tokio::test]
async fn a_cron_whose_runs_fail_is_paused_and_says_why() {
    let api = Api::start().await;
    let body = json!({
        "every": "1s", "pause_after_failures": 2, "input": {"fail": "no milk"},
    });
    let (path, _) = create(&api, body).await;
    let cron = api.until(&path, |cron| cron["state"] == "paused").await;
    assert_eq!((&cron["enabled"], &cron["upcoming"]), (&json!(false), &json!([])));
    let note = text(&cron, "note");
    assert!(note.contains("2 failed runs in a row"), "{note}");
    assert_eq!(cron["stats"]["failed_in_a_row"], 2);
    let failure = &cron["stats"]["last_failure"];
    assert!(text(failure, "message").contains("no milk"), "{failure}");
    api.get(&format!("/runs/{}", text(failure, "run_id"))).await.ok();
}

#[tokio::test]
async fn a_failed_run_is_tried_again_as_the_cron_says() {
    let api = Api::start().await;
    let body = json!({
        "schedule": "@yearly", "input": {"fail": "no milk"},
        "retry": {"attempts": 2, "first_wait": 0, "longest_wait": 0, "on": ["failed"]},
    });
    let (path, _) = create(&api, body).await;
    let run = api.post(&format!("{path}/trigger"), json!({})).await.ok();
    let run = format!("/runs/{}", text(&run, "run_id"));
    let run = api.until(&run, |run| run["status"] == "error").await;
    assert_eq!(run["execution"]["attempt"], 2);
}

#[tokio::test]
async fn a_cron_that_has_used_up_its_fuel_skips_the_rest_of_the_day() {
    let api = Api::start().await;
    let (path, _) = create(&api, json!({"every": "1s", "fuel_per_day": 1})).await;
    let cron = api.until(&path, |cron| cron["stats"]["skipped"]["budget"].is_u64()).await;
    assert!(1 <= cron["stats"]["fuel_today"].as_u64().unwrap(), "{cron}");
    assert_eq!(cron["state"], "active");
}

#[tokio::test]
async fn several_schedules_fire_together_and_jitter_puts_them_off() {
    let api = Api::start().await;
    let body = json!({
        "schedules": ["0 9 * * *", "0 21 * * *"], "start_time": "2030-01-01T00:00:00Z", "jitter": "1h",
    });
    let (_, cron) = create(&api, body).await;
    let upcoming: Vec<_> = cron["upcoming"].as_array().unwrap().iter().take(3).collect();
    assert_eq!(
        upcoming,
        ["2030-01-01T09:00:00+00:00", "2030-01-01T21:00:00+00:00", "2030-01-02T09:00:00+00:00"]
    );
    assert_ne!(cron["delay"], "0s");
}

#[tokio::test]
async fn the_host_can_give_every_cron_an_end() {
    let api = Api::with_host(|settings| {
        settings.crons.usual_end = Some(std::time::Duration::from_secs(90 * 86_400));
    })
    .await;
    let (path, cron) = create(&api, json!({"schedule": "@daily"})).await;
    assert!(cron["end_time"].is_string(), "{cron}");
    assert_eq!(api.patch(&path, json!({"end_time": null})).await.ok()["end_time"], Value::Null);
    let own = json!({"schedule": "@daily", "end_time": "2090-01-01T00:00:00Z"});
    assert_eq!(create(&api, own).await.1["end_time"], "2090-01-01T00:00:00+00:00");
}

#[tokio::test]
async fn a_search_shows_what_takes_longer_only_when_asked() {
    let api = Api::start().await;
    let (_, cron) = create(&api, json!({"schedule": "@yearly"})).await;
    let found = api.post("/runs/crons/search", json!({})).await.ok();
    for key in ["stats", "last_fires", "upcoming", "warnings"] {
        assert!(cron.get(key).is_some() && found[0].get(key).is_none(), "{key}");
        let select = json!({"select": ["state", key]});
        let found = api.post("/runs/crons/search", select).await.ok();
        assert_eq!(found[0][key], cron[key], "{key}");
        assert_eq!(found[0].as_object().unwrap().len(), 2);
    }
}
