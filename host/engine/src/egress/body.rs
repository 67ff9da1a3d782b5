use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use wasmtime_wasi_http::{Error, Result, WasiBody};

use super::gate::Gate;

/// The body of a request, on its way out: bounded, and without a placeholder in it.
pub(super) struct RequestBody {
    inner: WasiBody,
    gate: Arc<Gate>,
    left: u64,
    /// The end of what was sent, where a placeholder may begin.
    tail: Vec<u8>,
}

impl RequestBody {
    pub(super) fn new(inner: WasiBody, gate: Arc<Gate>) -> Self {
        let left = gate.limits.request;
        Self { inner, gate, left, tail: Vec::new() }
    }

    /// Why this piece may not be sent.
    fn check(&mut self, piece: &Bytes) -> Result<()> {
        let limit = self.gate.limits.request;
        self.left = self.left.checked_sub(piece.len() as u64).ok_or_else(|| {
            self.gate.exceeded("request", &limit.to_string());
            Error::HttpRequestBodySize(Some(limit))
        })?;
        let longest = self.gate.secrets.longest();
        if longest == 0 {
            return Ok(());
        }
        self.tail.extend_from_slice(piece);
        if self.gate.secrets.are_in(&self.tail) {
            return Err(self.gate.refuse(
                "a request of the assistant has a secret in its body; send it in the header that its grant names",
            ));
        }
        let seen = self.tail.len().saturating_sub(longest.saturating_sub(1));
        self.tail.drain(..seen);
        Ok(())
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(context));
        let Some(Ok(frame)) = frame else { return Poll::Ready(frame) };
        let checked = match (frame.data_ref(), frame.trailers_ref()) {
            (Some(piece), _) => {
                let piece = piece.clone();
                self.check(&piece)
            }
            (None, Some(trailers)) => {
                let mut values = trailers.iter();
                if values.any(|(name, value)| {
                    self.gate.secrets.are_in(value.as_bytes())
                        || self.gate.secrets.are_in(name.as_str().as_bytes())
                }) {
                    Err(self.gate.refuse("a request of the assistant has a secret in its trailers; send it in the header that its grant names"))
                } else {
                    Ok(())
                }
            }
            _ => Ok(()),
        };
        Poll::Ready(Some(checked.map(|()| frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
