//! Static texts of guests.

use std::fmt::Write;

/// Texts that lie one after the other in the memory of a guest.
pub(crate) struct Strings {
    at: usize,
    segments: String,
}

impl Strings {
    /// From where [`guest`](crate::guest::guest) leaves room.
    pub(crate) fn new() -> Self {
        Self { at: 4_096, segments: String::new() }
    }

    /// Adds a text, and returns its address and length as two constants.
    pub(crate) fn put(&mut self, text: &str) -> String {
        write!(self.segments, "(data (i32.const {}) \"", self.at).expect("a string takes it");
        for byte in text.bytes() {
            write!(self.segments, "\\{byte:02x}").expect("a string takes it");
        }
        self.segments.push_str("\")\n");
        let place = format!("(i32.const {}) (i32.const {})", self.at, text.len());
        self.at += text.len();
        assert!(self.at < 65_536, "texts run into the heap");
        place
    }

    /// The segments that hold them.
    pub(crate) fn segments(&self) -> &str {
        &self.segments
    }
}
