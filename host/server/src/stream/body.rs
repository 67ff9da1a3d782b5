use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{CACHE_CONTROL, CONTENT_LOCATION, CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use wakeful::core::LoggedEvent;
use wakeful::{RunWatch, StateChange, ThreadEvent, ThreadWatch};

use crate::waiting::CancelOnDrop;

const HEARTBEAT: &[u8] = b": heartbeat\r\n\r\n";
const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
/// Says that a thread has a longer history than the stream tells.
pub(crate) const TRUNCATED: HeaderName = HeaderName::from_static("x-history-truncated");

/// Writes what a client sees of an event, if it sees anything.
pub(crate) trait Show: Send {
    fn show(&mut self, event: &LoggedEvent, out: &mut Vec<u8>);

    /// The same of a change of the thread's state by hand.
    fn show_change(&mut self, _: &StateChange, _: &mut Vec<u8>) {}
}

/// Where the events of a stream come from.
pub(crate) enum Source {
    Run(RunWatch),
    Thread(ThreadWatch),
}

impl Source {
    async fn next(&mut self) -> Option<ThreadEvent> {
        match self {
            Self::Run(watch) => watch.next().await.map(ThreadEvent::Run),
            Self::Thread(watch) => watch.next().await,
        }
    }

    fn is_truncated(&self) -> bool {
        matches!(self, Self::Thread(watch) if watch.is_truncated())
    }
}

/// A stream of server-sent events.
pub(crate) struct EventStream {
    /// Events that come before those of the source.
    pub(crate) past: VecDeque<Arc<LoggedEvent>>,
    pub(crate) source: Source,
    pub(crate) show: Box<dyn Show>,
    /// How long nothing is sent before a comment is.
    pub(crate) keep_alive: Duration,
    /// Cancels the run when the client goes away.
    pub(crate) guard: Option<CancelOnDrop>,
}

impl EventStream {
    /// The answer, whose headers are sent at once. With `location`, the client learns where the
    /// run is, and that the stream can be had there again.
    pub(crate) fn into_response(self, location: Option<&str>) -> Response {
        let mut headers = HeaderMap::new();
        let mut set = |name, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        };
        set(CONTENT_TYPE, "text/event-stream; charset=utf-8");
        set(CACHE_CONTROL, "no-store");
        set(BUFFERING, "no");
        if self.source.is_truncated() {
            set(TRUNCATED, "true");
        }
        if let Some(path) = location {
            set(LOCATION, &format!("{path}/stream"));
            set(CONTENT_LOCATION, path);
        }
        let body = stream::unfold(self, |mut events| async {
            let chunk = events.chunk().await?;
            Some((Ok::<_, Infallible>(chunk), events))
        });
        (headers, Body::from_stream(body)).into_response()
    }

    /// What is to be sent next; `None` at the end.
    async fn chunk(&mut self) -> Option<Bytes> {
        let mut out = Vec::new();
        loop {
            let event = match self.past.pop_front() {
                Some(event) => Some(ThreadEvent::Run(event)),
                None => tokio::select! {
                    event = self.source.next() => event,
                    () = tokio::time::sleep(self.keep_alive) => {
                        return Some(Bytes::from_static(HEARTBEAT));
                    }
                },
            };
            let Some(event) = event else {
                if let Some(guard) = self.guard.take() {
                    guard.disarm();
                }
                return None;
            };
            match &event {
                ThreadEvent::Run(event) => self.show.show(event, &mut out),
                ThreadEvent::State(change) => self.show.show_change(change, &mut out),
            }
            if !out.is_empty() {
                return Some(out.into());
            }
            // Whoever catches up on a long past may take long to find what is new.
            tokio::task::consume_budget().await;
        }
    }
}
