use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::{Value, json};
use wakeful_server::{ServerSettings, WithoutKeys};

use crate::support::{Answer, Api, NOBODY, assert_keys, text};

/// Routes that each scope opens up, and no narrower one.
const BY_SCOPE: [(&str, &[(Method, &str)]); 3] = [
    ("read", &[(Method::POST, "/threads/search"), (Method::GET, "/runs"), (Method::HEAD, "/runs")]),
    ("run", &[(Method::POST, "/threads"), (Method::POST, "/runs")]),
    (
        "manage",
        &[(Method::POST, "/runs/crons"), (Method::GET, "/keys"), (Method::POST, "/backups")],
    ),
];

async fn make(api: &Api, scope: &str, by: Option<&str>) -> Value {
    let body = json!({"name": format!("for {scope}"), "scope": scope});
    with_key(api, Method::POST, "/keys", by, &body.to_string()).await.ok()
}

async fn with_key(api: &Api, method: Method, path: &str, key: Option<&str>, body: &str) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(key) = key {
        request = request.header("x-api-key", key);
    }
    api.send(request.body(body.to_owned().into()).unwrap()).await
}

#[tokio::test]
async fn a_key_is_shown_once_and_listed_without_its_secret() {
    let api = Api::start().await;
    assert_eq!(api.get("/keys").await.ok(), json!([]));
    let body = json!({"name": " ci ", "scope": "manage", "rate": {"per_second": 100}});
    let answer = api.post("/keys", body).await;
    let made = answer.ok();
    let shown = ["key_id", "name", "scope", "rate", "created_at", "last_used_at"];
    assert_keys(&made, &[&shown[..], &["key"]].concat());
    assert_eq!((&made["name"], &made["scope"]), (&json!("ci"), &json!("manage")));
    assert_eq!(made["rate"], json!({"per_second": 100, "burst": 100}));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let key = text(&made, "key");
    let id = text(&made, "key_id").replace('-', "");
    assert!(key.starts_with(&format!("wk_{id}_")), "{key}");

    let listed = with_key(&api, Method::GET, "/keys", Some(key), "").await.ok();
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_keys(&listed[0], &shown);
    assert_eq!(listed[0]["key_id"], made["key_id"]);
    assert!(listed[0]["last_used_at"].is_string(), "{listed}");
}

#[tokio::test]
async fn once_there_is_a_key_everybody_else_is_refused_before_anything_else() {
    let api = Api::start().await;
    let key = make(&api, "manage", None).await;
    let key = text(&key, "key");
    let last = if key.ends_with('0') { "1" } else { "0" };
    let altered = format!("{}{last}", &key[..99]);
    let stranger = "wk_00000000000000000000000000000000_".to_owned() + &key[36..];
    for wrong in [None, Some(""), Some("bad"), Some(altered.as_str()), Some(&stranger)] {
        for (method, path) in [
            (Method::POST, "/threads"),
            (Method::GET, "/nope"),
            (Method::PUT, "/threads"),
            (Method::POST, "/ok"),
            (Method::GET, "/threads/not-an-id"),
            (Method::OPTIONS, "/threads"),
            (Method::DELETE, "/keys/x"),
        ] {
            let answer = with_key(&api, method.clone(), path, wrong, "{broken").await;
            let detail = answer.refused(401);
            assert!(detail.contains("Invalid API key"), "{method} {path}: {detail}");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{path}");
            assert!(answer.header("x-request-id").is_some());
        }
        for path in ["/", "/ok", "/info", "/ok?check_db=1"] {
            with_key(&api, Method::GET, path, wrong, "").await.ok();
        }
    }
    let key = Some(key);
    with_key(&api, Method::GET, "/nope", key, "").await.refused(404);
    with_key(&api, Method::PUT, "/threads", key, "").await.refused(405);
    with_key(&api, Method::OPTIONS, "/threads", key, "").await.refused(405);
    with_key(&api, Method::POST, "/threads", key, "{broken").await.refused(422);
    with_key(&api, Method::POST, "/threads", key, "{}").await.ok();
}

