use super::ScheduleError;
use super::days::{Dates, Weekdays};
use super::piece::Piece;

const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// A field of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Minute,
    Hour,
    DayOfMonth,
    Month,
    DayOfWeek,
    Second,
}

/// What a field says.
#[derive(Debug, Default)]
pub(super) struct Values {
    /// Bit *n* is the value *n*; Sunday is 0.
    pub(super) set: u64,
    /// Whether the text begins with a star, or is `?`.
    pub(super) star: bool,
    /// `L` and `nW`.
    pub(super) dates: Dates,
    /// `d#n` and `dL`.
    pub(super) weekdays: Weekdays,
    /// An item whose step leads out of its range at once.
    pub(super) long_step: Option<String>,
}

/// Equal if they match the same values; how those were written does not count.
impl PartialEq for Values {
    fn eq(&self, other: &Self) -> bool {
        let values =
            |Self { set, star, dates, weekdays, .. }: &Self| (*set, *star, *dates, *weekdays);
        values(self) == values(other)
    }
}

impl Field {
    /// In the order of the text.
    pub(super) const ALL: [Self; 6] =
        [Self::Minute, Self::Hour, Self::DayOfMonth, Self::Month, Self::DayOfWeek, Self::Second];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::DayOfMonth => "day-of-month",
            Self::Month => "month",
            Self::DayOfWeek => "day-of-week",
            Self::Second => "seconds",
        }
    }

    /// The least and the greatest value of a star.
    pub(super) const fn range(self) -> (u32, u32) {
        match self {
            Self::Minute | Self::Second => (0, 59),
            Self::Hour => (0, 23),
            Self::DayOfMonth => (1, 31),
            Self::Month => (1, 12),
            Self::DayOfWeek => (0, 6),
        }
    }

    /// The greatest value that can be written.
    const fn greatest(self) -> u32 {
        match self {
            Self::DayOfWeek => 7,
            _ => self.range().1,
        }
    }

    /// The names of the values, in order from the least.
    const fn names(self) -> &'static [&'static str] {
        match self {
            Self::Month => &MONTHS,
            Self::DayOfWeek => &WEEKDAYS,
            _ => &[],
        }
    }

    /// Reads a field.
    pub(super) fn parse(self, piece: Piece<'_>) -> Result<Values, ScheduleError> {
        let mut values = Values { star: piece.text.starts_with('*'), ..Values::default() };
        if piece.text == "?" && matches!(self, Self::DayOfMonth | Self::DayOfWeek) {
            values.star = true;
            Item { field: self, text: "*", column: piece.column }.read(&mut values)?;
            return Ok(values);
        }
        for Piece { text, column } in piece.split([',']) {
            Item { field: self, text, column }.read(&mut values)?;
        }
        if self == Self::DayOfWeek && values.set & (1 << 7) != 0 {
            values.set = values.set & 0x7f | 1;
        }
        Ok(values)
    }
}

/// One part of a field's list.
struct Item<'a> {
    field: Field,
    text: &'a str,
    column: usize,
}

