use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wakeful_core::{Clock, LogLevel, LogLine, LogSource};

use crate::outcome::floor;

/// What a line counts beside its text, and a field beside its two; else empty lines were free.
const LINE: u64 = 64;
const FIELD: u64 = 16;

/// The log lines of one run, up to a number of bytes.
pub(crate) struct LogBook {
    lines: Vec<LogLine>,
    left: u64,
    dropped: u64,
    clock: Arc<dyn Clock>,
}

/// A log book that the guest's standard output and standard error share with its store.
pub(crate) type SharedLogBook = Arc<Mutex<LogBook>>;

/// Opens a shared log book. Nothing panics while it is open, so a poisoned one is as good.
pub(crate) fn open(book: &SharedLogBook) -> MutexGuard<'_, LogBook> {
    book.lock().unwrap_or_else(PoisonError::into_inner)
}

impl LogBook {
    pub(crate) fn new(limit: u64, clock: Arc<dyn Clock>) -> SharedLogBook {
        Arc::new(Mutex::new(Self { lines: Vec::new(), left: limit, dropped: 0, clock }))
    }

    /// Whether nothing more will be kept.
    pub(crate) fn is_full(&self) -> bool {
        self.left <= LINE
    }

    /// Counts lines that were not even looked at.
    pub(crate) fn drop_lines(&mut self, count: u64) {
        self.dropped = self.dropped.saturating_add(count);
    }

    /// Keeps a line, or as much of its text as still fits, and returns what it kept.
    pub(crate) fn push(
        &mut self,
        source: LogSource,
        level: LogLevel,
        message: &str,
        fields: Vec<(String, String)>,
    ) -> Option<LogLine> {
        let Some(room) = self.left.checked_sub(LINE).filter(|room| *room > 0) else {
            self.drop_lines(1);
            return None;
        };
        let kept = floor(message, usize::try_from(room).unwrap_or(usize::MAX));
        let mut used = kept.len() as u64;
        let mut cut = kept.len() < message.len();
        let mut kept_fields = Vec::new();
        for (key, value) in fields {
            let size = (key.len() as u64).saturating_add(value.len() as u64).saturating_add(FIELD);
            if used.saturating_add(size) > room {
                cut = true;
                break;
            }
            used = used.saturating_add(size);
            kept_fields.push((key, value));
        }
        if cut {
            // Nothing after a cut is kept: a gap in the middle would mislead.
            self.left = 0;
            self.drop_lines(1);
        } else {
            self.left = room.saturating_sub(used);
        }
        let line = LogLine {
            at: self.clock.now(),
            source,
            level,
            message: kept.to_owned(),
            fields: kept_fields,
        };
        self.lines.push(line.clone());
        Some(line)
    }

    /// Takes what was kept, and the number of lines or parts of lines that were not.
    pub(crate) fn take(&mut self) -> (Vec<LogLine>, u64) {
        (std::mem::take(&mut self.lines), self.dropped)
    }
}

#[cfg(test)]
mod tests {
    use wakeful_core::SystemClock;

    use super::*;

    fn push(book: &SharedLogBook, text: &str) -> Option<String> {
        open(book).push(LogSource::Log, LogLevel::Info, text, Vec::new()).map(|line| line.message)
    }

    #[test]
    fn a_line_that_does_not_fit_is_cut_and_the_next_ones_are_counted() {
        let book = LogBook::new(LINE * 2 + 5, Arc::new(SystemClock));
        assert_eq!(push(&book, "abc").as_deref(), Some("abc"));
        assert_eq!(push(&book, "aéé").as_deref(), Some("a"));
        assert_eq!(push(&book, "x"), None);
        let (lines, dropped) = open(&book).take();
        assert_eq!((lines.len(), dropped), (2, 2));
    }

    #[test]
    fn empty_lines_are_not_free() {
        let book = LogBook::new(LINE * 3 + 1, Arc::new(SystemClock));
        let kept = (0..100).filter(|_| push(&book, "").is_some()).count();
        assert_eq!(kept, 3);
        assert_eq!(open(&book).take().1, 97);
    }
}
