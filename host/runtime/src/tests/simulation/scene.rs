use std::time::Duration;

use jiff::tz::TimeZone;
use wakeful_core::Timestamp;

use super::random::Random;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Zones whose days are not all of 24 hours, and the years in which that is so.
const ZONES: [(&str, u64, u64); 6] = [
    ("Australia/Lord_Howe", 2009, 2036),
    ("America/St_Johns", 2005, 2036),
    ("Africa/Casablanca", 2013, 2036),
    ("Pacific/Apia", 2010, 2021),
    ("Europe/Berlin", 2005, 2036),
    ("America/New_York", 2005, 2036),
];

/// Schedules of a host that is busy all the time.
const DENSE: [&str; 9] = [
    "@every 45s",
    "* * * * * *",
    "* * * * * */10",
    "* * * * * 7,8",
    "*/2 * * * * 30",
    "* * * * *",
    "*/3 * * * *",
    "59 * * * *",
    "0 0 * * *",
];

/// Schedules of a host that mostly waits.
const SPARSE: [&str; 23] = [
    "@every 5h/17m",
    "* * * * *",
    "*/7 * * * *",
    "15,45 * * * *",
    "30 * * * *",
    "0 */2 * * *",
    "30 2 * * *",
    "15,45 1,2 * * *",
    "*/20 2 * * *",
    "0-59/15 1-3 * * *",
    "0 0 * * *",
    "0 0,12 * * *",
    "5 2 * * * 30",
    "0 9 13 * FRI",
    "0 9 * * MON-FRI",
    "59 23 * * 5#2",
    "0 0 1 * *",
    "0 0 L * *",
    "0 9 15W * *",
    "0 0 29 2 *",
    "@weekly",
    "@monthly",
    "@yearly",
];

/// When and where a history plays.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) start: Timestamp,
    zone: Option<&'static str>,
    dense: bool,
}

impl Scene {
    pub(super) fn new(random: &mut Random) -> Self {
        let dense = random.chance(40);
        if random.chance(15) {
            let start = Timestamp::from_second(1_760_000_000 + random.below(DAY * 365) as i64);
            return Self { start: start.unwrap(), zone: None, dense };
        }
        let (zone, from, to) = random.pick(&ZONES);
        let years = random.between(from, to) - 1970;
        let begin = Timestamp::from_second((years * (365 * DAY + DAY / 4)) as i64).unwrap();
        let shifts = TimeZone::get(zone).unwrap();
        let shift = shifts.following(begin).nth(random.below(2) as usize);
        let shift = shift.map_or(begin, |shift| shift.timestamp());
        // Mostly a little before the shift, so that the history leads over it.
        let before = if random.chance(80) { random.below(4 * HOUR) } else { random.below(3 * DAY) };
        let start = shift - Duration::from_micros(before * 1_000_000 + random.below(1_000_000));
        Self { start, zone: Some(zone), dense }
    }

    pub(super) fn schedule(&self, random: &mut Random) -> &'static str {
        if self.dense { random.pick(&DENSE) } else { random.pick(&SPARSE) }
    }

    pub(super) fn zone(&self, random: &mut Random) -> Option<&'static str> {
        if random.chance(75) { self.zone } else { None }
    }

    /// The time until something else happens.
    pub(super) fn gap(&self, random: &mut Random) -> Duration {
        let millis = match (self.dense, random.below(10)) {
            (_, 0) => 0,
            (_, 1) => random.below(1_000),
            (true, 2..8) => random.below(20_000),
            (true, _) => random.below(8 * MINUTE * 1000),
            (false, 2..5) => random.below(HOUR * 1000),
            (false, 5..8) => random.below(6 * HOUR * 1000),
            (false, 8) => random.below(3 * DAY * 1000),
            (false, _) => random.below(70 * DAY * 1000),
        };
        Duration::from_micros(millis * 1000 + random.below(1000))
    }

    /// By how many seconds somebody sets the clock.
    pub(super) fn step(&self, random: &mut Random) -> i64 {
        let by = match (self.dense, random.below(4)) {
            (_, 0) => random.below(90),
            (true, _) => random.below(20 * MINUTE),
            (false, 1 | 2) => HOUR,
            (false, _) => 3 * DAY,
        };
        if random.chance(50) { by as i64 } else { -(by as i64) }
    }

    /// How long the host is not there.
    pub(super) fn downtime(&self, random: &mut Random) -> Duration {
        if random.chance(50) { Duration::from_millis(random.below(3000)) } else { self.gap(random) }
    }
}