impl Item<'_> {
    fn read(&self, values: &mut Values) -> Result<(), ScheduleError> {
        if self.text.is_empty() {
            return Err(self.refuse("remove the comma, or write a value next to it"));
        }
        let special = match self.field {
            Field::DayOfMonth => self.read_date(&mut values.dates)?,
            Field::DayOfWeek => self.read_weekday(&mut values.weekdays)?,
            _ => false,
        };
        if special {
            return Ok(());
        }
        let (base, step) = match self.text.split_once('/') {
            Some((base, step)) => (base, Some(self.step(step)?)),
            None => (self.text, None),
        };
        let (least, most) = self.field.range();
        let (low, high) = if base == "*" {
            (least, most)
        } else if let Some((low, high)) = base.split_once('-') {
            (self.value(low)?, self.value(high)?)
        } else {
            let low = self.value(base)?;
            (low, if step.is_some() { most.max(low) } else { low })
        };
        if low > high {
            let (high, low) = (range(least, high), range(low, most));
            return Err(self.refuse(format!("a range does not run backwards: write {low},{high}")));
        }
        let step = step.unwrap_or(1);
        if step > 1 && step > high - low {
            values.long_step = Some(self.text.to_owned());
        }
        values.set = (low..=high).step_by(step as usize).fold(values.set, |set, n| set | 1 << n);
        Ok(())
    }

    /// `L` and `nW`; false if it is neither.
    fn read_date(&self, dates: &mut Dates) -> Result<bool, ScheduleError> {
        let text = self.text.to_ascii_uppercase();
        if text == "L" {
            dates.last = true;
            return Ok(true);
        }
        match text.strip_suffix('W') {
            Some(day) if is_number(day) => {
                dates.nearest |= 1 << self.value(day)?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// `d#n`, `dL` and `Ld`; false if it is none of them.
    fn read_weekday(&self, weekdays: &mut Weekdays) -> Result<bool, ScheduleError> {
        let bit = |text| Ok(1 << (self.value(text)? % 7));
        if let Some((day, nth)) = self.text.split_once('#') {
            let day: u8 = bit(day)?;
            let set = nth.parse::<usize>().ok().filter(|_| nth.len() == 1);
            let set = set.and_then(|nth| weekdays.nth.get_mut(nth.checked_sub(1)?));
            let set = set.ok_or_else(|| {
                self.refuse("after # comes 1 to 5, which one in the month; 5L is the last Friday")
            })?;
            *set |= day;
            return Ok(true);
        }
        let last = ['L', 'l'];
        let day = self.text.strip_suffix(last).or_else(|| self.text.strip_prefix(last));
        match day {
            Some("") => Err(self.refuse("write 6L for the last Saturday of the month, 6 for each")),
            Some(day) if is_number(day) || is_name(self.field, day) => {
                weekdays.last |= bit(day)?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    fn step(&self, text: &str) -> Result<u32, ScheduleError> {
        let step = if is_number(text) { text.parse().ok() } else { None };
        step.filter(|step| *step > 0)
            .ok_or_else(|| self.refuse("after / comes a step, a number from 1 to 999"))
    }

    fn value(&self, text: &str) -> Result<u32, ScheduleError> {
        let (least, greatest) = (self.field.range().0, self.field.greatest());
        if is_number(text)
            && let Ok(value) = text.parse()
            && (least..=greatest).contains(&value)
        {
            return Ok(value);
        }
        position(self.field.names(), text)
            .map(|position| position + least)
            .ok_or_else(|| self.refuse(self.advice(text)))
    }

    /// What to write in place of something that is no value of this field.
    fn advice(&self, text: &str) -> String {
        let text = text.to_ascii_uppercase();
        let name = text.get(..3).unwrap_or_default();
        let (least, greatest) = (self.field.range().0, self.field.greatest());
        let letters = |first: char| {
            text.strip_prefix(first)
                .is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_alphabetic()))
        };
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            format!("use {least} to {greatest}")
        } else if is_name(self.field, name) && text.bytes().all(|b| b.is_ascii_alphabetic()) {
            format!("use the name of three letters, {name}")
        } else if is_name(Field::Month, name) {
            "months belong in the fourth field".to_owned()
        } else if is_name(Field::DayOfWeek, name) {
            "weekdays belong in the fifth field".to_owned()
        } else if letters('H') || letters('R') || text.contains('~') {
            "values that the server picks are not supported, write the value itself".to_owned()
        } else if text.contains('?') {
            "? stands alone, in a day field; elsewhere write *".to_owned()
        } else if text.contains('+') {
            "write the value without +; asking for both day fields by + is not supported".to_owned()
        } else if text == "LW" || text == "WL" {
            "the last weekday of a month is not supported; L is its last day, 5L in the \
             day-of-week field its last Friday"
                .to_owned()
        } else if letters('W') {
            "write the number first, as in 15W".to_owned()
        } else if text.ends_with('W') || letters('L') || text.ends_with('L') {
            "write L and nW alone, in the day-of-month field, and nL in the day-of-week field"
                .to_owned()
        } else if text.contains('#') {
            "# belongs in the day-of-week field, as in 5#2".to_owned()
        } else if text.contains('*') {
            "* stands alone, or before a step as in */5".to_owned()
        } else {
            format!(
                "use {least} to {greatest}{}, a range a-b, a step */n or a-b/n, or a list of them",
                if self.field.names().is_empty() { "" } else { ", a name of three letters" },
            )
        }
    }

    fn refuse(&self, fix: impl Into<String>) -> ScheduleError {
        ScheduleError::Field {
            field: self.field.name(),
            text: self.text.to_owned(),
            column: self.column,
            fix: fix.into(),
        }
    }
}

/// One to three digits; `str::parse` alone would take a sign.
fn is_number(text: &str) -> bool {
    (1..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_name(field: Field, text: &str) -> bool {
    position(field.names(), text).is_some()
}

fn position(names: &[&str], text: &str) -> Option<u32> {
    let position = names.iter().position(|name| name.eq_ignore_ascii_case(text))?;
    u32::try_from(position).ok()
}

fn range(low: u32, high: u32) -> String {
    if low < high { format!("{low}-{high}") } else { low.min(high).to_string() }
}
