use axum::http::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Api, assert_keys, text};

async fn send(api: &Api, method: Method, body: Value) -> Answer {
    api.text(method, "/store/items", &body.to_string()).await
}

async fn put(api: &Api, namespace: &[&str], key: &str, value: Value) {
    let body = json!({ "namespace": namespace, "key": key, "value": value });
    assert_eq!(send(api, Method::PUT, body).await.status, 204);
}

async fn search(api: &Api, body: Value) -> Vec<Value> {
    let found = api.post("/store/items/search", body).await.ok();
    assert_keys(&found, &["items"]);
    found["items"].as_array().unwrap().clone()
}

async fn keys(api: &Api, body: Value) -> Vec<String> {
    search(api, body).await.iter().map(|item| text(item, "key").to_owned()).collect()
}

/// Items as the recordings have them.
async fn recorded(api: &Api) {
    put(api, &["a", "b"], "k1", json!({ "x": 1, "t": "red" })).await;
    put(api, &["a", "c"], "k2", json!({ "x": 2, "t": "blue" })).await;
    let body = json!({
        "namespace": ["a", "b"], "key": "k3", "value": { "x": 3 }, "index": false, "ttl": 10,
    });
    assert_eq!(send(api, Method::PUT, body).await.status, 204);
    put(api, &["a", "b"], "k1", json!({ "x": 10 })).await;
}

#[tokio::test]
async fn an_item_is_put_got_and_deleted() {
    let api = Api::start().await;
    put(&api, &["a", "b"], "k", json!({ "x": 1 })).await;
    let first = api.get("/store/items?namespace=a.b&key=k").await.ok();
    assert_keys(&first, &["namespace", "key", "value", "created_at", "updated_at"]);
    assert_eq!(first["namespace"], json!(["a", "b"]));
    assert_eq!((&first["key"], &first["value"]), (&json!("k"), &json!({ "x": 1 })));
    put(&api, &["a", "b"], "k", json!({ "y": 2 })).await;
    let second = api.get("/store/items?namespace=a.b&key=k&refresh_ttl=").await.ok();
    assert_eq!(second["value"], json!({ "y": 2 }));
    assert_eq!(second["created_at"], first["created_at"]);
    assert!(text(&second, "updated_at") > text(&first, "updated_at"));
    let address = json!({ "namespace": ["a", "b"], "key": "k" });
    for _ in 0..2 {
        let deleted = send(&api, Method::DELETE, address.clone()).await;
        assert_eq!((deleted.status.as_u16(), deleted.body.len()), (204, 0));
        assert_eq!(api.get("/store/items?namespace=a.b&key=k").await.ok(), Value::Null);
    }
}

#[tokio::test]
async fn an_item_with_a_ttl_says_when_it_expires_and_reads_extend_it() {
    let api = Api::start().await;
    let body = json!({ "namespace": ["a"], "key": "k", "value": {}, "ttl": 0.5 });
    assert_eq!(send(&api, Method::PUT, body).await.status, 204);
    let expiry = async |query: &str| {
        let item = api.get(&format!("/store/items?namespace=a&key=k{query}")).await.ok();
        text(&item, "expires_at").to_owned()
    };
    let first = expiry("&refresh_ttl=false").await;
    assert_eq!(expiry("&refresh_ttl=0").await, first);
    // Reads that follow each other closely are not worth a write, so a clock would be needed to see
    // more; the laws of the store have one.
    assert!(expiry("&refresh_ttl=true").await >= first);
    api.get("/store/items?namespace=a&key=k&refresh_ttl=perhaps").await.refused(422);
}

