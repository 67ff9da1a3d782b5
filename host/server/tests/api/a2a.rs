use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use tokio::time::Instant;
use wakeful::CreateKey;
use wakeful::core::Scope;

use crate::support::{Api, ECHO, NOBODY, assert_keys, text};

/// What the agent `echo` answers.
async fn rpc(api: &Api, method: &str, params: Value) -> Value {
    let body = json!({"jsonrpc": "2.0", "id": "1", "method": method, "params": params});
    let answer = api.post(&format!("/a2a/{ECHO}"), body).await.ok();
    assert_eq!(answer["jsonrpc"], "2.0");
    assert_eq!(answer["id"], "1");
    answer
}

async fn result(api: &Api, method: &str, params: Value) -> Value {
    let answer = rpc(api, method, params).await;
    assert!(answer["result"].is_object(), "{answer}");
    answer["result"].clone()
}

/// The code of the error that a method answers.
async fn code(api: &Api, method: &str, params: Value) -> i64 {
    let answer = rpc(api, method, params).await;
    let code = answer["error"]["code"].as_i64();
    code.unwrap_or_else(|| panic!("no error: {answer}"))
}

fn says(words: &str) -> Value {
    json!({"message": {
        "role": "user", "messageId": "m1", "parts": [{"kind": "text", "text": words}],
    }})
}

fn data(data: Value) -> Value {
    json!({"message": {
        "role": "user", "messageId": "m1", "parts": [{"kind": "data", "data": data}],
    }})
}

fn with(mut params: Value, key: &str, value: &Value) -> Value {
    params["message"][key] = value.clone();
    params
}

/// The results of a stream.
async fn streamed(api: &Api, method: &str, params: Value) -> Vec<Value> {
    let body = json!({"jsonrpc": "2.0", "id": 3, "method": method, "params": params});
    let answer = api.post(&format!("/a2a/{ECHO}"), body).await;
    assert_eq!(answer.header("content-type"), Some("text/event-stream"));
    let body = String::from_utf8(answer.body.to_vec()).unwrap();
    let documents = body.lines().filter_map(|line| line.strip_prefix("data: "));
    let documents = documents.map(|data| serde_json::from_str::<Value>(data).unwrap());
    documents
        .map(|document| {
            assert_eq!(document["id"], 3);
            document["result"].clone()
        })
        .collect()
}

