//! Whatever comes in, the answer says what is wrong and the server goes on.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use serde_json::json;

use crate::support::Server;

const UNKNOWN: &str = "01890000-0000-7000-8000-000000000000";

#[test]
fn bad_requests_get_an_answer_that_says_so() {
    let server = Server::start();
    let thread = server.thread();
    let threads = |rest: &str| format!("/threads/{thread}{rest}");
    let deep = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
    let cron = |field: &str, value: &str| {
        let mut body = json!({"assistant_id": "echo", "schedule": "0 9 * * *", "input": {}});
        body[field] = json!(value);
        body.to_string()
    };
    let cases: &[(&str, String, String, u16)] = &[
        ("GET", format!("/threads/{UNKNOWN}"), String::new(), 404),
        ("GET", "/threads/nonsense".into(), String::new(), 422),
        ("GET", format!("/assistants/{UNKNOWN}"), String::new(), 404),
        ("GET", format!("/runs/crons/{UNKNOWN}"), String::new(), 404),
        ("GET", threads(&format!("/runs/{UNKNOWN}")), String::new(), 404),
        ("GET", threads(&format!("/runs/{UNKNOWN}/join")), String::new(), 404),
        ("GET", "/nowhere".into(), String::new(), 404),
        ("PUT", "/threads".into(), "{}".into(), 405),
        ("POST", "/threads".into(), "{".into(), 422),
        ("POST", "/threads".into(), String::new(), 422),
        ("POST", "/threads".into(), deep, 422),
        ("POST", "/threads".into(), "[]".into(), 422),
        ("POST", "/runs/wait".into(), "{}".into(), 422),
        ("POST", "/runs/wait".into(), r#"{"assistant_id": "nobody"}"#.into(), 422),
        ("POST", "/runs/wait".into(), format!(r#"{{"assistant_id": "{UNKNOWN}"}}"#), 404),
        ("POST", "/runs/wait".into(), r#"{"assistant_id": 7}"#.into(), 422),
        ("POST", "/runs/crons".into(), cron("schedule", "61 * * * *"), 422),
        ("POST", "/runs/crons".into(), cron("schedule", "0 0 31 2 *"), 422),
        ("POST", "/runs/crons".into(), cron("timezone", "Mars/Olympus"), 422),
        ("POST", "/runs/crons".into(), cron("end_time", "whenever"), 422),
        ("POST", "/runs/crons".into(), r#"{"assistant_id": "echo"}"#.into(), 422),
        ("POST", "/runs/crons".into(), r#"{"schedule": "0 9 * * *"}"#.into(), 422),
        ("POST", "/runs/crons/search".into(), r#"{"limit": 1001}"#.into(), 422),
        ("DELETE", format!("/runs/crons/{UNKNOWN}"), String::new(), 404),
    ];
    for (method, path, body, status) in cases {
        let answer = server.send(method, path, body);
        assert_eq!(answer.status, *status, "{method} {path} {body:.80}: {}", answer.body);
        assert!(answer.body["detail"].is_string(), "{method} {path}: {}", answer.body);
    }
}

#[test]
fn unknown_fields_are_ignored() {
    let server = Server::start();
    let body = json!({"metadata": {}, "camelCase": 1, "future": {"x": []}});
    server.post("/threads", body).ok();
}

#[test]
fn a_body_that_is_too_large_is_refused() {
    let mut server = Server::new();
    server.install("echo", "echo");
    let settings = server.data().with_file_name("wakeful.toml");
    std::fs::write(settings, "max_body = \"64 KiB\"\n").unwrap();
    server.launch();
    let body = json!({"metadata": {"x": "y".repeat(100_000)}});
    assert_eq!(server.post("/threads", body).status, 413);
    server.post("/threads", json!({})).ok();
}

#[test]
fn a_large_value_goes_in_and_comes_back_whole() {
    let server = Server::start();
    let thread = server.thread();
    let long = "wakeful ".repeat(100_000);
    let body =
        json!({"assistant_id": "echo", "input": {"messages": [{"role": "user", "content": long}]}});
    server.post(&format!("/threads/{thread}/runs/wait"), body).ok();
    let state = server.get(&format!("/threads/{thread}/state")).ok();
    assert_eq!(state["values"]["messages"][0]["content"], json!(long));
}

#[test]
fn a_connection_serves_on_after_a_body_that_nobody_wanted() {
    let server = Server::start();
    let address = server.url().strip_prefix("http://").unwrap();
    let mut connection = BufReader::new(TcpStream::connect(address).unwrap());
    let body = "x".repeat(200_000);
    for (request, status) in [
        (
            format!(
                "PUT /threads HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            ),
            "405",
        ),
        (
            format!(
                "POST /nowhere HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            ),
            "404",
        ),
        ("GET /ok HTTP/1.1\r\nhost: localhost\r\n\r\n".to_owned(), "200"),
    ] {
        connection.get_mut().write_all(request.as_bytes()).unwrap();
        let mut line = String::new();
        connection.read_line(&mut line).unwrap();
        assert!(line.contains(status), "{line}");
        let mut length = 0;
        loop {
            let mut header = String::new();
            connection.read_line(&mut header).unwrap();
            if let Some(value) = header.strip_prefix("content-length: ") {
                length = value.trim().parse().unwrap();
            }
            if header == "\r\n" {
                break;
            }
        }
        connection.read_exact(&mut vec![0; length]).unwrap();
    }
}
