use std::fmt;

use super::ScheduleError;
use super::piece::Piece;
use super::wall::Wall;
use crate::Timestamp;

pub(super) const DAY: i64 = 86_400;
/// The longest interval, in seconds.
const LONGEST: i64 = 366 * DAY;
/// Nothing fires after this, the last second of the year 2100, where the calendar ends too.
pub(super) const LAST_SECOND: i64 = 4_133_980_799;

/// The units, in the order in which they are written, in seconds.
const UNITS: [(&str, i64); 4] = [("d", DAY), ("h", 3600), ("m", 60), ("s", 1)];

/// `@every <interval>[/<phase>]`: the instants *k* · interval + phase, from 1970 on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Every {
    /// In seconds.
    pub(super) interval: i64,
    /// In seconds, less than the interval.
    phase: i64,
}

impl Every {
    /// Reads what comes after `@every`, which ends at the column `end`.
    pub(super) fn parse(pieces: &[Piece<'_>], end: usize) -> Result<Self, ScheduleError> {
        let piece = match *pieces {
            [] => Piece { text: "", column: end },
            [piece] => piece,
            [_, surplus, ..] => {
                return Err(refuse(
                    "interval",
                    surplus,
                    "write `@every 1h/5m`, without more blanks",
                ));
            }
        };
        let mut parts = piece.split(['/']);
        let interval_text = parts.next().unwrap_or(piece);
        let interval = duration("interval", interval_text)?;
        if !(1..=LONGEST).contains(&interval) {
            return Err(refuse("interval", interval_text, "an interval is 1s to 366d long"));
        }
        let phase = match parts.next() {
            None => 0,
            Some(phase_text) => {
                let phase = duration("phase", phase_text)?;
                if phase >= interval {
                    let fix = format!(
                        "a phase is shorter than its interval; this one would be the same as {}",
                        Duration(phase % interval)
                    );
                    return Err(refuse("phase", phase_text, fix));
                }
                phase
            }
        };
        match parts.next() {
            Some(surplus) => Err(refuse("phase", surplus, "write one phase, as in `@every 1h/5m`")),
            None => Ok(Self { interval, phase }),
        }
    }

    /// The first instant strictly after `after`.
    pub(super) fn next_after(self, after: Timestamp) -> Option<Timestamp> {
        self.instant(self.count(Wall::at(after, 0).0) + 1)
    }

    /// The latest instant in `(after, until]`.
    pub(super) fn latest_between(self, after: Timestamp, until: Timestamp) -> Option<Timestamp> {
        let count = self.count(Wall::at(until, 0).0.min(LAST_SECOND));
        self.instant(count).filter(|_| count >= 0).filter(|at| *at > after)
    }

    /// Which instant is the last one up to this second; the first is number 0.
    fn count(self, second: i64) -> i64 {
        (second - self.phase).div_euclid(self.interval)
    }

    fn instant(self, count: i64) -> Option<Timestamp> {
        let second = count.max(0) * self.interval + self.phase;
        if second > LAST_SECOND { None } else { Timestamp::from_second(second).ok() }
    }
}

impl fmt::Display for Every {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@every {}", Duration(self.interval))?;
        if self.phase > 0 { write!(f, "/{}", Duration(self.phase)) } else { Ok(()) }
    }
}

/// A number of seconds, as it is written in a schedule.
struct Duration(i64);

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.0;
        for (unit, seconds) in UNITS {
            if rest >= seconds {
                write!(f, "{}{unit}", rest / seconds)?;
                rest %= seconds;
            }
        }
        Ok(())
    }
}

/// Reads a length of time such as `1h30m`, in seconds.
fn duration(field: &'static str, piece: Piece<'_>) -> Result<i64, ScheduleError> {
    let refused = || refuse(field, piece, advice(piece.text));
    let mut units = UNITS.iter();
    let (mut rest, mut total) = (piece.text, 0);
    if rest.is_empty() {
        return Err(refused());
    }
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, after) = rest.split_at(digits);
        // Nine digits of the largest unit are far from the end of an `i64`.
        let number = if digits <= 9 { number.parse::<i64>().ok() } else { None };
        let number = number.ok_or_else(refused)?;
        // Each unit is looked for after the one before it: in order, and once.
        let unit = units.find(|(unit, _)| after.starts_with(unit));
        let (unit, seconds) = unit.ok_or_else(refused)?;
        total += number * seconds;
        rest = after.get(unit.len()..).unwrap_or_default();
    }
    Ok(total)
}

/// What to write in place of something that is no length of time.
fn advice(text: &str) -> &'static str {
    let lower = text.to_ascii_lowercase();
    let last = |set: &[char]| lower.ends_with(set);
    if text.is_empty() {
        "write a length of time here, as in `@every 15m` or `@every 1h30m/5m`"
    } else if lower.starts_with('p') {
        "write 1h30m for PT1H30M"
    } else if lower.contains('.') {
        "write whole numbers, as in 1h30m for 1.5h"
    } else if lower.starts_with(['-', '+']) {
        "write it without a sign, as in 15m"
    } else if last(&['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']) && !text.contains(':') {
        "name the unit of each number: 90s, 15m, 6h or 1d"
    } else if ["ms", "us", "ns"].iter().any(|unit| lower.ends_with(unit)) {
        "the least unit is 1s"
    } else if lower.ends_with('w') {
        "write weeks as days, as in 7d for 1w"
    } else {
        "write numbers with the units d, h, m and s, small, in that order and each once, as in \
         1d12h or 1h30m"
    }
}

fn refuse(field: &'static str, piece: Piece<'_>, fix: impl Into<String>) -> ScheduleError {
    ScheduleError::Field {
        field,
        text: piece.text.to_owned(),
        column: piece.column,
        fix: fix.into(),
    }
}
