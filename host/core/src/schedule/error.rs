use thiserror::Error;

/// Why a schedule was refused. Every message says what to write instead, and where the text has to
/// change.
///
/// A column is the position of a character in the text as it was given, from 1.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ScheduleError {
    /// The text is longer than any sensible schedule.
    #[error(
        "a schedule has at most {} bytes, this one has {length} (column {column} is the first too many); use ranges and steps in place of long lists",
        super::MAX_BYTES
    )]
    TooLong {
        /// Bytes in the text.
        length: usize,
        /// Where the surplus begins.
        column: usize,
    },
    /// A character that is in no schedule.
    #[error(
        "{character:?} at column {column} cannot be part of a schedule; use ASCII text, with blanks or tabs between the fields, as in `0 9 * * 1-5`"
    )]
    Character {
        /// The first such character.
        character: char,
        /// Where it is.
        column: usize,
    },
    /// Not five or six fields.
    #[error(
        "a schedule has five fields (minute, hour, day-of-month, month, day-of-week) and may have a sixth for seconds, this one has {found}{}; {fix}",
        missing_or_surplus(*.field, *.column)
    )]
    FieldCount {
        /// Number of fields in the text.
        found: usize,
        /// The first field that is missing.
        field: Option<&'static str>,
        /// Where the missing field would begin, or the surplus begins.
        column: usize,
        /// What to do.
        fix: &'static str,
    },
    /// A form that other schedulers know and this one does not.
    #[error("{text:?} at column {column} is not supported; {fix}")]
    Unsupported {
        /// The part in question.
        text: String,
        /// Where it begins.
        column: usize,
        /// What to do.
        fix: &'static str,
    },
    /// A field that cannot be read.
    #[error("{text:?} in the {field} field (column {column}) is not valid; {fix}")]
    Field {
        /// The name of the field.
        field: &'static str,
        /// The item of the field in question.
        text: String,
        /// Where the item begins.
        column: usize,
        /// What to do.
        fix: String,
    },
    /// Correct in form, but no date matches.
    #[error(
        "{text:?} in the {} field (column {column}) meets no date that the month and day-of-week fields allow, so the schedule would never fire; write a day that each of the months has, 1 to 28, or L for the last; for a cron that is only run by hand, write any schedule that fires and create the cron with `enabled=false`",
        DAY_OF_MONTH
    )]
    NeverFires {
        /// The day-of-month field.
        text: String,
        /// Where it begins.
        column: usize,
    },
    /// Not a time zone.
    #[error(
        "{name:?} is not a known time zone; use an IANA name such as Europe/Berlin, in exactly that spelling, or UTC"
    )]
    TimeZone {
        /// The name as it was given, cut to a readable length.
        name: String,
    },
    /// The calendar refused what the parser accepted: a fault of this library, and an error rather
    /// than a panic.
    #[error(
        "the calendar cannot hold this schedule ({reason}); write it in a simpler way, and report this"
    )]
    Calendar {
        /// What the calendar said.
        reason: String,
    },
    /// No schedule, or too many of them for one cron.
    #[error(
        "a cron has 1 to {} schedules, this one has {found}; write several times of a field as a list, as in `0 9,12,18 * * *`",
        super::MAX_TEXTS
    )]
    Number {
        /// How many there are.
        found: usize,
    },
    /// One of several schedules was refused.
    #[error("schedule {} of {of}: {error}", index + 1)]
    InList {
        /// Its position in the list, from 0.
        index: usize,
        /// How many there are.
        of: usize,
        /// Why it was refused.
        error: Box<ScheduleError>,
    },
}

const DAY_OF_MONTH: &str = super::field::Field::DayOfMonth.name();

impl ScheduleError {
    /// Where in the text, as it was given, the offending part begins, in characters from 1; `None`
    /// for what is wrong outside the text.
    pub fn column(&self) -> Option<usize> {
        match self {
            Self::TooLong { column, .. }
            | Self::Character { column, .. }
            | Self::FieldCount { column, .. }
            | Self::Unsupported { column, .. }
            | Self::Field { column, .. }
            | Self::NeverFires { column, .. } => Some(*column),
            Self::InList { error, .. } => error.column(),
            Self::TimeZone { .. } | Self::Calendar { .. } | Self::Number { .. } => None,
        }
    }

    /// The field of the schedule that has to change or is missing: `minute`, `hour`,
    /// `day-of-month`, `month`, `day-of-week` or `seconds`; of `@every`, `interval` or `phase`; of
    /// `@at`, `instant`. `None` when it is no field in particular.
    pub fn field(&self) -> Option<&'static str> {
        match self {
            Self::Field { field, .. } => Some(field),
            Self::FieldCount { field, .. } => *field,
            Self::NeverFires { .. } => Some(DAY_OF_MONTH),
            Self::InList { error, .. } => error.field(),
            _ => None,
        }
    }

    /// Which of several schedules was refused, from 0.
    pub fn index(&self) -> Option<usize> {
        match self {
            Self::InList { index, .. } => Some(*index),
            _ => None,
        }
    }
}

fn missing_or_surplus(field: Option<&str>, column: usize) -> String {
    match field {
        Some(field) => format!(" (the {field} field is missing at column {column})"),
        None => format!(" (the surplus begins at column {column})"),
    }
}
