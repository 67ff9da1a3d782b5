use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::{Value, json};
use wakeful::Host;
use wakeful::core::RunStatus;
use wakeful_server::{ServerSettings, WithoutKeys};

use crate::support::{Answer, Api, message, text};

/// Sends one message as MCP clients do.
async fn post(api: &Api, body: &str) -> Answer {
    api.send(request(body)).await
}

fn request(body: &str) -> Request<Body> {
    Request::builder()
        .method(Method::POST)
        .uri("/mcp")
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .body(body.to_owned().into())
        .unwrap()
}

fn rpc(method: &str, params: &Value) -> String {
    json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params}).to_string()
}

fn call_of(name: &str, arguments: &Value) -> String {
    rpc("tools/call", &json!({"name": name, "arguments": arguments}))
}

/// What a call of the tool `echo` returns.
async fn call(api: &Api, arguments: Value) -> Value {
    let answer = post(api, &call_of("echo", &arguments)).await.ok();
    assert_eq!(answer["jsonrpc"], "2.0");
    assert_eq!(answer["id"], 7);
    assert!(answer["result"].is_object(), "{answer}");
    answer["result"].clone()
}

#[tokio::test]
async fn a_client_introduces_itself_and_lists_the_assistants_as_tools() {
    let api = Api::start().await;
    let params = json!({
        "protocolVersion": "2025-03-26", "capabilities": {},
        "clientInfo": {"name": "x", "version": "0"},
    });
    let answer = post(&api, &rpc("initialize", &params)).await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("mcp-session-id"), None);
    let result = &answer.ok()["result"];
    assert_eq!(result["protocolVersion"], "2025-03-26");
    assert_eq!(result["serverInfo"]["name"], "wakeful");
    assert!(result["capabilities"]["tools"].is_object());

    let initialized = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    assert_eq!(post(&api, &initialized.to_string()).await.status, 202);

    let listed = post(&api, r#"{"jsonrpc": "2.0", "id": 2, "method": "tools/list"}"#).await.ok();
    let tools = listed["result"]["tools"].as_array().unwrap();
    assert_eq!(tools.len(), 1);
    assert_eq!(tools[0]["name"], "echo");
    assert_eq!(tools[0]["title"], "echo");
    assert!(!text(&tools[0], "description").is_empty());
    assert_eq!(tools[0]["inputSchema"]["type"], "object");
    assert_eq!(
        tools[0]["annotations"],
        json!({
            "readOnlyHint": false, "destructiveHint": false,
            "idempotentHint": false, "openWorldHint": true,
        })
    );
    assert_eq!(listed["result"]["nextCursor"], Value::Null);
    let beyond = post(&api, &rpc("tools/list", &json!({"cursor": "echo"}))).await.ok();
    assert_eq!(beyond["result"]["tools"], json!([]));
}

#[tokio::test]
async fn a_call_returns_the_values_as_text_and_as_a_structure_and_leaves_no_thread() {
    let api = Api::start().await;
    let result = call(&api, message("mcp")).await;
    assert_ne!(result["isError"], true);
    let values = &result["structuredContent"];
    assert_eq!(values["messages"][1]["content"], "echo: mcp");
    assert_eq!(result["content"][0]["type"], "text");
    let written: Value = serde_json::from_str(text(&result["content"][0], "text")).unwrap();
    assert_eq!(&written, values);
    assert_eq!(call(&api, json!({})).await["structuredContent"]["count"], 1);
    let bare = post(&api, &rpc("tools/call", &json!({"name": "echo"}))).await.ok();
    assert_eq!(bare["result"]["structuredContent"]["count"], 1);
    assert_eq!(api.post("/threads/search", json!({})).await.ok(), json!([]));
}

#[tokio::test]
async fn a_run_that_fails_or_asks_is_a_result_that_says_so() {
    let api = Api::start().await;
    let failed = call(&api, json!({"fail": "boom"})).await;
    assert_eq!(failed["isError"], true);
    assert!(text(&failed["content"][0], "text").contains("boom"), "{failed}");
    let asked = call(&api, json!({"ask": "Sure?"})).await;
    assert_eq!(asked["isError"], true);
    assert!(text(&asked["content"][0], "text").contains("Sure?"), "{asked}");
    assert_eq!(asked["structuredContent"]["__interrupt__"][0]["value"], "Sure?");
}

