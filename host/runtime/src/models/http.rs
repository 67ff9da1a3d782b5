//! One request to a provider: on a connection of its own, with every wait and every size bounded.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{ACCEPT_ENCODING, CONTENT_TYPE, HOST, HeaderName, HeaderValue, RETRY_AFTER};
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::task::AbortOnDropHandle;
use wakeful_core::{SecretValue, WebUrl};
use wakeful_engine::{EngineError, Lookup, Network, RedactedStream, Redactor, Stream};

use super::trouble::Trouble;

/// Bytes of an answer.
const MOST_ANSWER: u64 = 32 << 20;
/// Bytes of an error that are looked at.
const MOST_ERROR: usize = 16 << 10;
/// Bytes of the headers of an answer.
const MOST_HEADERS: usize = 64 << 10;
/// Time to find the provider, to connect, and to agree on keys.
const CONNECT: Duration = Duration::from_secs(15);

/// How providers are reached.
pub(super) struct Client(Network);

/// A request.
pub(super) struct Outgoing<'a> {
    pub(super) url: &'a WebUrl,
    /// What comes after the path of the URL.
    pub(super) path: &'static str,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) body: Vec<u8>,
    /// What must not be seen in what comes back.
    pub(super) secret: Option<&'a SecretValue>,
    /// Time to the first byte, and between two parts.
    pub(super) pause: Duration,
    pub(super) deadline: Instant,
}

/// The body of a good answer.
pub(super) struct Answer {
    body: Incoming,
    clean: RedactedStream,
    bytes: u64,
    pause: Duration,
    deadline: Instant,
    over: bool,
    /// Moves the connection.
    _connection: AbortOnDropHandle<()>,
}

impl Client {
    pub(super) fn new(lookup: Lookup) -> Result<Self, EngineError> {
        Network::new(lookup, Vec::new()).map(Self)
    }

    /// Sends a request and waits for the head of its answer. An answer with an error is read here.
    pub(super) async fn send(&self, outgoing: Outgoing<'_>) -> Result<Answer, Trouble> {
        let Outgoing { url, secret, pause, deadline, .. } = outgoing;
        let connecting = timeout_at(deadline, timeout(CONNECT, self.connect(url))).await;
        let stream = match connecting {
            Ok(Ok(stream)) => stream?,
            _ => return Err(Trouble::slow("to connect", CONNECT)),
        };
        let handshake =
            http1::Builder::new().max_buf_size(MOST_HEADERS).handshake(TokioIo::new(stream));
        let (mut sender, connection) = handshake.await.map_err(Trouble::unreachable)?;
        let connection = AbortOnDropHandle::new(tokio::spawn(async move {
            // How it ended, the answer's body tells.
            let _ = connection.await;
        }));
        let sending = sender.send_request(request(outgoing)?);
        let response = match timeout_at(deadline, timeout(pause, sending)).await {
            Ok(Ok(response)) => response.map_err(Trouble::unreachable)?,
            _ => return Err(Trouble::slow_answer("to begin its answer", pause)),
        };
        let (head, body) = response.into_parts();
        let redactor = Redactor::new(secret.map(SecretValue::expose).into_iter());
        let clean = RedactedStream::new(redactor);
        let mut answer =
            Answer { body, clean, bytes: 0, pause, deadline, over: false, _connection: connection };
        if head.status == hyper::StatusCode::OK {
            return Ok(answer);
        }
        let wait =
            head.headers.get(RETRY_AFTER).and_then(|value| retry_after(value.to_str().ok()?));
        let said = answer.beginning().await;
        Err(Trouble::status(head.status.as_u16(), &explained(&said), wait))
    }

    async fn connect(&self, url: &WebUrl) -> Result<Box<dyn Stream>, Trouble> {
        let found = self.0.lookup().addresses(url.host(), url.port()).await;
        let found = found.map_err(Trouble::unreachable)?;
        self.0.connect(url, found).await.map_err(Trouble::unreachable)
    }
}

