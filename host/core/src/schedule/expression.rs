use super::ScheduleError;
use super::days::{Dates, Days, Weekdays};
use super::field::{Field, Values};

/// Longer texts are refused unread.
pub(super) const MAX_BYTES: usize = 256;

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
const FOREIGN: [(&str, &str); 7] = [
    ("TZ=", "put the time zone in the `timezone` field"),
    ("CRON_TZ=", "put the time zone in the `timezone` field"),
    ("cron(", "write the five fields alone, as in `0 12 * * *`"),
    ("rate(", "write a schedule of five fields, as in `*/5 * * * *`"),
    ("at(", "write a schedule of five fields, as in `0 12 1 1 *`"),
    ("@every", "write a schedule of five fields, as in `*/5 * * * *`"),
    ("@reboot", "write a schedule of five fields; a server's start is no instant of a schedule"),
];

/// A schedule as sets of numbers: bit *n* is the value *n*.
#[derive(Debug)]
pub(super) struct Expression {
    pub(super) seconds: u64,
    pub(super) minutes: u64,
    pub(super) hours: u64,
    pub(super) months: u64,
    pub(super) days: Days,
    /// Whether the minute or the hour field begins with a star.
    pub(super) wildcard: bool,
    pub(super) warnings: Vec<String>,
}

impl Expression {
    pub(super) fn parse(text: &str) -> Result<Self, ScheduleError> {
        if text.len() > MAX_BYTES {
            return Err(ScheduleError::TooLong { length: text.len() });
        }
        let strange = |character: &char| !matches!(character, '\t' | ' '..='~');
        if let Some(character) = text.chars().find(strange) {
            return Err(ScheduleError::Character { character });
        }
        let text = text.trim_ascii();
        let parsed = Self::parse_fields(&fields(expand(text)?))?;
        if parsed.days.ever(parsed.months, true) {
            Ok(parsed)
        } else {
            Err(ScheduleError::NeverFires)
        }
    }

    fn parse_fields(texts: &[&str]) -> Result<Self, ScheduleError> {
        let (texts, second) = match *texts {
            [minute, hour, date, month, weekday] => ([minute, hour, date, month, weekday], None),
            [minute, hour, date, month, weekday, second] => {
                ([minute, hour, date, month, weekday], Some(second))
            }
            _ => return Err(field_count(texts)),
        };
        let parsed = Self::read(texts, second);
        // Other schedulers put the seconds first; point out where that must have been meant.
        match (parsed, rotated(texts, second)) {
            (Err(ScheduleError::Field { field, text, mut fix }), Some(rotated)) => {
                fix.push_str(&format!(
                    "; if the first of the six fields is meant to be seconds, put it last: {rotated}"
                ));
                Err(ScheduleError::Field { field, text, fix })
            }
            (parsed, _) => parsed,
        }
    }

    fn read(texts: [&str; 5], second: Option<&str>) -> Result<Self, ScheduleError> {
        let [minute, hour, date, month, weekday] = texts;
        let minute = Field::Minute.parse(minute)?;
        let hour = Field::Hour.parse(hour)?;
        let date = Field::DayOfMonth.parse(date)?;
        let month = Field::Month.parse(month)?;
        let weekday = Field::DayOfWeek.parse(weekday)?;
        let seconds = second.map(|second| Field::Second.parse(second)).transpose()?;

        let mut warnings = Vec::new();
        let all = [&minute, &hour, &date, &month, &weekday];
        for (field, values) in Field::ALL.into_iter().zip(all.into_iter().chain(&seconds)) {
            if let Some(item) = &values.long_step {
                let name = field.name();
                warnings.push(format!(
                    "the step of \"{item}\" in the {name} field leads out of its range, so that only its first value is left"
                ));
            }
        }
        if seconds.is_some() {
            let mut warning = "the last of the six fields is seconds".to_owned();
            if let Some(rotated) = rotated(texts, second) {
                warning.push_str("; if the first is meant to be seconds, write ");
                warning.push_str(&rotated);
            }
            warnings.push(warning);
        }
        let wildcard = minute.star || hour.star;
        let days = days(&date, &weekday);
        warnings.extend(day_warning(&date, &weekday).map(str::to_owned));
        if days.ever(month.set, true) && !days.ever(month.set, false) {
            warnings.push("fires on 29 February alone, and so in leap years alone".to_owned());
        }
        Ok(Self {
            seconds: seconds.map_or(1, |seconds| seconds.set),
            minutes: minute.set,
            hours: hour.set,
            months: month.set,
            days,
            wildcard,
            warnings,
        })
    }
}

fn fields(text: &str) -> Vec<&str> {
    text.split([' ', '\t']).filter(|field| !field.is_empty()).collect()
}

/// The fields that a macro stands for, or else the text.
fn expand(text: &str) -> Result<&str, ScheduleError> {
    let begins = |with: &str| {
        text.get(..with.len()).is_some_and(|beginning| beginning.eq_ignore_ascii_case(with))
    };
    if let Some((with, fix)) = FOREIGN.iter().find(|(with, _)| begins(with)) {
        return Err(ScheduleError::Unsupported { text: (*with).to_owned(), fix });
    }
    if !text.starts_with('@') {
        return Ok(text);
    }
    MACROS.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, fields)| *fields).ok_or_else(
        || ScheduleError::Unsupported {
            text: text.to_owned(),
            fix: "use @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly or five fields",
        },
    )
}

fn field_count(texts: &[&str]) -> ScheduleError {
    let fix = match texts {
        [] => "write for example `0 9 * * 1-5`, nine o'clock from Monday to Friday",
        [_, _, _, _, _, _, _] => {
            "leave out the year, put the seconds last, and use `end_time` to end a cron"
        }
        [_, _, _, _, _, _, ..] => "remove the surplus",
        _ => "put a blank between two fields, and `*` for a field that does not matter",
    };
    ScheduleError::FieldCount { found: texts.len(), fix }
}

/// Six fields with the first moved to the end, if that is a schedule.
fn rotated(texts: [&str; 5], second: Option<&str>) -> Option<String> {
    let [first, minute, hour, date, month] = texts;
    let weekday = second?;
    let texts = [minute, hour, date, month, weekday, first];
    let readable = Field::ALL.iter().zip(texts).all(|(field, text)| field.parse(text).is_ok());
    readable.then(|| texts.join(" "))
}

fn days(date: &Values, weekday: &Values) -> Days {
    Days {
        // The sets of these fields have no bits above 31 and 6.
        dates: Dates { days: date.set as u32, ..date.dates },
        weekdays: Weekdays { every: weekday.set as u8, ..weekday.weekdays },
        either: !date.star && !weekday.star,
    }
}

fn day_warning(date: &Values, weekday: &Values) -> Option<&'static str> {
    let every_date = date.set == 0xffff_fffe;
    let every_weekday = weekday.set == 0x7f;
    if !date.star && !weekday.star {
        Some(
            "day-of-month and day-of-week are both restricted: it fires on the days that match either",
        )
    } else if !every_date && !every_weekday {
        Some(
            "one of the day fields begins with * and both are restricted: it fires on the days that match both",
        )
    } else {
        None
    }
}
