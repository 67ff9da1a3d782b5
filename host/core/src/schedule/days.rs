/// Which days of a month match: the day-of-month and the day-of-week field together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Days {
    pub(super) dates: Dates,
    pub(super) weekdays: Weekdays,
    /// Whether one of the two fields is enough. Unix cron asks for both only if one of them begins
    /// with a star.
    pub(super) either: bool,
}

/// The day-of-month field.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dates {
    /// Bit *n* is day *n*.
    pub(super) days: u32,
    /// `L`: the last day of the month.
    pub(super) last: bool,
    /// `nW`: bit *n* is the weekday nearest to day *n*.
    pub(super) nearest: u32,
}

/// The day-of-week field; in each set bit 0 is Sunday and bit 6 Saturday.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Weekdays {
    /// Every one in the month.
    pub(super) every: u8,
    /// `d#n`: the first to the fifth in the month.
    pub(super) nth: [u8; 5],
    /// `dL`: the last in the month.
    pub(super) last: u8,
}

/// All that the day rules need to know about a month.
#[derive(Debug, Clone, Copy)]
pub(super) struct Month {
    /// Number of days.
    pub(super) length: u32,
    /// The weekday of its first day, from 0 for Sunday.
    pub(super) first: u32,
}

impl Month {
    fn weekday(self, day: u32) -> u32 {
        (self.first + day - 1) % 7
    }

    /// The Monday to Friday nearest to `day`, without leaving the month.
    fn nearest_workday(self, day: u32) -> u32 {
        let day = day.min(self.length);
        match self.weekday(day) {
            6 if day > 1 => day - 1,
            6 => day + 2,
            0 if day < self.length => day + 1,
            0 => day - 2,
            _ => day,
        }
    }
}

impl Days {
    /// The matching days of a month: bit *n* is day *n*.
    pub(super) fn of(&self, month: Month) -> u32 {
        let dates = self.dates.of(month);
        let weekdays = self.weekdays.of(month);
        if self.either { dates | weekdays } else { dates & weekdays }
    }

    /// Whether any day of any of these months (bit *n* is month *n*) ever matches. `leap` says
    /// which years count.
    pub(super) fn ever(&self, months: u64, leap: bool) -> bool {
        (1..=12).filter(|month| months & (1 << month) != 0).any(|month| {
            let length = month_length(month, leap);
            // Within 28 years each month begins on each weekday, in common and in leap years.
            (0..7).any(|first| self.of(Month { length, first }) != 0)
        })
    }
}

impl Dates {
    fn of(&self, month: Month) -> u32 {
        (1..=31).filter(|day| self.nearest & (1 << day) != 0).fold(
            self.days & (u32::MAX >> (31 - month.length)) | u32::from(self.last) << month.length,
            |set, day| set | 1 << month.nearest_workday(day),
        )
    }
}

impl Weekdays {
    fn of(&self, month: Month) -> u32 {
        (1..=month.length)
            .filter(|day| {
                let mut set = self.every;
                set |= self.nth.get((*day as usize - 1) / 7).copied().unwrap_or_default();
                if day + 7 > month.length {
                    set |= self.last;
                }
                set & (1 << month.weekday(*day)) != 0
            })
            .fold(0, |set, day| set | 1 << day)
    }
}

/// The number of days of a month, from 1 for January.
pub(super) const fn month_length(month: u32, leap: bool) -> u32 {
    match month {
        2 => 28 + leap as u32,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAR: Weekdays = Weekdays { every: 0x7f, nth: [0; 5], last: 0 };

    fn days_of(days: Days, length: u32, first: u32) -> Vec<u32> {
        let set = days.of(Month { length, first });
        (0..32).filter(|day| set & (1 << day) != 0).collect()
    }

    #[test]
    fn the_nearest_workday_stays_in_the_month() {
        let check = |day: u32, length, first, expected: u32| {
            let dates = Dates { nearest: 1 << day, ..Dates::default() };
            let days = Days { dates, weekdays: STAR, either: false };
            assert_eq!(days_of(days, length, first), [expected], "{day}W of {length} from {first}");
        };
        check(1, 31, 6, 3);
        check(1, 31, 0, 2);
        check(1, 31, 1, 1);
        check(31, 31, 5, 29);
        check(31, 30, 5, 29);
        check(31, 30, 6, 28);
        check(15, 30, 6, 14);
        check(15, 30, 0, 16);
    }

    #[test]
    fn the_last_and_the_fifth_of_a_weekday_differ() {
        let weekdays = Weekdays { last: 1 << 5, ..Weekdays::default() };
        let dates = Dates { days: u32::MAX << 1, ..Dates::default() };
        let days = Days { dates, weekdays, either: false };
        assert_eq!(days_of(days, 30, 0), [27]);
        assert_eq!(days_of(days, 30, 5), [29]);
        let weekdays = Weekdays { nth: [0, 0, 0, 0, 1 << 5], ..Weekdays::default() };
        assert_eq!(days_of(Days { weekdays, ..days }, 30, 0), [0; 0]);
        assert_eq!(days_of(Days { weekdays, ..days }, 30, 5), [29]);
    }
}
