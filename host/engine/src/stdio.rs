use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use tokio::sync::mpsc;
use wakeful_core::{LogLevel, LogSource};
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use crate::GuestEvent;
use crate::logs::{SharedLogBook, open};
use crate::toll::Tab;

/// Bytes that a guest may write at once.
const PERMIT: usize = 64 << 10;

/// Bytes after which a line ends even without a line end.
const LONGEST_LINE: usize = 8 << 10;

/// Standard output or standard error of one run, as lines in its log.
#[derive(Clone)]
pub(crate) struct Stdio(Arc<Printer>);

struct Printer {
    source: LogSource,
    level: LogLevel,
    book: SharedLogBook,
    events: mpsc::Sender<GuestEvent>,
    tab: Tab,
    /// The beginning of a line whose end has not been written yet.
    partial: Mutex<Vec<u8>>,
}

impl Stdio {
    pub(crate) fn new(
        source: LogSource,
        level: LogLevel,
        book: SharedLogBook,
        events: mpsc::Sender<GuestEvent>,
        tab: Tab,
    ) -> Self {
        let partial = Mutex::default();
        Self(Arc::new(Printer { source, level, book, events, tab, partial }))
    }

    /// Ends the last line.
    pub(crate) fn finish(&self) {
        let mut partial = self.0.partial.lock().unwrap_or_else(PoisonError::into_inner);
        if !partial.is_empty() {
            self.0.line(&partial);
            partial.clear();
        }
    }
}

impl Printer {
    fn print(&self, bytes: &[u8]) {
        self.tab.bytes(bytes.len());
        if open(&self.book).is_full() {
            let lines = bytes.iter().filter(|byte| **byte == b'\n').count();
            open(&self.book).drop_lines(lines.max(1) as u64);
            return;
        }
        let mut partial = self.partial.lock().unwrap_or_else(PoisonError::into_inner);
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let text = piece.strip_suffix(b"\n");
            partial.extend_from_slice(text.unwrap_or(piece));
            if text.is_some() || partial.len() >= LONGEST_LINE {
                self.line(&partial);
                partial.clear();
            }
        }
    }

    fn line(&self, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        let text = text.strip_suffix('\r').unwrap_or(&text);
        let kept = open(&self.book).push(self.source, self.level, text, Vec::new());
        if let Some(line) = kept {
            // This side cannot wait, and the report has the line in any case.
            let _ = self.events.try_send(GuestEvent::Log(line));
        }
    }
}

impl IsTerminal for Stdio {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Stdio {
    /// Only WASI 0.3 asks for this one, and no guest can import that.
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[async_trait::async_trait]
impl Pollable for Stdio {
    async fn ready(&mut self) {}
}

#[async_trait::async_trait]
impl OutputStream for Stdio {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.0.print(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(PERMIT)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use wakeful_core::SystemClock;

    use super::*;
    use crate::logs::LogBook;

    #[test]
    fn writes_become_lines_however_they_are_cut() {
        let book = LogBook::new(10_000, Arc::new(SystemClock));
        let (events, mut watched) = mpsc::channel(8);
        let out = Stdio::new(
            LogSource::Stdout,
            LogLevel::Info,
            Arc::clone(&book),
            events,
            Tab::default(),
        );
        let mut stream = out.p2_stream();
        for piece in ["one\r\ntw", "o\n\nthr", "ee"] {
            stream.write(Bytes::from(piece)).unwrap();
        }
        out.finish();
        let (lines, dropped) = open(&book).take();
        let texts: Vec<_> = lines.iter().map(|line| line.message.as_str()).collect();
        assert_eq!((texts, dropped), (vec!["one", "two", "", "three"], 0));
        assert_eq!(watched.try_recv().unwrap(), GuestEvent::Log(lines[0].clone()));
    }

    #[test]
    fn a_line_without_end_does_not_grow_without_end() {
        let book = LogBook::new(100_000, Arc::new(SystemClock));
        let (events, _watched) = mpsc::channel(8);
        let out = Stdio::new(
            LogSource::Stderr,
            LogLevel::Warn,
            Arc::clone(&book),
            events,
            Tab::default(),
        );
        let mut stream = out.p2_stream();
        for _ in 0..1_000 {
            stream.write(Bytes::from(vec![b'x'; 4_096])).unwrap();
        }
        out.finish();
        let (lines, dropped) = open(&book).take();
        assert!(lines.iter().map(|line| line.message.len()).sum::<usize>() <= 100_000);
        assert!(dropped > 900, "{dropped}");
    }
}
