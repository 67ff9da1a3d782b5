use serde_json::{Value, json};

use crate::support::{Api, ECHO, NOBODY, assert_keys, text};

const CRON: [&str; 36] = [
    "cron_id",
    "assistant_id",
    "thread_id",
    "user_id",
    "end_time",
    "schedule",
    "timezone",
    "payload",
    "next_run_date",
    "metadata",
    "on_run_completed",
    "enabled",
    "created_at",
    "updated_at",
    // Ours.
    "schedules",
    "ended",
    "made_by_run_id",
    "state",
    "note",
    "ended_at",
    "overlap",
    "catchup",
    "catchup_window",
    "jitter",
    "delay",
    "dst",
    "start_time",
    "max_fires",
    "pause_after_failures",
    "fuel_per_day",
    "tokens_per_day",
    "retry",
    // Those that a search leaves out.
    "stats",
    "last_fires",
    "upcoming",
    "warnings",
];

async fn create(api: &Api, body: Value) -> (String, Value) {
    let cron = api.post("/runs/crons", body).await.ok();
    (format!("/runs/crons/{}", text(&cron, "cron_id")), cron)
}

#[tokio::test]
async fn a_cron_has_the_shape_and_the_payload_of_the_protocol() {
    let api = Api::start().await;
    let (path, cron) =
        create(&api, json!({"schedule": "*/5 * * * *", "assistant_id": "echo"})).await;
    assert_keys(&cron, &CRON);
    assert_eq!(
        cron["payload"],
        json!({
            "schedule": "*/5 * * * *", "assistant_id": ECHO,
            "config": {"configurable": {"cron_id": cron["cron_id"]}},
        })
    );
    assert_eq!((&cron["user_id"], &cron["thread_id"]), (&json!(""), &Value::Null));
    assert_eq!(cron["on_run_completed"], "delete");
    assert_eq!((&cron["enabled"], &cron["ended"]), (&json!(true), &json!(false)));
    assert!(text(&cron, "next_run_date").ends_with(":00+00:00"));
    assert_eq!(api.get(&path).await.ok(), cron);

    let thread = api.thread().await;
    let body = json!({
        "schedule": "0 0 * * *", "input": [{"a": 1}], "assistant_id": "echo", "enabled": false,
        "multitask_strategy": "reject", "metadata": {"job": "a"}, "stream_mode": "values",
        "context": {"a": 1}, "timezone": "Europe/Berlin", "end_time": "2030-01-01T00:00:00+00:00",
    });
    let cron = api.post(&format!("{thread}/runs/crons"), body.clone()).await.ok();
    assert_keys(&cron, &CRON);
    let mut payload = body;
    payload["assistant_id"] = json!(ECHO);
    payload["config"] = json!({"configurable": {"cron_id": cron["cron_id"]}});
    payload["end_time"] = json!("2030-01-01T00:00:00+00:00");
    assert_eq!(cron["payload"], payload);
    assert_eq!(thread, format!("/threads/{}", text(&cron, "thread_id")));
    assert_eq!((&cron["on_run_completed"], &cron["next_run_date"]), (&Value::Null, &Value::Null));
    assert_eq!(cron["metadata"], json!({"job": "a"}));
    // Crons go with their thread.
    api.delete(&thread).await;
    api.get(&format!("/runs/crons/{}", text(&cron, "cron_id"))).await.refused(404);
}

#[tokio::test]
async fn a_cron_that_could_not_fire_is_refused() {
    let api = Api::start().await;
    let good = json!({"schedule": "0 0 * * *", "assistant_id": "echo", "enabled": false});
    for (key, value, status, part) in [
        ("assistant_id", json!("nope"), 404, "nope"),
        ("assistant_id", json!(NOBODY), 404, NOBODY),
        ("assistant_id", Value::Null, 422, "assistant_id"),
        ("schedule", Value::Null, 422, "schedule"),
        ("schedule", json!("bad"), 422, "five fields"),
        ("schedule", json!("0 0 31 2 *"), 422, ""),
        ("timezone", json!("Mars/X"), 422, "Mars/X"),
        ("end_time", json!("whenever"), 422, "end_time: "),
        ("input", json!("str"), 422, "input: "),
        ("input", json!([1]), 422, "input: "),
        ("enabled", json!("yes"), 422, "enabled: "),
        ("on_run_completed", json!("x"), 422, "on_run_completed: "),
        ("multitask_strategy", json!("x"), 422, "multitask_strategy: "),
        ("webhook", json!("http://10.0.0.1/hook"), 422, "a private address"),
        ("config", json!({"tags": 1}), 422, "config.tags: "),
    ] {
        let mut body = good.clone();
        body[key] = value.clone();
        let detail = api.post("/runs/crons", body).await.refused(status);
        assert!(detail.contains(part), "{key} {value}: {detail}");
    }
    for missing in ["assistant_id", "schedule"] {
        let mut body = good.clone();
        body.as_object_mut().unwrap().remove(missing);
        assert!(api.post("/runs/crons", body).await.refused(422).contains(missing));
    }
    api.post(&format!("/threads/{NOBODY}/runs/crons"), good.clone()).await.refused(404);
    api.post("/threads/abc/runs/crons", good).await.refused(422);
    assert_eq!(api.post("/runs/crons/count", json!({})).await.ok(), 0);
}

