use serde_json::{Value, json};

use crate::support::{Api, ECHO, NOBODY, assert_keys, message, text};

const NEW: [&str; 8] = [
    "thread_id",
    "created_at",
    "updated_at",
    "state_updated_at",
    "metadata",
    "status",
    "config",
    "values",
];
const STATE: [&str; 10] = [
    "values",
    "next",
    "tasks",
    "metadata",
    "created_at",
    "checkpoint",
    "parent_checkpoint",
    "interrupts",
    "checkpoint_id",
    "parent_checkpoint_id",
];
const TASK: [&str; 8] =
    ["id", "name", "path", "error", "interrupts", "checkpoint", "state", "result"];

fn after_a_run() -> Vec<&'static str> {
    let mut keys = NEW.to_vec();
    keys.extend(["error", "interrupts"]);
    keys
}

#[tokio::test]
async fn a_thread_is_created_once() {
    let api = Api::start().await;
    let id = "ae11f90e-ff53-4054-9987-bb62eb7438e7";
    let body = json!({"thread_id": id, "metadata": {"u": "1"}});
    let thread = api.post("/threads", body).await.ok();
    assert_keys(&thread, &NEW);
    assert_eq!(thread["thread_id"], id);
    assert_eq!(thread["metadata"], json!({"u": "1"}));
    assert_eq!(thread["status"], "idle");
    assert_eq!(thread["config"], json!({}));
    assert_eq!(thread["values"], Value::Null);
    assert_eq!(api.get(&format!("/threads/{id}")).await.ok(), thread);
    assert!(api.post("/threads", json!({"thread_id": id})).await.refused(409).contains(id));
    let again = json!({"thread_id": id, "if_exists": "do_nothing"});
    assert_eq!(api.post("/threads", again).await.ok(), thread);
    for (body, part) in [
        (json!({"thread_id": "abc"}), "Invalid thread ID"),
        (json!({"metadata": 3}), "metadata: "),
        (json!({"if_exists": "x"}), "if_exists: "),
        (json!({"supersteps": [{"updates": []}]}), "supersteps: "),
    ] {
        let detail = api.post("/threads", body).await.refused(422);
        assert!(detail.starts_with(part), "{detail}");
    }
}

#[tokio::test]
async fn a_deleted_thread_is_gone() {
    let api = Api::start().await;
    let thread = api.thread().await;
    let deleted = api.delete(&thread).await;
    assert_eq!((deleted.status.as_u16(), deleted.body.len()), (204, 0));
    api.get(&thread).await.refused(404);
    api.delete(&thread).await.refused(404);
    api.delete("/threads/abc").await.refused(422);
}

#[tokio::test]
async fn a_thread_without_runs_has_an_empty_state() {
    let api = Api::start().await;
    let thread = api.thread().await;
    let state = api.get(&format!("{thread}/state?subgraphs=false")).await.ok();
    assert_keys(&state, &STATE);
    assert_eq!(
        state,
        json!({
            "values": {}, "next": [], "tasks": [], "metadata": null, "created_at": null,
            "checkpoint": null, "parent_checkpoint": null, "interrupts": [],
            "checkpoint_id": null, "parent_checkpoint_id": null,
        })
    );
    assert_eq!(api.post(&format!("{thread}/history"), json!({"limit": 10})).await.ok(), json!([]));
    for path in ["state", "history"] {
        api.get(&format!("/threads/{NOBODY}/{path}")).await.refused(404);
        api.get(&format!("/threads/abc/{path}")).await.refused(422);
    }
    // An unknown checkpoint has an empty state, and keeps its name.
    let state = api.get(&format!("{thread}/state/{NOBODY}")).await.ok();
    assert_keys(&state, &STATE);
    assert_eq!(state["values"], json!({}));
    assert_eq!(state["checkpoint_id"], NOBODY);
    assert_eq!(state["checkpoint"]["checkpoint_id"], NOBODY);
    assert!(api.get(&format!("{thread}/state/abc")).await.refused(422).contains("checkpoint ID"));
}