/// Begins a task that sleeps for a minute, and returns it once it works.
async fn sleeping(api: &Api) -> Value {
    let mut params = data(json!({"sleep": 60}));
    params["configuration"] = json!({"blocking": false});
    let task = result(api, "message/send", params).await;
    let began = Instant::now();
    while state(api, &task).await != "working" {
        assert!(began.elapsed().as_secs() < 30, "the task does not begin");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    task
}

async fn state(api: &Api, task: &Value) -> String {
    let task = result(api, "tasks/get", json!({"id": task["id"]})).await;
    text(&task["status"], "state").to_owned()
}

#[tokio::test]
async fn a_message_is_answered_with_a_finished_task() {
    let api = Api::start().await;
    let task = result(&api, "message/send", says("hi")).await;
    assert_keys(&task, &["kind", "id", "contextId", "history", "status", "artifacts"]);
    assert_eq!(task["kind"], "task");
    assert_eq!(task["status"]["state"], "completed");
    assert!(text(&task["status"], "timestamp").ends_with("+00:00"));
    let said = &task["history"][0];
    assert_keys(said, &["kind", "role", "parts", "messageId", "taskId", "contextId"]);
    assert_eq!(said["messageId"], "m1");
    assert_eq!(said["role"], "user");
    assert_eq!(said["parts"], json!([{"kind": "text", "text": "hi"}]));
    assert_eq!(task["history"][1]["role"], "agent");
    assert_eq!(task["history"][1]["parts"], json!([{"kind": "text", "text": "echo: hi"}]));
    for message in task["history"].as_array().unwrap() {
        assert_eq!((&message["taskId"], &message["contextId"]), (&task["id"], &task["contextId"]));
    }
    let artifact = &task["artifacts"][0];
    assert_keys(artifact, &["artifactId", "name", "description", "parts"]);
    assert_eq!(artifact["parts"], json!([{"kind": "text", "text": "echo: hi"}]));

    assert_eq!(result(&api, "tasks/get", json!({"id": task["id"]})).await, task);
    let short = json!({"id": task["id"], "historyLength": 1});
    assert_eq!(result(&api, "tasks/get", short).await["history"], json!([task["history"][1]]));
    let thread = api.get(&format!("/threads/{}", text(&task, "contextId"))).await.ok();
    assert_eq!(thread["values"]["count"], 1);
    let run = format!("/threads/{}/runs/{}", text(&task, "contextId"), text(&task, "id"));
    assert_eq!(api.get(&run).await.ok()["status"], "success");
}

#[tokio::test]
async fn a_context_goes_on_and_may_be_named_by_the_client() {
    let api = Api::start().await;
    for context in [json!("7b1f6c52-6a0e-4b5c-9d0a-3f6d6d0f2a11"), Value::Null] {
        let params = with(says("one"), "contextId", &context);
        let first = result(&api, "message/send", params).await;
        assert!(context.is_null() || first["contextId"] == context);
        let params = with(says("two"), "contextId", &first["contextId"]);
        let second = result(&api, "message/send", params).await;
        assert_eq!(second["contextId"], first["contextId"]);
        assert_ne!(second["id"], first["id"]);
        let thread = api.get(&format!("/threads/{}", text(&first, "contextId"))).await.ok();
        assert_eq!(thread["values"]["count"], 2);
    }
}

#[tokio::test]
async fn a_question_is_answered_by_a_message_to_the_task_or_to_its_context() {
    let api = Api::start().await;
    for key in ["taskId", "contextId"] {
        let asked = result(&api, "message/send", data(json!({"ask": "Sure?"}))).await;
        assert_eq!(asked["status"]["state"], "input-required");
        let question = json!([{"kind": "text", "text": "Sure?"}]);
        assert_eq!(asked["status"]["message"]["parts"], question);
        assert_eq!(asked["status"]["message"]["role"], "agent");
        assert_eq!(asked["artifacts"], json!([]));

        let id = if key == "taskId" { &asked["id"] } else { &asked["contextId"] };
        let done = result(&api, "message/send", with(says("yes"), key, id)).await;
        assert_eq!(done["id"], asked["id"]);
        assert_eq!(done["contextId"], asked["contextId"]);
        assert_eq!(done["status"]["state"], "completed");
        let spoken: Vec<_> =
            done["history"].as_array().unwrap().iter().map(|one| &one["parts"][0]).collect();
        assert_eq!(spoken[1], &question[0]);
        assert_eq!(spoken[2], &json!({"kind": "text", "text": "yes"}));
        assert_eq!(spoken.len(), 4);
        assert_eq!(result(&api, "tasks/get", json!({"id": asked["id"]})).await, done);
        let thread = api.get(&format!("/threads/{}", text(&done, "contextId"))).await.ok();
        assert_eq!(thread["values"]["answer"], "yes");
        assert_eq!(
            code(&api, "message/send", with(says("more"), "taskId", &asked["id"])).await,
            -32004
        );
    }
}

#[tokio::test]
async fn a_run_that_fails_is_a_failed_task_that_says_why() {
    let api = Api::start().await;
    let task = result(&api, "message/send", data(json!({"fail": "boom"}))).await;
    assert_eq!(task["status"]["state"], "failed");
    let why = &task["status"]["message"]["parts"][0];
    assert!(text(why, "text").contains("boom"), "{task}");
    assert_eq!(task["artifacts"], json!([]));
}

#[tokio::test]
async fn a_task_is_cancelled_once() {
    let api = Api::start().await;
    let task = sleeping(&api).await;
    let more = with(says("more"), "taskId", &task["id"]);
    assert_eq!(code(&api, "message/send", more).await, -32004);
    let cancelled = result(&api, "tasks/cancel", json!({"id": task["id"]})).await;
    assert_eq!(cancelled["status"]["state"], "canceled");
    assert_eq!(code(&api, "tasks/cancel", json!({"id": task["id"]})).await, -32002);
    assert_eq!(code(&api, "tasks/resubscribe", json!({"id": task["id"]})).await, -32004);
}

#[tokio::test]
async fn a_stream_tells_the_task_and_its_events_and_its_end() {
    let api = Api::start().await;
    let events = streamed(&api, "message/stream", data(json!({"custom": 2}))).await;
    let kinds: Vec<_> = events.iter().map(|event| text(event, "kind")).collect();
    assert_eq!(
        kinds,
        ["task", "status-update", "status-update", "artifact-update", "status-update"]
    );
    let task = &events[0];
    assert!(["submitted", "working"].contains(&text(&task["status"], "state")), "{task}");
    for (i, event) in events[1..3].iter().enumerate() {
        assert_eq!(event["final"], false);
        assert_eq!(event["status"]["state"], "working");
        let data = &event["status"]["message"]["parts"][0]["data"];
        assert_eq!(data, &json!({"name": "custom", "data": {"i": i}}));
    }
    assert_eq!(events[3]["lastChunk"], true);
    assert_eq!(events[3]["artifact"]["parts"][0]["text"], "echo: ");
    assert_eq!(events[4]["final"], true);
    assert_eq!(events[4]["status"]["state"], "completed");
    for event in &events[1..] {
        assert_eq!((&event["taskId"], &event["contextId"]), (&task["id"], &task["contextId"]));
    }

    let events = streamed(&api, "message/stream", data(json!({"ask": {"really": true}}))).await;
    let last = events.last().unwrap();
    assert_eq!(last["status"]["state"], "input-required");
    assert_eq!(last["status"]["message"]["parts"][0]["data"], json!({"really": true}));
    let answer = with(says("yes"), "taskId", &last["taskId"]);
    let events = streamed(&api, "message/stream", answer).await;
    assert_eq!(events[0]["id"], last["taskId"]);
    assert_eq!(events.last().unwrap()["status"]["state"], "completed");
}

#[tokio::test]
async fn whoever_subscribes_again_hears_the_end() {
    let api = Api::start().await;
    let task = sleeping(&api).await;
    let (events, _) = tokio::join!(
        streamed(&api, "tasks/resubscribe", json!({"id": task["id"]})),
        result(&api, "tasks/cancel", json!({"id": task["id"]})),
    );
    // Either the subscription or the cancellation may have come first.
    assert_eq!(events.last().unwrap()["status"]["state"], "canceled");
}

#[tokio::test]
async fn version_1_0_is_spoken_to_those_who_speak_it() {
    let api = Api::start().await;
    let message = |parts: Value| {
        json!({
            "message": {"messageId": "m", "role": "ROLE_USER", "parts": parts},
            "configuration": {},
        })
    };
    let sent = result(&api, "SendMessage", message(json!([{"text": "hi"}]))).await;
    assert_keys(&sent, &["task"]);
    let task = &sent["task"];
    assert_keys(task, &["id", "contextId", "history", "status", "artifacts"]);
    assert_eq!(task["status"]["state"], "TASK_STATE_COMPLETED");
    assert_eq!(task["history"][0]["role"], "ROLE_USER");
    assert_eq!(task["history"][1]["role"], "ROLE_AGENT");
    assert_eq!(task["artifacts"][0]["parts"], json!([{"text": "echo: hi"}]));
    assert_eq!(&result(&api, "GetTask", json!({"id": task["id"]})).await, task);
    assert_eq!(code(&api, "CancelTask", json!({"id": task["id"]})).await, -32002);
    let events =
        streamed(&api, "SendStreamingMessage", message(json!([{"data": {"custom": 1}}]))).await;
    for (event, key) in
        events.iter().zip(["task", "statusUpdate", "artifactUpdate", "statusUpdate"])
    {
        assert_keys(event, &[key]);
    }
    assert_eq!(events.len(), 4);
    assert_eq!(events[3]["statusUpdate"]["status"]["state"], "TASK_STATE_COMPLETED");
}

#[tokio::test]
async fn what_a_method_cannot_do_has_the_code_of_the_specification() {
    let api = Api::start().await;
    let file = json!([{"kind": "file", "file": {"uri": "http://x"}}]);
    let mut push = says("hi");
    push["configuration"] = json!({"pushNotificationConfig": {"url": "http://x"}});
    for (method, params, expected) in [
        ("tasks/get", json!({"id": NOBODY}), -32001),
        ("tasks/get", json!({"id": "nonsense"}), -32001),
        ("tasks/get", json!({}), -32602),
        ("tasks/get", json!({"id": NOBODY, "historyLength": -1}), -32602),
        ("tasks/cancel", json!({"id": NOBODY}), -32001),
        ("tasks/resubscribe", json!({"id": NOBODY}), -32001),
        ("message/send", json!({}), -32602),
        ("message/send", json!([]), -32602),
        ("message/send", with(says("hi"), "parts", &json!([])), -32602),
        ("message/send", with(says("hi"), "parts", &file), -32005),
        ("message/send", with(says("hi"), "role", &json!("agent")), -32602),
        ("message/send", with(says("hi"), "contextId", &json!("nonsense")), -32602),
        ("message/send", with(says("hi"), "taskId", &json!(NOBODY)), -32001),
        ("message/stream", with(says("hi"), "taskId", &json!("nonsense")), -32001),
        ("message/send", push, -32003),
        ("tasks/pushNotificationConfig/set", json!({}), -32003),
        ("agent/getAuthenticatedExtendedCard", json!({}), -32007),
        ("message/fly", json!({}), -32601),
    ] {
        assert_eq!(code(&api, method, params.clone()).await, expected, "{method} {params}");
    }
    assert_eq!(api.get("/runs").await.ok(), json!([]));
    let task = result(&api, "message/send", says("hi")).await;
    let elsewhere = with(with(says("hi"), "taskId", &task["id"]), "contextId", &json!(NOBODY));
    assert_eq!(code(&api, "message/send", elsewhere).await, -32602);
}

#[tokio::test]
async fn what_is_no_request_has_a_code_too() {
    let api = Api::start().await;
    let path = format!("/a2a/{ECHO}");
    let deep = "[".repeat(1_000);
    for (body, expected, id) in [
        ("", -32700, Value::Null),
        ("{", -32700, Value::Null),
        (deep.as_str(), -32700, Value::Null),
        ("[]", -32600, Value::Null),
        (r#"{"id": 1, "method": "message/send"}"#, -32600, json!(1)),
        (r#"{"jsonrpc": "2.0", "id": "a"}"#, -32600, json!("a")),
        (r#"{"jsonrpc": "2.0", "id": {}, "method": "tasks/get"}"#, -32600, Value::Null),
        (r#"{"jsonrpc": "2.0", "id": 1, "method": "tasks/get"}"#, -32602, json!(1)),
    ] {
        let answer = api.text(axum::http::Method::POST, &path, body).await.ok();
        assert_eq!(answer["error"]["code"], expected, "{body}: {answer}");
        assert_eq!(answer["id"], id, "{body}");
    }
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tasks/get", "params": {"id": NOBODY}});
    for nobody in [NOBODY, "nobody", "%FF"] {
        let answer = api.post(&format!("/a2a/{nobody}"), body.clone()).await;
        assert_eq!(answer.status, 404);
        assert_eq!(answer.json()["error"]["code"], -32602);
    }
    api.get(&path).await.refused(405);
}

#[tokio::test]
async fn a_card_says_where_and_how_the_agent_is_reached() {
    let api = Api::start().await;
    for name in [ECHO, "echo"] {
        let path = format!("/.well-known/agent-card.json?assistant_id={name}");
        let request = Request::get(path).header("host", "127.0.0.1:8123");
        let card = api.send(request.body(Body::empty()).unwrap()).await.ok();
        let url = format!("http://127.0.0.1:8123/a2a/{ECHO}");
        assert_eq!(card["name"], "echo");
        assert_eq!(card["url"], url);
        assert_eq!(
            card["supportedInterfaces"][0],
            json!({"url": url, "protocolBinding": "JSONRPC", "protocolVersion": "1.0"})
        );
        assert_eq!(card["capabilities"]["streaming"], true);
        assert_eq!(card["capabilities"]["pushNotifications"], false);
        assert_eq!(card["skills"][0]["id"], format!("{ECHO}-main"));
        for key in ["description", "version", "defaultInputModes", "defaultOutputModes"] {
            assert!(!card[key].is_null(), "{key}");
        }
    }
    let path = "/.well-known/agent-card.json";
    assert!(api.get(path).await.refused(422).contains("assistant_id"));
    api.get(&format!("{path}?assistant_id={NOBODY}")).await.refused(404);
}

#[tokio::test]
async fn tasks_are_listed_in_pages_the_last_that_changed_first() {
    let api = Api::start().await;
    let mut tasks = Vec::new();
    for words in ["one", "two"] {
        tasks.push(result(&api, "message/send", says(words)).await);
    }
    let context = tasks[1]["contextId"].clone();
    tasks.push(result(&api, "message/send", with(says("three"), "contextId", &context)).await);
    tasks.push(result(&api, "message/send", data(json!({"ask": "Sure?"}))).await);
    // A run that no message began is a task as well, but none of another assistant.
    let ids = |page: &Value| {
        let tasks = page["tasks"].as_array().unwrap().iter();
        tasks.map(|task| task["id"].clone()).collect::<Vec<_>>()
    };
    let mut newest: Vec<_> = tasks.iter().map(|task| task["id"].clone()).collect();
    newest.reverse();
    let all = result(&api, "ListTasks", json!({})).await;
    assert_keys(&all, &["tasks", "nextPageToken", "pageSize", "totalSize"]);
    assert_eq!(ids(&all), newest);
    assert_eq!((&all["nextPageToken"], &all["pageSize"]), (&json!(""), &json!(50)));
    assert_eq!(all["totalSize"], 4);
    let first = &all["tasks"][0];
    assert_eq!(first["status"]["state"], "TASK_STATE_INPUT_REQUIRED");
    assert_eq!(first.get("artifacts"), None);

    let mut seen = Vec::new();
    let mut token = json!("");
    for _ in 0..2 {
        let page = result(&api, "ListTasks", json!({"pageSize": 2, "pageToken": token})).await;
        assert_eq!(page["totalSize"], 4);
        seen.extend(ids(&page));
        token = page["nextPageToken"].clone();
    }
    assert_eq!((seen, token), (newest.clone(), json!("")));

    let status = "TASK_STATE_INPUT_REQUIRED";
    for (params, wanted) in [
        (json!({"contextId": context}), &newest[1..3]),
        (json!({"contextId": "none"}), &[]),
        (json!({"contextId": NOBODY}), &[]),
        (json!({"status": status}), &newest[..1]),
        (json!({"statusTimestampAfter": "2000-01-01T00:00:00Z"}), &newest[..]),
        (json!({"statusTimestampAfter": "2999-01-01T00:00:00Z"}), &[]),
    ] {
        assert_eq!(ids(&result(&api, "ListTasks", params.clone()).await), wanted, "{params}");
    }
    let told = json!({"contextId": context, "includeArtifacts": true, "historyLength": 1});
    let told = result(&api, "ListTasks", told).await;
    assert_eq!(told["tasks"][0]["artifacts"][0]["parts"][0]["text"], "echo: three");
    assert_eq!(told["tasks"][0]["history"].as_array().unwrap().len(), 1);

    // An answer is part of the task that asked.
    let answer = with(with(says("yes"), "taskId", &newest[0]), "contextId", &first["contextId"]);
    result(&api, "message/send", answer).await;
    let all = result(&api, "ListTasks", json!({})).await;
    assert_eq!(ids(&all), newest);
    assert_eq!(all["tasks"][0]["status"]["state"], "TASK_STATE_COMPLETED");
    for wrong in [
        json!({"pageSize": 0}),
        json!({"pageSize": 101}),
        json!({"pageToken": "x"}),
        json!({"pageToken": "1-x"}),
        json!({"statusTimestampAfter": "soon"}),
        json!({"status": 1}),
    ] {
        assert_eq!(code(&api, "ListTasks", wrong.clone()).await, -32602, "{wrong}");
    }
}

#[tokio::test]
async fn a_card_says_how_to_show_a_key_where_one_is_needed() {
    let api = Api::start().await;
    let path = format!("/.well-known/agent-card.json?assistant_id={ECHO}");
    assert_eq!(api.get(&path).await.ok().get("securitySchemes"), None);
    let new = CreateKey { name: "agents".to_owned(), scope: Scope::Read, rate: None };
    let (_, token) = api.host.create_key(new).await.unwrap();
    let request = Request::get(&path).header("x-api-key", token.to_string());
    let card = api.send(request.body(Body::empty()).unwrap()).await.ok();
    for scheme in ["apiKey", "bearer"] {
        assert!(card["securitySchemes"][scheme].is_object(), "{card}");
    }
    assert_eq!(card["securitySchemes"]["apiKey"]["name"], "x-api-key");
    assert_eq!(card["security"], json!([{"apiKey": []}, {"bearer": []}]));
}
