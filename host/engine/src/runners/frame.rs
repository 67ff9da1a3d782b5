//! Messages on a stream: four bytes that say how long one is, and the message.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Buf, Bytes, BytesMut};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::Interest;
use tokio::net::UnixStream;
use tokio::sync::Notify;

/// What stands before each message.
const HEADER: usize = size_of::<u32>();

/// Bytes that are read at once.
const READ: usize = 64 << 10;

/// Descriptors that come with one read. A frame has at most one, and nothing is read past it.
const DESCRIPTORS: usize = 4;

/// The end of a stream that messages leave by. Never blocks whoever sends: what the other side does
/// not take at once waits here, so what is sent must be bounded by what the other side asked for.
pub(super) struct Outgoing {
    stream: Arc<UnixStream>,
    waiting: Mutex<Waiting>,
    more: Notify,
}

#[derive(Default)]
struct Waiting {
    frames: VecDeque<Frame>,
    /// Nothing can be sent any more.
    is_broken: bool,
}

/// What is left of a message.
struct Frame {
    bytes: Bytes,
    /// Goes with the first byte.
    descriptor: Option<Arc<File>>,
}

impl Outgoing {
    pub(super) fn new(stream: Arc<UnixStream>) -> Self {
        Self { stream, waiting: Mutex::default(), more: Notify::new() }
    }

    pub(super) fn send(&self, message: &impl Serialize) {
        self.send_with(message, None);
    }

    /// Sends a message, and a descriptor with it.
    pub(super) fn send_with(&self, message: &impl Serialize, descriptor: Option<Arc<File>>) {
        let Some(bytes) = encoded(message) else {
            tracing::error!("a message to or from a runner cannot be written");
            self.waiting().is_broken = true;
            self.more.notify_one();
            return;
        };
        let mut waiting = self.waiting();
        if waiting.is_broken {
            return;
        }
        waiting.frames.push_back(Frame { bytes, descriptor });
        if waiting.frames.len() == 1 {
            // Most messages are on their way here and now, without waking anybody on this side.
            waiting.flush(&self.stream);
        }
        if !waiting.frames.is_empty() || waiting.is_broken {
            self.more.notify_one();
        }
    }

