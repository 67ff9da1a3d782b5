//! Items: from a guest within its grants, from a client, and from the command line.

use serde_json::{Value, json};

use crate::support::{Server, eventually, list, text};

/// Installs the probe under an id of its own, with this file beside it.
fn install(server: &Server, id: &str, toml: &str) {
    std::fs::write(server.assistants().join(format!("{id}.toml")), toml).unwrap();
    server.install("test/probe", id);
    eventually("it serves", || {
        server.post("/assistants/count", json!({ "graph_id": id })).body == json!(1)
    });
}

/// What came of these calls of a guest.
fn calls(server: &Server, id: &str, calls: Value) -> Vec<Value> {
    let body = json!({ "assistant_id": id, "input": { "store": calls } });
    let ended = server.post("/runs/wait", body).ok();
    assert_eq!(ended.get("__error__"), None, "{ended}");
    list(ended["answers"].clone())
}

fn put(namespace: Value, key: &str, value: Value) -> Value {
    json!({ "call": "put", "namespace": namespace, "key": key, "value": value })
}

fn get(namespace: Value, key: &str) -> Value {
    json!({ "call": "get", "namespace": namespace, "key": key })
}

/// The word for what a call was refused with.
fn refusal(answer: &Value) -> String {
    let word = answer["error"].as_str().unwrap_or_else(|| panic!("not refused: {answer}"));
    word.trim_start_matches("ErrorCode::").to_owned()
}

fn store(server: &Server, namespace: &[&str], key: &str, value: Value) {
    let body = json!({ "namespace": namespace, "key": key, "value": value });
    assert_eq!(server.send("PUT", "/store/items", &body.to_string()).status, 204);
}

#[test]
fn a_guest_reaches_the_items_that_it_was_granted_and_no_other() {
    let server = Server::start();
    install(&server, "clerk", "[grants]\nstore = [\"notes\", \"shared.team:read\"]\n");
    store(&server, &["shared", "team", "a"], "k", json!({ "by": "client" }));
    store(&server, &["other"], "k", json!({}));
    let answers = calls(
        &server,
        "clerk",
        json!([
            put(json!(["notes", "today"]), "k", json!({ "n": 1 })),
            get(json!(["notes", "today"]), "k"),
            get(json!(["notes"]), "k"),
            get(json!(["shared", "team", "a"]), "k"),
            { "call": "search", "namespace": ["notes"], "filter": { "n": { "$gte": 1 } } },
            { "call": "namespaces", "namespace": ["shared", "team"] },
            { "call": "delete", "namespace": ["notes", "today"], "key": "nothing" },
        ]),
    );
    assert_eq!(answers[0], json!({ "ok": null }));
    assert_eq!(answers[1]["ok"]["value"], json!({ "n": 1 }));
    assert!(text(&answers[1]["ok"], "created").ends_with('Z'));
    assert_eq!(answers[2], json!({ "ok": null }));
    assert_eq!(answers[3]["ok"]["value"], json!({ "by": "client" }));
    assert_eq!(answers[4]["ok"][0]["key"], "k");
    assert_eq!(answers[5], json!({ "ok": [["shared", "team", "a"]] }));
    assert_eq!(answers[6], json!({ "ok": false }));
    let seen = server.get("/store/items?namespace=notes.today&key=k").ok();
    assert_eq!(seen["value"], json!({ "n": 1 }));

    for call in [
        put(json!(["shared", "team"]), "k", json!({})),
        json!({ "call": "delete", "namespace": ["shared", "team", "a"], "key": "k" }),
        put(json!(["other"]), "k", json!({})),
        get(json!(["other"]), "k"),
        get(json!(["notesy"]), "k"),
        json!({ "call": "search", "namespace": [] }),
        json!({ "call": "search", "namespace": ["shared"] }),
        json!({ "call": "namespaces", "namespace": [] }),
        json!({ "call": "namespaces", "namespace": ["*"] }),
        json!({ "call": "namespaces", "namespace": ["shared", "*"] }),
    ] {
        let answer = calls(&server, "clerk", json!([call])).remove(0);
        assert_eq!(refusal(&answer), "Denied", "{call}");
    }
    assert_eq!(server.get("/store/items?namespace=other&key=k").ok()["value"], json!({}));
}

