use serde_json::{Value, json};

use crate::support::{Api, text};

const PREVIEW: &str = "/runs/crons/preview";

/// The lines of one of the files on which the schedules themselves are tested.
fn vectors(file: &str) -> Vec<Value> {
    let path = format!("{}/../core/tests/cron/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn the_preview_of_every_vector_has_its_instants() {
    let api = Api::start().await;
    let (mut checked, mut wrong) = (0, Vec::new());
    for file in ["vectors.jsonl", "rulings.jsonl", "extensions.jsonl"] {
        for line in vectors(file) {
            let expected = line["next"].as_array().cloned().unwrap_or_default();
            let body = json!({
                "schedule": line["expr"], "timezone": line["tz"], "after": line["after"],
                "n": expected.len().max(1),
            });
            let answer = api.post(PREVIEW, body).await;
            checked += 1;
            if expected.is_empty() {
                assert!(answer.refused(422).contains("never fire"), "{line}");
                continue;
            }
            let preview = answer.ok();
            let of = |key: &str| -> Vec<Value> {
                let instants = preview["instants"].as_array().unwrap();
                instants.iter().map(|instant| instant[key].clone()).collect()
            };
            let utc = expected.iter().map(|at| {
                let at: jiff::Timestamp = at.as_str().unwrap().parse().unwrap();
                json!(at.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string())
            });
            if of("local") != expected || of("at") != utc.collect::<Vec<_>>() {
                wrong.push(format!("{line}\n  found {preview}"));
            }
        }
    }
    assert_eq!(checked, 2248 + 205 + 172);
    assert!(wrong.is_empty(), "{} wrong: {}", wrong.len(), wrong[..wrong.len().min(5)].join("\n"));
}

#[tokio::test]
async fn every_invalid_vector_is_refused_by_field_and_column() {
    let api = Api::start().await;
    let lines = vectors("invalid.jsonl");
    assert_eq!(lines.len(), 137);
    for line in lines {
        let good = "0 9 * * *";
        for (body, field) in [
            (json!({"schedule": line["expr"]}), "schedule: "),
            (json!({"schedules": [good, line["expr"]]}), "schedules.1: "),
        ] {
            for path in [PREVIEW, "/runs/crons"] {
                let mut body = body.clone();
                body["assistant_id"] = json!("echo");
                let detail = api.post(path, body).await.refused(422);
                assert!(detail.starts_with(field), "{line}: {detail}");
                assert!(detail.contains("column "), "{line}: {detail}");
            }
        }
    }
    assert_eq!(api.post("/runs/crons/count", json!({})).await.ok(), 0);
}

#[tokio::test]
async fn a_preview_says_what_to_know_of_a_schedule() {
    let api = Api::start().await;
    for (schedule, expected) in [
        ("0 9 13 * 5", "either"),
        ("0/40 5-9/30 * * *", "leads out of its range"),
        ("0 0 29 2 *", "29 February"),
        ("0 9 * * * 30", "the last of the six fields is seconds"),
        ("@every 7h", "drift"),
        ("* * * * * *", ""),
    ] {
        let preview = api.post(PREVIEW, json!({"schedule": schedule})).await.ok();
        let warnings = preview["warnings"].to_string();
        assert!(warnings.contains(expected), "{schedule}: {warnings}");
    }
    let preview = api
        .post(
            PREVIEW,
            json!({
                "schedules": ["30 2 * * *"], "timezone": "America/New_York", "n": 2,
                "after": "2026-03-08T00:00:00-05:00",
            }),
        )
        .await
        .ok();
    assert_eq!(
        preview["instants"],
        json!([
            {
                "at": "2026-03-08T07:00:00+00:00", "local": "2026-03-08T03:00:00-04:00",
                "note": "the clock is set forward to this time",
            },
            {"at": "2026-03-09T06:30:00+00:00", "local": "2026-03-09T02:30:00-04:00"},
        ])
    );
    assert_eq!(preview["timezone"], "America/New_York");
    let note = preview["dst_notes"][0].as_str().unwrap();
    assert!(note.starts_with("2026-03-08: 02:30 does not exist"), "{note}");
    assert!(preview["tzdata"].is_null() || text(&preview, "tzdata").starts_with("20"));
}

#[tokio::test]
async fn a_preview_keeps_to_the_time_it_is_asked_for() {
    let api = Api::start().await;
    let instants = |preview: Value| -> Vec<String> {
        let instants = preview["instants"].as_array().unwrap().clone();
        instants.iter().map(|instant| text(instant, "local").to_owned()).collect()
    };
    for (body, expected) in [
        (
            json!({
                "every": {"interval": "6h", "phase": "30m"}, "after": "2030-01-01T00:00:00Z",
                "end_time": "2030-01-01T12:30:00Z",
            }),
            vec![
                "2030-01-01T00:30:00+00:00",
                "2030-01-01T06:30:00+00:00",
                "2030-01-01T12:30:00+00:00",
            ],
        ),
        (
            json!({
                "schedule": "@daily", "after": "2030-01-01T00:00:00Z", "n": 1,
                "start_time": "2030-02-01T00:00:00Z", "timezone": "Europe/Berlin",
            }),
            vec!["2030-02-02T00:00:00+01:00"],
        ),
        (
            json!({
                "at": "2030-07-01T09:00:00", "timezone": "Europe/Berlin", "after": "2030-01-01T00:00:00Z",
            }),
            vec!["2030-07-01T09:00:00+02:00"],
        ),
        (
            json!({"schedule": "0 2 * * *", "dst": "skip_and_repeat", "timezone": "Europe/Berlin",
                "after": "2026-10-25T00:00:00+02:00", "n": 2}),
            vec!["2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00"],
        ),
        (json!({"at": "2020-01-01T00:00:00Z"}), vec![]),
    ] {
        let found = instants(api.post(PREVIEW, body.clone()).await.ok());
        assert_eq!(found, expected, "{body}");
    }
    let many = json!({"schedule": "* * * * * *", "n": 1000});
    assert_eq!(instants(api.post(PREVIEW, many).await.ok()).len(), 1000);
    for (body, expected) in [
        (json!({}), "schedule: give one of"),
        (json!({"schedule": "@daily", "n": 0}), "n: "),
        (json!({"schedule": "@daily", "n": 1001}), "n: "),
        (json!({"schedule": "@daily", "n": "x"}), "n: "),
        (json!({"schedule": "@daily", "after": "then"}), "after: "),
        (json!({"schedule": "@daily", "dst": "x"}), "dst: `x` is not one of `vixie`"),
        (json!({"schedule": "@daily", "timezone": "Mars/X"}), "timezone: "),
        (json!({"schedules": []}), "schedules: "),
        (
            json!({
                "schedule": "@daily", "start_time": "2030-01-02T00:00:00Z",
                "end_time": "2030-01-01T00:00:00Z",
            }),
            "end_time: ",
        ),
    ] {
        let detail = api.post(PREVIEW, body.clone()).await.refused(422);
        assert!(detail.starts_with(expected), "{body}: {detail}");
    }
}

#[tokio::test]
async fn a_preview_says_what_this_host_would_refuse() {
    let api = Api::with_host(|settings| {
        settings.crons.min_interval = std::time::Duration::from_secs(60);
    })
    .await;
    let body = json!({"schedule": "* * * * * */10", "assistant_id": "echo"});
    let preview = api.post(PREVIEW, body.clone()).await.ok();
    assert!(preview["warnings"].to_string().contains("allows no less than 1m"), "{preview}");
    let detail = api.post("/runs/crons", body).await.refused(422);
    assert!(detail.starts_with("schedule: it fires 10s after"), "{detail}");
}
