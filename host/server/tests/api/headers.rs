use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::json;

use crate::support::{Api, assert_keys};

#[tokio::test]
async fn the_server_says_that_it_is_well() {
    let api = Api::start().await;
    let well = json!({"ok": true, "services": {}});
    for path in ["/", "/ok", "/ok?check_db=1", "/ok?check_db=0"] {
        assert_eq!(api.get(path).await.ok(), well, "{path}");
    }
    let info = api.get("/info").await.ok();
    assert_keys(&info, &["version", "langgraph_py_version", "flags", "host", "uptime_seconds"]);
    assert_eq!(
        (&info["flags"]["crons"], &info["flags"]["assistants"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(info["host"]["kind"], "self-hosted");
    let head = api.text(Method::HEAD, "/ok", "").await;
    assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
}

#[tokio::test]
async fn a_page_in_a_browser_may_call_and_read_the_headers_that_matter() {
    let api = Api::start().await;
    let preflight = Request::options("/threads")
        .header("origin", "http://x.test")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "x-api-key,content-type")
        .body(Body::empty());
    let answer = api.send(preflight.unwrap()).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(answer.header("access-control-allow-headers"), Some("x-api-key,content-type"));
    assert_eq!(answer.header("access-control-max-age"), Some("600"));
    let methods = answer.header("access-control-allow-methods").unwrap();
    for method in ["GET", "POST", "PATCH", "DELETE"] {
        assert!(methods.contains(method), "{methods}");
    }
    for path in ["/ok", "/nope"] {
        let request = Request::get(path).header("origin", "http://x.test").body(Body::empty());
        let answer = api.send(request.unwrap()).await;
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{path}");
        let exposed = answer.header("access-control-expose-headers").unwrap();
        for name in ["location", "content-location", "x-pagination-total", "x-pagination-next"] {
            assert!(exposed.split(',').any(|header| header.trim() == name), "{exposed}");
        }
    }
}

#[tokio::test]
async fn every_answer_has_a_request_id() {
    let api = Api::start().await;
    let request = Request::get("/ok").header("x-request-id", "req-1").body(Body::empty());
    assert_eq!(api.send(request.unwrap()).await.header("x-request-id"), Some("req-1"));
    let first = api.get("/nope").await;
    let second = api.get("/nope").await;
    assert!(first.header("x-request-id").is_some_and(|id| id.len() == 36));
    assert_ne!(first.header("x-request-id"), second.header("x-request-id"));
}
