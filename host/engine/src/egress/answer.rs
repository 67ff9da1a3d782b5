use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http_body::{Body, Frame};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep_until};
use wasmtime_wasi_http::{Error, Result};

use super::gate::Gate;
use super::problem;
use super::redact::Stream;

/// Refuses an answer by its headers, as far as they tell.
pub(super) fn check(gate: &Gate, headers: &HeaderMap, is_secret: bool) -> Result<()> {
    let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if let Some(length) = length.filter(|length| *length > gate.limits.response) {
        gate.exceeded("response", &gate.limits.response.to_string());
        return Err(Error::HttpResponseBodySize(Some(length)));
    }
    let coding = headers.get(CONTENT_ENCODING).filter(|coding| *coding != "identity");
    if let Some(coding) = coding.filter(|_| is_secret) {
        gate.tell(
            "an answer to a request with a secret is compressed, so that it could not be searched for the secret; it is withheld",
        );
        return Err(Error::HttpResponseContentCoding(coding.to_str().ok().map(str::to_owned)));
    }
    Ok(())
}

/// The body of an answer, on its way in: bounded in size and time, and without secrets.
pub(super) struct ResponseBody {
    inner: Incoming,
    gate: Arc<Gate>,
    left: u64,
    clean: Stream,
    /// The end of the whole exchange.
    deadline: Instant,
    /// The longest between two pieces.
    pause: Duration,
    alarm: Pin<Box<Sleep>>,
    /// What follows the last piece.
    end: End,
}

enum End {
    /// More pieces, perhaps.
    Open,
    /// These, and nothing more.
    Trailers(HeaderMap),
    /// Nothing.
    Over,
}

impl ResponseBody {
    pub(super) fn new(
        inner: Incoming,
        gate: Arc<Gate>,
        pause: Duration,
        deadline: Instant,
    ) -> Self {
        let clean = Stream::new(gate.secrets.redactor.clone());
        let left = gate.limits.response;
        let alarm = Box::pin(sleep_until(next_alarm(pause, deadline)));
        Self { inner, gate, left, clean, deadline, pause, alarm, end: End::Open }
    }

    fn failed(&mut self, error: Error) -> Poll<Option<Result<Frame<Bytes>>>> {
        self.end = End::Over;
        Poll::Ready(Some(Err(error)))
    }
}

fn next_alarm(pause: Duration, deadline: Instant) -> Instant {
    Instant::now().checked_add(pause).map_or(deadline, |next| next.min(deadline))
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>>>> {
        loop {
            match std::mem::replace(&mut self.end, End::Over) {
                End::Over => return Poll::Ready(None),
                End::Trailers(trailers) => {
                    return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
                }
                End::Open => self.end = End::Open,
            }
            // Asked first: a server that always has one more byte would never let it go off.
            if self.alarm.as_mut().poll(context).is_ready() {
                if Instant::now() >= self.deadline {
                    let total = self.gate.limits.total.as_millis();
                    self.gate.exceeded("total", &format!("\"{total}ms\""));
                }
                return self.failed(Error::HttpResponseTimeout);
            }
            let frame = match Pin::new(&mut self.inner).poll_frame(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(frame) => frame,
            };
            let next = next_alarm(self.pause, self.deadline);
            self.alarm.as_mut().reset(next);
            let ready = match frame.map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(piece))) => {
                    let Some(left) = self.left.checked_sub(piece.len() as u64) else {
                        let limit = self.gate.limits.response;
                        self.gate.exceeded("response", &limit.to_string());
                        return self.failed(Error::HttpResponseBodySize(Some(limit)));
                    };
                    self.left = left;
                    self.clean.piece(piece)
                }
                Some(Ok(Err(frame))) => {
                    let mut trailers = frame.into_trailers().unwrap_or_default();
                    self.gate.secrets.redactor.headers(&mut trailers);
                    self.end = End::Trailers(trailers);
                    self.clean.rest()
                }
                Some(Err(error)) => return self.failed(problem::of_hyper(&error)),
                None => {
                    self.end = End::Over;
                    self.clean.rest()
                }
            };
            // An empty piece would make whoever reads ask again at once.
            if !ready.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(ready))));
            }
        }
    }
}
