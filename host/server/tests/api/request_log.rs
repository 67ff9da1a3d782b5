use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http::Request;
use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;
use wakeful_server::ServerSettings;

use crate::support::{Api, text};

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Kept {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Kept {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

// On one thread, so that everything is logged where the test listens.
#[tokio::test(flavor = "current_thread")]
async fn each_request_is_one_line_that_names_the_key_and_never_shows_it() {
    let kept = Kept::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(kept.clone())
        .finish();
    let _listening = tracing::subscriber::set_default(subscriber);
    let api = Api::with(ServerSettings { request_log: true, ..ServerSettings::default() }).await;
    let made = api.post("/keys", json!({"name": "ci", "scope": "manage"})).await.ok();
    let (key, id) = (text(&made, "key"), text(&made, "key_id"));
    let secret = key.rsplit('_').next().unwrap();
    for (path, name, value) in [
        ("/threads/x?token=hidden", "x-api-key", key.to_owned()),
        ("/runs", "authorization", format!("Bearer {key}")),
        ("/runs", "x-api-key", format!("{key}0")),
        ("/nope", "authorization", format!("Basic {key}")),
    ] {
        let request = Request::get(path).header("x-request-id", "req-7").header(name, value);
        api.send(request.body(Body::empty()).unwrap()).await;
    }
    let log = kept.text();
    let lines: Vec<_> = log.lines().filter(|line| line.contains("req-7")).collect();
    assert_eq!(lines.len(), 4, "{log}");
    assert!(lines.iter().all(|line| line.contains("INFO") && line.contains("ms=")), "{log}");
    for (line, parts) in lines.iter().zip([
        ["route=\"/threads/{thread}\"", "status=422", id],
        ["route=\"/runs\"", "status=200", id],
        ["route=\"/runs\"", "status=401", "key=\"\""],
        ["route=\"-\"", "status=401", "key=\"\""],
    ]) {
        assert!(parts.iter().all(|part| line.contains(part)), "{line}");
    }
    assert!(!log.contains(secret) && !log.contains("hidden"), "{log}");
}
