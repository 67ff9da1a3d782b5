use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderValue;
use http::header::HOST;
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Empty};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::task::AbortOnDropHandle;
use wasmtime_wasi_http::{DEFAULT_FORBIDDEN_HEADERS, Error, Result, WasiBody};

use super::frame::Outgoing;
use super::watched::Violation;
use super::wire::{
    Piece, Problem, RequestHead, ResponseHead, ToGuest, ToRunner, ToServer, headers,
};
use crate::egress::{self, Answering, Gate};

/// Pieces of a body that are on their way at once.
pub(super) const PIECES_AT_ONCE: usize = 4;

/// Bytes of a piece.
pub(super) const PIECE: usize = 64 << 10;

/// Requests that one run has open at once; more than a guest can hold.
const MOST_OPEN: usize = 256;

/// Where the requests of one run leave the host.
pub(super) struct Outlet {
    gate: Arc<Gate>,
    exchanges: HashMap<u32, Exchange>,
    handle: Handle,
}

struct Exchange {
    /// Where the pieces of the request go; gone after the last one.
    body: Option<mpsc::Sender<Piece>>,
    /// How many pieces of the answer there is room for on the other side.
    room: Arc<Semaphore>,
    _task: AbortOnDropHandle<()>,
}

impl Outlet {
    /// Requests pass this gate, and are sent on these threads.
    pub(super) fn new(gate: Gate, handle: Handle) -> Self {
        Self { gate: Arc::new(gate), exchanges: HashMap::new(), handle }
    }

    /// Takes what a guest tells the server of a request.
    pub(super) fn take(
        &mut self,
        out: &Arc<Outgoing>,
        run: u64,
        request: u32,
        message: ToServer,
    ) -> Result<(), Violation> {
        match message {
            ToServer::Open(head) => {
                if self.exchanges.len() >= MOST_OPEN || self.exchanges.contains_key(&request) {
                    return Err(Violation("a run opened more requests than it can have"));
                }
                let exchange = self.open(Line { out: Arc::clone(out), run, request }, head)?;
                self.exchanges.insert(request, exchange);
            }
            ToServer::Piece(piece) => {
                let is_last = matches!(piece, Piece::End | Piece::Failed(_));
                let exchange = self.exchange(request)?;
                let body = exchange.body.as_ref();
                let body = body.ok_or(Violation("a request went on after its end"))?;
                if let Err(mpsc::error::TrySendError::Full(_)) = body.try_send(piece) {
                    return Err(Violation("a request sent more at once than it may"));
                }
                if is_last {
                    exchange.body = None;
                }
            }
            ToServer::Taken => {
                let room = &self.exchange(request)?.room;
                if room.available_permits() >= PIECES_AT_ONCE {
                    return Err(Violation("a run took more of an answer than there was"));
                }
                room.add_permits(1);
            }
            ToServer::Drop => drop(self.exchanges.remove(&request)),
        }
        Ok(())
    }

    fn exchange(&mut self, request: u32) -> Result<&mut Exchange, Violation> {
        self.exchanges.get_mut(&request).ok_or(Violation("it told of a request that is not open"))
    }

    fn open(&self, line: Line, head: RequestHead) -> Result<Exchange, Violation> {
        let (size, is_empty) = (head.size, head.is_empty);
        let (mut request, options) = head.open()?;
        // What the guest's side of `wasi:http` sees to is seen to here again.
        for name in DEFAULT_FORBIDDEN_HEADERS {
            request.headers_mut().remove(name);
        }
        if let Some(authority) = request.uri().authority()
            && let Ok(host) = HeaderValue::from_str(authority.as_str())
        {
            request.headers_mut().insert(HOST, host);
        }
        let (body, sent) = if is_empty {
            (None, Empty::new().map_err(|never| match never {}).boxed_unsync())
        } else {
            // One more for what ends it.
            let (sender, pieces) = mpsc::channel(PIECES_AT_ONCE + 1);
            let body = SentBody { pieces, line: line.clone(), size, is_over: false };
            (Some(sender), body.boxed_unsync())
        };
        let room = Arc::new(Semaphore::new(PIECES_AT_ONCE));
        let request: http::Request<WasiBody> = request.map(|()| sent);
        let answering = egress::send(Arc::clone(&self.gate), request, options);
        let task = self.handle.spawn(carry(answering, line, Arc::clone(&room)));
        Ok(Exchange { body, room, _task: AbortOnDropHandle::new(task) })
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        // Requests end one after the other, and none is to take the turn of one that has.
        self.gate.close();
    }
}

