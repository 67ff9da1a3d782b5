//! Assistants are made, built, checked and put into service.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{PROGRAM, Server, eventually, examples, list, text};

fn wakeful(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(PROGRAM).args(arguments).current_dir(folder).output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// What `check` says of a file, and its exit code.
fn check(folder: &Path, file: &Path) -> (Value, Option<i32>) {
    let output = wakeful(folder, &["check", "--json", file.to_str().unwrap()]);
    let document = serde_json::from_str(&out(&output));
    (document.unwrap_or_else(|_| panic!("{}", err(&output))), output.status.code())
}

/// Makes an assistant in a folder of its own.
fn new(name: &str, lang: &str) -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let output = wakeful(folder.path(), &["new", name, "--lang", lang]);
    assert!(output.status.success(), "{}", err(&output));
    let made = folder.path().join(name);
    (folder, made)
}

#[test]
fn a_component_is_said_to_be_what_it_is() {
    let folder = TempDir::new().unwrap();
    let (found, code) = check(folder.path(), &examples().join("reminder.wasm"));
    assert_eq!(code, Some(0), "{found}");
    assert_eq!(found["kind"], "component");
    assert_eq!(found["id"], "reminder");
    assert_eq!(found["contract"], "0.1.0");
    assert_eq!(found["describes_itself"], true);
    assert_eq!(found["would_serve"], true);
    assert_eq!(found["problems"], json!([]));
    let imports = list(found["imports"].clone());
    assert!(imports.contains(&json!("wakeful:assistant/crons@0.1.0")), "{imports:?}");
    assert!(list(found["can_be_granted"].clone()).contains(&json!("crons")), "{found}");
    let output = wakeful(folder.path(), &["check", examples().join("echo.wasm").to_str().unwrap()]);
    let printed = out(&output);
    assert!(printed.contains("would serve") && printed.contains("a component"), "{printed}");
}

#[test]
fn what_would_not_serve_is_refused_with_the_reason() {
    let folder = TempDir::new().unwrap();
    let good = std::fs::read(examples().join("echo.wasm")).unwrap();
    let (half, _) = good.split_at(good.len() / 2);
    for (name, bytes, toml, kind, problem) in [
        ("text.wasm", &b"hello"[..], "", "other", "not WebAssembly"),
        ("module.wasm", &b"\0asm\x01\0\0\0"[..], "", "core_module", "wasm32-wasip2"),
        ("nothing.wasm", &b"\0asm\x0d\0\x01\0"[..], "", "component", "not an assistant"),
        ("half.wasm", half, "", "component", "not a valid component"),
        ("two words.wasm", &good[..], "", "component", "not an id"),
        ("nul.wasm", &good[..], "", "component", "Windows"),
        ("named.component", &good[..], "", "component", "does not end in `.wasm`"),
        ("mistaken.wasm", &good[..], "[limits]\ntimeuot = '1s'\n", "component", "timeuot"),
    ] {
        let file = folder.path().join(name);
        std::fs::write(&file, bytes).unwrap();
        std::fs::write(file.with_extension("toml"), toml).unwrap();
        let (found, code) = check(folder.path(), &file);
        assert_eq!(code, Some(1), "{name}");
        assert_eq!(found["kind"], kind, "{name}");
        assert_eq!(found["would_serve"], false, "{name}");
        assert!(found["problems"].to_string().contains(problem), "{name}: {found}");
    }
    let missing = wakeful(folder.path(), &["check", "missing.wasm"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(err(&missing).contains("missing.wasm"), "{}", err(&missing));
}

#[test]
fn a_new_assistant_is_refused_where_it_would_overwrite_and_under_a_bad_name() {
    for lang in ["rust", "python", "js"] {
        let (folder, made) = new("weekly", lang);
        let readme = std::fs::read_to_string(made.join("README.md")).unwrap();
        assert!(readme.contains("wakeful check") && readme.starts_with("# weekly"), "{readme}");
        let again = wakeful(folder.path(), &["new", "weekly", "--lang", lang]);
        assert_eq!(again.status.code(), Some(2), "{}", err(&again));
        assert!(err(&again).contains("nothing is overwritten"), "{}", err(&again));
    }
    let folder = TempDir::new().unwrap();
    for name in ["two words", "NUL", ".hidden", ".."] {
        let refused = wakeful(folder.path(), &["new", name, "--lang", "rust"]);
        assert_eq!(refused.status.code(), Some(2), "{name}");
        assert!(err(&refused).contains("cannot be the id"), "{}", err(&refused));
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_new_assistant_in_rust_builds_and_counts_the_fires_of_a_cron() {
    let (_folder, made) = new("week-counter", "rust");
    // With the versions of the examples nothing new has to be fetched, and in their folder nothing
    // has to be built twice.
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../example-assistants");
    std::fs::copy(built.join("Cargo.lock"), made.join("Cargo.lock")).unwrap();
    let target = built.join("target");
    let build = Command::new(env!("CARGO"))
        .args(["build", "--release", "--target", "wasm32-wasip2", "--target-dir"])
        .arg(&target)
        .current_dir(&made)
        .output()
        .unwrap();
    assert!(
        build.status.success(),
        "is the target installed? `rustup target add wasm32-wasip2`\n{}",
        err(&build)
    );
    let built = target.join("wasm32-wasip2/release/week_counter.wasm");
    let (found, code) = check(&made, &built);
    assert_eq!(code, Some(0), "{found}");
    // What it does not call, it does not import.
    assert!(!found["imports"].to_string().contains("wakeful:assistant/store"), "{found}");

    let mut server = Server::new();
    std::fs::copy(&built, server.assistants().join("week-counter.wasm")).unwrap();
    server.launch();
    let component = list(server.get("/components").ok()).remove(0);
    assert_eq!(component["name"], "week-counter", "{component}");
    let thread = server.thread();
    let cron = server.post(
        &format!("/threads/{thread}/runs/crons"),
        json!({"assistant_id": "week-counter", "schedule": "* * * * * *", "input": {}}),
    );
    let cron = text(&cron.ok(), "cron_id");
    let state = || server.get(&format!("/threads/{thread}/state")).ok();
    eventually("it has run twice", || state()["values"]["week"].as_u64() >= Some(2));
    server.delete(&format!("/runs/crons/{cron}")).ok();
    assert!(state()["values"]["messages"].to_string().contains("This is week 2."), "{}", state());
}
