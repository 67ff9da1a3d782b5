use super::ScheduleError;
use super::days::{Dates, Days, Weekdays};
use super::field::{Field, Values};
use super::piece::Piece;

/// Cron text as its fields.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout<'a> {
    /// Minute, hour, day-of-month, month and day-of-week.
    pub(super) five: [Piece<'a>; 5],
    pub(super) second: Option<Piece<'a>>,
}

impl<'a> Layout<'a> {
    pub(super) fn of(pieces: &[Piece<'a>], end: usize) -> Result<Self, ScheduleError> {
        match *pieces {
            [minute, hour, date, month, weekday] => {
                Ok(Self { five: [minute, hour, date, month, weekday], second: None })
            }
            [minute, hour, date, month, weekday, second] => {
                Ok(Self { five: [minute, hour, date, month, weekday], second: Some(second) })
            }
            _ => Err(field_count(pieces, end)),
        }
    }

    /// The fields with their names, in the order of the text.
    pub(super) fn fields(&self) -> impl Iterator<Item = (Field, Piece<'a>)> {
        Field::ALL.into_iter().zip(self.five.into_iter().chain(self.second))
    }

    /// Six fields with the first moved to the end, if that is a schedule: other schedulers put the
    /// seconds first. Not if that leaves it as it is, as in `* * * * * *`.
    pub(super) fn rotated(&self) -> Option<String> {
        let [first, minute, hour, date, month] = self.five;
        let pieces = [minute, hour, date, month, self.second?, first];
        let readable =
            Field::ALL.iter().zip(pieces).all(|(field, piece)| field.parse(piece).is_ok());
        let moves = pieces.iter().any(|piece| piece.text != first.text);
        (readable && moves).then(|| pieces.map(|piece| piece.text).join(" "))
    }
}

/// Cron text as sets of numbers.
#[derive(Debug)]
pub(super) struct Expression {
    pub(super) minute: Values,
    pub(super) hour: Values,
    pub(super) date: Values,
    pub(super) month: Values,
    pub(super) weekday: Values,
    pub(super) second: Option<Values>,
}

impl Expression {
    pub(super) fn parse(layout: &Layout<'_>) -> Result<Self, ScheduleError> {
        let [minute, hour, date, month, weekday] = layout.five;
        let read = || {
            Ok(Self {
                minute: Field::Minute.parse(minute)?,
                hour: Field::Hour.parse(hour)?,
                date: Field::DayOfMonth.parse(date)?,
                month: Field::Month.parse(month)?,
                weekday: Field::DayOfWeek.parse(weekday)?,
                second: layout.second.map(|second| Field::Second.parse(second)).transpose()?,
            })
        };
        let parsed = read().map_err(|error| point_out_seconds(error, layout))?;
        if parsed.days().ever(parsed.month.set, true) {
            Ok(parsed)
        } else {
            Err(ScheduleError::NeverFires { text: date.text.to_owned(), column: date.column })
        }
    }

    /// The values of the fields, in the order of the text.
    pub(super) fn fields(&self) -> impl Iterator<Item = (Field, &Values)> {
        let five = [&self.minute, &self.hour, &self.date, &self.month, &self.weekday];
        Field::ALL.into_iter().zip(five.into_iter().chain(&self.second))
    }

    /// The seconds of a minute: bit *n* is second *n*.
    pub(super) fn seconds(&self) -> u64 {
        self.second.as_ref().map_or(1, |second| second.set)
    }

    /// Whether the minute or the hour field begins with a star.
    pub(super) fn wildcard(&self) -> bool {
        self.minute.star || self.hour.star
    }

    pub(super) fn days(&self) -> Days {
        Days {
            // The sets of these fields have no bits above 31 and 6.
            dates: Dates { days: self.date.set as u32, ..self.date.dates },
            weekdays: Weekdays { every: self.weekday.set as u8, ..self.weekday.weekdays },
            either: !self.date.star && !self.weekday.star,
        }
    }
}

/// Equal if they name the same times; a star in the month or in the seconds is like its numbers.
impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.minute == other.minute
            && self.hour == other.hour
            && self.date == other.date
            && self.month.set == other.month.set
            && self.weekday == other.weekday
            && self.seconds() == other.seconds()
    }
}

/// Adds how to write it, if it is clear that the first of six fields was meant to be seconds.
fn point_out_seconds(error: ScheduleError, layout: &Layout<'_>) -> ScheduleError {
    match (error, layout.rotated()) {
        (ScheduleError::Field { field, text, column, mut fix }, Some(rotated)) => {
            fix.push_str(&format!(
                "; if the first of the six fields is meant to be seconds, put it last: {rotated}"
            ));
            ScheduleError::Field { field, text, column, fix }
        }
        (error, _) => error,
    }
}

fn field_count(pieces: &[Piece<'_>], end: usize) -> ScheduleError {
    let fix = match pieces {
        [] => "write for example `0 9 * * 1-5`, nine o'clock from Monday to Friday",
        [_, _, _, _, _, _, _] => {
            "leave out the year, put the seconds last, and use `end_time` to end a cron"
        }
        [_, _, _, _, _, _, ..] => "remove the surplus, as in `0 9 * * 1-5`",
        _ => {
            "put a blank between two fields and `*` for a field that does not matter, or write \
             `@every 15m` for an interval, `@at 2027-01-31T09:00:00Z` for one instant"
        }
    };
    let surplus = pieces.get(Field::ALL.len()).map(|surplus| surplus.column);
    ScheduleError::FieldCount {
        found: pieces.len(),
        field: Field::ALL.get(pieces.len()).map(|field| field.name()),
        column: surplus.unwrap_or(end),
        fix,
    }
}