#[tokio::test]
async fn a_bearer_token_is_a_key_too() {
    let api = Api::start().await;
    let key = make(&api, "read", None).await;
    let key = text(&key, "key");
    let send = async |name: &str, value: String| {
        let request = Request::get("/runs").header(name, value).body(Body::empty());
        api.send(request.unwrap()).await
    };
    send("authorization", format!("Bearer {key}")).await.ok();
    send("authorization", format!("bearer  {key}")).await.ok();
    for other in [format!("Basic {key}"), key.to_owned(), "Bearer".to_owned(), "Bearer ".to_owned()]
    {
        send("authorization", other).await.refused(401);
    }
    send("x-api-key", format!("Bearer {key}")).await.refused(401);
}

#[tokio::test]
async fn a_scope_allows_what_it_says_and_what_is_below() {
    let api = Api::start().await;
    let admin = make(&api, "manage", None).await;
    for (held, (scope, _)) in BY_SCOPE.iter().enumerate() {
        let key = make(&api, scope, Some(text(&admin, "key"))).await;
        for (needed, (name, routes)) in BY_SCOPE.iter().enumerate() {
            for (method, path) in *routes {
                let body = json!({"assistant_id": "nobody", "schedule": "x"}).to_string();
                let answer =
                    with_key(&api, method.clone(), path, Some(text(&key, "key")), &body).await;
                if needed <= held {
                    assert!(![401, 403].contains(&answer.status.as_u16()), "{scope} {path}");
                } else {
                    let detail = answer.refused(403);
                    assert!(detail.contains(name) && detail.contains(scope), "{detail}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_revoked_key_is_refused_at_once_and_the_last_one_opens_nothing() {
    let api = Api::start().await;
    let first = make(&api, "manage", None).await;
    let key = Some(text(&first, "key"));
    let second = make(&api, "run", key).await;
    let path = |key: &Value| format!("/keys/{}", text(key, "key_id"));
    with_key(&api, Method::GET, "/runs", Some(text(&second, "key")), "").await.ok();
    let revoked = with_key(&api, Method::DELETE, &path(&second), key, "").await;
    assert_eq!((revoked.status.as_u16(), revoked.body.len()), (204, 0));
    with_key(&api, Method::GET, "/runs", Some(text(&second, "key")), "").await.refused(401);
    with_key(&api, Method::DELETE, &path(&second), key, "").await.refused(404);
    with_key(&api, Method::DELETE, &format!("/keys/{NOBODY}"), key, "").await.refused(404);
    with_key(&api, Method::DELETE, "/keys/x", key, "").await.refused(422);

    assert_eq!(with_key(&api, Method::DELETE, &path(&first), key, "").await.status, 204);
    for key in [key, None] {
        let detail = with_key(&api, Method::GET, "/runs", key, "").await.refused(401);
        assert!(detail.contains("wakeful keys create"), "{detail}");
    }
}

#[tokio::test]
async fn a_key_that_cannot_be_made_says_why() {
    let api = Api::start().await;
    for (body, part) in [
        (json!({}), "name"),
        (json!({"name": "x"}), "scope"),
        (json!({"name": "x", "scope": "root"}), "scope"),
        (json!({"name": "", "scope": "read"}), "name"),
        (json!({"name": "a\nb", "scope": "read"}), "name"),
        (json!({"name": "x".repeat(101), "scope": "read"}), "name"),
        (json!({"name": 3, "scope": "read"}), "name"),
        (json!({"name": "x", "scope": "read", "rate": {"per_second": 0}}), "rate"),
        (json!({"name": "x", "scope": "read", "rate": {"per_second": 1, "burst": 0}}), "rate"),
        (json!({"name": "x", "scope": "read", "rate": {}}), "rate"),
        (json!({"name": "x", "scope": "read", "rate": {"per_second": -1}}), "rate"),
    ] {
        let detail = api.post("/keys", body.clone()).await.refused(422);
        assert!(detail.contains(part), "{body}: {detail}");
    }
    assert_eq!(api.get("/keys").await.ok(), json!([]));
}

#[tokio::test]
async fn keys_are_there_again_after_a_restart() {
    let api = Api::start().await;
    let made = make(&api, "manage", None).await;
    let api = api.restart().await;
    api.get("/runs").await.refused(401);
    let listed = with_key(&api, Method::GET, "/keys", Some(text(&made, "key")), "").await.ok();
    assert_eq!(listed[0]["key_id"], made["key_id"]);
}

#[tokio::test]
async fn a_server_without_keys_answers_to_names_of_its_own_machine_alone() {
    let api = Api::start().await;
    let get = async |path: &str, host: &str| {
        api.send(Request::get(path).header("host", host).body(Body::empty()).unwrap()).await
    };
    for host in ["localhost:8123", "127.0.0.1", "[::1]:8123", "app.localhost:1"] {
        get("/runs", host).await.ok();
    }
    for host in ["evil.test", "evil.test:8123", "192.0.2.1", "localhost.evil.test", "a b", ""] {
        for path in ["/runs", "/ok", "/nope"] {
            let detail = get(path, host).await.refused(421);
            assert!(detail.contains("wakeful keys create"), "{detail}");
        }
    }
    // A page of another origin may call, but not lock the owner out.
    let from_page = |path: &'static str| {
        let body = json!({"name": "x", "scope": "manage"}).to_string();
        Request::post(path).header("origin", "http://x.test").body(Body::from(body)).unwrap()
    };
    api.send(from_page("/threads/search")).await.ok();
    api.send(from_page("/keys")).await.refused(403);

    let key = make(&api, "manage", None).await;
    let request = Request::get("/runs").header("host", "wakeful.example.org");
    let request = request.header("x-api-key", text(&key, "key")).body(Body::empty()).unwrap();
    api.send(request).await.ok();
}

#[tokio::test]
async fn without_keys_the_settings_say_who_may_call() {
    let with = |without_keys| Api::with(ServerSettings { without_keys, ..Default::default() });
    let from_afar =
        || Request::get("/runs").header("host", "wakeful.example.org").body(Body::empty()).unwrap();
    let api = with(WithoutKeys::Anyone).await;
    api.send(from_afar()).await.ok();
    let api = with(WithoutKeys::Nobody).await;
    api.send(from_afar()).await.refused(401);
    api.get("/runs").await.refused(401);
    api.get("/ok").await.ok();
}

#[tokio::test]
async fn a_preflight_is_answered_without_a_key_and_a_refusal_can_be_read() {
    let api = Api::start().await;
    make(&api, "read", None).await;
    let preflight = Request::options("/threads")
        .header("origin", "http://x.test")
        .header("access-control-request-method", "POST")
        .body(Body::empty());
    assert_eq!(api.send(preflight.unwrap()).await.status, 200);
    let request = Request::get("/runs").header("origin", "http://x.test").body(Body::empty());
    let answer = api.send(request.unwrap()).await;
    answer.refused(401);
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
}

#[tokio::test]
async fn a_key_that_may_only_look_stops_no_run_by_leaving() {
    let api = Api::start().await;
    let manager = make(&api, "manage", None).await;
    let manager = Some(text(&manager, "key"));
    let [reader, runner] = [make(&api, "read", manager).await, make(&api, "run", manager).await];
    for end in ["join", "stream"] {
        let path = format!("/runs/{NOBODY}/{end}");
        for (query, status) in [("", 404), ("?cancel_on_disconnect=0", 404)] {
            let path = format!("{path}{query}");
            with_key(&api, Method::GET, &path, Some(text(&reader, "key")), "")
                .await
                .refused(status);
        }
        let path = format!("{path}?cancel_on_disconnect=true");
        with_key(&api, Method::GET, &path, Some(text(&reader, "key")), "").await.refused(403);
        with_key(&api, Method::GET, &path, Some(text(&runner, "key")), "").await.refused(404);
    }
}