impl Answer {
    /// The next part of the body; `None` after the last.
    pub(super) async fn part(&mut self) -> Result<Option<Bytes>, Trouble> {
        while !self.over {
            let Ok(frame) = timeout_at(self.deadline, timeout(self.pause, self.body.frame())).await
            else {
                return Err(Trouble::malformed("it did not come to its end in time"));
            };
            let Ok(frame) = frame else {
                return Err(Trouble::slow_answer("between two parts of its answer", self.pause));
            };
            let Some(frame) = frame else {
                self.over = true;
                return Ok(Some(self.clean.rest()).filter(|rest| !rest.is_empty()));
            };
            let frame =
                frame.map_err(|error| Trouble::malformed(format!("it breaks off: {error}")))?;
            let Ok(data) = frame.into_data() else { continue };
            self.bytes = self.bytes.saturating_add(data.len() as u64);
            if self.bytes > MOST_ANSWER {
                return Err(Trouble::malformed(format!("it has more than {MOST_ANSWER} bytes")));
            }
            let data = self.clean.piece(data);
            if !data.is_empty() {
                return Ok(Some(data));
            }
        }
        Ok(None)
    }

    /// The whole body.
    pub(super) async fn whole(&mut self) -> Result<Vec<u8>, Trouble> {
        let mut whole = Vec::new();
        while let Some(part) = self.part().await? {
            whole.extend_from_slice(&part);
        }
        Ok(whole)
    }

    /// What there is of its beginning.
    async fn beginning(&mut self) -> Vec<u8> {
        let mut said = Vec::new();
        while let Ok(Some(part)) = self.part().await {
            said.extend_from_slice(&part);
            if said.len() >= MOST_ERROR {
                said.truncate(MOST_ERROR);
                break;
            }
        }
        said
    }
}

fn request(outgoing: Outgoing<'_>) -> Result<hyper::Request<Full<Bytes>>, Trouble> {
    let url = outgoing.url;
    let rest = url.as_str().split_once("://").map_or("", |(_, rest)| rest);
    let base = rest.find('/').and_then(|at| rest.get(at..)).unwrap_or_default();
    let mut request = hyper::Request::post(format!("{base}{}", outgoing.path))
        .header(HOST, authority(url))
        .header(CONTENT_TYPE, "application/json")
        .header(ACCEPT_ENCODING, "identity")
        .header("user-agent", concat!("wakeful/", env!("CARGO_PKG_VERSION")));
    for (name, value) in outgoing.headers {
        request = request.header(name, value);
    }
    let body = Full::new(Bytes::from(outgoing.body));
    // What is wrong with it might quote a header.
    request.body(body).map_err(|_| Trouble::own("the request to the provider cannot be built"))
}

/// The host, and the port if it is not the scheme's own.
fn authority(url: &WebUrl) -> String {
    let usual = if url.is_secure() { 443 } else { 80 };
    let full = url.authority();
    match full.strip_suffix(&format!(":{usual}")) {
        Some(host) if url.port() == usual => host.to_owned(),
        _ => full,
    }
}

/// Seconds; a date is no use to whoever has another clock.
fn retry_after(text: &str) -> Option<Duration> {
    text.trim().parse().ok().map(Duration::from_secs)
}

/// What an error says: its message, where it is JSON with one.
fn explained(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body).into_owned();
    let Ok(json) = serde_json::from_str::<serde_json::Value>(&text) else { return text };
    let places = ["/error/message", "/error", "/message", "/detail"];
    let message = places.iter().find_map(|place| json.pointer(place)?.as_str());
    message.map_or(text, str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_error_says_is_its_message() {
        for (body, expected) in [
            (r#"{"error": {"message": "no such model", "type": "x"}}"#, "no such model"),
            (r#"{"type": "error", "error": {"type": "x", "message": "too long"}}"#, "too long"),
            (r#"{"error": "model not found"}"#, "model not found"),
            ("Bad Gateway", "Bad Gateway"),
            ("{}", "{}"),
        ] {
            assert_eq!(explained(body.as_bytes()), expected);
        }
    }

    #[test]
    fn the_host_is_named_as_browsers_name_it() {
        for (url, expected) in [
            ("https://api.example.com/v1", "api.example.com"),
            ("http://127.0.0.1:11434", "127.0.0.1:11434"),
            ("https://x:8443", "x:8443"),
            ("http://x:443", "x:443"),
        ] {
            assert_eq!(authority(&url.parse().unwrap()), expected);
        }
    }
}
