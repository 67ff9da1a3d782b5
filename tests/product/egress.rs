//! What assistants send, with a secret that is nowhere to be found afterwards.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::json;

use crate::support::{Server, eventually, holding, text};

const SECRET: &str = "sesame-opens-the-cave-41";

/// A server that says in headers and body what it was told in `authorization`. Returns its address
/// and what it was told.
fn echo() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let told = Arc::<Mutex<Vec<String>>>::default();
    let noted = Arc::clone(&told);
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
            let head: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
            let said = head.iter().find_map(|line| line.strip_prefix("authorization: "));
            let said = said.unwrap_or_default().to_owned();
            let answer = format!(
                "HTTP/1.1 200 OK\r\nx-said: {said}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{said}",
                said.len()
            );
            noted.lock().unwrap().push(said);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    (address, told)
}

#[test]
fn a_secret_reaches_its_host_and_nothing_that_the_server_writes() {
    let (address, told) = echo();
    let mut server = Server::new();
    server.install("test/fetch", "fetch");
    server.set("CAVE_KEY", Path::new(SECRET));
    let grants = format!(
        "[grants]\nhosts = [{{ url = \"http://{address}\", private = true }}]\n[grants.secrets.KEY]\nfrom = \"CAVE_KEY\"\nto = [\"http://{address}\"]\n"
    );
    fs::write(server.assistants().join("fetch.toml"), grants).unwrap();
    let log = server.data().with_extension("log");
    server.log_to(&log);
    server.set("WAKEFUL_LOG", Path::new("trace"));
    server.launch();

    let thread = server.thread();
    let wish = |more: serde_json::Value| {
        let mut input = json!({
            "requests": [{ "url": format!("http://{address}/"), "headers": { "authorization": "Bearer $KEY" } }],
            "environment": true,
        });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "assistant_id": "fetch", "input": input, "stream_resumable": true })
    };
    let run = |body| server.post(&format!("/threads/{thread}/runs/wait"), body);
    let done = run(wish(json!({}))).ok();
    assert_eq!(*told.lock().unwrap(), [format!("Bearer {SECRET}")]);
    let stars = format!("Bearer {}", "*".repeat(SECRET.len()));
    assert_eq!(done["answers"][0]["body"], stars, "{done}");
    let failed = run(wish(json!({ "fail": true }))).ok();
    assert_eq!(failed["__error__"]["error"], "trapped", "{failed}");
    let denied = json!({
        "assistant_id": "fetch",
        "input": { "requests": [{ "url": "http://127.0.0.1:1/", "headers": { "authorization": "$KEY" } }] },
    });
    let denied = run(denied).ok();
    assert_eq!(denied["answers"][0]["error"], "HttpRequestDenied", "{denied}");

    let runs = server.get(&format!("/threads/{thread}/runs")).ok();
    let mut shown = vec![runs.to_string(), server.get("/components").ok().to_string()];
    let mut refused = 0;
    for run in runs.as_array().unwrap() {
        let id = text(run, "run_id");
        let logs = server.get(&format!("/runs/{id}/logs")).ok().to_string();
        refused += usize::from(logs.contains("hosts = ["));
        shown.push(logs);
    }
    assert_eq!(refused, 1, "the denied run says what would allow it: {shown:?}");
    shown.push(server.get(&format!("/threads/{thread}/state")).ok().to_string());
    let printed = server.wakeful(&["assistants", "show", "fetch"]);
    let printed = String::from_utf8_lossy(&printed.stdout).into_owned();
    assert!(printed.contains("secret KEY in header authorization"), "{printed}");
    assert!(printed.contains("wasi:http/outgoing-handler"), "{printed}");
    shown.push(printed);
    assert!(!shown.iter().any(|text| text.contains(SECRET)), "{shown:?}");
    server.terminate();
    assert!(fs::metadata(&log).unwrap().len() > 0);
    assert_eq!(holding(server.data().parent().unwrap(), SECRET.as_bytes()), [] as [String; 0]);
}

#[test]
fn a_grant_holds_as_soon_as_it_is_written_and_no_longer_than_it_stands() {
    let (address, _) = echo();
    let mut server = Server::new();
    server.install("test/fetch", "fetch");
    server.launch();
    let settings = server.assistants().join("fetch.toml");
    let ask = || {
        let input = json!({ "requests": [{ "url": format!("http://{address}/") }] });
        let body = json!({ "assistant_id": "fetch", "input": input });
        server.post("/runs/wait", body).ok()["answers"][0].clone()
    };
    assert_eq!(ask()["error"], "HttpRequestDenied");
    let grant = format!("[grants]\nhosts = [{{ url = \"http://{address}\", private = true }}]\n");
    fs::write(&settings, grant).unwrap();
    eventually("it is granted", || ask()["status"] == 200);
    fs::remove_file(&settings).unwrap();
    eventually("it is taken away", || ask()["error"] == "HttpRequestDenied");
}
