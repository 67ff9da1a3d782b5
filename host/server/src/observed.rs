//! What the server counts of its requests.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use futures_util::StreamExt;
use wakeful::Histogram;

/// What the path of a request to no route counts as.
const NO_ROUTE: &str = "-";

/// Counts requests. Every label is one of few words, whatever clients send.
#[derive(Debug, Default)]
pub(crate) struct Observed {
    requests: Mutex<Requests>,
    streams: Arc<AtomicI64>,
}

/// Requests by method, path template and status.
pub(crate) type Counts = BTreeMap<(&'static str, String, u16), u64>;
/// Times to the first byte by method and path template.
pub(crate) type Times = BTreeMap<(&'static str, String), Histogram>;

#[derive(Debug, Default)]
struct Requests {
    counts: Counts,
    times: Times,
}

impl Observed {
    /// Counts an answered request.
    pub(crate) fn note(
        &self,
        method: &Method,
        route: Option<&str>,
        status: StatusCode,
        took: Duration,
    ) {
        let method = word(method);
        let route = route.unwrap_or(NO_ROUTE);
        let mut requests = self.lock();
        *requests.counts.entry((method, route.to_owned(), status.as_u16())).or_default() += 1;
        requests.times.entry((method, route.to_owned())).or_default().observe(took);
    }

    /// Counts the answer as an open stream until its body ends, if it is one.
    pub(crate) fn follow(&self, response: Response) -> Response {
        let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        if !kind.is_some_and(|kind| kind.starts_with("text/event-stream")) {
            return response;
        }
        self.streams.fetch_add(1, Ordering::Relaxed);
        let open = Open(Arc::clone(&self.streams));
        response.map(|body| {
            Body::from_stream(body.into_data_stream().inspect(move |_| {
                // The count goes down with the stream that owns this.
                let _ = &open;
            }))
        })
    }

    /// The requests so far.
    pub(crate) fn requests(&self) -> (Counts, Times) {
        let requests = self.lock();
        (requests.counts.clone(), requests.times.clone())
    }

    /// How many streams are open.
    pub(crate) fn streams(&self) -> i64 {
        self.streams.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Requests> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A method by its name, unless a client made it up.
fn word(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("other")
}

struct Open(Arc<AtomicI64>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_that_was_made_up_is_no_label_of_its_own() {
        let observed = Observed::default();
        for method in ["GET", "MADE", "UP"] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            observed.note(&method, None, StatusCode::NOT_FOUND, Duration::ZERO);
        }
        let (counts, times) = observed.requests();
        let key = |method| (method, NO_ROUTE.to_owned(), 404);
        assert_eq!(counts, Counts::from([(key("GET"), 1), (key("other"), 2)]));
        assert_eq!(times.len(), 2);
    }

    #[test]
    fn a_stream_is_open_until_its_body_is_gone() {
        let observed = Observed::default();
        let plain = observed.follow(Response::new(Body::empty()));
        assert_eq!(observed.streams(), 0);
        let stream = Response::builder().header(CONTENT_TYPE, "text/event-stream; charset=utf-8");
        let stream = observed.follow(stream.body(Body::empty()).unwrap());
        assert_eq!(observed.streams(), 1);
        drop((plain, stream));
        assert_eq!(observed.streams(), 0);
    }
}