#[tokio::test]
async fn every_run_leaves_a_checkpoint_that_can_be_read_again() {
    let api = Api::start().await;
    let thread = api.thread().await;
    for content in ["hi", "yo", "bye"] {
        let body = json!({"assistant_id": "echo", "input": message(content)});
        api.post(&format!("{thread}/runs/wait"), body).await.ok();
    }
    let shown = api.get(&thread).await.ok();
    assert_keys(&shown, &after_a_run());
    assert_eq!(shown["values"]["count"], 3);
    assert_eq!(shown["error"], Value::Null);
    assert_eq!(shown["interrupts"], json!({}));
    assert_eq!(shown["config"], json!({"configurable": {}}));
    assert_eq!(shown["metadata"], json!({"graph_id": "echo", "assistant_id": ECHO}));

    let history = api.post(&format!("{thread}/history"), json!({"limit": 10})).await.ok();
    let history = history.as_array().unwrap();
    let counts: Vec<_> = history.iter().map(|state| state["values"]["count"].clone()).collect();
    assert_eq!(counts, [3, 2, 1]);
    let state = api.get(&format!("{thread}/state")).await.ok();
    assert_keys(&state, &STATE);
    assert_keys(&state["checkpoint"], &["checkpoint_id", "thread_id", "checkpoint_ns"]);
    assert_eq!(state, history[0]);
    assert_eq!(state["parent_checkpoint"], history[1]["checkpoint"]);
    assert_eq!(state["metadata"]["source"], "loop");
    assert_eq!(state["metadata"]["graph_id"], "echo");
    assert_eq!(state["metadata"]["thread_id"], shown["thread_id"]);
    assert!(state["metadata"]["step"].is_u64() && state["metadata"]["run_id"].is_string());
    assert_eq!((&state["next"], &state["tasks"]), (&json!([]), &json!([])));

    let middle = &history[1]["checkpoint"];
    let id = text(middle, "checkpoint_id");
    assert_eq!(api.get(&format!("{thread}/state/{id}")).await.ok(), history[1]);
    let by_object = json!({"checkpoint": middle, "subgraphs": false});
    let by_object = api.post(&format!("{thread}/state/checkpoint"), by_object).await.ok();
    assert_eq!(by_object, history[1]);
    for (body, expected) in [
        (json!({"limit": 1}), &history[..1]),
        (json!({"before": middle}), &history[2..]),
        (json!({"before": id}), &history[2..]),
        (json!({"checkpoint": middle}), &history[1..]),
        (json!({"checkpoint": middle, "limit": 1}), &history[1..2]),
        (json!({"metadata": {"nothing": "has this"}}), &[]),
    ] {
        let found = api.post(&format!("{thread}/history"), body.clone()).await.ok();
        assert_eq!(found, json!(expected), "{body}");
    }
    let found = api.get(&format!("{thread}/history?limit=5&before={id}")).await.ok();
    assert_eq!(found, json!(history[2..]));
    for body in [json!({"limit": 0}), json!({"before": 3}), json!({"before": "x"})] {
        api.post(&format!("{thread}/history"), body).await.refused(422);
    }
    api.get(&format!("{thread}/history?limit=x")).await.refused(422);
}

#[tokio::test]
async fn questions_show_on_the_thread_its_state_and_in_searches() {
    let api = Api::start().await;
    let thread = api.thread().await;
    let body = json!({"assistant_id": "echo", "input": {"ask": {"q": "ok?"}}});
    let result = api.post(&format!("{thread}/runs/wait"), body).await.ok();
    let asked = &result["__interrupt__"][0];
    assert_keys(asked, &["value", "id", "response_schema"]);
    assert_eq!(asked["value"], json!({"q": "ok?"}));
    let question = json!({"id": asked["id"], "value": asked["value"]});

    let shown = api.get(&thread).await.ok();
    assert_keys(&shown, &after_a_run());
    assert_eq!(shown["status"], "interrupted");
    let state = api.get(&format!("{thread}/state")).await.ok();
    assert_eq!(state["next"], json!(["echo"]));
    assert_eq!(state["interrupts"], json!([question]));
    let task = &state["tasks"][0];
    assert_keys(task, &TASK);
    assert_eq!(task["name"], "echo");
    assert_eq!(task["interrupts"], json!([question]));
    assert_eq!(shown["interrupts"][text(task, "id")], json!([question]));
    let found = api.post("/threads/search", json!({"status": "interrupted"})).await.ok();
    assert_eq!(found, json!([shown]));

    let resume = json!({"assistant_id": "echo", "command": {"resume": "yes"}});
    let result = api.post(&format!("{thread}/runs/wait"), resume).await.ok();
    assert_eq!(result["answer"], "yes");
    let shown = api.get(&thread).await.ok();
    assert_eq!((&shown["status"], &shown["interrupts"]), (&json!("idle"), &json!({})));
    assert_eq!(api.get(&format!("{thread}/state")).await.ok()["next"], json!([]));
}

