//! The files of a thread, from a guest and from the command line.

use serde_json::{Value, json};

use crate::support::{Server, text};

#[test]
fn files_are_listed_read_put_and_deleted_from_the_command_line() {
    let server = Server::start();
    let thread = text(&server.post("/threads", json!({})).ok(), "thread_id");
    let folder = tempfile::tempdir().unwrap();
    let local = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let run = |arguments: &[&str], code: i32| {
        let output = server.wakeful(&[&["threads", "files"], arguments].concat());
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
        text
    };
    let thread = thread.as_str();
    assert!(run(&["list", thread], 0).contains("no files"));
    std::fs::write(local("week.md"), "- [ ] call home\n").unwrap();
    let put = run(&["put", thread, "todo.md", &local("week.md"), "--json"], 0);
    let put: Value = serde_json::from_str(&put).unwrap();
    let input = json!({ "messages": [{ "role": "user", "content": "add buy milk" }] });
    let body = json!({ "assistant_id": "weekly-todos", "input": input });
    server.post(&format!("/threads/{thread}/runs/wait"), body).ok();

    let both = run(&["get", thread, "todo.md"], 0);
    assert!(both.contains("call home") && both.contains("buy milk"), "{both}");
    let before = ["get", thread, "todo.md", "--checkpoint", &text(&put, "checkpoint_id")];
    assert_eq!(run(&before, 0), "- [ ] call home\n");
    run(&["get", thread, "todo.md", "--output", &local("copy")], 0);
    assert_eq!(std::fs::read_to_string(local("copy")).unwrap(), both);
    let put = run(&["put", thread, "a/b.txt", &local("week.md")], 0);
    assert!(put.starts_with("put a/b.txt: checkpoint "), "{put}");
    let listed = run(&["list", thread], 0);
    assert!(listed.contains("16 B  a/b.txt") && listed.contains("a/\n"), "{listed}");
    run(&["delete", thread, "a"], 0);
    assert!(!run(&["list", thread], 0).contains("a/"));

    for (arguments, code, expected) in [
        (&["get", thread, "a/b.txt"][..], 5, "file a/b.txt not found"),
        (&["delete", thread, "a"], 5, "file a not found"),
        (&["get", thread, "/etc/passwd"], 2, "paths are relative"),
        (&["put", thread, "../x", &local("week.md")], 2, "no name of a file"),
        (&["put", thread, "x", &local("none")], 2, "No such file"),
        (&["put", thread, "todo.md/x", &local("week.md")], 1, "`todo.md` is a file"),
    ] {
        let text = run(arguments, code);
        assert!(text.contains(expected), "{arguments:?}: {text}");
    }
}
