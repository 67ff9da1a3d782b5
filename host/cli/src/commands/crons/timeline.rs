//! The last fires of a cron and its next instants, on one line.

use std::collections::BTreeMap;
use std::io::IsTerminal;

use jiff::tz::TimeZone;
use serde_json::Value as Json;
use wakeful::core::Timestamp;

use crate::commands::fields;

/// How many missed instants are drawn for one fire.
const MISSED: u64 = 5;

/// What is drawn of one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Mark {
    Succeeded,
    Failed,
    Stopped,
    Going,
    /// It started a run of which no record is left.
    Started,
    Skipped,
    Missed,
    Upcoming,
}

impl Mark {
    /// Its symbol for a terminal and for everything else, its colour there, and what it means.
    const fn looks(self) -> (&'static str, &'static str, &'static str, &'static str) {
        match self {
            Self::Succeeded => ("✓", "+", "32", "succeeded"),
            Self::Failed => ("✗", "x", "31", "failed"),
            Self::Stopped => ("◻", "s", "33", "stopped"),
            Self::Going => ("▸", ">", "36", "going on"),
            Self::Started => ("●", "*", "32", "started"),
            Self::Skipped => ("–", "-", "33", "skipped"),
            Self::Missed => ("·", ".", "33", "missed"),
            Self::Upcoming => ("○", "o", "2", "to come"),
        }
    }

    fn of(fire: &Json, runs: &BTreeMap<&str, &str>) -> Self {
        if fields::optional(fire, "status") == Some("skipped") {
            return Self::Skipped;
        }
        let status = fields::optional(fire, "run_id").and_then(|run| runs.get(run)).copied();
        match status {
            Some("success") => Self::Succeeded,
            Some("error" | "timeout") => Self::Failed,
            Some("interrupted") => Self::Stopped,
            Some("pending" | "running") => Self::Going,
            _ => Self::Started,
        }
    }
}

/// How it is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// In symbols and colours.
    Terminal,
    /// In ASCII.
    Plain,
}

impl Style {
    /// The one for standard output.
    pub(super) fn of_output() -> Self {
        // https://no-color.org: any value but an empty one.
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        if std::io::stdout().is_terminal() && !refused { Self::Terminal } else { Self::Plain }
    }

    fn draw(self, mark: Mark) -> String {
        let (symbol, plain, colour, _) = mark.looks();
        match self {
            Self::Terminal => format!("\u{1b}[{colour}m{symbol}\u{1b}[0m"),
            Self::Plain => plain.to_owned(),
        }
    }
}

/// Draws fires, the newest first, and instants to come; then a line that says what the symbols
/// mean. Nothing if there is nothing to draw.
pub(super) fn draw(
    fires: &[Json],
    runs: &BTreeMap<&str, &str>,
    upcoming: &[Timestamp],
    zone: &TimeZone,
    style: Style,
) -> Option<[String; 2]> {
    let mut marks = Vec::new();
    for fire in fires.iter().rev() {
        let missed = fire.get("coalesced").and_then(|missed| fields::number(missed, "count"));
        let missed = usize::try_from(missed.unwrap_or_default().min(MISSED)).unwrap_or_default();
        marks.extend(std::iter::repeat_n(Mark::Missed, missed));
        marks.push(Mark::of(fire, runs));
    }
    let past: String = marks.iter().map(|mark| style.draw(*mark)).collect();
    let next: String = upcoming.iter().map(|_| style.draw(Mark::Upcoming)).collect();
    if !upcoming.is_empty() {
        marks.push(Mark::Upcoming);
    }
    let first = fires.last().and_then(|fire| fields::instant(fire, "scheduled_at"));
    let ends = [first.or(upcoming.first().copied()), upcoming.last().copied()];
    // Minutes tell enough, unless it fires at other seconds as well.
    let mut all = fires.iter().filter_map(|fire| fields::instant(fire, "scheduled_at"));
    let to_minute = |at: &Timestamp| at.as_second() % 60 == 0;
    let seconds = !(all.all(|at| to_minute(&at)) && upcoming.iter().all(to_minute));
    let form = if seconds { "%a %Y-%m-%d %H:%M:%S" } else { "%a %Y-%m-%d %H:%M" };
    let clock = |at: Timestamp| at.to_zoned(zone.clone()).strftime(form).to_string();
    let [begin, end] = ends.map(|at| at.map(clock).unwrap_or_default());
    marks.sort_unstable();
    marks.dedup();
    let meanings = marks.iter().map(|mark| format!("{} {}", style.draw(*mark), mark.looks().3));
    let legend = meanings.collect::<Vec<_>>().join("   ");
    let bar = if style == Style::Terminal { "│" } else { "|" };
    let line = format!("{begin} {past}{bar}{next} {end}");
    (!marks.is_empty()).then(|| [line.trim().to_owned(), legend])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fires_are_drawn_from_the_oldest_to_the_last_instant_to_come() {
        let fire = |at: &str, status: &str, run: &str, missed: u64| {
            json!({
                "scheduled_at": at, "status": status, "run_id": run,
                "coalesced": if missed == 0 { Json::Null } else { json!({"count": missed}) },
            })
        };
        let fires = [
            fire("2026-11-22T14:00:00Z", "started", "e", 0),
            fire("2026-11-22T13:00:00Z", "started", "d", 0),
            fire("2026-11-22T12:00:00Z", "skipped", "", 0),
            fire("2026-11-22T11:00:00Z", "started", "b", 2),
            fire("2026-11-22T08:00:00Z", "started", "a", 0),
        ];
        let runs = BTreeMap::from([("a", "success"), ("b", "error"), ("d", "running")]);
        let upcoming = ["2026-11-22T15:00:00Z", "2026-11-22T16:00:00Z"];
        let upcoming = upcoming.map(|at| at.parse().unwrap());
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let plain = draw(&fires, &runs, &upcoming, &zone, Style::Plain).unwrap();
        assert_eq!(plain[0], "Sun 2026-11-22 09:00 +..x->*|oo Sun 2026-11-22 17:00");
        assert_eq!(
            plain[1],
            "+ succeeded   x failed   > going on   * started   - skipped   . missed   o to come"
        );
        assert!(plain.concat().is_ascii());
        let terminal = draw(&fires, &runs, &upcoming, &zone, Style::Terminal).unwrap();
        assert!(terminal[0].contains("\u{1b}[31m✗\u{1b}[0m"), "{terminal:?}");
    }

    #[test]
    fn without_fires_there_are_only_instants_and_without_both_nothing() {
        let upcoming = ["2026-11-22T15:00:00Z".parse().unwrap()];
        let runs = BTreeMap::new();
        let plain = draw(&[], &runs, &upcoming, &TimeZone::UTC, Style::Plain).unwrap();
        assert_eq!(plain, ["Sun 2026-11-22 15:00 |o Sun 2026-11-22 15:00", "o to come"]);
        let upcoming = ["2026-11-22T15:00:07Z".parse().unwrap()];
        let plain = draw(&[], &runs, &upcoming, &TimeZone::UTC, Style::Plain).unwrap();
        assert_eq!(plain[0], "Sun 2026-11-22 15:00:07 |o Sun 2026-11-22 15:00:07");
        assert_eq!(draw(&[], &runs, &[], &TimeZone::UTC, Style::Plain), None);
    }
}
