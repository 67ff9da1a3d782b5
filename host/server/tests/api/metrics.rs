use std::time::Duration;

use axum::http::Method;
use serde_json::json;

use crate::support::{Api, assert_keys, message};

/// The value of a metric in a page, given its name and labels as they are written.
fn value(page: &str, metric: &str) -> f64 {
    let found = page.lines().find_map(|line| line.strip_prefix(metric)?.strip_prefix(' '));
    found.unwrap_or_else(|| panic!("no {metric} in\n{page}")).parse().unwrap()
}

async fn page(api: &Api) -> String {
    String::from_utf8(api.get("/metrics").await.body.to_vec()).unwrap()
}

/// The page once it says this. What is durable can be seen before it is counted.
async fn page_with(api: &Api, line: &str) -> String {
    loop {
        let page = page(api).await;
        if page.lines().any(|found| found == line) {
            return page;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn the_page_is_open_metrics() {
    let api = Api::start().await;
    let answer = api.get("/metrics").await;
    assert_eq!(
        answer.header("content-type"),
        Some("application/openmetrics-text; version=1.0.0; charset=utf-8")
    );
    let page = std::str::from_utf8(&answer.body).unwrap();
    assert!(page.ends_with("# EOF\n"), "{page}");
    let mut described = Vec::new();
    for line in page.lines().filter(|line| *line != "# EOF") {
        if let Some(rest) = line.strip_prefix("# ") {
            described.push(rest.split(' ').nth(1).unwrap());
        } else {
            let name = line.split(['{', ' ']).next().unwrap();
            assert!(described.iter().any(|known| name.starts_with(known)), "{line}");
            line.rsplit(' ').next().unwrap().parse::<f64>().unwrap();
        }
    }
    let version = format!("wakeful_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"));
    assert!(value(page, &version) == 1.0);
    assert!(value(page, "wakeful_uptime_seconds") > 0.0);
    assert!(value(page, "wakeful_store_syncs_total") > 0.0);
    if cfg!(target_os = "linux") {
        assert!(value(page, "process_resident_memory_bytes") > 1e6);
    }
}

#[tokio::test]
async fn runs_are_counted_by_outcome_with_their_fuel() {
    let api = Api::start().await;
    let thread = api.thread().await;
    for input in [message("hi"), message("ho"), json!({"fail": "no milk"})] {
        let body = json!({"assistant_id": "echo", "input": input});
        api.post(&format!("{thread}/runs/wait"), body).await.ok();
    }
    let sleeping = api.sleeping_run(&thread).await;
    let body = json!({"assistant_id": "echo", "input": {}});
    api.post(&format!("{thread}/runs"), body).await.ok();
    let page = page_with(&api, "wakeful_run_duration_seconds_count 3").await;
    assert!(value(&page, "wakeful_runs_total{outcome=\"done\"}") == 2.0);
    assert!(value(&page, "wakeful_runs_total{outcome=\"failed\"}") == 1.0);
    assert!(value(&page, "wakeful_run_fuel_total") > 0.0);
    assert!(value(&page, "wakeful_runs_running") == 1.0);
    assert!(value(&page, "wakeful_runs_pending") == 1.0);
    api.delete(&sleeping.replace("/runs/", "/nope/")).await.refused(404);
}

#[tokio::test]
async fn fires_are_counted() {
    let api = Api::start().await;
    let at = api.host.now() + Duration::from_secs(2);
    let end_time = at.to_string();
    let body = json!({
        "assistant_id": "echo", "schedule": "* * * * * *", "input": {}, "end_time": end_time,
    });
    api.post("/runs/crons", body).await.ok();
    let page = page_with(&api, "wakeful_fires_started_total 1").await;
    assert!(value(&page, "wakeful_fire_lateness_seconds_count") == 1.0);
}

#[tokio::test]
async fn requests_are_counted_by_route_and_never_by_id() {
    let api = Api::start().await;
    let thread = api.thread().await;
    for _ in 0..3 {
        api.get(&thread).await.ok();
    }
    api.get("/nope/at/all").await.refused(404);
    api.text(Method::from_bytes(b"MADEUP").unwrap(), "/threads", "").await.refused(405);
    let page = page(&api).await;
    let counted = |method: &str, path: &str, status: u16| {
        let labels = format!("method=\"{method}\",path=\"{path}\",status=\"{status}\"");
        value(&page, &format!("wakeful_http_requests_total{{{labels}}}"))
    };
    assert!(counted("GET", "/threads/{thread}", 200) == 3.0);
    assert!(counted("POST", "/threads", 200) == 1.0);
    assert!(counted("GET", "-", 404) == 1.0);
    assert!(counted("other", "/threads", 405) == 1.0);
    let id = thread.rsplit('/').next().unwrap();
    assert!(!page.contains(id) && !page.contains("MADEUP") && !page.contains("nope"), "{page}");
    let labels = "method=\"GET\",path=\"/threads/{thread}\"";
    let all = format!("wakeful_http_request_duration_seconds_bucket{{le=\"+Inf\",{labels}}}");
    assert!(value(&page, &all) == 3.0);
}

#[tokio::test]
async fn the_same_as_json_has_the_shape_of_langgraph() {
    let api = Api::start().await;
    api.get("/ok").await.ok();
    let shown = api.get("/metrics?format=json").await.ok();
    assert_keys(&shown, &["queue", "workers", "api"]);
    let none = serde_json::Value::Null;
    assert_eq!(
        shown["queue"],
        json!({
            "n_pending": 0,
            "n_running": 0,
            "pending_runs_wait_time_max_secs": none,
            "pending_runs_wait_time_med_secs": none,
            "pending_unblocked_runs_wait_time_max_secs": none,
        })
    );
    assert_eq!(shown["workers"], json!({"max": 64, "active": 0, "available": 64}));
    let ok = json!({"method": "GET", "path": "/ok", "status": 200, "count": 1});
    assert_eq!(shown["api"], json!({"http_requests_total": [ok]}));
    api.get("/metrics?format=prometheus").await;
    api.get("/metrics?format=xml").await.refused(422);
}
