use serde_json::{Value, json};

use crate::support::{Api, ECHO, text};

/// The schema, with what it refers to in place of the reference.
fn resolved<'a>(schema: &'a Value, document: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(reference) => document.pointer(&reference[1..]).unwrap(),
        None => schema,
    }
}

/// Whether a value has what its schema asks for: its type, and the keys that have to be there.
fn check(value: &Value, schema: &Value, document: &Value, at: &str) {
    let schema = resolved(schema, document);
    for part in schema["allOf"].as_array().into_iter().flatten() {
        check(value, part, document, at);
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let types: Vec<_> = match &schema["type"] {
        Value::String(one) => vec![one.as_str()],
        Value::Array(several) => several.iter().map(|one| one.as_str().unwrap()).collect(),
        _ => Vec::new(),
    };
    let fits =
        types.iter().any(|known| *known == kind || (*known == "number" && kind == "integer"));
    assert!(types.is_empty() || fits, "{at}: {value} is not of {types:?}");
    if let Some(object) = value.as_object() {
        for key in schema["required"].as_array().into_iter().flatten() {
            assert!(object.contains_key(key.as_str().unwrap()), "{at}: no {key} in {value}");
        }
        for (key, part) in schema["properties"].as_object().into_iter().flatten() {
            if let Some(value) = object.get(key) {
                check(value, part, document, &format!("{at}.{key}"));
            }
        }
    }
    for item in value.as_array().into_iter().flatten() {
        check(item, &schema["items"], document, &format!("{at}[]"));
    }
}

#[tokio::test]
async fn answers_have_the_shapes_that_are_described() {
    let api = Api::start().await;
    let document = api.get("/openapi.json").await.ok();
    assert_eq!(document["openapi"], "3.1.0");
    let thread = api.thread().await;
    let run = json!({"assistant_id": "echo", "input": {}});
    api.post(&format!("{thread}/runs/wait"), run.clone()).await.ok();
    let cron = json!({"assistant_id": "echo", "schedule": "0 0 1 1 *"});
    let cron = api.post("/runs/crons", cron).await.ok();
    let item = json!({"namespace": ["a"], "key": "b", "value": {"c": 1}});
    let put = api.text(axum::http::Method::PUT, "/store/items", &item.to_string()).await;
    assert_eq!(put.status, 204);
    let run = api.post(&format!("{thread}/runs"), run).await.ok();
    let run = format!("/runs/{}", text(&run, "run_id"));
    let cron = format!("/runs/crons/{}", text(&cron, "cron_id"));
    for (template, path) in [
        ("/ok", "/ok".to_owned()),
        ("/assistants/{assistant}", format!("/assistants/{ECHO}")),
        ("/threads/{thread}", thread.clone()),
        ("/threads/{thread}/state", format!("{thread}/state")),
        ("/threads/{thread}/history", format!("{thread}/history")),
        ("/threads/{thread}/storage", format!("{thread}/storage")),
        ("/threads/{thread}/runs", format!("{thread}/runs")),
        ("/runs/{run}", run.clone()),
        ("/runs/{run}/logs", format!("{run}/logs")),
        ("/runs/crons/{cron}", cron.clone()),
        ("/runs/crons/{cron}/fires", format!("{cron}/fires")),
        ("/store/items", "/store/items?namespace=a&key=b".to_owned()),
        ("/store/items", "/store/items?namespace=a&key=nothing".to_owned()),
        ("/components", "/components".to_owned()),
        ("/keys", "/keys".to_owned()),
    ] {
        let answer = api.get(&path).await.ok();
        let operation = &document["paths"][template]["get"];
        let schema = &operation["responses"]["200"]["content"]["application/json"]["schema"];
        assert!(schema.is_object(), "{template}");
        check(&answer, schema, &document, template);
    }
    let preview = json!({"schedule": "30 2 * * *", "timezone": "America/New_York", "n": 400});
    let preview = api.post("/runs/crons/preview", preview).await.ok();
    check(&preview, &json!({"$ref": "#/components/schemas/Preview"}), &document, "preview");
    // A thread on which nothing has run shows less.
    let fresh = api.get(&api.thread().await).await.ok();
    let schema = json!({"$ref": "#/components/schemas/Thread"});
    check(&fresh, &schema, &document, "thread");
    let refusal = api.get("/threads/x").await;
    refusal.refused(422);
    check(&refusal.json(), &json!({"$ref": "#/components/schemas/Refusal"}), &document, "refusal");
}

#[tokio::test]
async fn the_documentation_needs_nothing_from_elsewhere() {
    let api = Api::start().await;
    let page = api.get("/docs").await;
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    let page = std::str::from_utf8(&page.body).unwrap().to_owned();
    assert!(!page.contains("http"), "{page}");
    let mut parts = 0;
    for part in page.split('"').filter(|part| part.starts_with("docs/")) {
        let answer = api.get(&format!("/{part}")).await;
        assert_eq!(answer.status, 200, "{part}");
        assert!(!answer.body.is_empty(), "{part}");
        parts += 1;
    }
    assert_eq!(parts, 5);
    let start = api.get("/docs/swagger-initializer.js").await;
    if start.header("content-encoding").is_none() {
        assert!(String::from_utf8_lossy(&start.body).contains("openapi.json"));
    }
    api.get("/docs/nothing.js").await.refused(404);
}
