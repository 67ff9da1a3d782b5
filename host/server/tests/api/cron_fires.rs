use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};

use crate::support::{Api, NOBODY, text};

async fn create(api: &Api, more: Value) -> String {
    let mut body = json!({"assistant_id": "echo"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let cron = api.post("/runs/crons", body).await.ok();
    format!("/runs/crons/{}", text(&cron, "cron_id"))
}

/// The hours from midnight to three, long ago.
fn night() -> Value {
    json!({"from": "2024-01-01T00:00:00Z", "to": "2024-01-01T03:00:00+00:00"})
}

fn scheduled(fires: &Value) -> Vec<&str> {
    let hours = fires.as_array().unwrap().iter().map(|fire| text(fire, "scheduled_at"));
    hours.map(|at| &at[11..13]).collect()
}

#[tokio::test]
async fn a_cron_is_paused_with_a_note_and_resumed_without_a_burst() {
    let api = Api::start().await;
    let path = create(&api, json!({"schedule": "* * * * * *"})).await;
    let pause = format!("{path}/pause");
    let paused = api.post(&pause, json!({"note": "on holiday"})).await.ok();
    assert_eq!((&paused["state"], &paused["note"]), (&json!("paused"), &json!("on holiday")));
    assert_eq!((&paused["enabled"], &paused["upcoming"]), (&json!(false), &json!([])));
    // Once more changes nothing, unless it has another note. A body is not needed.
    let again = api.text(Method::POST, &pause, "").await.ok();
    assert_eq!(
        (&again["note"], &again["updated_at"]),
        (&json!("on holiday"), &paused["updated_at"])
    );
    assert_eq!(api.post(&pause, json!({"note": "ill"})).await.ok()["note"], "ill");
    // An instant of the pause passes.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let resumed = api.post(&format!("{path}/resume"), json!({})).await.ok();
    assert_eq!((&resumed["state"], &resumed["note"]), (&json!("active"), &Value::Null));
    let again = api.text(Method::POST, &format!("{path}/resume"), "").await.ok();
    assert_eq!(again["state"], "active");
    let skipped = api.get(&format!("{path}/fires?reason=paused")).await.ok();
    assert_eq!(skipped.as_array().unwrap().len(), 1, "{skipped}");
    let missed = skipped[0]["coalesced"]["count"].as_u64().unwrap_or(0);
    let cron = api.get(&path).await.ok();
    assert_eq!(cron["stats"]["skipped"]["paused"], 1 + missed);
    for action in ["pause", "resume"] {
        api.post(&format!("/runs/crons/{NOBODY}/{action}"), json!({})).await.refused(404);
        api.post(&format!("/runs/crons/x/{action}"), json!({})).await.refused(422);
    }
    api.post(&pause, json!({"note": 7})).await.refused(422);
    api.post(&pause, json!({"note": "n".repeat(301)})).await.refused(422);
}

#[tokio::test]
async fn instants_of_the_past_are_run_once_each() {
    let api = Api::start().await;
    let path = create(&api, json!({"schedule": "0 * * * *", "metadata": {"job": "a"}})).await;
    let backfill = format!("{path}/backfill");
    let first = api.post_once(&backfill, "night", &night()).await;
    let runs = first.ok();
    let fires: Vec<_> =
        runs.as_array().unwrap().iter().map(|run| &run["execution"]["fire"]).collect();
    let hours: Vec<_> = fires.iter().map(|fire| text(fire, "scheduled_at")).collect();
    assert_eq!(hours.len(), 4);
    assert_eq!((hours[0], hours[3]), ("2024-01-01T00:00:00+00:00", "2024-01-01T03:00:00+00:00"));
    assert!(fires.iter().all(|fire| fire["trigger"] == "backfill"), "{runs}");
    assert_eq!(runs[0]["metadata"]["job"], "a");
    let again = api.post_once(&backfill, "night", &night()).await;
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    let ids = |runs: &Value| -> Vec<Value> {
        runs.as_array().unwrap().iter().map(|run| run["run_id"].clone()).collect()
    };
    assert_eq!(ids(&again.ok()), ids(&runs));
    let all = |runs: &Value| runs.as_array().unwrap().iter().all(|run| run["status"] == "success");
    let of_cron = format!("/runs?cron_id={}", text(&api.get(&path).await.ok(), "cron_id"));
    api.until(&of_cron, |runs| runs.as_array().unwrap().len() == 4 && all(runs)).await;
    let cron = api.get(&path).await.ok();
    assert_eq!((&cron["stats"]["triggered"], &cron["stats"]["started"]), (&json!(4), &json!(0)));

    let none = json!({"from": "2024-01-01T00:10:00Z", "to": "2024-01-01T00:50:00Z"});
    assert_eq!(api.post(&backfill, none).await.ok(), json!([]));
    for (body, expected) in [
        (json!({"from": "2024-01-01T00:00:00Z"}), "to"),
        (json!({"from": "then", "to": "2024-01-01T00:00:00Z"}), "from: "),
        (json!({"from": "2024-01-02T00:00:00Z", "to": "2024-01-01T00:00:00Z"}), "to: "),
        (json!({"from": "2024-01-02T00:00:00Z", "to": "2090-01-01T00:00:00Z"}), "to: "),
        (json!({"from": "2024-01-01T00:00:00Z", "to": "2024-02-01T00:00:00Z"}), "more than 100"),
    ] {
        let detail = api.post(&backfill, body.clone()).await.refused(422);
        assert!(detail.contains(expected), "{body}: {detail}");
    }
    api.post(&format!("/runs/crons/{NOBODY}/backfill"), night()).await.refused(404);
}

#[tokio::test]
async fn fires_are_listed_in_parts_and_by_what_became_of_them() {
    let api = Api::start().await;
    let path = create(&api, json!({"schedule": "0 * * * *"})).await;
    api.post(&format!("{path}/backfill"), night()).await.ok();
    let fires = format!("{path}/fires");
    let all = api.get(&fires).await;
    assert_eq!(all.header("x-pagination-next"), None);
    let all = all.ok();
    assert_eq!(scheduled(&all), ["03", "02", "01", "00"]);
    assert_eq!((&all[0]["cause"], &all[0]["fire_id"]), (&json!("backfill"), &all[0]["run_id"]));

    let first = api.get(&format!("{fires}?limit=3")).await;
    let next = first.header("x-pagination-next").unwrap().to_owned();
    assert_eq!(scheduled(&first.ok()), ["03", "02", "01"]);
    let rest = api.get(&format!("{fires}?limit=3&before={next}")).await;
    assert_eq!(rest.header("x-pagination-next"), None);
    assert_eq!(scheduled(&rest.ok()), ["00"]);

    // Instants that were run twice are not torn apart.
    api.post(&format!("{path}/backfill"), night()).await.ok();
    let first = api.get(&format!("{fires}?limit=1")).await;
    assert_eq!(scheduled(&first.ok()), ["03", "03"]);

    assert_eq!(scheduled(&api.get(&format!("{fires}?status=started")).await.ok()).len(), 8);
    assert_eq!(api.get(&format!("{fires}?status=skipped")).await.ok(), json!([]));
    assert_eq!(api.get(&format!("{fires}?reason=overlap")).await.ok(), json!([]));
    for (query, expected) in [
        ("status=x", "status: `x` is not `started` or `skipped`"),
        ("reason=x", "reason: `x` is not one of `overlap`"),
        ("before=x", "before: "),
        ("limit=0", "limit: "),
    ] {
        let detail = api.get(&format!("{fires}?{query}")).await.refused(422);
        assert!(detail.starts_with(expected), "{query}: {detail}");
    }
}

#[tokio::test]
async fn a_cron_whose_assistant_is_gone_stays_and_says_so() {
    let api = Api::start().await;
    let path = create(&api, json!({"every": "1s"})).await;
    assert_eq!(api.get(&path).await.ok()["warnings"], json!([]));
    let file = api.folder().join("assistants/echo.wasm");
    let aside = api.folder().join("echo.wasm");
    std::fs::rename(&file, &aside).unwrap();
    let gone = |cron: &Value| cron["stats"]["skipped"]["assistant_gone"].is_u64();
    let cron = api.until(&path, gone).await;
    assert_eq!(cron["state"], "active");
    let warning = cron["warnings"][0].as_str().unwrap();
    assert!(warning.starts_with("its assistant is gone"), "{warning}");
    let fires = api.get(&format!("{path}/fires?reason=assistant_gone&limit=1")).await.ok();
    assert_eq!((&fires[0]["status"], &fires[0]["run_id"]), (&json!("skipped"), &Value::Null));
    api.post(&format!("{path}/trigger"), json!({})).await.refused(404);
    // When it is back, so is the cron.
    let started = cron["stats"]["started"].as_u64().unwrap();
    std::fs::rename(&aside, &file).unwrap();
    let back = |cron: &Value| started < cron["stats"]["started"].as_u64().unwrap();
    assert_eq!(api.until(&path, back).await["warnings"], json!([]));
}
