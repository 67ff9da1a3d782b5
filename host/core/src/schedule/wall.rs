use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};

use crate::Timestamp;

/// A shift of the clock by more than this many seconds is a correction of the clock, and not
/// daylight saving time (Debian cron, `cron.c`).
const CORRECTION: i64 = 3 * 60 * 60;

/// What a clock on the wall shows, without a zone: the seconds since it showed midnight of
/// 1 January 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Wall(pub(super) i64);

impl Wall {
    /// What the wall shows at an instant, where the clock is ahead of UTC by `offset`.
    pub(super) fn at(instant: Timestamp, offset: i64) -> Self {
        // A part of a second before 1970 is a negative one.
        let floor = i64::from(instant.subsec_nanosecond() < 0);
        Self(instant.as_second() - floor + offset)
    }

    /// The instant at which the wall shows this, where the clock is ahead of UTC by `offset`.
    pub(super) fn instant(self, offset: i64) -> Option<Timestamp> {
        Timestamp::from_second(self.0 - offset).ok()
    }

    /// The date and the time of day.
    pub(super) fn civil(self) -> Option<DateTime> {
        Some(Offset::UTC.to_datetime(self.instant(0)?))
    }

    /// How often, and when, the walls of a zone show this.
    pub(super) fn reading(self, zone: &TimeZone) -> Option<Reading> {
        Some(match zone.to_ambiguous_timestamp(self.civil()?).offset() {
            AmbiguousOffset::Unambiguous { offset } => {
                Reading::Once(self.instant(offset.seconds().into())?)
            }
            AmbiguousOffset::Gap { before, after } => {
                Reading::Gap(Shift::around(zone, self, before, after)?)
            }
            AmbiguousOffset::Fold { before, after } => {
                Reading::Fold(Shift::around(zone, self, before, after)?)
            }
        })
    }
}

/// How often the walls of a zone show something.
pub(super) enum Reading {
    /// At one instant.
    Once(Timestamp),
    /// Never: the clock jumps forward over it.
    Gap(Shift),
    /// Twice: the clock is set back across it.
    Fold(Shift),
}

/// A change of a zone's offset from UTC, in seconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shift {
    /// When it happens.
    pub(super) at: Timestamp,
    /// The offset until then.
    pub(super) before: i64,
    /// The offset from then on.
    pub(super) after: i64,
}

impl Shift {
    /// The shift that makes `wall` ambiguous.
    fn around(zone: &TimeZone, wall: Wall, before: Offset, after: Offset) -> Option<Self> {
        let (before, after): (i64, i64) = (before.seconds().into(), after.seconds().into());
        // In a gap as in a fold the shift comes later than the one of these instants, and not
        // later than the other. Zone files may list transitions that leave the offset alone.
        let earlier = wall.instant(before.max(after))?;
        let later = wall.instant(before.min(after))?;
        let at = zone
            .following(earlier)
            .take_while(|transition| transition.timestamp() <= later)
            .find(|transition| i64::from(transition.offset().seconds()) == after)
            .map_or(later, |transition| transition.timestamp());
        Some(Self { at, before, after })
    }

    /// When something is first shown that the shift leaves out or shows again.
    pub(super) fn begins(&self) -> Timestamp {
        let begins = self.resumes().instant(self.before);
        begins.map_or(self.at, |begins| begins.min(self.at))
    }

    /// What the walls would have shown at the shift.
    pub(super) fn leaves(&self) -> Wall {
        Wall::at(self.at, self.before)
    }

    /// What the walls show right after the shift.
    pub(super) fn resumes(&self) -> Wall {
        Wall::at(self.at, self.after)
    }

    /// Whether the clock moves too far for daylight saving time.
    pub(super) fn is_correction(&self) -> bool {
        (self.after - self.before).abs() > CORRECTION
    }
}