#[tokio::test]
async fn items_are_found_as_in_the_recordings() {
    let api = Api::start().await;
    recorded(&api).await;
    let all = ["k1", "k3", "k2"];
    let found = search(&api, json!({ "namespace_prefix": ["a"] })).await;
    assert_keys(&found[0], &["namespace", "key", "value", "created_at", "updated_at", "score"]);
    assert_eq!(found[0]["score"], Value::Null);
    for (body, expected) in [
        (json!({ "namespace_prefix": ["a"], "limit": 10, "offset": 0 }), &all[..]),
        (json!({ "namespace_prefix": [] }), &all),
        (json!({ "namespace_prefix": null, "filter": null, "query": null, "limit": null }), &all),
        (json!({}), &all),
        (json!({ "namespace_prefix": ["a"], "query": "red" }), &all),
        (json!({ "namespace_prefix": ["a", "c"] }), &["k2"]),
        (json!({ "namespace_prefix": ["b"] }), &[]),
        (json!({ "filter": { "x": 2 } }), &["k2"]),
        (json!({ "filter": { "x": { "$gt": 2 } } }), &["k1", "k3"]),
        (json!({ "filter": { "x": { "$gte": 2, "$lt": 10 } } }), &["k3", "k2"]),
        (json!({ "filter": { "x": { "$ne": 3 }, "t": { "$eq": "blue" } } }), &["k2"]),
        (json!({ "limit": 1, "offset": 1 }), &["k3"]),
        (json!({ "offset": u64::MAX }), &[]),
        (json!({ "refresh_ttl": true }), &all),
    ] {
        assert_eq!(keys(&api, body.clone()).await, expected, "{body}");
    }
}

#[tokio::test]
async fn namespaces_are_listed_as_in_the_recordings() {
    let api = Api::start().await;
    recorded(&api).await;
    for (body, expected) in [
        (json!({}), json!([["a", "b"], ["a", "c"]])),
        (json!({ "prefix": ["a"], "limit": 100, "offset": 0 }), json!([["a", "b"], ["a", "c"]])),
        (json!({ "suffix": ["c"] }), json!([["a", "c"]])),
        (json!({ "prefix": ["*", "b"], "suffix": ["*"] }), json!([["a", "b"]])),
        (json!({ "max_depth": 1 }), json!([["a"]])),
        (json!({ "limit": 1, "offset": 1 }), json!([["a", "c"]])),
        (
            json!({ "prefix": null, "suffix": null, "max_depth": null, "limit": null }),
            json!([["a", "b"], ["a", "c"]]),
        ),
    ] {
        let found = api.post("/store/namespaces", body.clone()).await.ok();
        assert_eq!(found, json!({ "namespaces": expected }), "{body}");
    }
}

#[tokio::test]
async fn an_address_that_cannot_be_is_refused_as_in_the_recordings() {
    let api = Api::start().await;
    let item =
        |namespace: Value, key: Value| json!({ "namespace": namespace, "key": key, "value": {} });
    for (body, status) in [
        (item(json!(["a.b"]), json!("k")), 422),
        (item(json!(["a", ""]), json!("k")), 422),
        (item(json!(["langgraph", "x"]), json!("k")), 400),
        (item(json!([]), json!("k")), 400),
        (item(json!("a"), json!("k")), 422),
        (item(json!([1]), json!("k")), 422),
        (item(json!(vec!["x"; 33]), json!("k")), 422),
        (item(json!(["x".repeat(2_000)]), json!("k")), 422),
        (item(json!(["a"]), json!("")), 422),
        (item(json!(["a"]), json!("x".repeat(2_000))), 422),
        (item(json!(["a"]), Value::Null), 422),
    ] {
        let detail = send(&api, Method::PUT, body.clone()).await.refused(status);
        assert!(detail.len() < 3_000, "{body}");
        // A label that only a client may not write below can still be asked for.
        if body["namespace"][0] != "langgraph" {
            send(&api, Method::DELETE, body).await.refused(status);
        }
    }
    let answer = api.get("/store/items?namespace=a.b").await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.json(), json!({ "error": "Key is required" }));
    api.get("/store/items?key=k").await.refused(422);
    api.get("/store/items?namespace=a..b&key=k").await.refused(422);
    assert_eq!(api.get("/store/items?namespace=langgraph.x&key=k").await.ok(), Value::Null);
}