#[test]
fn a_refusal_is_in_the_log_with_the_line_that_would_allow_it() {
    let server = Server::start();
    install(&server, "clerk", "[grants]\nstore = [\"notes\"]\n");
    let thread = server.thread();
    let attempt = || {
        let input = json!({ "store": [put(json!(["todo", "list"]), "k", json!({ "n": 1 }))] });
        let body = json!({ "assistant_id": "clerk", "input": input });
        let run = text(&server.post(&format!("/threads/{thread}/runs"), body).ok(), "run_id");
        server.get(&format!("/threads/{thread}/runs/{run}/join")).ok();
        let logs = server.get(&format!("/runs/{run}/logs")).ok();
        list(logs["logs"].clone()).iter().map(|line| text(line, "message")).collect::<String>()
    };
    let line = r#"store = ["notes", "todo.list"]"#;
    let shown = attempt();
    assert!(shown.contains(line) && shown.contains("under [grants]"), "{shown}");

    install(&server, "clerk", &format!("[grants]\n{line}\n"));
    eventually("the grant is in force", || {
        let clerk = list(server.get("/components").ok());
        clerk.iter().any(|one| one["grants"]["store"] == json!(["notes", "todo.list"]))
    });
    assert!(!attempt().contains("under [grants]"));
    assert_eq!(server.get("/store/items?namespace=todo.list&key=k").ok()["value"]["n"], 1);
    let shown = server.wakeful(&["assistants", "show", "clerk"]);
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("store notes, todo.list"), "{shown}");
}

#[test]
fn a_mistake_in_the_grants_is_told_and_grants_nothing() {
    let server = Server::start();
    std::fs::write(server.assistants().join("clerk.toml"), "[grants]\nstore = [\"notes:raed\"]\n")
        .unwrap();
    server.install("test/probe", "clerk");
    eventually("the mistake is told", || {
        let components = list(server.get("/components").ok());
        components.iter().any(|one| {
            one["id"] == "clerk" && one["problem"].as_str().is_some_and(|why| why.contains(":read"))
        })
    });
    let run = json!({ "assistant_id": "clerk", "input": {} });
    let status = server.post("/runs/wait", run).status;
    assert!((400..500).contains(&status), "{status}");
}

#[test]
fn what_a_guest_puts_stays_when_its_run_fails_and_goes_after_its_ttl() {
    let server = Server::start();
    install(&server, "clerk", "[grants]\nstore = [\"notes\"]\n");
    let input = json!({ "store": [
        { "call": "put", "namespace": ["notes"], "key": "k", "value": {}, "ttl": 5 },
        { "call": "nonsense" },
    ] });
    let ended = server.post("/runs/wait", json!({ "assistant_id": "clerk", "input": input })).ok();
    assert_eq!(ended["__error__"]["error"], "trapped");
    let item = server.get("/store/items?namespace=notes&key=k&refresh_ttl=false").ok();
    let instant = |key| text(&item, key).parse::<jiff::Timestamp>().unwrap();
    let stays = instant("expires_at").duration_since(instant("updated_at"));
    assert_eq!(stays, jiff::SignedDuration::from_mins(5));
}

