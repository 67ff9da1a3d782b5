use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
use axum::http::{HeaderMap, Method, Request};
use futures_util::StreamExt;
use serde_json::Value;

use crate::support::Api;

/// How long a stream may take with anything that a test waits for.
const PATIENCE: Duration = Duration::from_secs(30);

/// One event of a stream, as a client reads it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Event {
    pub(crate) name: String,
    pub(crate) data: Value,
    pub(crate) id: Option<String>,
}

/// A stream that is being read.
pub(crate) struct Stream {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    body: BodyDataStream,
    text: String,
}

impl Stream {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// What is sent next, comments included; `None` at the end.
    pub(crate) async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\r\n\r\n") {
                let block = block.to_owned();
                self.text = rest.to_owned();
                return Some(block);
            }
            let chunk: Option<Result<Bytes, _>> =
                tokio::time::timeout(PATIENCE, self.body.next()).await.expect("something is sent");
            match chunk {
                Some(chunk) => self.text.push_str(std::str::from_utf8(&chunk.unwrap()).unwrap()),
                None => {
                    assert_eq!(self.text, "", "the stream ends between two events");
                    return None;
                }
            }
        }
    }

    /// The next event; `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        loop {
            let block = self.block().await?;
            if !block.starts_with(':') {
                return Some(read(&block));
            }
        }
    }

    /// Reads up to the first event with this name, and returns it.
    pub(crate) async fn until(&mut self, name: &str) -> Event {
        loop {
            let event = self.next().await.unwrap_or_else(|| panic!("there is no `{name}`"));
            if event.name == name {
                return event;
            }
        }
    }

    /// Every event up to the end.
    pub(crate) async fn rest(mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
    }
}

/// Reads an event that is laid out as the protocol has it: name, one line of data, perhaps an id.
fn read(block: &str) -> Event {
    let mut lines = block.split("\r\n");
    let mut field = |name: &str| {
        lines.next().map(|line| {
            line.strip_prefix(name).unwrap_or_else(|| panic!("no `{name}` in {block:?}")).to_owned()
        })
    };
    let name = field("event: ").unwrap();
    let data = serde_json::from_str(&field("data: ").unwrap()).unwrap();
    let id = field("id: ");
    assert_eq!(lines.next(), None, "{block:?}");
    Event { name, data, id }
}

impl Api {
    pub(crate) async fn open(&self, request: Request<Body>) -> Stream {
        let (parts, body) = self.raw(request).await.into_parts();
        Stream {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: body.into_data_stream(),
            text: String::new(),
        }
    }

    /// Opens a stream with a body.
    pub(crate) async fn stream(&self, path: &str, body: Value) -> Stream {
        let request = Request::builder().method(Method::POST).uri(path);
        let stream = self.open(request.body(body.to_string().into()).unwrap()).await;
        assert_eq!(stream.status, 200, "{path}");
        stream
    }

    /// Opens a stream of what is there, from where `last` says.
    pub(crate) async fn join(&self, path: &str, last: Option<&str>) -> Stream {
        let mut request = Request::get(path);
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let stream = self.open(request.body(Body::empty()).unwrap()).await;
        assert_eq!(stream.status, 200, "{path}");
        stream
    }
}

pub(crate) fn names(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.name.as_str()).collect()
}

/// The data of the events with this name.
pub(crate) fn data<'a>(events: &'a [Event], name: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event.name == name).map(|event| &event.data).collect()
}
