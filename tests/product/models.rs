//! Assistants that call language models, at a provider on this machine.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

use crate::support::{Server, holding, list, text};

const KEY: &str = "sk-open-sesame-number-17";

/// A provider that speaks OpenAI's wire format. Returns its URL and the requests that it got.
fn provider() -> (String, Arc<Mutex<Vec<Value>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let got = Arc::<Mutex<Vec<Value>>>::default();
    let noted = Arc::clone(&got);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            // A client that goes away is no concern.
            let _ = answer(stream, &noted);
        }
    });
    (url, got)
}

/// Says hello, and whatever key it was sent.
fn answer(mut stream: TcpStream, got: &Mutex<Vec<Value>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut length, mut key) = (0, String::new());
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let line = line.trim_end();
        if let Some(text) = line.strip_prefix("content-length: ") {
            length = text.parse().unwrap();
        }
        if let Some(text) = line.strip_prefix("authorization: Bearer ") {
            text.clone_into(&mut key);
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let request: Value = serde_json::from_slice(&body)?;
    let usage = json!({ "prompt_tokens": 30, "completion_tokens": 12 });
    let said = format!("hello {key}");
    let body = if request["stream"] == true {
        let delta = |text: &str| json!({ "choices": [{ "delta": { "content": text } }] });
        let last = json!({ "choices": [{ "delta": {}, "finish_reason": "stop" }], "usage": usage });
        let events = said.split_inclusive(' ').map(delta).chain([last]);
        let events: String = events.map(|event| format!("data: {event}\n\n")).collect();
        format!("{events}data: [DONE]\n\n")
    } else {
        let choice = json!({ "message": { "content": said }, "finish_reason": "stop" });
        json!({ "choices": [choice], "usage": usage, "model": "real" }).to_string()
    };
    got.lock().unwrap().push(request);
    write!(
        stream,
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// A server with a model `fast` at this provider, and the probe with this file beside it.
fn server(url: &str, model: &str, toml: &str) -> Server {
    let mut server = Server::new();
    let settings = format!(
        "retry_wait = \"10ms\"\n[models.fast]\nprovider = \"openai\"\nurl = \"{url}\"\nmodel = \"real-1\"\nkey = {{ from = \"FAST_KEY\" }}\n{model}"
    );
    fs::write(server.data().with_file_name("wakeful.toml"), settings).unwrap();
    fs::write(server.assistants().join("clerk.toml"), toml).unwrap();
    server.install("test/probe", "clerk");
    server.set("FAST_KEY", Path::new(KEY));
    server
}

const GRANTED: &str = "[grants]\nmodels = [\"fast\"]\n";

fn ask(more: Value) -> Value {
    let mut call = json!({ "model": "fast",
                           "request": { "messages": [{ "role": "user", "content": "hi" }] } });
    call.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    call
}

/// The run of these calls, as `GET /runs/{id}` shows it.
fn run(server: &Server, calls: Value) -> Value {
    let body =
        json!({ "assistant_id": "clerk", "input": { "chat": calls }, "stream_resumable": true });
    let thread = server.thread();
    let made = server.post(&format!("/threads/{thread}/runs"), body).ok();
    let id = text(&made, "run_id");
    server.get(&format!("/threads/{thread}/runs/{id}/join")).ok();
    server.get(&format!("/runs/{id}")).ok()
}

#[test]
fn an_assistant_calls_a_model_with_a_key_that_is_nowhere_to_be_found() {
    let (url, got) = provider();
    let mut server = server(&url, "", GRANTED);
    let log = server.data().with_extension("log");
    server.log_to(&log);
    server.set("WAKEFUL_LOG", Path::new("trace"));
    server.launch();
    let stars = format!("hello {}", "*".repeat(KEY.len()));
    let calls = json!([{ "models": true }, ask(json!({})), ask(json!({ "stream": true })), { "fail": true }]);
    let ended = run(&server, calls);
    let execution = &ended["execution"];
    let answers = list(execution["output"]["answers"].clone());
    assert_eq!(answers[0]["ok"], json!(["fast"]));
    assert_eq!(answers[1]["ok"]["content"], stars.as_str());
    let usage = json!({ "input_tokens": 30, "output_tokens": 12 });
    assert_eq!(answers[1]["ok"]["usage"], usage, "{answers:?}");
    assert_eq!(answers[2]["ok"]["answer"]["content"], stars.as_str());
    // The first attempt asked and failed; the second was given the same answers.
    assert_eq!(execution["attempt"], 2);
    assert_eq!(got.lock().unwrap().len(), 2, "nothing was paid twice");
    let tokens = json!({ "calls": 2, "input": 60, "output": 24, "estimated": false });
    assert_eq!(execution["tokens"], tokens);

    let id = text(&ended, "run_id");
    let shown = server.wakeful(&["runs", "show", &id]).stdout;
    let shown = String::from_utf8(shown).unwrap();
    assert!(shown.contains("60 sent, 24 received in 2 calls"), "{shown}");
    let shown = server.wakeful(&["assistants", "show", "clerk"]).stdout;
    let shown = String::from_utf8(shown).unwrap();
    assert!(shown.contains("models fast"), "{shown}");
    let shown = server.wakeful(&["config"]).stdout;
    let shown = String::from_utf8(shown).unwrap();
    assert!(shown.contains("key = { from = \"FAST_KEY\" }"), "{shown}");
    let metrics = server.get("/metrics").body.to_string();
    assert!(metrics.contains("wakeful_run_tokens_total{direction=\\\"input\\\"} 60"), "{metrics}");

    server.terminate();
    let home = server.data().with_file_name("");
    assert_eq!(holding(&home, KEY.as_bytes()), [""; 0]);
    let found = holding(&server.data(), stars.as_bytes());
    assert!(!found.is_empty(), "the search finds what is there");
}

#[test]
fn without_a_grant_a_call_is_refused_with_the_line_that_would_allow_it() {
    let (url, got) = provider();
    let mut server = server(&url, "", "");
    server.launch();
    let ended =
        run(&server, json!([{ "models": true }, ask(json!({})), ask(json!({ "stream": true }))]));
    let answers = list(ended["execution"]["output"]["answers"].clone());
    assert_eq!(answers[0]["ok"], json!([]));
    for answer in &answers[1..] {
        assert_eq!(answer["error"], "ErrorCode::Denied", "{answer}");
        assert!(text(answer, "message").ends_with("models = [\"fast\"]"), "{answer}");
    }
    let lines = list(ended["execution"]["log_tail"].clone());
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(text(&lines[0], "message").contains("put this under [grants] in its .toml"));
    assert!(got.lock().unwrap().is_empty());
}

#[test]
fn a_file_that_grants_a_model_that_is_not_there_is_told_so() {
    let (url, _) = provider();
    let mut server = server(&url, "", "[grants]\nmodels = [\"good\"]\n");
    server.launch();
    let components = list(server.get("/components").ok());
    let problem = text(&components[0], "problem");
    assert!(problem.contains("this host has no model good; it has [\"fast\"]"), "{problem}");
}

#[test]
fn a_cron_without_tokens_left_skips_the_rest_of_the_day() {
    let (url, got) = provider();
    let mut server = server(&url, "", GRANTED);
    server.launch();
    let body = json!({
        "assistant_id": "clerk", "schedule": "* * * * * *", "tokens_per_day": 40,
        "input": { "chat": [ask(json!({ "request": { "max_tokens": 5,
            "messages": [{ "role": "user", "content": "hi" }] } }))] },
    });
    let cron = text(&server.post("/runs/crons", body).ok(), "cron_id");
    let path = format!("/runs/crons/{cron}");
    crate::support::eventually("it skips", || {
        server.get(&path).ok()["stats"]["skipped"]["budget"].as_u64() >= Some(1)
    });
    assert_eq!(server.get(&path).ok()["stats"]["tokens_today"], 42);
    assert_eq!(got.lock().unwrap().len(), 1);
    // By hand it is not the schedule's budget that starts the run, but the run has none either.
    let started = server.post(&format!("{path}/trigger"), json!({})).ok();
    let id = text(&started, "run_id");
    crate::support::eventually("it ends", || {
        server.get(&format!("/runs/{id}")).ok()["execution"]["outcome"] == "out_of_tokens"
    });
    assert_eq!(got.lock().unwrap().len(), 1);
}
