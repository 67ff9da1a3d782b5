use super::ScheduleError;
use super::every::LAST_SECOND;
use super::piece::Piece;
use crate::Timestamp;

/// What an instant looks like, with `0` for each digit, up to its offset.
const SHAPE: &str = "0000-00-00T00:00:00";

/// Reads what comes after `@at`, which ends at the column `end`: one instant of RFC 3339.
pub(super) fn parse(pieces: &[Piece<'_>], end: usize) -> Result<Timestamp, ScheduleError> {
    let piece = match *pieces {
        [] => Piece { text: "", column: end },
        [piece] => piece,
        [_, surplus, ..] => {
            return Err(refuse(surplus, "write T between the date and the time, and no blank"));
        }
    };
    let instant = read(piece.text).map_err(|fix| refuse(piece, fix))?;
    if instant.as_second() > LAST_SECOND {
        return Err(refuse(piece, "write an instant of the year 2100 at the latest"));
    }
    Ok(instant)
}

fn read(text: &str) -> Result<Timestamp, &'static str> {
    const FORM: &str = "write an instant of RFC 3339, as in `@at 2027-01-31T09:00:00Z` or \
                        `@at 2027-01-31T09:00:00+01:00`";
    let (local, offset) = text.split_at_checked(SHAPE.len()).ok_or(FORM)?;
    if !is_shaped(local, SHAPE) {
        return Err(FORM);
    }
    if offset.starts_with(['.', ',']) {
        return Err("write whole seconds, without a fraction");
    }
    if offset.is_empty() {
        return Err("add Z for UTC, or the offset from UTC, as in 2027-01-31T09:00:00+01:00");
    }
    if offset.contains('[') {
        return Err("write the offset alone, as in +01:00, without a time zone in brackets");
    }
    let is_offset = offset.eq_ignore_ascii_case("Z")
        || is_shaped(offset, "+00:00")
        || is_shaped(offset, "-00:00");
    if !is_offset {
        return Err("write the offset from UTC as Z, +01:00 or -05:30");
    }
    // What has the right shape has the right numbers, or else is no instant. A leap second is not
    // one either: clocks do not show it.
    let number = |at: std::ops::Range<usize>| text.get(at).and_then(|n| n.parse::<u32>().ok());
    let beyond = |at, most| number(at).is_some_and(|number| number > most);
    let wrong = beyond(17..19, 59) || beyond(20..22, 23) || beyond(23..25, 59);
    let instant = if wrong { None } else { text.parse::<Timestamp>().ok() };
    instant.ok_or("write a date and a time of day that exist")
}

/// Whether a text has digits where a shape has them, and otherwise the same characters, in
/// capitals or not.
fn is_shaped(text: &str, shape: &str) -> bool {
    text.len() == shape.len()
        && text.bytes().zip(shape.bytes()).all(|(byte, shape)| match shape {
            b'0' => byte.is_ascii_digit(),
            _ => byte.eq_ignore_ascii_case(&shape),
        })
}

fn refuse(piece: Piece<'_>, fix: &str) -> ScheduleError {
    ScheduleError::Field {
        field: "instant",
        text: piece.text.to_owned(),
        column: piece.column,
        fix: fix.to_owned(),
    }
}