#[tokio::test]
async fn a_value_index_or_ttl_that_cannot_be_is_refused() {
    let api = Api::start().await;
    for (field, value) in [
        ("value", json!(3)),
        ("value", json!([])),
        ("value", Value::Null),
        ("index", json!(true)),
        ("index", json!([1])),
        ("index", json!("x")),
        ("ttl", json!(0)),
        ("ttl", json!(-1)),
        ("ttl", json!("1")),
        ("ttl", json!(1e300)),
    ] {
        let mut body = json!({ "namespace": ["a"], "key": "k", "value": {} });
        body[field] = value;
        let detail = send(&api, Method::PUT, body).await.refused(422);
        assert!(detail.contains(field), "{detail}");
    }
    for body in [json!({ "namespace": ["a"], "value": {} }), json!({ "key": "k", "value": {} })] {
        send(&api, Method::PUT, body).await.refused(422);
    }
    for index in [json!(["a.b", "$"]), Value::Null] {
        let body =
            json!({ "namespace": ["a"], "key": "k", "value": {}, "index": index, "ttl": null });
        assert_eq!(send(&api, Method::PUT, body).await.status, 204);
    }
    let large = json!({ "namespace": ["a"], "key": "k", "value": { "x": "x".repeat(5 << 20) } });
    assert!(send(&api, Method::PUT, large).await.refused(422).contains("bytes"));
    let deep = format!("{}1{}", "{\"a\":".repeat(200), "}".repeat(200));
    let body = format!("{{\"namespace\": [\"a\"], \"key\": \"k\", \"value\": {deep}}}");
    api.text(Method::PUT, "/store/items", &body).await.refused(422);
    assert_eq!(search(&api, json!({})).await.len(), 1);
}

#[tokio::test]
async fn a_search_that_cannot_be_is_refused() {
    let api = Api::start().await;
    for (path, body, named) in [
        ("/store/items/search", json!({ "filter": { "x": { "$near": 1 } } }), "$near"),
        ("/store/items/search", json!({ "filter": { "x": { "$gt": [] } } }), "x"),
        ("/store/items/search", json!({ "filter": [] }), "filter"),
        ("/store/items/search", json!({ "limit": 0 }), "limit"),
        ("/store/items/search", json!({ "limit": 1_001 }), "limit"),
        ("/store/items/search", json!({ "offset": -1 }), "offset"),
        ("/store/items/search", json!({ "namespace_prefix": ["a.b"] }), "a.b"),
        ("/store/items/search", json!({ "query": 1 }), "query"),
        ("/store/items/search", json!({ "refresh_ttl": "x" }), "refresh_ttl"),
        ("/store/namespaces", json!({ "prefix": [""] }), "label"),
        ("/store/namespaces", json!({ "suffix": "a" }), "suffix"),
        ("/store/namespaces", json!({ "max_depth": 0 }), "max_depth"),
        ("/store/namespaces", json!({ "limit": 0 }), "limit"),
    ] {
        let detail = api.post(path, body.clone()).await.refused(422);
        assert!(detail.contains(named), "{body}: {detail}");
    }
    for method in [Method::POST, Method::PATCH] {
        api.text(method, "/store/items", "{}").await.refused(405);
    }
}

#[tokio::test]
async fn a_label_imitates_no_other_namespace() {
    let api = Api::start().await;
    for (n, namespace) in
        [vec!["a", "b"], vec!["a\u{0}\u{1}b"], vec!["a\u{0}", "b"], vec!["*"]].iter().enumerate()
    {
        put(&api, namespace, "k", json!({ "n": n })).await;
    }
    for (prefix, expected) in
        [(json!(["a"]), vec![0]), (json!(["a\u{0}\u{1}b"]), vec![1]), (json!(["*"]), vec![3])]
    {
        let found = search(&api, json!({ "namespace_prefix": prefix })).await;
        let found: Vec<_> = found.iter().map(|item| item["value"]["n"].as_u64().unwrap()).collect();
        assert_eq!(found, expected);
    }
}