#[tokio::test]
async fn a_cron_whose_end_has_passed_says_so() {
    let api = Api::start().await;
    let body = json!({
        "schedule": "0 0 * * *", "assistant_id": "echo", "end_time": "2020-01-01T00:00:00",
    });
    let (_, cron) = create(&api, body).await;
    assert_eq!(cron["end_time"], "2020-01-01T00:00:00+00:00");
    assert_eq!((&cron["ended"], &cron["next_run_date"]), (&json!(true), &Value::Null));
}

#[tokio::test]
async fn crons_are_found_counted_sorted_and_selected() {
    let api = Api::start().await;
    let thread = api.thread().await;
    let (_, early) = create(
        &api,
        json!({
            "schedule": "* * * * *", "assistant_id": "echo", "metadata": {"job": "a"},
        }),
    )
    .await;
    let late = json!({"schedule": "0 0 1 1 *", "assistant_id": "echo"});
    let late = api.post(&format!("{thread}/runs/crons"), late).await.ok();
    let (_, paused) = create(
        &api,
        json!({
            "schedule": "0 0 * * *", "assistant_id": "echo", "enabled": false,
        }),
    )
    .await;
    let (early, late, paused) = (&early["cron_id"], &late["cron_id"], &paused["cron_id"]);
    let thread_id = thread.strip_prefix("/threads/").unwrap();
    for (filter, expected) in [
        (json!({}), vec![paused, late, early]),
        (json!({"sort_by": "created_at", "sort_order": "asc"}), vec![early, late, paused]),
        (
            json!({"enabled": true, "sort_by": "next_run_date", "sort_order": "asc"}),
            vec![early, late],
        ),
        (json!({"enabled": false}), vec![paused]),
        (json!({"thread_id": thread_id}), vec![late]),
        (json!({"assistant_id": NOBODY}), vec![]),
        (json!({"assistant_id": ECHO, "limit": 2, "offset": 1}), vec![late, early]),
        (json!({"metadata": {"job": "a"}}), vec![early]),
    ] {
        let mut body = filter.clone();
        body["select"] = json!(["cron_id"]);
        let found = api.post("/runs/crons/search", body).await.ok();
        let expected: Vec<_> = expected.into_iter().map(|id| json!({"cron_id": id})).collect();
        assert_eq!(found, json!(expected), "{filter}");
    }
    let page = api.post("/runs/crons/search", json!({"limit": 2})).await;
    assert_eq!(page.header("x-pagination-total"), Some("3"));
    assert_eq!(page.header("x-pagination-next"), Some("2"));
    assert_keys(&page.ok()[0], &CRON[..32]);
    assert_eq!(api.post("/runs/crons/count", json!({"thread_id": thread_id})).await.ok(), 1);
    for body in [
        json!({"assistant_id": "echo"}),
        json!({"thread_id": "x"}),
        json!({"select": ["now"]}),
        json!({"sort_by": "bogus"}),
        json!({"limit": 0}),
    ] {
        api.post("/runs/crons/search", body).await.refused(422);
    }
}

#[tokio::test]
async fn a_cron_changes_only_where_it_is_told_to() {
    let api = Api::start().await;
    let body = json!({"schedule": "0 9 * * *", "assistant_id": "echo", "metadata": {"a": 1}});
    let (path, cron) = create(&api, body).await;
    for (patch, key, expected) in [
        (json!({"schedule": "0 10 * * *"}), "schedule", json!("0 10 * * *")),
        (json!({"timezone": "Asia/Tokyo"}), "timezone", json!("Asia/Tokyo")),
        (json!({"timezone": null}), "timezone", Value::Null),
        (json!({"metadata": {"b": 2}}), "metadata", json!({"a": 1, "b": 2})),
        (
            json!({"end_time": "2030-01-01T00:00:00Z"}),
            "end_time",
            json!("2030-01-01T00:00:00+00:00"),
        ),
        (
            json!({"schedule": null, "enabled": true}),
            "end_time",
            json!("2030-01-01T00:00:00+00:00"),
        ),
        (json!({"end_time": null}), "end_time", Value::Null),
        (json!({"on_run_completed": "keep"}), "on_run_completed", json!("keep")),
        (json!({"enabled": false}), "next_run_date", Value::Null),
        (json!({"bogus": 1}), "enabled", json!(false)),
        (json!({"assistant_id": "steps"}), "assistant_id", json!(ECHO)),
    ] {
        let changed = api.patch(&path, patch.clone()).await.ok();
        assert_keys(&changed, &CRON);
        assert_eq!(changed[key], expected, "{patch}");
        assert_eq!(changed["cron_id"], cron["cron_id"]);
    }
    let patch =
        json!({"input": {"x": 1}, "config": {"configurable": {"k": 1}}, "durability": "sync"});
    let payload = api.patch(&path, patch).await.ok()["payload"].clone();
    assert_eq!(payload["input"], json!({"x": 1}));
    assert_eq!(payload["config"]["configurable"], json!({"k": 1, "cron_id": cron["cron_id"]}));
    assert_eq!(payload["durability"], "sync");

    api.patch(&path, json!({})).await.refused(400);
    for patch in [
        json!({"schedule": "bad"}),
        json!({"timezone": "Mars/X"}),
        json!({"end_time": "x"}),
        json!({"input": "x"}),
        json!({"webhook": "http://127.0.0.1/"}),
    ] {
        api.patch(&path, patch).await.refused(422);
    }
    api.patch(&format!("/runs/crons/{NOBODY}"), json!({"enabled": false})).await.refused(404);
    api.patch("/runs/crons/abc", json!({"enabled": false})).await.refused(422);
}

