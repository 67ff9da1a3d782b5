use thiserror::Error;

/// Why a schedule was refused. Every message says what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ScheduleError {
    /// The text is longer than any sensible schedule.
    #[error(
        "a schedule has at most {} bytes, this one has {length}; use ranges and steps in place of long lists",
        super::expression::MAX_BYTES
    )]
    TooLong {
        /// Bytes in the text.
        length: usize,
    },
    /// A character that is in no schedule.
    #[error(
        "{character:?} cannot be part of a schedule; use ASCII text, with blanks or tabs between the fields"
    )]
    Character {
        /// The first such character.
        character: char,
    },
    /// Not five or six fields.
    #[error(
        "a schedule has five fields (minute, hour, day-of-month, month, day-of-week) and may have a sixth for seconds, this one has {found}; {fix}"
    )]
    FieldCount {
        /// Number of fields in the text.
        found: usize,
        /// What to do.
        fix: &'static str,
    },
    /// A form that other schedulers know and this one does not.
    #[error("{text:?} is not supported; {fix}")]
    Unsupported {
        /// The part in question.
        text: String,
        /// What to do.
        fix: &'static str,
    },
    /// A field that cannot be read.
    #[error("{text:?} in the {field} field is not valid; {fix}")]
    Field {
        /// The name of the field.
        field: &'static str,
        /// The item of the field in question.
        text: String,
        /// What to do.
        fix: String,
    },
    /// Correct in form, but no date matches.
    #[error(
        "no date matches this schedule, so it would never fire; for a cron that is only run by hand, write any schedule that fires and create the cron with `enabled=false`"
    )]
    NeverFires,
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
}
