//! API keys, from the first one on.

use std::process::{Command, Output};

use serde_json::Value;

use crate::support::{PROGRAM, Server, text};

/// Runs a command in the server's folder, with an API key or without.
fn wakeful(server: &Server, key: Option<&str>, arguments: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).current_dir(server.data().parent().unwrap());
    command.env_remove("LANGGRAPH_API_KEY").env_remove("WAKEFUL_URL");
    match key {
        Some(key) => command.env("WAKEFUL_API_KEY", key),
        None => command.env_remove("WAKEFUL_API_KEY"),
    };
    command.output().unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[track_caller]
fn ok(output: &Output) -> String {
    assert!(output.status.success(), "{}", err(output));
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[track_caller]
fn json(output: &Output) -> Value {
    serde_json::from_str(&ok(output)).unwrap()
}

#[test]
fn a_first_key_is_made_before_the_first_start_and_a_revoked_one_ends_at_once() {
    let mut server = Server::new();
    server.install("echo", "echo");
    let data = server.data();
    let data = data.to_str().unwrap();
    let admin = ["keys", "create", "--name", "admin", "--scope", "manage", "--data", data];
    let admin = ok(&wakeful(&server, None, &admin));
    let admin = admin.trim();
    assert!(admin.starts_with("wk_") && !admin.contains('\n'), "{admin}");
    let listed = json(&wakeful(&server, None, &["keys", "list", "--data", data, "--json"]));
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["name"]), (1, &"admin".into()));

    server.launch();
    let url = server.url().to_owned();
    let ask = |key: Option<&str>, arguments: &[&str]| {
        wakeful(&server, key, &[arguments, &["--url", &url]].concat())
    };
    assert_eq!(server.get("/threads/x").status, 401);
    let refused = ask(None, &["runs", "list"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(err(&refused).contains("WAKEFUL_API_KEY"), "{}", err(&refused));
    let input = r#"{"messages": [{"role": "user", "content": "hello"}]}"#;
    let answer = json(&ask(Some(admin), &["run", "echo", "--input", input]));
    assert_eq!(answer["messages"][1]["content"], "echo: hello");

    let reader = ["keys", "create", "--name", "reader", "--scope", "read", "--rate", "50:70"];
    let reader = json(&ask(Some(admin), &[&reader[..], &["--json"]].concat()));
    let key = text(&reader, "key");
    ok(&ask(Some(&key), &["runs", "list"]));
    let refused = err(&ask(Some(&key), &["keys", "list"]));
    assert!(refused.contains("manage"), "{refused}");
    // The folder is in use, so the server is asked although the folder was named.
    let shown = ok(&ask(Some(admin), &["keys", "list", "--data", data]));
    assert!(shown.contains("reader") && shown.contains("50:70"), "{shown}");
    ok(&ask(Some(admin), &["keys", "revoke", &text(&reader, "key_id")]));
    assert!(!ask(Some(&key), &["runs", "list"]).status.success());
    let again = ask(Some(admin), &["keys", "revoke", &text(&reader, "key_id")]);
    assert_eq!(again.status.code(), Some(5), "{}", err(&again));

    // A server that was named and does not run is not replaced by a folder.
    server.kill();
    let down = wakeful(&server, Some(admin), &["keys", "list", "--url", &url]);
    assert_eq!(down.status.code(), Some(6), "{}", err(&down));
}

#[test]
fn an_address_that_others_reach_is_not_served_without_a_key() {
    let server = Server::new();
    let data = server.data();
    let serve = ["serve", "--listen", "0.0.0.0:0", "--data", data.to_str().unwrap()];
    let output = wakeful(&server, None, &serve);
    assert_eq!(output.status.code(), Some(2));
    let message = err(&output);
    assert!(message.contains("wakeful keys create --name admin --scope manage"), "{message}");
    assert!(!data.exists());
}
