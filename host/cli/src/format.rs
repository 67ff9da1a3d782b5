//! Quantities, instants and foreign text, as people read them.

use std::time::Duration;

use jiff::tz::TimeZone;
use serde_json::Value as Json;
use wakeful::core::Timestamp;

/// A number of bytes: `512 B`, `1.5 KiB`, `64 MiB`.
pub(crate) fn bytes(bytes: u64) -> String {
    scaled(bytes, 1024.0, &["B", "KiB", "MiB", "GiB", "TiB"])
}

/// A count: `512`, `1.5 k`, `12.3 M`.
pub(crate) fn count(count: u64) -> String {
    scaled(count, 1000.0, &["", "k", "M", "G", "T"]).trim_end().to_owned()
}

#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn scaled(number: u64, factor: f64, units: &[&str]) -> String {
    let mut value = number as f64;
    let mut units = units.iter();
    let mut unit = units.next().copied().unwrap_or_default();
    for next in units {
        // What would be shown as `1000.0` is shown in the next unit.
        if value < factor - 0.05 {
            break;
        }
        value /= factor;
        unit = next;
    }
    if value >= 100.0 || (value * 10.0).round() % 10.0 == 0.0 {
        format!("{value:.0} {unit}")
    } else {
        format!("{value:.1} {unit}")
    }
}

/// A length of time: `0.4ms`, `12ms`, `1.5s`, `2m 5s`, `3h 20m`, `4d 2h`.
pub(crate) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let pair = |large: u64, small: u64, units: (&str, &str)| match small {
        0 => format!("{large}{}", units.0),
        _ => format!("{large}{} {small}{}", units.0, units.1),
    };
    let tenths = |value: f64, unit: &str| {
        let text = format!("{value:.1}");
        format!("{}{unit}", text.strip_suffix(".0").unwrap_or(&text))
    };
    match seconds {
        0 if 0 < duration.as_micros() && duration.as_millis() < 10 => {
            tenths(duration.as_secs_f64() * 1e3, "ms")
        }
        0 => format!("{}ms", duration.as_millis()),
        1..60 => tenths(duration.as_secs_f64(), "s"),
        60..3_600 => pair(seconds / 60, seconds % 60, ("m", "s")),
        3_600..86_400 => pair(seconds / 3_600, seconds % 3_600 / 60, ("h", "m")),
        _ => pair(seconds / 86_400, seconds % 86_400 / 3_600, ("d", "h")),
    }
}

/// How far away an instant is: `in 3s`, `2m ago`. Only the largest unit, for tables.
pub(crate) fn relative(at: Timestamp, now: Timestamp) -> String {
    let seconds = at.as_second().saturating_sub(now.as_second());
    let distance = seconds.unsigned_abs();
    let text = match distance {
        0 => return "now".to_owned(),
        1..60 => format!("{distance}s"),
        60..3_600 => format!("{}m", distance / 60),
        3_600..86_400 => format!("{}h", distance / 3_600),
        _ => format!("{}d", distance / 86_400),
    };
    if seconds > 0 { format!("in {text}") } else { format!("{text} ago") }
}

/// An instant for tables: its distance within a day, else its local date and time.
pub(crate) fn near(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let distance = at.as_second().saturating_sub(now.as_second()).unsigned_abs();
    if distance < 86_400 {
        relative(at, now)
    } else {
        at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string()
    }
}

/// An instant in full, with its weekday and its offset.
pub(crate) fn instant(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%a %Y-%m-%d %H:%M:%S %:z").to_string()
}

/// An instant as RFC 3339 with the offset that holds in this zone.
pub(crate) fn rfc3339(at: Timestamp, zone: &TimeZone) -> String {
    let zoned = at.to_zoned(zone.clone());
    if zoned.subsec_nanosecond() == 0 {
        zoned.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    } else {
        zoned.strftime("%Y-%m-%dT%H:%M:%S%.f%:z").to_string()
    }
}

