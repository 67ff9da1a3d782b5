use std::fmt;

use jiff::tz::TimeZone;

use super::every::Every;
use super::expression::{Expression, Layout};
use super::local::LocalTimes;
use super::piece::Piece;
use super::{Dst, MAX_BYTES, ScheduleError, canonical, once, search};
use crate::Timestamp;

const MACROS: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

/// Beginnings of texts that other schedulers understand.
const FOREIGN: [(&str, &str); 6] = [
    ("TZ=", "put the time zone in the `timezone` field"),
    ("CRON_TZ=", "put the time zone in the `timezone` field"),
    ("cron(", "write the five fields alone, as in `0 12 * * *`"),
    ("rate(", "write an interval as `@every 5m`, or as in `*/5 * * * *`"),
    ("at(", "write one instant as `@at 2027-01-31T09:00:00Z`, with its offset from UTC"),
    ("@reboot", "write a schedule of five fields; a server's start is no instant of a schedule"),
];

/// One text of a schedule, and the instants it names.
pub(super) struct Rule {
    pub(super) text: Box<str>,
    pub(super) kind: Kind,
}

pub(super) enum Kind {
    /// Cron text.
    Local(Box<LocalTimes>),
    /// `@every`.
    Every(Every),
    /// `@at`.
    At(Timestamp),
}

impl Rule {
    pub(super) fn parse(text: &str) -> Result<Self, ScheduleError> {
        let kind = match Parsed::parse(text)? {
            Parsed::Local(_, expression) => Kind::Local(Box::new(LocalTimes::new(&expression)?)),
            Parsed::Every(every) => Kind::Every(every),
            Parsed::At(instant) => Kind::At(instant),
        };
        Ok(Self { text: text.into(), kind })
    }

    /// The first instant strictly after `after`.
    pub(super) fn next_after(
        &self,
        after: Timestamp,
        zone: &TimeZone,
        dst: Dst,
    ) -> Option<Timestamp> {
        match &self.kind {
            Kind::Local(times) => times.next_after(after, zone, dst),
            Kind::Every(every) => every.next_after(after),
            Kind::At(instant) => Some(*instant).filter(|instant| *instant > after),
        }
    }

    /// The latest instant in `(after, until]`.
    pub(super) fn latest_between(
        &self,
        after: Timestamp,
        until: Timestamp,
        zone: &TimeZone,
        dst: Dst,
    ) -> Option<Timestamp> {
        match &self.kind {
            Kind::Local(times) => {
                search::latest_between(|from| times.next_after(from, zone, dst), after, until)
            }
            Kind::Every(every) => every.latest_between(after, until),
            Kind::At(instant) => Some(*instant).filter(|at| *at > after && *at <= until),
        }
    }

    /// Its text, read once more: what only people ask for is not kept.
    pub(super) fn parsed(&self) -> Option<Parsed<'_>> {
        Parsed::parse(&self.text).ok()
    }
}

/// A text that was read.
#[derive(Debug)]
pub(super) enum Parsed<'a> {
    Local(Layout<'a>, Box<Expression>),
    Every(Every),
    At(Timestamp),
}

impl<'a> Parsed<'a> {
    fn parse(text: &'a str) -> Result<Self, ScheduleError> {
        check_characters(text)?;
        let pieces = Piece::fields(text);
        let end = pieces.last().map_or(1, |last| last.end());
        match pieces.split_first() {
            Some((word, rest)) if word.is("@every") => Every::parse(rest, end).map(Self::Every),
            Some((word, rest)) if word.is("@at") => once::parse(rest, end).map(Self::At),
            Some((word, rest)) => {
                let pieces = expand(*word, rest)?.unwrap_or(pieces);
                Self::fields(&pieces, end)
            }
            None => Self::fields(&pieces, end),
        }
    }

    fn fields(pieces: &[Piece<'a>], end: usize) -> Result<Self, ScheduleError> {
        let layout = Layout::of(pieces, end)?;
        let expression = Box::new(Expression::parse(&layout)?);
        Ok(Self::Local(layout, expression))
    }
}

impl PartialEq for Parsed<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Local(_, one), Self::Local(_, other)) => one == other,
            (Self::Every(one), Self::Every(other)) => one == other,
            (Self::At(one), Self::At(other)) => one == other,
            _ => false,
        }
    }
}

/// The text in its canonical spelling.
impl fmt::Display for Parsed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(layout, expression) => f.write_str(&canonical::text(layout, expression)),
            Self::Every(every) => every.fmt(f),
            Self::At(instant) => write!(f, "@at {instant}"),
        }
    }
}

fn check_characters(text: &str) -> Result<(), ScheduleError> {
    if text.len() > MAX_BYTES {
        let fits = text.char_indices().take_while(|(at, c)| at + c.len_utf8() <= MAX_BYTES);
        return Err(ScheduleError::TooLong { length: text.len(), column: fits.count() + 1 });
    }
    let mut characters = text.chars().zip(1..);
    match characters.find(|(character, _)| !matches!(character, '\t' | ' '..='~')) {
        Some((character, column)) => Err(ScheduleError::Character { character, column }),
        None => Ok(()),
    }
}

/// The fields that a macro stands for; `None` if it is no macro.
fn expand<'a>(
    word: Piece<'_>,
    rest: &[Piece<'_>],
) -> Result<Option<Vec<Piece<'a>>>, ScheduleError> {
    let refuse = |text: &str, fix| {
        Err(ScheduleError::Unsupported { text: text.to_owned(), column: word.column, fix })
    };
    let begins = |with: &str| {
        word.text.get(..with.len()).is_some_and(|beginning| beginning.eq_ignore_ascii_case(with))
    };
    if let Some((with, fix)) = FOREIGN.iter().find(|(with, _)| begins(with)) {
        return refuse(with, fix);
    }
    if !word.text.starts_with('@') {
        return Ok(None);
    }
    let Some((_, fields)) = MACROS.iter().find(|(name, _)| word.is(name)) else {
        return refuse(
            word.text,
            "use @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly, an interval as \
             in `@every 15m`, one instant as in `@at 2027-01-31T09:00:00Z`, or five fields",
        );
    };
    match rest.first() {
        None => Ok(Some(Piece::fields(fields))),
        Some(surplus) => Err(ScheduleError::Unsupported {
            text: surplus.text.to_owned(),
            column: surplus.column,
            fix: "write such a word alone, as in `@daily`, or five fields",
        }),
    }
}
