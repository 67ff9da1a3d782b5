use std::fmt::Write;
use std::str::FromStr;

use chrono::{DateTime, Datelike, Days as Span, NaiveDate, NaiveTime, Utc};

use super::ScheduleError;
use super::days::{Days, Month};
use super::expression::Expression;
use super::wall::Wall;

/// Counts through the calendar, from 1970 to 2100, on zone-less wall time.
#[derive(Debug, Clone)]
pub(super) struct Calendar {
    /// Everything but the days; it takes each day of its months for a match.
    engine: cron::Schedule,
    days: Days,
}

impl Calendar {
    pub(super) fn new(expression: &Expression) -> Result<Self, ScheduleError> {
        let text = format!(
            "{} {} {} * {} *",
            list(expression.seconds(), 0, 59),
            list(expression.minute.set, 0, 59),
            list(expression.hour.set, 0, 23),
            list(expression.month.set, 1, 12),
        );
        let engine = cron::Schedule::from_str(&text)
            .map_err(|error| ScheduleError::Calendar { reason: error.to_string() })?;
        Ok(Self { engine, days: expression.days() })
    }

    /// The first match later than `wall`.
    pub(super) fn after(&self, wall: Wall) -> Option<Wall> {
        // The engine begins in 1970 and panics at the end of its own time.
        let mut from: DateTime<Utc> = DateTime::from_timestamp(wall.0.max(-1), 0)?;
        if from.year() > 2100 {
            return None;
        }
        loop {
            let found = self.engine.after(&from).next()?;
            let date = found.date_naive();
            let first = date.with_day(1)?;
            let next_month = first.checked_add_months(chrono::Months::new(1))?;
            let days = self.days.of(shape(first, next_month));
            // The matching days from the one that was found, which becomes bit 0.
            let ahead = days >> date.day();
            if ahead & 1 == 1 {
                return Some(Wall(found.timestamp()));
            }
            let day = if ahead == 0 {
                next_month
            } else {
                date.checked_add_days(Span::new(ahead.trailing_zeros().into()))?
            };
            let midnight = day.and_time(NaiveTime::MIN).and_utc();
            from = DateTime::from_timestamp(midnight.timestamp() - 1, 0)?;
        }
    }

    /// The first match that is not earlier than `wall`.
    pub(super) fn from(&self, wall: Wall) -> Option<Wall> {
        self.after(Wall(wall.0 - 1))
    }
}

fn shape(first: NaiveDate, next_month: NaiveDate) -> Month {
    Month {
        length: u32::try_from((next_month - first).num_days()).unwrap_or(31),
        first: first.weekday().num_days_from_sunday(),
    }
}

/// The values of a set as the engine reads them. Its parser is the dearest part of reading a
/// schedule, and takes its time for each item; so a star, or even steps, are one item.
fn list(set: u64, min: u32, max: u32) -> String {
    let steps = |low: u32, high: u32, step: u32| {
        (low..=high).step_by(step as usize).fold(0, |set, value| set | 1_u64 << value)
    };
    if set == steps(min, max, 1) {
        return "*".to_owned();
    }
    if set.count_ones() > 2 {
        let (low, high) = (set.trailing_zeros(), 63 - set.leading_zeros());
        let step = (set & (set - 1)).trailing_zeros() - low;
        if set == steps(low, high, step) {
            return format!("{low}-{high}/{step}");
        }
    }
    let values = (min..=max).filter(|value| set & (1 << value) != 0);
    values.fold(String::new(), |mut text, value| {
        let comma = if text.is_empty() { "" } else { "," };
        // Writing to a string does not fail.
        let _ = write!(text, "{comma}{value}");
        text
    })
}
