use axum::http::Method;
use serde_json::{Value, json};

use crate::support::{Api, assert_keys, text};

#[tokio::test]
async fn components_show_what_serves_and_what_is_wrong() {
    let api = Api::start().await;
    let components = api.get("/components").await.ok();
    let echo = &components[0];
    assert_keys(
        echo,
        &[
            "id",
            "path",
            "status",
            "problem",
            "digest",
            "bytes",
            "contract",
            "loaded_at",
            "description",
            "name",
            "version",
            "schemas",
            "uses_files",
            "imports",
            "limits",
            "grants",
        ],
    );
    assert_eq!((&echo["id"], &echo["path"]), (&json!("echo"), &json!("echo.wasm")));
    assert_eq!((&echo["status"], &echo["problem"]), (&json!("serving"), &Value::Null));
    assert!(echo["bytes"].as_u64().unwrap() > 0);
    assert_keys(
        &echo["limits"],
        &[
            "fuel",
            "memory",
            "timeout_ms",
            "output",
            "logs",
            "events",
            "disk",
            "files",
            "http",
            "tokens",
            "tokens_per_day",
        ],
    );

    let nothing = json!({
        "store": [], "crons": null, "hosts": [], "environment": [], "secrets": [], "models": [],
        "assistants": [],
    });
    assert_eq!(echo["grants"], nothing);

    std::fs::write(api.folder().join("assistants/bad.wasm"), "not a component").unwrap();
    let bad = |all: &Value| {
        let found = all.as_array().unwrap().iter().find(|one| one["id"] == "bad");
        found.filter(|bad| bad["status"] != "loading").cloned()
    };
    let all = api.until("/components", |all| bad(all).is_some()).await;
    let bad = bad(&all).unwrap();
    assert_eq!((&bad["status"], &bad["digest"]), (&json!("broken"), &Value::Null));
    assert!(!text(&bad, "problem").is_empty());
    assert_eq!(bad["limits"], Value::Null);
}

#[tokio::test]
async fn a_backup_gets_a_plain_name_in_the_data_folder() {
    let api = Api::start().await;
    api.thread().await;
    let backup = api.post("/backups", json!({"name": "first"})).await.ok();
    assert_keys(&backup, &["path", "files", "bytes"]);
    assert!(api.folder().join("data/backups/first").is_dir());
    assert!(text(&backup, "path").ends_with("first"));
    assert!(backup["files"].as_u64().unwrap() > 0);
    assert!(api.post("/backups", json!({"name": "first"})).await.refused(409).contains("first"));
    let unnamed = api.text(Method::POST, "/backups", "").await.ok();
    assert_ne!(unnamed["path"], backup["path"]);
    for name in ["", "..", "../x", "/tmp/x", "a/b", ".x", "a b", "\u{e9}"] {
        api.post("/backups", json!({"name": name})).await.refused(422);
    }
}
