use jiff::tz::TimeZone;

use super::calendar::Calendar;
use super::expression::Expression;
use super::wall::{Reading, Wall};
use super::{Dst, ScheduleError};
use crate::Timestamp;

/// The calendar is asked for nothing before this: a day before 1970, for the zones east of UTC.
const FIRST_SECOND: i64 = -86_400;
/// The calendar is asked for nothing after this: a day after 2100, for the zones west of UTC.
pub(super) const LAST_SECOND: i64 = 4_133_980_800 + 86_400;

/// The times that cron text names on the clocks of a time zone.
#[derive(Debug)]
pub(super) struct LocalTimes {
    pub(super) calendar: Calendar,
    /// Whether it fires at each hour or minute that passes, rather than at times of the day.
    pub(super) wildcard: bool,
}

impl LocalTimes {
    pub(super) fn new(expression: &Expression) -> Result<Self, ScheduleError> {
        let calendar = Calendar::new(expression)?;
        Ok(Self { calendar, wildcard: expression.wildcard() })
    }

    /// The first instant strictly after `after`.
    pub(super) fn next_after(
        &self,
        after: Timestamp,
        zone: &TimeZone,
        dst: Dst,
    ) -> Option<Timestamp> {
        let first = Timestamp::from_second(FIRST_SECOND).ok()?;
        if after.as_second() > LAST_SECOND {
            return None;
        }
        let after = after.max(first);
        let offset = i64::from(zone.to_offset(after).seconds());
        let wall = Wall::at(after, offset);
        let next = match wall.reading(zone)? {
            Reading::Fold(fold) if dst.repeats(self.wildcard, &fold) => {
                let next = self.calendar.after(wall);
                if let Some(next) = next.filter(|next| *next < fold.leaves()) {
                    return next.instant(offset);
                }
                if offset == fold.before {
                    // The first pass has nothing left; the second begins where the fold begins.
                    let next = self.calendar.from(fold.resumes())?;
                    if next < fold.leaves() {
                        return next.instant(fold.after);
                    }
                }
                next?
            }
            Reading::Fold(fold) if offset == fold.after => self.calendar.from(fold.leaves())?,
            _ => self.calendar.after(wall)?,
        };
        self.first_real(next, zone, dst)
    }

    /// The instant of a match, in the first pass where there are two, or that of the next match
    /// if there is none.
    fn first_real(&self, mut wall: Wall, zone: &TimeZone, dst: Dst) -> Option<Timestamp> {
        loop {
            match wall.reading(zone)? {
                Reading::Once(instant) => return Some(instant),
                Reading::Fold(fold) => return wall.instant(fold.before),
                Reading::Gap(gap) if dst.moves(self.wildcard, &gap) => return Some(gap.at),
                Reading::Gap(gap) => wall = self.calendar.from(gap.resumes())?,
            }
        }
    }
}
