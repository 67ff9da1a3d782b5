/// A part of a schedule's text, and where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    pub(super) text: &'a str,
    /// The position of its first character in the whole text, from 1.
    pub(super) column: usize,
}

impl<'a> Piece<'a> {
    /// The parts of an ASCII text between blanks and tabs.
    pub(super) fn fields(text: &'a str) -> Vec<Self> {
        let whole = Self { text, column: 1 };
        whole.split([' ', '\t']).filter(|piece| !piece.text.is_empty()).collect()
    }

    /// The parts between separators of one byte.
    pub(super) fn split<const N: usize>(
        self,
        separators: [char; N],
    ) -> impl Iterator<Item = Piece<'a>> {
        let mut column = self.column;
        self.text.split(separators).map(move |text| {
            let piece = Piece { text, column };
            column = piece.end() + 1;
            piece
        })
    }

    /// The column right after it.
    pub(super) const fn end(self) -> usize {
        self.column + self.text.len()
    }

    /// Whether it is this word, in capitals or not.
    pub(super) fn is(self, word: &str) -> bool {
        self.text.eq_ignore_ascii_case(word)
    }
}
