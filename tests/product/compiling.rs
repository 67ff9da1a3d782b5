//! Components that are too much for a compiler.

use serde_json::{Value, json};

#[cfg(target_os = "linux")]
use crate::support::children;
use crate::support::{Server, eventually, list};

/// `echo` with a module beside it that takes minutes and gigabytes to compile: one function of a
/// hundred thousand blocks in one another.
fn bomb(server: &Server) -> Vec<u8> {
    const BLOCKS: usize = 100_000;
    let mut body = vec![0];
    body.extend([2, 0x40].repeat(BLOCKS));
    body.extend([0x0b].repeat(BLOCKS + 1));
    let mut code = vec![1];
    code.extend(sized(&body));
    let mut module = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x0a".to_vec();
    module.extend(sized(&code));
    let mut component = std::fs::read(server.assistants().join("echo.wasm")).unwrap();
    component.push(1);
    component.extend(sized(&module));
    component
}

/// Bytes behind their number, as WebAssembly writes it.
fn sized(bytes: &[u8]) -> Vec<u8> {
    let mut number = bytes.len();
    let mut sized = Vec::new();
    while number > 0x7f {
        sized.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    sized.push(number as u8);
    sized.extend(bytes);
    sized
}

#[test]
fn a_component_that_is_made_to_hold_up_the_compiler_holds_up_no_run() {
    let mut server = Server::new();
    server.install("echo", "echo");
    let settings = server.data().with_file_name("compiling.toml");
    std::fs::write(&settings, "[compile]\ntime = \"5s\"\n").unwrap();
    server.set("WAKEFUL_CONFIG", &settings);
    server.launch();
    let bomb = bomb(&server);
    std::fs::write(server.assistants().join("bomb.wasm"), &bomb).unwrap();
    let run = || server.post("/runs/wait", json!({"assistant_id": "echo", "input": {}}));
    eventually("the bomb is refused", || {
        assert_eq!(run().status, 200);
        problem(&server, "bomb").is_some()
    });
    let told = problem(&server, "bomb").unwrap();
    assert!(told.contains("needs more than 5 s of processor time"), "{told}");
    // Another one is swapped for a good component while it compiles.
    let mut other = bomb;
    other.extend([0, 2, 1, b'a']);
    std::fs::write(server.assistants().join("swapped.wasm"), other).unwrap();
    #[cfg(target_os = "linux")]
    eventually("it compiles", || !children(server.pid(), "compile-for-parent").is_empty());
    server.install("clock", "swapped");
    eventually("the component that came last serves", || {
        let body = json!({"assistant_id": "swapped", "input": {"messages": []}});
        server.post("/runs/wait", body).status == 200
    });
    assert_eq!(problem(&server, "swapped"), None);
}

fn problem(server: &Server, id: &str) -> Option<String> {
    let components = list(server.get("/components").ok());
    let found = components.into_iter().find(|component| component["id"] == id);
    found.unwrap_or(Value::Null)["problem"].as_str().map(str::to_owned)
}

#[test]
fn a_component_that_needs_too_much_of_the_compiler_is_refused_until_its_file_changes() {
    let mut server = Server::new();
    server.install("echo", "echo");
    let settings = server.data().with_file_name("compiling.toml");
    std::fs::write(&settings, "[compile]\nmemory = \"40 MiB\"\n").unwrap();
    server.set("WAKEFUL_CONFIG", &settings);
    server.launch();
    // The compiler does not even start with so little.
    let told = problem(&server, "echo").expect("it is refused");
    assert!(told.contains("its compiler") && told.contains("until the file changes"), "{told}");
    let listed = server.wakeful(&["assistants", "list"]);
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(listed.contains("its compiler"), "{listed}");
    let refused = server.post("/runs/wait", json!({"assistant_id": "echo", "input": {}}));
    assert_eq!(refused.status, 422, "{:?}", refused.body);

    server.terminate();
    std::fs::write(&settings, "").unwrap();
    server.launch();
    assert_eq!(problem(&server, "echo"), Some(told));
    let path = server.assistants().join("echo.wasm");
    let mut changed = std::fs::read(&path).unwrap();
    // A section of another name, which nobody reads.
    changed.extend([0, 2, 1, b'a']);
    std::fs::write(&path, changed).unwrap();
    eventually("the changed file serves", || problem(&server, "echo").is_none());
    server.post("/runs/wait", json!({"assistant_id": "echo", "input": {}})).ok();
}
