use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use tokio::sync::{Semaphore, mpsc};
use wasmtime_wasi_http::{Error, RequestOptions, Result, WasiBody};

use super::frame::Outgoing;
use super::outlet::{PIECES_AT_ONCE, frame, pieces};
use super::wire::{FromRunner, Piece, Problem, RequestHead, ToGuest, ToServer};
use crate::egress::{Answered, Answering, Carrier, Io};

/// Takes the requests of one run to the host, which decides on them and sends them.
pub(super) struct Bridge {
    run: u64,
    out: Arc<Outgoing>,
    next: AtomicU32,
    requests: Arc<Mutex<HashMap<u32, Waiting>>>,
    is_closed: Arc<AtomicBool>,
}

/// Who waits for what the host tells of a request.
struct Waiting {
    inbox: mpsc::UnboundedSender<ToGuest>,
    room: Arc<Semaphore>,
}

impl Bridge {
    pub(super) fn new(run: u64, out: Arc<Outgoing>) -> Self {
        Self {
            run,
            out,
            next: AtomicU32::new(0),
            requests: Arc::default(),
            is_closed: Arc::default(),
        }
    }

    /// Takes what the host tells of a request, which the guest may have dropped.
    pub(super) fn take(&self, request: u32, message: ToGuest) {
        if let Some(waiting) = locked(&self.requests).get(&request) {
            match message {
                ToGuest::Taken => waiting.room.add_permits(1),
                message => drop(waiting.inbox.send(message)),
            }
        }
    }
}

impl Carrier for Bridge {
    fn carry(&self, request: http::Request<WasiBody>, options: RequestOptions) -> Answering {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, inbox) = mpsc::unbounded_channel();
        let room = Arc::new(Semaphore::new(PIECES_AT_ONCE));
        let waiting = Waiting { inbox: sender, room: Arc::clone(&room) };
        locked(&self.requests).insert(number, waiting);
        let ticket = Ticket {
            run: self.run,
            number,
            out: Arc::clone(&self.out),
            requests: Arc::clone(&self.requests),
            is_closed: Arc::clone(&self.is_closed),
        };
        let (parts, body) = request.into_parts();
        let size = body.size_hint();
        let is_empty = body.is_end_stream();
        let size = (size.lower(), size.upper());
        ticket.send(ToServer::Open(RequestHead::new(&parts, options, size, is_empty)));
        let ticket = Arc::new(ticket);
        let sending = (!is_empty).then(|| Box::pin(send(body, Arc::clone(&ticket), room)));
        Box::new(answered(inbox, ticket, sending))
    }

    fn close(&self) {
        self.is_closed.store(true, Ordering::Relaxed);
    }
}

/// A request that is open on the host's side for as long as this is.
struct Ticket {
    run: u64,
    number: u32,
    out: Arc<Outgoing>,
    requests: Arc<Mutex<HashMap<u32, Waiting>>>,
    is_closed: Arc<AtomicBool>,
}

impl Ticket {
    fn send(&self, message: ToServer) {
        // With the end of the run, of which the host hears next, all requests end at once.
        if !self.is_closed.load(Ordering::Relaxed) {
            self.out.send(&FromRunner::Http { run: self.run, request: self.number, message });
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        locked(&self.requests).remove(&self.number);
        self.send(ToServer::Drop);
    }
}

/// Sends the body of a request, as fast as the host takes it.
async fn send(mut body: WasiBody, ticket: Arc<Ticket>, room: Arc<Semaphore>) {
    let last = loop {
        let frame = match body.frame().await {
            None => break Piece::End,
            Some(Err(error)) => break Piece::Failed(Problem::new(&error)),
            Some(Ok(frame)) => frame,
        };
        for piece in pieces(frame) {
            let Ok(permit) = room.acquire().await else { return };
            permit.forget();
            ticket.send(ToServer::Piece(piece));
        }
    };
    ticket.send(ToServer::Piece(last));
}

/// Waits for the head of the answer, while the request is on its way.
async fn answered(
    mut inbox: mpsc::UnboundedReceiver<ToGuest>,
    ticket: Arc<Ticket>,
    mut sending: Option<Pin<Box<impl Future<Output = ()> + Send + 'static>>>,
) -> Result<Answered> {
    let told = match &mut sending {
        None => inbox.recv().await,
        Some(request) => tokio::select! {
            biased;
            told = inbox.recv() => told,
            () = request => {
                sending = None;
                inbox.recv().await
            }
        },
    };
    let head = match told {
        Some(ToGuest::Head(head)) => head.open(),
        Some(ToGuest::Failed(problem)) => return Err(problem.open()),
        _ => return Err(Error::InternalError(None)),
    };
    let head = head.map_err(|_| Error::HttpProtocolError)?;
    let body = ReceivedBody { inbox, ticket, is_over: false };
    let io: Io = Box::new(async move {
        if let Some(request) = sending {
            request.await;
        }
        Ok(())
    });
    Ok((head.map(|()| body.boxed_unsync()), io))
}

/// The body of an answer, as it comes from the host.
struct ReceivedBody {
    inbox: mpsc::UnboundedReceiver<ToGuest>,
    ticket: Arc<Ticket>,
    is_over: bool,
}

impl Body for ReceivedBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>>>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        let found = match ready!(self.inbox.poll_recv(context)) {
            Some(ToGuest::Piece(piece)) => frame(piece),
            _ => Some(Err(Error::InternalError(None))),
        };
        match &found {
            Some(Ok(_)) => self.ticket.send(ToServer::Taken),
            Some(Err(_)) | None => self.is_over = true,
        }
        Poll::Ready(found)
    }
}

fn locked(requests: &Mutex<HashMap<u32, Waiting>>) -> MutexGuard<'_, HashMap<u32, Waiting>> {
    requests.lock().unwrap_or_else(PoisonError::into_inner)
}