#[tokio::test]
async fn what_cannot_be_answered_is_a_json_rpc_error() {
    let api = Api::start().await;
    for (body, status, code, part) in [
        (call_of("nobody", &json!({})), 200, -32602, "nobody"),
        (rpc("tools/call", &json!({"arguments": {}})), 200, -32602, "tools/call"),
        (rpc("tools/call", &json!({"name": "echo", "arguments": [1]})), 200, -32602, "params"),
        (rpc("prompts/fly", &json!({})), 200, -32601, "prompts/fly"),
        ("{".to_owned(), 400, -32700, "not JSON"),
        (String::new(), 400, -32700, "not JSON"),
        ("[".repeat(1_000), 400, -32700, "not JSON"),
        ("[]".to_owned(), 400, -32600, "tools/list"),
        (r#"{"id": 1, "method": "tools/list"}"#.to_owned(), 400, -32600, "jsonrpc"),
    ] {
        let answer = post(&api, &body).await;
        let document = answer.json();
        assert_eq!(answer.status, status, "{body}: {document}");
        assert_eq!(document["error"]["code"], code, "{body}: {document}");
        assert!(text(&document["error"], "message").contains(part), "{body}: {document}");
        assert_eq!(document["jsonrpc"], "2.0");
    }
}

#[tokio::test]
async fn a_request_that_is_not_of_the_transport_is_refused() {
    let api = Api::start().await;
    let list = rpc("tools/list", &json!({}));
    for (accept, content_type, status) in [
        ("application/json", "application/json", 406),
        ("application/json, text/event-stream", "text/plain", 415),
    ] {
        let mut bad = request(&list);
        bad.headers_mut().insert("accept", accept.parse().unwrap());
        bad.headers_mut().insert("content-type", content_type.parse().unwrap());
        let answer = api.send(bad).await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.json()["error"]["code"], -32600);
    }
    for method in [Method::GET, Method::DELETE] {
        let answer = api.text(method, "/mcp", "").await;
        assert_eq!(answer.header("allow"), Some("POST"));
        answer.refused(405);
    }
    for method in [Method::GET, Method::POST] {
        let answer = api.text(method, "/mcp/", "").await;
        assert_eq!(answer.status, 307);
        assert_eq!(answer.header("location"), Some("/mcp"));
    }
}

#[tokio::test]
async fn a_host_name_or_an_origin_of_any_kind_is_served() {
    let without_keys = WithoutKeys::Anyone;
    let api = Api::with(ServerSettings { without_keys, ..ServerSettings::default() }).await;
    let mut foreign = request(&rpc("tools/list", &json!({})));
    foreign.headers_mut().insert("host", "wakeful.example:8443".parse().unwrap());
    foreign.headers_mut().insert("origin", "https://studio.example".parse().unwrap());
    assert!(api.send(foreign).await.ok()["result"]["tools"].is_array());
}

#[tokio::test]
async fn a_call_ends_with_its_client() {
    let api = Api::start().await;
    let sleeps = call_of("echo", &json!({"sleep": 60}));
    tokio::select! {
        _ = api.raw(request(&sleeps)) => panic!("the assistant sleeps for a minute"),
        () = begun(&api.host) => {}
    }
    api.until("/runs", |runs| runs[0]["status"] == "interrupted").await;
}

/// Waits until this host runs something.
async fn begun(host: &Host) {
    while host.runs_in_progress() == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_client_that_gives_a_token_hears_of_progress() {
    let settings =
        ServerSettings { keep_alive: Duration::from_millis(20), ..ServerSettings::default() };
    let api = Api::with(settings).await;
    let params = json!({
        "name": "echo", "arguments": {"sleep": 0.5}, "_meta": {"progressToken": "p"},
    });
    let answer = post(&api, &rpc("tools/call", &params)).await;
    assert_eq!(answer.header("content-type"), Some("text/event-stream"));
    let body = String::from_utf8(answer.body.to_vec()).unwrap();
    let messages = body.lines().filter_map(|line| line.strip_prefix("data:"));
    let messages: Vec<Value> = messages.map(|data| serde_json::from_str(data).unwrap()).collect();
    assert_eq!(messages[0]["method"], "notifications/progress");
    assert_eq!(messages[0]["params"]["progressToken"], "p");
    let last = messages.last().unwrap();
    assert_eq!(last["id"], 7);
    assert_eq!(last["result"]["structuredContent"]["count"], 1);
}

#[tokio::test]
async fn a_run_that_is_stopped_by_others_is_a_result_too() {
    let api = Api::start().await;
    let sleeps = call_of("echo", &json!({"sleep": 60}));
    let (answer, ()) = tokio::join!(post(&api, &sleeps), async {
        begun(&api.host).await;
        let runs = api.get("/runs").await.ok();
        let path = format!("/runs/{}/cancel", text(&runs[0], "run_id"));
        assert_eq!(api.post(&path, json!({})).await.status, 202);
    });
    let result = &answer.ok()["result"];
    assert_eq!(result["isError"], true);
    assert_eq!(result["content"][0]["text"], "cancelled");
    let runs = api.get("/runs").await.ok();
    assert_eq!(runs[0]["status"], RunStatus::Interrupted.as_str());
}
