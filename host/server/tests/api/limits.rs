use axum::http::{Method, Request};
use serde_json::json;
use wakeful::core::Rate;
use wakeful_server::ServerSettings;

use crate::support::{Answer, Api, text};

async fn get(api: &Api, path: &str, key: &str) -> Answer {
    let request = Request::builder().method(Method::GET).uri(path).header("x-api-key", key);
    api.send(request.body(axum::body::Body::empty()).unwrap()).await
}

/// One request per second, the slowest there is.
fn burst_of(burst: u32) -> Option<Rate> {
    Rate::new(1, burst)
}

#[tokio::test]
async fn a_caller_that_comes_too_often_is_told_when_to_come_again() {
    let settings = ServerSettings { peer_rate: burst_of(2), ..ServerSettings::default() };
    let api = Api::with(settings).await;
    let mut refused = None;
    for _ in 0..100 {
        let answer = api.get("/runs").await;
        if answer.status != 200 {
            refused = Some(answer);
            break;
        }
    }
    let answer = refused.expect("a hundred requests come faster than one a second");
    assert!(answer.refused(429).contains("too many requests"));
    assert_eq!(answer.header("retry-after"), Some("1"));
    for path in ["/ok", "/info"] {
        api.get(path).await.ok();
    }
}

#[tokio::test]
async fn each_key_has_its_own_rate() {
    let settings = ServerSettings { key_rate: burst_of(1), ..ServerSettings::default() };
    let api = Api::with(settings).await;
    let rate = json!({"per_second": 1_000_000});
    let admin = json!({"name": "admin", "scope": "manage", "rate": rate});
    let admin = api.post("/keys", admin).await.ok();
    let make = async |name: &str| {
        let body = json!({"name": name, "scope": "read"}).to_string();
        let request = Request::post("/keys").header("x-api-key", text(&admin, "key"));
        let made = api.send(request.body(body.into()).unwrap()).await.ok();
        text(&made, "key").to_owned()
    };
    let (one, other) = (make("one").await, make("other").await);
    get(&api, "/runs", &one).await.ok();
    let mut statuses = Vec::new();
    while statuses.last() != Some(&429) && statuses.len() < 100 {
        statuses.push(get(&api, "/runs", &one).await.status.as_u16());
    }
    assert_eq!(statuses.last(), Some(&429));
    get(&api, "/runs", &other).await.ok();
    for _ in 0..20 {
        get(&api, "/runs", text(&admin, "key")).await.ok();
    }
}
