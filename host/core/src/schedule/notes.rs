use jiff::civil::Date;
use jiff::tz::Offset;

use super::Schedule;
use super::local::LocalTimes;
use super::rule::{Kind, Rule};
use super::wall::{Shift, Wall};
use super::warnings::list;
use crate::Timestamp;

/// How many instants are looked at, however many are asked for.
const MOST_INSTANTS: usize = 1000;
/// How many notes there are at most.
const MOST_NOTES: usize = 50;
/// How many times of day a note names.
const NAMED: usize = 3;

impl Schedule {
    /// What daylight saving time, or another shift of the zone's clock, does to the first `n`
    /// instants after `after` (at most 1,000), and what it leaves out between them; for people, in
    /// order. Each note says the local date, what happens, and why.
    pub fn dst_notes(&self, after: Timestamp, n: usize) -> Vec<String> {
        let zone = self.timezone();
        let Some(last) = self.upcoming(after).take(n.min(MOST_INSTANTS)).last() else {
            return Vec::new();
        };
        // Where a clock was set back up to a day ago, its second pass may still be to come.
        let day_before = after.as_second().saturating_sub(super::every::DAY);
        let from = Timestamp::from_second(day_before).unwrap_or(Timestamp::MIN);
        let shifts = zone.following(from).filter_map(|transition| {
            let at = transition.timestamp();
            let before = zone.to_offset(Timestamp::from_second(at.as_second() - 1).ok()?);
            let (before, after) = (before.seconds().into(), transition.offset().seconds().into());
            Some(Shift { at, before, after })
        });
        let seen = Seen { after, last };
        shifts
            // The first pass of a fold comes before its shift.
            .take_while(|shift| shift.begins() <= last)
            .filter(|shift| shift.before != shift.after)
            .flat_map(|shift| {
                let rules = self.inner.rules.iter();
                rules.filter_map(move |rule| self.note(rule, &shift, seen))
            })
            .take(MOST_NOTES)
            .collect()
    }

    /// What a shift does to one of the texts.
    fn note(&self, rule: &Rule, shift: &Shift, seen: Seen) -> Option<String> {
        let note = match &rule.kind {
            Kind::Local(times) if shift.before < shift.after => self.gap(times, shift, seen)?,
            Kind::Local(times) => self.fold(times, rule, shift, seen)?,
            Kind::Every(every) => {
                // Shorter intervals are the same on the wall before and after.
                let moves = (shift.after - shift.before) % every.interval != 0;
                if !moves || !seen.covers(shift.at) {
                    return None;
                }
                format!(
                    "{}; an interval counts in UTC, so that its local times are others from then on",
                    self.clock(shift, shift.leaves().civil()?.date())?
                )
            }
            Kind::At(_) => return None,
        };
        let date = shift.leaves().min(shift.resumes()).civil()?.date();
        Some(match self.texts().len() {
            1 => format!("{date}: {note}"),
            _ => format!("{date}: `{}`: {note}", rule.text.trim_ascii()),
        })
    }

    fn gap(&self, times: &LocalTimes, gap: &Shift, seen: Seen) -> Option<String> {
        if !seen.covers(gap.at) {
            return None;
        }
        let date = gap.leaves().civil()?.date();
        let (named, many) = named(times, gap.leaves(), gap.resumes(), date)?;
        let resumes = time(gap.resumes(), date)?;
        let does = if many { "do" } else { "does" };
        let what = match (self.dst().moves(times.wildcard, gap), many) {
            (true, false) => format!("it fires at {resumes} instead"),
            (true, true) => format!("they fire once, at {resumes}"),
            (false, _) => "skipped".to_owned(),
        };
        let clock = self.clock(gap, date)?;
        Some(format!("{named} {does} not exist, since {clock}; {what} ({})", self.dst().as_str()))
    }

    fn fold(&self, times: &LocalTimes, rule: &Rule, fold: &Shift, seen: Seen) -> Option<String> {
        // An instant in one of the passes must be among those that were asked for.
        let before = Timestamp::from_second(fold.begins().as_second() - 1).ok()?;
        let first = rule.next_after(before.max(seen.after), self.timezone(), self.dst())?;
        if !seen.covers(first) || first >= fold.leaves().instant(fold.after)? {
            return None;
        }
        let date = fold.resumes().civil()?.date();
        let (named, many) = named(times, fold.resumes(), fold.leaves(), date)?;
        let come = if many { "come" } else { "comes" };
        let fires = if many { "each fires" } else { "it fires" };
        let offset = |seconds| Offset::from_seconds(i32::try_from(seconds).ok()?).ok();
        let (first, second) = (offset(fold.before)?, offset(fold.after)?);
        let what = if self.dst().repeats(times.wildcard, fold) {
            format!("{fires} in both passes, at {first} and at {second}")
        } else {
            format!("{fires} once, in the first pass, at {first}")
        };
        let clock = self.clock(fold, date)?;
        Some(format!("{named} {come} twice, since {clock}; {what} ({})", self.dst().as_str()))
    }

    /// What the clock does at a shift.
    fn clock(&self, shift: &Shift, date: Date) -> Option<String> {
        let zone = self.timezone().iana_name().unwrap_or("this time zone");
        let (from, to) = (time(shift.leaves(), date)?, time(shift.resumes(), date)?);
        let back = if shift.after < shift.before { "back " } else { "" };
        Some(format!("the clock of {zone} goes {back}from {from} to {to}"))
    }
}

/// The instants that were asked for lie in `(after, last]`.
#[derive(Clone, Copy)]
struct Seen {
    after: Timestamp,
    last: Timestamp,
}

impl Seen {
    fn covers(&self, at: Timestamp) -> bool {
        self.after < at && at <= self.last
    }
}

/// The matches in `[from, to)` in words, and whether there are several; `None` if there is none.
fn named(times: &LocalTimes, from: Wall, to: Wall, date: Date) -> Option<(String, bool)> {
    let matches =
        std::iter::successors(times.calendar.from(from), |last| times.calendar.after(*last));
    let matches = matches.take_while(|wall| *wall < to).take(NAMED + 1);
    let mut matches = matches.map(|wall| time(wall, date)).collect::<Option<Vec<_>>>()?;
    if matches.len() > NAMED {
        matches.truncate(NAMED - 1);
        matches.push("more".to_owned());
    }
    let words: Vec<_> = matches.iter().map(String::as_str).collect();
    (!words.is_empty()).then(|| (list(&words), words.len() > 1))
}

/// A time on a wall, with its seconds if it has any, and with its date if that is another one.
fn time(wall: Wall, date: Date) -> Option<String> {
    let civil = wall.civil()?;
    let time =
        if civil.second() == 0 { civil.strftime("%H:%M") } else { civil.strftime("%H:%M:%S") };
    Some(if civil.date() == date { time.to_string() } else { format!("{} {time}", civil.date()) })
}
