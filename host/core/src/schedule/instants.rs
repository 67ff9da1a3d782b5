use std::fmt;
use std::sync::Arc;

use jiff::tz::{self, TimeZone};

use super::ScheduleError;
use super::calendar::Calendar;
use super::expression::Expression;
use super::wall::{Reading, Shift, Wall};
use crate::Timestamp;

/// The calendar is asked for nothing before this: a day before 1970, for the zones east of UTC.
const FIRST_SECOND: i64 = -86_400;
/// The calendar is asked for nothing after this: a day after 2100, for the zones west of UTC.
const LAST_SECOND: i64 = 4_133_980_800 + 86_400;

/// When a cron fires: an expression, read in a time zone. A clone shares what it was cloned from.
#[derive(Clone)]
pub struct Schedule {
    inner: Arc<Inner>,
}

struct Inner {
    expression: Box<str>,
    zone: TimeZone,
    calendar: Calendar,
    /// Whether it fires at each hour or minute that passes, rather than at times of the day.
    wildcard: bool,
    warnings: Vec<String>,
}

impl Schedule {
    /// Reads a schedule, in the time zone with this IANA name or else in UTC.
    ///
    /// The text has the fields of Unix cron, `minute hour day-of-month month day-of-week`, with
    /// blanks or tabs between them; each is a list of `*`, `n`, `a-b`, and `*/s`, `a-b/s` or `a/s`
    /// (which is `a-max/s`). Months and weekdays have names of three letters; Sunday is 0 or 7.
    /// When both day fields are restricted, a day matches either, unless one of them begins with
    /// `*`: then it must match both (crontab(5)). Beyond that, as LangGraph's croniter reads them:
    /// - a sixth field, the last, holds **seconds**;
    /// - `@yearly`, `@annually`, `@monthly`, `@weekly`, `@daily`, `@midnight` and `@hourly`;
    /// - day-of-month: `L`, the last day; `15W`, the weekday nearest to the 15th;
    /// - day-of-week: `5#2`, the second Friday; `5L` or `L5`, the last Friday;
    /// - `?` in place of `*` in either of them.
    ///
    /// # Errors
    /// Whatever cannot be read in one way only, and a schedule that never fires.
    pub fn parse(expression: &str, timezone: Option<&str>) -> Result<Self, ScheduleError> {
        let parsed = Expression::parse(expression)?;
        let inner = Inner {
            expression: expression.into(),
            zone: timezone.map_or(Ok(TimeZone::UTC), zone)?,
            calendar: Calendar::new(&parsed)?,
            wildcard: parsed.wildcard,
            warnings: parsed.warnings,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The first instant strictly after `after`; `None` when there is none until the end of the
    /// year 2100, where the calendar ends.
    ///
    /// Where the clock is set forward (by up to three hours), a schedule with a fixed time of day
    /// fires at the shift for all that the clock jumped over. Where it is set back, such a
    /// schedule fires in the first pass alone. One whose minute or hour field begins with `*`
    /// follows the clock on the wall: it skips what is jumped over, and repeats what is repeated.
    /// (Debian's cron(8).)
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        let first = Timestamp::from_second(FIRST_SECOND).ok()?;
        if after.as_second() > LAST_SECOND {
            return None;
        }
        let after = after.max(first);
        let Inner { zone, calendar, .. } = &*self.inner;
        let offset = i64::from(zone.to_offset(after).seconds());
        let wall = Wall::at(after, offset);
        let next = match wall.reading(zone)? {
            Reading::Fold(fold) if self.repeats(&fold) => {
                let next = calendar.after(wall);
                if let Some(next) = next.filter(|next| *next < fold.leaves()) {
                    return next.instant(offset);
                }
                if offset == fold.before {
                    // The first pass has nothing left; the second begins where the fold begins.
                    let next = calendar.from(fold.resumes())?;
                    if next < fold.leaves() {
                        return next.instant(fold.after);
                    }
                }
                next?
            }
            Reading::Fold(fold) if offset == fold.after => calendar.from(fold.leaves())?,
            _ => calendar.after(wall)?,
        };
        self.first_real(next)
    }

    /// The instants strictly after `after`, in order.
    pub fn upcoming(&self, after: Timestamp) -> impl Iterator<Item = Timestamp> + '_ {
        std::iter::successors(self.next_after(after), |last| self.next_after(*last))
    }