#[tokio::test]
async fn a_failed_run_shows_on_its_thread() {
    let api = Api::start().await;
    let thread = api.thread().await;
    let body = json!({"assistant_id": "echo", "input": {"fail": "boom"}});
    let result = api.post(&format!("{thread}/runs/wait"), body).await.ok();
    assert_keys(&result, &["__error__"]);
    let shown = api.get(&thread).await.ok();
    assert_keys(&shown, &after_a_run());
    assert_eq!(shown["status"], "error");
    assert_eq!(shown["error"], result["__error__"]);
    assert_eq!(shown["values"], Value::Null);
}

#[tokio::test]
async fn threads_are_found_by_what_they_are() {
    let api = Api::start().await;
    let one = json!({"metadata": {"u": {"id": 1, "team": "a"}}});
    let one = api.post("/threads", one).await.ok();
    let two = api.post("/threads", json!({"metadata": {"u": {"id": 2}}})).await.ok();
    let path = format!("/threads/{}/runs/wait", text(&one, "thread_id"));
    let run = json!({"assistant_id": "echo", "input": message("hi")});
    api.post(&path, run).await.ok();
    let ids = |answer: &Value| -> Vec<Value> {
        answer.as_array().unwrap().iter().map(|thread| thread["thread_id"].clone()).collect()
    };
    let (first, second) = (&one["thread_id"], &two["thread_id"]);
    for (filter, expected) in [
        (json!({}), vec![first, second]),
        (json!({"sort_by": "created_at", "sort_order": "desc"}), vec![second, first]),
        (json!({"sort_by": "created_at", "sort_order": "asc"}), vec![first, second]),
        (json!({"metadata": {"u": {"id": 2}}}), vec![second]),
        (json!({"values": {"count": 1}}), vec![first]),
        (json!({"values": {"count": 7}}), vec![]),
        (json!({"ids": [second]}), vec![second]),
        (json!({"status": "idle", "limit": 1, "offset": 1}), vec![second]),
        (json!({"status": "busy"}), vec![]),
    ] {
        let found = api.post("/threads/search", filter.clone()).await.ok();
        assert_eq!(ids(&found).iter().collect::<Vec<_>>(), expected, "{filter}");
    }
    let page = api.post("/threads/search", json!({"limit": 1})).await;
    assert_eq!(page.header("x-pagination-total"), Some("2"));
    assert_eq!(page.header("x-pagination-next"), Some("1"));
    assert_eq!(api.post("/threads/count", json!({})).await.ok(), 2);
    assert_eq!(api.post("/threads/count", json!({"metadata": {"u": {"id": 1}}})).await.ok(), 1);

    let picked = json!({
        "ids": [first], "select": ["thread_id"],
        "extract": {"last": "values.messages[-1].content", "n": "values.count"},
    });
    let picked = api.post("/threads/search", picked).await.ok();
    let extracted = json!({"last": "echo: hi", "n": 1});
    assert_eq!(picked, json!([{"thread_id": first, "extracted": extracted}]));

    api.post("/threads/search", json!({"ids": ["abc"]})).await.refused(400);
    for body in [
        json!({"status": "weird"}),
        json!({"select": ["bogus"]}),
        json!({"sort_by": "bogus"}),
        json!({"extract": {"x": "a..b"}}),
        json!({"limit": 1001}),
    ] {
        api.post("/threads/search", body).await.refused(422);
    }
}