    /// Sends what had to wait, until nothing can be sent any more.
    pub(super) async fn drive(&self) {
        loop {
            self.more.notified().await;
            loop {
                if self.waiting().is_broken {
                    return;
                }
                if self.waiting().frames.is_empty() {
                    break;
                }
                if self.stream.writable().await.is_err() {
                    return;
                }
                self.waiting().flush(&self.stream);
            }
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn flush(&mut self, stream: &UnixStream) {
        while let Some(frame) = self.frames.front_mut() {
            let sent = stream.try_io(Interest::WRITABLE, || frame.send(stream));
            match sent {
                Ok(sent) => {
                    frame.descriptor = None;
                    frame.bytes.advance(sent.min(frame.bytes.len()));
                    if frame.bytes.is_empty() {
                        self.frames.pop_front();
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => {
                    // Whoever reads finds the same.
                    self.is_broken = true;
                    self.frames.clear();
                    return;
                }
            }
        }
    }
}

impl Frame {
    fn send(&self, stream: &UnixStream) -> io::Result<usize> {
        let bytes = [IoSlice::new(&self.bytes)];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let descriptors = self.descriptor.as_ref().map(|file| [file.as_fd()]);
        if let Some(descriptors) = &descriptors {
            control.push(SendAncillaryMessage::ScmRights(descriptors));
        }
        Ok(sendmsg(stream, &bytes, &mut control, SendFlags::NOSIGNAL)?)
    }
}

fn encoded(message: &impl Serialize) -> Option<Bytes> {
    let mut bytes = postcard::to_extend(message, vec![0; HEADER]).ok()?;
    let length = u32::try_from(bytes.len().checked_sub(HEADER)?).ok()?;
    bytes.get_mut(..HEADER)?.copy_from_slice(&length.to_le_bytes());
    Some(bytes.into())
}

/// The end of a stream that messages come in by.
pub(super) struct Incoming {
    stream: Arc<UnixStream>,
    piece: Box<[u8]>,
    buffer: BytesMut,
    /// Descriptors that came; `None` where none is taken.
    descriptors: Option<VecDeque<OwnedFd>>,
}

impl Incoming {
    /// A stream whose other end may be anybody's: descriptors that come with it are closed.
    pub(super) fn new(stream: Arc<UnixStream>) -> Self {
        Self { stream, piece: vec![0; READ].into(), buffer: BytesMut::new(), descriptors: None }
    }

    /// A stream of which descriptors are taken as well.
    pub(super) fn with_descriptors(stream: Arc<UnixStream>) -> Self {
        Self { descriptors: Some(VecDeque::new()), ..Self::new(stream) }
    }

    /// The next message, of at most so many bytes as there may be when it begins, and how many it
    /// has; `None` at the end of the stream.
    pub(super) async fn next<T: DeserializeOwned>(
        &mut self,
        most: impl Fn() -> usize,
    ) -> io::Result<Option<(T, usize)>> {
        loop {
            if let Some(length) = self.length() {
                if length > most() {
                    return Err(io::Error::other(format!("a message has {length} bytes")));
                }
                if let Some(bytes) = self.buffer.get(HEADER..HEADER.saturating_add(length)) {
                    let message = decoded(bytes)?;
                    self.buffer.advance(HEADER.saturating_add(length));
                    return Ok(Some((message, length)));
                }
            }
            if self.read().await? == 0 {
                return if self.buffer.is_empty() {
                    Ok(None)
                } else {
                    Err(io::ErrorKind::UnexpectedEof.into())
                };
            }
        }
    }

    /// The next descriptor that came.
    pub(super) fn descriptor(&mut self) -> Option<OwnedFd> {
        self.descriptors.as_mut()?.pop_front()
    }

    fn length(&self) -> Option<usize> {
        let header = self.buffer.first_chunk::<HEADER>()?;
        usize::try_from(u32::from_le_bytes(*header)).ok()
    }

    async fn read(&mut self) -> io::Result<usize> {
        let Self { stream, piece, buffer, descriptors } = self;
        let stream: &UnixStream = stream;
        let read = stream.async_io(Interest::READABLE, || {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
            // Without room for them the system closes what comes.
            let space = if descriptors.is_some() { space.as_mut_slice() } else { &mut [] };
            let mut control = RecvAncillaryBuffer::new(space);
            let mut slices = [IoSliceMut::new(piece)];
            let received = recvmsg(stream, &mut slices, &mut control, RecvFlags::CMSG_CLOEXEC)?;
            for message in control.drain() {
                if let (RecvAncillaryMessage::ScmRights(new), Some(taken)) =
                    (message, descriptors.as_mut())
                {
                    taken.extend(new);
                }
            }
            Ok(received.bytes)
        });
        let read = read.await?;
        buffer.extend_from_slice(piece.get(..read).unwrap_or_default());
        Ok(read)
    }
}

fn decoded<T: DeserializeOwned>(bytes: &[u8]) -> io::Result<T> {
    match postcard::take_from_bytes(bytes) {
        Ok((message, [])) => Ok(message),
        Ok(_) => Err(io::Error::other("a message has more than it should")),
        Err(error) => Err(io::Error::other(format!("a message cannot be read: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Seek, Write};

    use super::*;

    fn pair() -> (Outgoing, Incoming) {
        let (here, there) = UnixStream::pair().unwrap();
        (Outgoing::new(Arc::new(here)), Incoming::with_descriptors(Arc::new(there)))
    }

    #[tokio::test]
    async fn messages_arrive_in_order_however_large_they_are() {
        let (out, mut incoming) = pair();
        let sent: Vec<Vec<u8>> = [0, 1, 100, 70_000, 3_000_000, 5].map(|size| vec![7; size]).into();
        let driving = async {
            for message in &sent {
                out.send(message);
            }
            out.drive().await;
        };
        let reading = async {
            for expected in &sent {
                let (found, _) = incoming.next::<Vec<u8>>(|| 4 << 20).await.unwrap().unwrap();
                assert!(found == *expected);
            }
        };
        tokio::select! {
            () = driving => panic!("the stream broke"),
            () = reading => {}
        }
    }

    #[tokio::test]
    async fn a_descriptor_comes_with_its_message() {
        let (out, mut incoming) = pair();
        for text in ["first", "second"] {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(text.as_bytes()).unwrap();
            file.rewind().unwrap();
            out.send_with(&text.to_owned(), Some(Arc::new(file)));
        }
        for text in ["first", "second"] {
            let (message, _) = incoming.next::<String>(|| 100).await.unwrap().unwrap();
            assert_eq!(message, text);
            let mut file = File::from(incoming.descriptor().unwrap());
            let mut found = String::new();
            file.read_to_string(&mut found).unwrap();
            assert_eq!(found, text);
        }
        drop(out);
        assert!(incoming.next::<String>(|| 100).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn what_is_too_long_or_damaged_or_cut_off_is_an_error() {
        for (bytes, most) in [
            (&b"\x05\0\0\0hello"[..], 4),
            (b"\xff\xff\xff\xff", 1 << 20),
            (b"\x02\0\0\0\x05x", 100),
            (b"\x03\0\0\0\x01xx", 100),
            (b"\x05\0\0\0he", 100),
            (b"\x05", 100),
        ] {
            let (here, there) = UnixStream::pair().unwrap();
            here.writable().await.unwrap();
            assert_eq!(here.try_write(bytes).unwrap(), bytes.len());
            drop(here);
            let mut incoming = Incoming::new(Arc::new(there));
            assert!(incoming.next::<String>(|| most).await.is_err(), "{bytes:?}");
        }
    }
}
