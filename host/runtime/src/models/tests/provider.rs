//! A provider on this machine: it answers each request with the next of its prepared answers, and
//! keeps what it was asked.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;
use wakeful_core::Json;

/// What it does with a request.
#[derive(Clone)]
pub(super) enum Act {
    /// Answers so.
    Answer { status: u16, headers: &'static str, body: String },
    /// Answers well, in these parts, each in a chunk of its own.
    Stream(Vec<String>),
    /// Answers well, in these parts, and then neither goes on nor ends.
    Stall(Vec<String>),
    /// Sends this part again and again.
    Endless(String),
    /// Takes the request and says nothing.
    Silence,
    /// Closes the connection.
    HangUp,
}

/// A request that it got.
#[derive(Debug, Clone)]
pub(super) struct Got {
    pub(super) head: String,
    pub(super) body: Json,
}

pub(super) struct Provider {
    pub(super) address: SocketAddr,
    state: Arc<State>,
    _task: AbortOnDropHandle<()>,
}

#[derive(Default)]
struct State {
    acts: Mutex<VecDeque<Act>>,
    got: Mutex<Vec<Got>>,
}

pub(super) fn good(body: Json) -> Act {
    Act::Answer { status: 200, headers: "", body: body.to_string() }
}

pub(super) fn bad(status: u16, headers: &'static str, body: &str) -> Act {
    Act::Answer { status, headers, body: body.to_owned() }
}

/// Server-sent events.
pub(super) fn events(documents: &[Json]) -> Vec<String> {
    documents.iter().map(|document| format!("data: {document}\n\n")).collect()
}

/// One document on each line.
pub(super) fn lines(documents: &[Json]) -> Vec<String> {
    documents.iter().map(|document| format!("{document}\n")).collect()
}

impl Provider {
    pub(super) async fn start(acts: impl IntoIterator<Item = Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State::default());
        *state.acts.lock().unwrap() = acts.into_iter().collect();
        let serving = Arc::clone(&state);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&serving);
                tokio::spawn(async move { serve(stream, &state).await });
            }
        });
        Self { address, state, _task: AbortOnDropHandle::new(task) }
    }

    pub(super) fn then(&self, act: Act) {
        self.state.acts.lock().unwrap().push_back(act);
    }

    /// What it got so far.
    pub(super) fn got(&self) -> Vec<Got> {
        self.state.got.lock().unwrap().clone()
    }
}

/// Serves the one request of a connection. A client that goes away is no concern.
async fn serve(mut stream: TcpStream, state: &State) -> Option<()> {
    let mut bytes = Vec::new();
    let got = loop {
        if let Some(got) = parse(&bytes) {
            break got;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    state.got.lock().unwrap().push(got);
    let act = state.acts.lock().unwrap().pop_front().unwrap_or(bad(404, "", "no more answers"));
    match act {
        Act::Answer { status, headers, body } => {
            let length = body.len();
            let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n{headers}\r\n");
            stream.write_all(head.as_bytes()).await.ok()?;
            stream.write_all(body.as_bytes()).await.ok()?;
        }
        Act::Stream(parts) => {
            chunks(&mut stream, &parts).await?;
            stream.write_all(b"0\r\n\r\n").await.ok()?;
        }
        Act::Stall(parts) => {
            chunks(&mut stream, &parts).await?;
            gone(&mut stream).await;
        }
        Act::Endless(part) => {
            chunks(&mut stream, &[]).await?;
            loop {
                chunk(&mut stream, &part).await?;
            }
        }
        Act::Silence => gone(&mut stream).await,
        Act::HangUp => {}
    }
    stream.shutdown().await.ok()
}

/// Waits until the client is gone.
async fn gone(stream: &mut TcpStream) {
    let mut rest = [0; 64];
    while matches!(stream.read(&mut rest).await, Ok(read) if read > 0) {}
}

async fn chunks(stream: &mut TcpStream, parts: &[String]) -> Option<()> {
    let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head).await.ok()?;
    for part in parts {
        chunk(stream, part).await?;
        // So that parts are not read as one.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Some(())
}

async fn chunk(stream: &mut TcpStream, part: &str) -> Option<()> {
    let framed = format!("{:x}\r\n{part}\r\n", part.len());
    stream.write_all(framed.as_bytes()).await.ok()
}

fn parse(bytes: &[u8]) -> Option<Got> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?;
    if body.len() < length.parse().ok()? {
        return None;
    }
    Some(Got { head: head.to_owned(), body: serde_json::from_str(body).ok()? })
}