#[test]
fn a_hostile_guest_is_bounded_in_what_it_puts_and_asks() {
    let server = Server::start();
    let limits = "[limits]\nfuel = 50_000_000\ndisk = \"10 KiB\"\n";
    install(&server, "hostile", &format!("{limits}[grants]\nstore = [\"h\"]\n"));
    let long = "x".repeat(4_000);
    for (call, expected) in [
        (put(json!(["h"]), "fill:2000", json!({})), "InvalidInput"),
        (put(json!(["h"]), "", json!({})), "InvalidInput"),
        (put(json!(["h", "fill:2000"]), "k", json!({})), "InvalidInput"),
        (put(json!(["h", "a.b"]), "k", json!({})), "InvalidInput"),
        (put(json!(["h"]), "k", json!("no object")), "InvalidInput"),
        (put(json!(["h"]), "k", json!("fill:1100000")), "LimitExceeded"),
        (json!({ "call": "search", "namespace": ["h"], "limit": 101 }), "InvalidInput"),
        (json!({ "call": "search", "namespace": ["h"], "limit": 0 }), "InvalidInput"),
        (
            json!({ "call": "search", "namespace": ["h"], "filter": { "x": { "$y": 1 } } }),
            "InvalidInput",
        ),
        (json!({ "call": "namespaces", "namespace": ["h"], "max_depth": 0 }), "InvalidInput"),
        (
            json!({ "call": "put", "namespace": ["h"], "key": "k", "value": {}, "ttl": 0 }),
            "InvalidInput",
        ),
    ] {
        let answer = calls(&server, "hostile", json!([call])).remove(0);
        assert_eq!(refusal(&answer), expected, "{call}");
    }
    let value = json!({ "x": long });
    let many = [1, 2, 3].map(|n| put(json!(["h", "large"]), &n.to_string(), value.clone()));
    let answers = calls(&server, "hostile", json!(many));
    assert_eq!(answers[1], json!({ "ok": null }));
    assert_eq!(refusal(&answers[2]), "LimitExceeded");
    assert!(text(&answers[2], "message").contains("`disk`"));

    let mut flood = put(json!(["h", "flood"]), "k", json!({}));
    flood["count"] = json!(10_000);
    let body = json!({ "assistant_id": "hostile", "input": { "store": [flood] } });
    let ended = server.post("/runs/wait", body).ok();
    assert_eq!(ended["__error__"]["error"], "out_of_fuel");
    let search = json!({ "namespace_prefix": ["h", "flood"], "limit": 1_000 });
    let found = server.post("/store/items/search", search).ok();
    let count = found["items"].as_array().unwrap().len();
    assert!((1..500).contains(&count), "{count}");
}

#[test]
fn items_are_put_shown_listed_and_deleted_from_the_command_line() {
    let server = Server::start();
    let run = |arguments: &[&str], code: i32| {
        let output = server.wakeful(&[&["store"], arguments].concat());
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
        text
    };
    run(&["put", "user.1", "likes", r#"{"color": "red", "n": 2}"#], 0);
    run(&["put", "user.2", "likes", r#"{"n": 1}"#, "--ttl", "30"], 0);
    let shown = run(&["get", "user.1", "likes"], 0);
    assert!(shown.contains("\"color\": \"red\""), "{shown}");
    let item: Value = serde_json::from_str(&run(&["get", "user.2", "likes", "--json"], 0)).unwrap();
    assert!(item["expires_at"].is_string());
    let listed = run(&["list", "user", "--filter", r#"{"n": {"$gt": 1}}"#], 0);
    assert!(listed.contains("user.1") && !listed.contains("user.2"), "{listed}");
    assert_eq!(run(&["namespaces"], 0), "user.1\nuser.2\n");
    assert_eq!(run(&["namespaces", "--prefix", "*.2"], 0), "user.2\n");
    assert_eq!(run(&["namespaces", "--max-depth", "1"], 0), "user\n");
    run(&["delete", "user.1", "likes"], 0);
    for (arguments, code, expected) in [
        (&["get", "user.1", "likes"][..], 5, "no item likes in namespace user.1"),
        (&["delete", "user.1", "likes"], 5, "no item"),
        (&["get", "user..1", "likes"], 2, "namespace label"),
        (&["put", "user.1", "likes", "[]"], 2, "VALUE"),
        (&["put", "langgraph", "likes", "{}"], 2, "reserved"),
        (&["put", "a", "k", "{}", "--ttl", "0"], 2, "ttl"),
        (&["list", "--filter", r#"{"a": {"$x": 1}}"#], 2, "$x"),
    ] {
        let text = run(arguments, code);
        assert!(text.contains(expected), "{arguments:?}: {text}");
    }
}
