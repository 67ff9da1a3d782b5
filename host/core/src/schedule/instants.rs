use std::fmt;
use std::sync::Arc;

use jiff::tz::{self, TimeZone};

use super::rule::Rule;
use super::{Dst, MAX_TEXTS, ScheduleError};
use crate::Timestamp;

/// When a cron fires: one text or several, read in a time zone. A clone shares what it was cloned
/// from.
///
/// Several texts name what any of them names, each instant once. Two schedules are equal if their
/// texts mean the same one by one, in the same zone, by the same rule for daylight saving time.
#[derive(Clone)]
pub struct Schedule {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) rules: Box<[Rule]>,
    pub(super) zone: TimeZone,
    pub(super) dst: Dst,
}

impl Schedule {
    /// Reads one text by the rule [`Dst::Vixie`]; see [`Schedule::read`].
    ///
    /// # Errors
    /// As those of [`Schedule::read`].
    pub fn parse(text: &str, timezone: Option<&str>) -> Result<Self, ScheduleError> {
        Self::read(&[text], timezone, Dst::default())
    }

    /// Reads a schedule of 1 to 16 texts, in the time zone with this IANA name or else in UTC.
    ///
    /// A text is one of three kinds.
    ///
    /// **Cron text** has the fields of Unix cron, `minute hour day-of-month month day-of-week`,
    /// with blanks or tabs between them; each is a list of `*`, `n`, `a-b`, and `*/s`, `a-b/s` or
    /// `a/s` (which is `a-max/s`). Months and weekdays have names of three letters; Sunday is 0 or
    /// 7. When both day fields are restricted, a day matches either, unless one of them begins
    /// with `*`: then it must match both (crontab(5)). Beyond that, as LangGraph's croniter reads
    /// them:
    /// - a sixth field, the last, holds **seconds**;
    /// - `@yearly`, `@annually`, `@monthly`, `@weekly`, `@daily`, `@midnight` and `@hourly`;
    /// - day-of-month: `L`, the last day; `15W`, the weekday nearest to the 15th;
    /// - day-of-week: `5#2`, the second Friday; `5L` or `L5`, the last Friday;
    /// - `?` in place of `*` in either of them.
    ///
    /// **`@every <interval>[/<phase>]`**, as in `@every 15m` or `@every 1h30m/5m`: the instants
    /// *k* · interval + phase since 1970 in UTC, in whole seconds, whatever the time zone. The
    /// interval is 1 second to 366 days, the phase is less; both are written as numbers with the
    /// units `d`, `h`, `m` and `s` (as in Temporal).
    ///
    /// **`@at <instant>`**, as in `@at 2027-01-31T09:00:00+01:00`: that instant alone, of
    /// RFC 3339, in whole seconds. One that has passed is read like any other.
    ///
    /// # Errors
    /// Whatever cannot be read in one way only, and a text that never fires. The error of one of
    /// several texts says which.
    pub fn read<T: AsRef<str>>(
        texts: &[T],
        timezone: Option<&str>,
        dst: Dst,
    ) -> Result<Self, ScheduleError> {
        if !(1..=MAX_TEXTS).contains(&texts.len()) {
            return Err(ScheduleError::Number { found: texts.len() });
        }
        let rules = texts.iter().enumerate().map(|(index, text)| {
            Rule::parse(text.as_ref()).map_err(|error| match texts.len() {
                1 => error,
                of => ScheduleError::InList { index, of, error: Box::new(error) },
            })
        });
        let rules = rules.collect::<Result<_, _>>()?;
        let zone = timezone.map_or(Ok(TimeZone::UTC), zone)?;
        Ok(Self { inner: Arc::new(Inner { rules, zone, dst }) })
    }

    /// The first instant strictly after `after`; `None` when there is none until the end of the
    /// year 2100, where the calendar ends.
    ///
    /// Where the clock of the time zone is set forward or back, the rule for daylight saving time
    /// decides; see [`Dst`].
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        let Inner { rules, zone, dst } = &*self.inner;
        rules.iter().filter_map(|rule| rule.next_after(after, zone, *dst)).min()
    }

    /// The instants strictly after `after`, in order.
    pub fn upcoming(&self, after: Timestamp) -> impl Iterator<Item = Timestamp> + '_ {
        let Inner { rules, zone, dst } = &*self.inner;
        let next = |rule: &Rule, after| rule.next_after(after, zone, *dst);
        let mut heads: Vec<_> = rules.iter().map(|rule| (rule, next(rule, after))).collect();
        std::iter::from_fn(move || {
            let first = heads.iter().filter_map(|(_, head)| *head).min()?;
            for (rule, head) in heads.iter_mut().filter(|(_, head)| *head == Some(first)) {
                *head = next(rule, first);
            }
            Some(first)
        })
    }

    /// The latest instant in `(after, until]`. Takes some microseconds, however many lie between.
    pub fn latest_between(&self, after: Timestamp, until: Timestamp) -> Option<Timestamp> {
        let Inner { rules, zone, dst } = &*self.inner;
        rules.iter().filter_map(|rule| rule.latest_between(after, until, zone, *dst)).max()
    }

    /// The last instant strictly before `at`; of cron text and `@every`, none is before 1970.
    /// Takes some microseconds, like [`Schedule::latest_between`].
    pub fn previous_before(&self, at: Timestamp) -> Option<Timestamp> {
        let until = Timestamp::from_nanosecond(at.as_nanosecond() - 1).ok()?;
        self.latest_between(Timestamp::MIN, until)
    }

    /// The number of instants in `(after, until]`; counting stops at `cap`.
    pub fn count_between(&self, after: Timestamp, until: Timestamp, cap: u64) -> u64 {
        let cap = usize::try_from(cap).unwrap_or(usize::MAX);
        self.upcoming(after).take_while(|at| *at <= until).take(cap).count() as u64
    }

    /// The texts, as they were written.
    pub fn texts(&self) -> impl ExactSizeIterator<Item = &str> {
        self.inner.rules.iter().map(|rule| &*rule.text)
    }

    /// The texts in their canonical spelling, such as `0 9 * * 1-5` for `00 09 * * mon-fri` and
    /// `@every 1h30m` for `@every 90m`. Reading them gives an equal schedule.
    pub fn canonical(&self) -> Vec<String> {
        let parsed = self.inner.rules.iter().filter_map(Rule::parsed);
        parsed.map(|parsed| parsed.to_string()).collect()
    }

    /// The time zone in which the texts are read.
    pub fn timezone(&self) -> &TimeZone {
        &self.inner.zone
    }

    /// What becomes of cron text where the clock is set forward or back.
    pub fn dst(&self) -> Dst {
        self.inner.dst
    }
}

impl PartialEq for Schedule {
    fn eq(&self, other: &Self) -> bool {
        self.dst() == other.dst()
            && self.timezone() == other.timezone()
            && self.inner.rules.iter().map(Rule::parsed).eq(other
                .inner
                .rules
                .iter()
                .map(Rule::parsed))
    }
}

impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let zone = self.inner.zone.iana_name().unwrap_or_default();
        f.write_str("Schedule(")?;
        for text in self.texts() {
            write!(f, "{text:?} ")?;
        }
        write!(f, "in {zone})")?;
        match self.dst() {
            Dst::Vixie => Ok(()),
            dst => write!(f, " by {}", dst.as_str()),
        }
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