/// Text of an assistant or a server, without anything that would steer a terminal.
pub(crate) fn clean(text: &str) -> String {
    let harmless = |c: char| !c.is_control() || c == '\n' || c == '\t';
    if text.chars().all(harmless) {
        return text.to_owned();
    }
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        if harmless(c) {
            clean.push(c);
        } else {
            clean.extend(c.escape_default());
        }
    }
    clean
}

/// A document on one line: strings as they are, everything else as JSON.
pub(crate) fn brief(document: &Json) -> String {
    match document {
        Json::String(text) => clean(text),
        other => clean(&other.to_string()),
    }
}

/// The beginning of a text, on one line.
pub(crate) fn short(text: &str, most: usize) -> String {
    let line = clean(text).replace(['\n', '\t'], " ");
    if line.chars().count() <= most {
        return line;
    }
    let mut cut: String = line.chars().take(most.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn quantities_have_three_digits_at_most() {
        for (number, text) in [
            (0, "0 B"),
            (1_023, "1023 B"),
            (1_024, "1 KiB"),
            (1_536, "1.5 KiB"),
            (64 << 20, "64 MiB"),
            (u64::MAX, "16777216 TiB"),
        ] {
            assert_eq!(bytes(number), text);
        }
        for (number, text) in
            [(0, "0"), (999, "999"), (1_000, "1 k"), (12_345_678, "12.3 M"), (999_999, "1 M")]
        {
            assert_eq!(count(number), text);
        }
    }

    #[test]
    fn lengths_of_time_have_two_units_at_most() {
        for (ms, text) in [
            (0, "0ms"),
            (999, "999ms"),
            (1_000, "1s"),
            (1_549, "1.5s"),
            (60_000, "1m"),
            (125_000, "2m 5s"),
            (12_000_000, "3h 20m"),
            (90_000_000, "1d 1h"),
        ] {
            assert_eq!(duration(Duration::from_millis(ms)), text);
        }
        for (us, text) in [(40, "0ms"), (400, "0.4ms"), (3_000, "3ms"), (9_940, "9.9ms")] {
            assert_eq!(duration(Duration::from_micros(us)), text);
        }
    }

    #[test]
    fn instants_of_the_day_are_distances_and_others_are_dates() {
        let now = at("2026-11-22T09:00:00Z");
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        for (instant, text) in [
            ("2026-11-22T09:00:00Z", "now"),
            ("2026-11-22T09:00:03Z", "in 3s"),
            ("2026-11-22T08:58:00Z", "2m ago"),
            ("2026-11-22T21:00:00Z", "in 12h"),
            ("2026-11-24T09:00:00Z", "2026-11-24 10:00"),
        ] {
            assert_eq!(near(at(instant), now, &berlin), text);
        }
    }

    #[test]
    fn an_instant_carries_the_offset_of_its_zone() {
        let zone = TimeZone::get("America/New_York").unwrap();
        assert_eq!(rfc3339(at("2024-03-10T07:00:00Z"), &zone), "2024-03-10T03:00:00-04:00");
        assert_eq!(rfc3339(at("2024-03-10T06:59:59.5Z"), &zone), "2024-03-10T01:59:59.5-05:00");
        assert_eq!(instant(at("2024-03-10T07:00:00Z"), &zone), "Sun 2024-03-10 03:00:00 -04:00");
        assert_eq!(
            rfc3339(at("2024-03-10T07:00:00Z"), &TimeZone::UTC),
            "2024-03-10T07:00:00+00:00"
        );
    }

    #[test]
    fn foreign_text_cannot_steer_the_terminal() {
        assert_eq!(clean("a\u{1b}[2Jb\nc"), "a\\u{1b}[2Jb\nc");
        assert_eq!(clean("grüße\t☕"), "grüße\t☕");
        assert_eq!(short("line one\nline two", 10), "line one …");
    }
}