#[tokio::test]
async fn a_deleted_cron_is_gone() {
    let api = Api::start().await;
    let (path, _) = create(&api, json!({"schedule": "@daily", "assistant_id": "echo"})).await;
    assert_eq!(api.delete(&path).await.status, 204);
    api.delete(&path).await.refused(404);
    api.get(&path).await.refused(404);
    api.get("/runs/crons/abc").await.refused(422);
}

#[tokio::test]
async fn a_fire_is_recorded_and_leads_to_its_run() {
    let api = Api::start().await;
    let body = json!({"schedule": "* * * * * *", "assistant_id": "echo", "input": {"custom": 1}});
    let (path, cron) = create(&api, body).await;
    let fires = format!("{path}/fires?limit=5");
    let fires = api.until(&fires, |fires| fires.as_array().unwrap().len() >= 2).await;
    api.delete(&path).await;
    let fire = &fires[1];
    assert_keys(
        fire,
        &[
            "scheduled_at",
            "recorded_at",
            "late_ms",
            "status",
            "run_id",
            "reason",
            "coalesced",
            "cause",
            "fire_id",
        ],
    );
    assert_eq!((&fire["status"], &fire["reason"]), (&json!("started"), &Value::Null));
    assert!(fire["late_ms"].is_u64());
    assert_eq!(fire["fire_id"], fire["run_id"]);
    assert!(text(&fires[0], "scheduled_at") > text(fire, "scheduled_at"));
    let run = api.get(&format!("/runs/{}", text(fire, "run_id"))).await.ok();
    assert_eq!(run["kwargs"]["config"]["configurable"]["cron_id"], cron["cron_id"]);
    assert_eq!(run["kwargs"]["input"], json!({"custom": 1}));
    let of_cron = format!("/runs?cron_id={}", text(&cron, "cron_id"));
    assert!(api.get(&of_cron).await.ok().as_array().unwrap().len() >= 2);
}

#[tokio::test]
async fn a_fire_before_an_instant_can_be_asked_for() {
    let api = Api::start().await;
    let (path, _) = create(&api, json!({"schedule": "@yearly", "assistant_id": "echo"})).await;
    for before in
        ["2026-11-22T09:00:00Z", "2026-11-22T09:00:00+00:00", "2026-11-22T09:00:00%2B00:00"]
    {
        assert_eq!(api.get(&format!("{path}/fires?before={before}")).await.ok(), json!([]));
    }
    api.get(&format!("{path}/fires?before=yesterday")).await.refused(422);
    api.get(&format!("/runs/crons/{NOBODY}/fires")).await.refused(404);
}

#[tokio::test]
async fn a_cron_can_be_run_at_once() {
    let api = Api::start().await;
    let (path, cron) = create(&api, json!({
        "schedule": "@yearly", "assistant_id": "echo", "enabled": false, "metadata": {"job": "a"},
        "input": {"messages": [{"role": "user", "content": "now"}]},
    })).await;
    let run = api.text(axum::http::Method::POST, &format!("{path}/trigger"), "").await.ok();
    assert_eq!(run["metadata"]["cron_id"], cron["cron_id"]);
    assert_eq!(run["metadata"]["job"], "a");
    assert_eq!(run["kwargs"]["config"]["configurable"]["cron_id"], cron["cron_id"]);
    let result = api.get(&format!("/runs/{}/join", text(&run, "run_id"))).await.ok();
    assert_eq!(result["messages"][1]["content"], "echo: now");
    api.post(&format!("/runs/crons/{NOBODY}/trigger"), json!({})).await.refused(404);
}