    /// The latest instant in `(after, until]`. Takes some microseconds, however many lie between.
    pub fn latest_between(&self, after: Timestamp, until: Timestamp) -> Option<Timestamp> {
        let within = |from| self.next_after(from).filter(|next| *next <= until);
        let mut latest = within(after)?;
        // Look back from the end, each time twice as far, until something comes into sight.
        let mut nothing_after = until.as_second().min(LAST_SECOND);
        let mut span = 1;
        while let Ok(from) = Timestamp::from_second(nothing_after.saturating_sub(span))
            && from > latest
        {
            if let Some(found) = within(from) {
                latest = found;
                break;
            }
            nothing_after = from.as_second();
            span = span.saturating_mul(2);
        }
        // There is nothing between `nothing_after` and the end; halve what remains.
        while let Some(next) = within(latest) {
            latest = next;
            let middle = latest.as_second() + (nothing_after - latest.as_second()) / 2;
            let middle = Timestamp::from_second(middle).unwrap_or(latest);
            match within(middle) {
                Some(found) => latest = latest.max(found),
                None => nothing_after = middle.as_second(),
            }
        }
        Some(latest)
    }

    /// The number of instants in `(after, until]`; counting stops at `cap`.
    pub fn count_between(&self, after: Timestamp, until: Timestamp, cap: u64) -> u64 {
        let cap = usize::try_from(cap).unwrap_or(usize::MAX);
        self.upcoming(after).take_while(|at| *at <= until).take(cap).count() as u64
    }

    /// The text, as it was written.
    pub fn expression(&self) -> &str {
        &self.inner.expression
    }

    /// The time zone in which the text is read.
    pub fn timezone(&self) -> &TimeZone {
        &self.inner.zone
    }

    /// What is correct, and may still not be what was meant; for people.
    pub fn warnings(&self) -> Vec<String> {
        self.inner.warnings.clone()
    }

    /// Whether both passes of a fold count.
    fn repeats(&self, fold: &Shift) -> bool {
        self.inner.wildcard || fold.is_correction()
    }

    /// The instant of a match, in the first pass where there are two, or that of the next match
    /// if there is none.
    fn first_real(&self, mut wall: Wall) -> Option<Timestamp> {
        loop {
            match wall.reading(&self.inner.zone)? {
                Reading::Once(instant) => return Some(instant),
                Reading::Fold(fold) => return wall.instant(fold.before),
                Reading::Gap(gap) if !self.inner.wildcard && !gap.is_correction() => {
                    return Some(gap.at);
                }
                Reading::Gap(gap) => wall = self.inner.calendar.from(gap.resumes())?,
            }
        }
    }
}

impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let zone = self.inner.zone.iana_name().unwrap_or_default();
        write!(f, "Schedule({:?} in {zone})", self.inner.expression)
    }
}

/// The zone with exactly this IANA name. The database ignores case and lists files that are not
/// zones; LangGraph minds the case.
fn zone(name: &str) -> Result<TimeZone, ScheduleError> {
    let unusual = ["posix/", "right/", "localtime", "posixrules", "Factory", "Etc/Unknown"];
    tz::db()
        .get(name)
        .ok()
        .filter(|zone| zone.iana_name() == Some(name))
        .filter(|_| !unusual.iter().any(|prefix| name.starts_with(prefix)))
        .ok_or_else(|| ScheduleError::TimeZone { name: name.chars().take(64).collect() })
}
