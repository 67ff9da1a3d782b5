//! Assistants come and go while the server runs.

use serde_json::{Value, json};

use crate::support::{Server, eventually, list, text};

fn component(server: &Server, id: &str) -> Value {
    let components = list(server.get("/components").ok());
    components.into_iter().find(|component| component["id"] == id).unwrap_or(Value::Null)
}

fn run(server: &Server, id: &str, input: Value) -> crate::support::Answer {
    server.post("/runs/wait", json!({"assistant_id": id, "input": input}))
}

#[test]
fn a_dropped_component_serves_under_the_name_of_its_file() {
    let mut server = Server::new();
    server.launch();
    assert_eq!(run(&server, "parrot", json!({})).status, 422);
    server.install("echo", "parrot");
    eventually("the new component serves", || run(&server, "parrot", json!({})).status == 200);
    let found = list(server.post("/assistants/search", json!({"graph_id": "parrot"})).ok());
    assert_eq!(found.len(), 1);
    std::fs::remove_file(server.assistants().join("parrot.wasm")).unwrap();
    eventually("the removed component is gone", || run(&server, "parrot", json!({})).status == 422);
}

#[test]
fn a_replaced_component_serves_new_runs_and_finishes_old_ones_on_the_old_bytes() {
    let server = Server::start();
    server.install("echo", "shifting");
    eventually("it serves", || run(&server, "shifting", json!({})).status == 200);
    let before = text(&component(&server, "shifting"), "digest");
    let thread = server.thread();
    let old = server.post(
        &format!("/threads/{thread}/runs"),
        json!({"assistant_id": "shifting", "input": {"sleep": 5,
            "messages": [{"role": "user", "content": "old"}]}}),
    );
    let old = text(&old.ok(), "run_id");
    let status = |id: &str| server.get(&format!("/threads/{thread}/runs/{id}")).ok();
    eventually("the old run runs", || status(&old)["status"] == "running");

    server.install("clock", "shifting");
    eventually("the new bytes serve", || text(&component(&server, "shifting"), "digest") != before);
    let new = run(&server, "shifting", json!({"messages": []})).ok();
    assert!(new["messages"].to_string().contains("It is"), "{new}");

    eventually("the old run ends", || status(&old)["status"] == "success");
    let old = status(&old);
    assert_eq!(text(&old["execution"], "digest"), before);
    assert!(old["execution"]["output"].to_string().contains("echo: old"), "{old}");
}

#[test]
fn a_broken_file_is_told_and_the_last_good_version_serves_on_even_after_a_restart() {
    let mut server = Server::start();
    let good = text(&component(&server, "echo"), "digest");
    std::fs::write(server.assistants().join("echo.wasm"), b"not wasm at all").unwrap();
    eventually("the problem is told", || component(&server, "echo")["problem"].is_string());
    assert_eq!(component(&server, "echo")["digest"], json!(good));
    run(&server, "echo", json!({})).ok();
    let listed = server.wakeful(&["assistants", "list"]);
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(listed.contains("echo") && listed.contains("not WebAssembly"), "{listed}");

    server.terminate();
    server.launch();
    assert_eq!(component(&server, "echo")["digest"], json!(good));
    run(&server, "echo", json!({})).ok();

    server.install("echo", "echo");
    eventually("a good file ends the problem", || component(&server, "echo")["problem"].is_null());
}

#[test]
fn a_foreign_module_and_a_bad_name_are_told() {
    let server = Server::start();
    // A core module: magic, version 1, nothing else.
    std::fs::write(server.assistants().join("module.wasm"), b"\0asm\x01\0\0\0").unwrap();
    server.install("echo", "bad name");
    server.install("echo", "nul");
    let problem = |id: &str| component(&server, id)["problem"].as_str().map(str::to_owned);
    eventually("both are listed", || problem("module").is_some() && problem("bad name").is_some());
    assert!(problem("module").unwrap().contains("component"), "{:?}", problem("module"));
    assert!(problem("bad name").unwrap().contains("name"), "{:?}", problem("bad name"));
    assert_eq!(run(&server, "module", json!({})).status, 422);
    eventually("the device is told", || problem("nul").is_some());
    assert!(problem("nul").unwrap().contains("Windows"), "{:?}", problem("nul"));
}

#[test]
fn limits_are_read_from_the_file_beside_the_component() {
    let server = Server::start();
    std::fs::write(
        server.assistants().join("echo.toml"),
        "description = \"Echoes\"\n[limits]\ntimeout = \"100ms\"\n",
    )
    .unwrap();
    eventually("the limit is read", || {
        component(&server, "echo")["description"] == json!("Echoes")
    });
    let slow = run(&server, "echo", json!({"sleep": 30})).ok();
    assert_eq!(slow["__error__"]["error"], "timed_out", "{slow}");
    std::fs::write(server.assistants().join("echo.toml"), "[limits]\ntimeuot = \"1s\"\n").unwrap();
    eventually("the mistake is told", || {
        component(&server, "echo")["problem"].to_string().contains("timeuot")
    });
}

#[test]
fn of_names_that_differ_only_in_case_the_first_one_serves() {
    let mut server = Server::new();
    server.install("echo", "parrot");
    server.launch();
    let good = text(&component(&server, "parrot"), "digest");
    // In the order of bytes it would be the first.
    server.install("clock", "Parrot");
    let problem = |server: &Server| component(server, "Parrot")["problem"].to_string();
    eventually("the other one is told", || problem(&server).contains("differs only in case"));
    assert_eq!(run(&server, "Parrot", json!({})).status, 422);

    server.terminate();
    server.launch();
    assert_eq!(component(&server, "parrot")["digest"], json!(good));
    assert!(problem(&server).contains("differs only in case"), "{}", problem(&server));

    std::fs::remove_file(server.assistants().join("parrot.wasm")).unwrap();
    eventually("the name is free", || run(&server, "Parrot", json!({})).status == 200);
}

#[test]
fn a_copy_in_progress_is_hidden_until_it_is_renamed_into_place() {
    let server = Server::start();
    let before = text(&component(&server, "echo"), "digest");
    server.install("clock", ".echo");
    server.install("clock", "other");
    eventually("the folder was looked at", || component(&server, "other")["digest"].is_string());
    let ids: Vec<_> = list(server.get("/components").ok());
    assert!(!ids.iter().any(|component| text(component, "id").starts_with('.')), "{ids:?}");
    let hidden = server.assistants().join(".echo.wasm");
    std::fs::rename(hidden, server.assistants().join("echo.wasm")).unwrap();
    eventually("the new bytes serve", || text(&component(&server, "echo"), "digest") != before);
}

#[test]
fn a_file_or_a_folder_that_cannot_be_read_takes_nothing_out_of_service() {
    let server = Server::start();
    let file = server.assistants().join("echo.wasm");
    std::fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink("echo.wasm", &file).unwrap();
    eventually("the problem is told", || component(&server, "echo")["problem"].is_string());
    run(&server, "echo", json!({})).ok();

    let away = server.assistants().with_extension("away");
    std::fs::rename(server.assistants(), &away).unwrap();
    run(&server, "clock", json!({})).ok();
    std::fs::create_dir(server.assistants()).unwrap();
    server.install("clock", "newcomer");
    eventually("the new folder is looked at", || run(&server, "newcomer", json!({})).status == 200);
}
