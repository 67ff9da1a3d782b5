//! Probe tries what no assistant may do, and tells what came of it.
//!
//! It is no example to follow but a test of the sandbox: `{"address": "127.0.0.1:8123"}` says whom
//! to call, and `{"store": […]}` which calls to make to the store of items instead; see [`items`].
//! Likewise `{"chat": […]}`; see [`chat`]; `{"calls": […]}`; see [`called`]; and `{"crons": […]}`; see [`crons`]. What it knows of its fire is in its answer to that.

wit_bindgen::generate!({ path: "../../wit", world: "assistant-plugin" });

mod called;
mod chat;
mod crons;
mod items;

use std::fmt::Debug;
use std::net::{TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
use std::{env, fs};

use exports::wakeful::assistant::assistant::Guest;
use serde_json::{Value, json};
use wakeful::assistant::assistant_types::{Error, ErrorCode, Outcome, ThreadInfo};
use wakeful::assistant::fire;

struct Probe;

export!(Probe);

impl Guest for Probe {
    fn invoke(info: ThreadInfo, input: String) -> Result<Outcome, Error> {
        let input: Value = serde_json::from_str(&input).unwrap_or_default();
        if let Some(calls) = input["store"].as_array() {
            let answers: Vec<Value> = calls.iter().map(items::call).collect();
            return Ok(Outcome::Done(json!({ "answers": answers }).to_string()));
        }
        if let Some(calls) = input["crons"].as_array() {
            let answers = crons::calls(calls, info.attempt)?;
            let fire = fire::info().and_then(|info| serde_json::from_str::<Value>(&info).ok());
            return Ok(Outcome::Done(json!({ "answers": answers, "fire": fire }).to_string()));
        }
        if let Some(calls) = input["calls"].as_array() {
            let answers = called::calls(calls, info.attempt)?;
            return Ok(Outcome::Done(json!({ "answers": answers }).to_string()));
        }
        if let Some(calls) = input["chat"].as_array() {
            let answers = chat::calls(calls, info.attempt)?;
            return Ok(Outcome::Done(json!({ "answers": answers }).to_string()));
        }
        let address = input["address"].as_str().unwrap_or("127.0.0.1:8123");
        let found = json!({
            "connect": refusal(TcpStream::connect(address)),
            "listen": refusal(TcpListener::bind("127.0.0.1:0")),
            "udp": refusal(UdpSocket::bind("127.0.0.1:0")),
            "names": refusal("localhost:80".to_socket_addrs()),
            "host_file": refusal(fs::read("/etc/passwd")),
            "parent": refusal(fs::read_dir("/..")),
            "climb": refusal(fs::read("/../../../../../../etc/passwd")),
            "link_out": refusal(climb_by_link()),
            "environment": env::vars().map(|(key, _)| key).collect::<Vec<_>>(),
            "arguments": env::args().collect::<Vec<_>>(),
        });
        Ok(Outcome::Done(found.to_string()))
    }
}

/// A failure that may pass.
fn failure() -> Error {
    let message = "not yet".to_owned();
    Error { code: ErrorCode::Unavailable, message, retryable: true, retry_after_ms: None }
}

/// Why something was refused; null if it was not.
fn refusal<T: Debug>(result: std::io::Result<T>) -> Option<String> {
    result.err().map(|error| error.to_string())
}

#[allow(deprecated, reason = "the only call of the standard library that makes links here")]
fn climb_by_link() -> std::io::Result<Vec<u8>> {
    fs::soft_link("../../../../../../etc/passwd", "/way-out")?;
    fs::read("/way-out")
}
