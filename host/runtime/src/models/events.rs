//! Documents in the body of a streamed answer.

use super::trouble::Trouble;

/// Bytes of one line.
const MOST_LINE: usize = 8 << 20;

/// How a stream separates its documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// Server-sent events: what stands behind `data:`.
    Events,
    /// One on each line.
    Lines,
}

/// Takes documents out of a body that comes in pieces, however they are cut.
pub(super) struct Documents {
    framing: Framing,
    /// The beginning of a line.
    line: Vec<u8>,
    /// The data of the event so far.
    data: String,
    ready: std::collections::VecDeque<String>,
}

impl Documents {
    pub(super) fn new(framing: Framing) -> Self {
        Self { framing, line: Vec::new(), data: String::new(), ready: Default::default() }
    }

    /// Takes a piece of the body.
    pub(super) fn take(&mut self, piece: &[u8]) -> Result<(), Trouble> {
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(part);
            if self.line.len().max(self.data.len()) > MOST_LINE {
                return Err(Trouble::malformed(format!(
                    "a line of it has more than {MOST_LINE} bytes"
                )));
            }
            if part.ends_with(b"\n") {
                self.end_line()?;
            }
        }
        Ok(())
    }

    /// Takes what is left at the end of the body.
    pub(super) fn close(&mut self) -> Result<(), Trouble> {
        if !self.line.is_empty() {
            self.end_line()?;
        }
        self.end_event();
        Ok(())
    }

    /// The next document.
    pub(super) fn next(&mut self) -> Option<String> {
        self.ready.pop_front()
    }

    fn end_line(&mut self) -> Result<(), Trouble> {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8(line).map_err(|_| Trouble::malformed("it is not UTF-8"))?;
        let line = line.trim_end_matches(['\n', '\r']);
        match self.framing {
            Framing::Lines => {
                if !line.trim().is_empty() {
                    self.ready.push_back(line.to_owned());
                }
            }
            Framing::Events if line.is_empty() => self.end_event(),
            Framing::Events => {
                if let Some(data) = line.strip_prefix("data:") {
                    if !self.data.is_empty() {
                        self.data.push('\n');
                    }
                    self.data.push_str(data.strip_prefix(' ').unwrap_or(data));
                }
            }
        }
        Ok(())
    }

    fn end_event(&mut self) {
        if !self.data.is_empty() {
            self.ready.push_back(std::mem::take(&mut self.data));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_found_however_the_body_is_cut() {
        let events =
            ": hello\r\nevent: a\r\ndata: {\"n\":1}\r\n\r\ndata:{\ndata: }\n\n\n\ndata: end";
        let lines = "{\"n\":1}\n\n{\"ü\":2}\r\nend";
        for (framing, body, expected) in [
            (Framing::Events, events, ["{\"n\":1}", "{\n}", "end"]),
            (Framing::Lines, lines, ["{\"n\":1}", "{\"ü\":2}", "end"]),
        ] {
            for size in 1..=body.len() {
                let mut documents = Documents::new(framing);
                for piece in body.as_bytes().chunks(size) {
                    documents.take(piece).unwrap();
                }
                documents.close().unwrap();
                let found: Vec<_> = std::iter::from_fn(|| documents.next()).collect();
                assert_eq!(found, expected, "in pieces of {size}");
            }
        }
    }

    #[test]
    fn a_line_without_end_and_bytes_that_are_no_text_are_refused() {
        let mut documents = Documents::new(Framing::Lines);
        let endless = (0..).take(20).try_for_each(|_| documents.take(&vec![b'x'; 1 << 20]));
        assert!(endless.is_err());
        assert!(Documents::new(Framing::Lines).take(b"\xff\n").is_err());
    }
}