/// Back to the guest of one request.
#[derive(Clone)]
struct Line {
    out: Arc<Outgoing>,
    run: u64,
    request: u32,
}

impl Line {
    fn send(&self, message: ToGuest) {
        self.out.send(&ToRunner::Http { run: self.run, request: self.request, message });
    }
}

/// Brings the answer to the guest, as fast as it takes it.
async fn carry(answering: Answering, line: Line, room: Arc<Semaphore>) {
    let (response, io) = match Box::into_pin(answering).await {
        Ok(answered) => answered,
        Err(error) => return line.send(ToGuest::Failed(Problem::new(&error))),
    };
    // The answer moves only while its connection does.
    let connection = AbortOnDropHandle::new(tokio::spawn(Box::into_pin(io)));
    let (head, mut body) = response.into_parts();
    line.send(ToGuest::Head(ResponseHead::new(&head)));
    let last = loop {
        let frame = match body.frame().await {
            None => break Piece::End,
            Some(Err(error)) => break Piece::Failed(Problem::new(&error)),
            Some(Ok(frame)) => frame,
        };
        for piece in pieces(frame) {
            let Ok(permit) = room.acquire().await else { return };
            permit.forget();
            line.send(ToGuest::Piece(piece));
        }
    };
    line.send(ToGuest::Piece(last));
    // A request may still be on its way.
    let _ = connection.await;
}

/// A frame in pieces that are not too long.
pub(super) fn pieces(frame: Frame<Bytes>) -> Vec<Piece> {
    match frame.into_data() {
        Ok(data) => data.chunks(PIECE).map(|piece| Piece::Data(piece.to_vec())).collect(),
        Err(frame) => frame.trailers_ref().map(Piece::trailers).into_iter().collect(),
    }
}

/// The frame that a piece stands for; `None` for the end.
pub(super) fn frame(piece: Piece) -> Option<Result<Frame<Bytes>>> {
    match piece {
        Piece::Data(data) => Some(Ok(Frame::data(data.into()))),
        Piece::Trailers(trailers) => Some(match headers(trailers) {
            Ok(trailers) => Ok(Frame::trailers(trailers)),
            Err(_) => Err(Error::HttpProtocolError),
        }),
        Piece::End => None,
        Piece::Failed(problem) => Some(Err(problem.open())),
    }
}

/// The body of a request, on its way out of the host.
struct SentBody {
    pieces: mpsc::Receiver<Piece>,
    line: Line,
    size: (u64, Option<u64>),
    is_over: bool,
}

impl Body for SentBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>>>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        let found = match ready!(self.pieces.poll_recv(context)) {
            Some(piece) => frame(piece),
            // The guest has dropped it.
            None => Some(Err(Error::ConnectionTerminated)),
        };
        match &found {
            Some(Ok(_)) => self.line.send(ToGuest::Taken),
            Some(Err(_)) | None => self.is_over = true,
        }
        Poll::Ready(found)
    }

    fn is_end_stream(&self) -> bool {
        self.is_over
    }

    fn size_hint(&self) -> SizeHint {
        let (least, most) = self.size;
        let mut hint = SizeHint::new();
        // The one asserts that it is not more than the other.
        if let Some(most) = most {
            hint.set_upper(most);
        }
        hint.set_lower(least.min(most.unwrap_or(u64::MAX)));
        hint
    }
}
