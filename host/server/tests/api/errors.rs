use axum::http::Method;
use serde_json::json;
use wakeful_server::ServerSettings;

use crate::support::{Api, NOBODY};

#[tokio::test]
async fn a_body_that_is_not_json_is_refused_with_the_reason() {
    let api = Api::start().await;
    let deep = "[".repeat(100_000);
    let huge_number = "{\"metadata\": {\"n\": 1e999}}";
    for body in ["", "{not json", "{\"a\": 1", "\u{0}", &deep, huge_number, "{} trailing"] {
        for path in ["/threads", "/runs", "/runs/crons", "/threads/search"] {
            let detail = api.text(Method::POST, path, body).await.refused(422);
            assert!(detail.starts_with("Invalid JSON in request body: "), "{detail}");
        }
    }
    for body in ["[]", "3", "null", "\"x\""] {
        for path in ["/threads", "/runs", "/runs/crons", "/threads/search"] {
            let detail = api.text(Method::POST, path, body).await.refused(422);
            assert!(detail.starts_with("request body: "), "{path} {body}: {detail}");
        }
    }
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused() {
    let settings = ServerSettings { max_body: 1_000, ..ServerSettings::default() };
    let api = Api::with(settings).await;
    let body = |length: usize| format!("{{\"metadata\": {{\"x\": \"{}\"}}}}", "x".repeat(length));
    api.text(Method::POST, "/threads", &body(900)).await.ok();
    let detail = api.text(Method::POST, "/threads", &body(1_001)).await.refused(413);
    assert!(detail.contains("1000"), "{detail}");
}

#[tokio::test]
async fn an_unknown_path_or_method_is_refused() {
    let api = Api::start().await;
    for path in ["/nope", "/ok/", "/threads/", "//ok", "/threads/x/y/z", "/store"] {
        api.get(path).await.refused(404);
    }
    api.get(&format!("/runs/{NOBODY}/stream")).await.refused(404);
    for (method, path, allowed) in [
        (Method::PUT, "/threads", vec!["POST"]),
        (Method::GET, "/threads/search", vec!["POST"]),
        (Method::PATCH, "/threads/x/state", vec!["GET", "HEAD", "POST"]),
        (Method::DELETE, "/ok", vec!["GET", "HEAD"]),
        (Method::PUT, "/runs/crons/x", vec!["DELETE", "GET", "HEAD", "PATCH"]),
    ] {
        let answer = api.text(method, path, "").await;
        answer.refused(405);
        let mut allow: Vec<_> = answer.header("allow").unwrap().split(',').map(str::trim).collect();
        allow.sort_unstable();
        assert_eq!(allow, allowed, "{path}");
    }
}

#[tokio::test]
async fn an_id_that_is_not_utf8_is_refused() {
    let api = Api::start().await;
    for path in ["/threads/%ff", "/runs/%ff", "/assistants/%ff%fe"] {
        api.get(path).await.refused(422);
    }
    api.get("/runs?status=%ff").await.refused(422);
}

#[tokio::test]
async fn a_host_that_is_stopping_takes_no_new_work() {
    let api = Api::start().await;
    let thread = api.thread().await;
    api.host.shutdown().await.unwrap();
    let run = json!({"assistant_id": "echo", "input": {}});
    api.post(&format!("{thread}/runs"), run).await.refused(503);
    api.get("/ok?check_db=1").await.refused(503);
    api.get("/ok").await.ok();
}

#[tokio::test]
async fn an_offset_beyond_everything_finds_nothing() {
    let api = Api::start().await;
    let thread = api.thread().await;
    let offset = u64::MAX;
    for path in ["/threads/search", "/runs/crons/search", "/assistants/search"] {
        let answer = api.post(path, json!({"offset": offset, "limit": 1000})).await;
        assert_eq!(answer.ok(), json!([]), "{path}");
        assert_eq!(answer.header("x-pagination-next"), None, "{path}");
    }
    for path in ["/runs", &format!("{thread}/runs")] {
        assert_eq!(api.get(&format!("{path}?offset={offset}&limit=1000")).await.ok(), json!([]));
    }
}
