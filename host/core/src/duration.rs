//! Lengths of time, as people write them.

use std::time::Duration;

use jiff::{SignedDuration, Span, SpanRelativeTo};

/// The longest that anybody may ask for: ten years.
const LONGEST: Duration = Duration::from_secs(10 * 366 * 24 * 60 * 60);

/// Reads a length of time such as `90s`, `1h 30m` or `7d`; a day has 24 hours. `None` for what is
/// none, is negative, or is longer than ten years.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let span: Span = text.trim().parse().ok()?;
    let signed = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    Duration::try_from(signed).ok().filter(|duration| *duration <= LONGEST)
}

/// Reads a number of seconds; `None` for what [`parse_duration`] would not read either.
pub fn duration_of_seconds(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok().filter(|duration| *duration <= LONGEST)
}

/// Writes a length of time as [`parse_duration`] reads it: `24h`, `1h 30m`, `0s`.
pub fn duration_text(duration: Duration) -> String {
    SignedDuration::try_from(duration)
        .map_or_else(|_| format!("{}s", duration.as_secs()), |signed| format!("{signed:#}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_read_as_people_write_them() {
        for (text, seconds) in [
            ("0s", 0),
            ("90s", 90),
            ("15m", 900),
            ("1h 30m", 5_400),
            ("1h30m", 5_400),
            (" 24h ", 86_400),
            ("7d", 604_800),
            ("1 week", 604_800),
            ("PT1H", 3_600),
        ] {
            assert_eq!(parse_duration(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "soon", "15", "-1s", "1 month", "1 year", "9999999h", "90d ago"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    #[test]
    fn seconds_are_read_within_the_same_bounds() {
        assert_eq!(duration_of_seconds(1.5), Some(Duration::from_millis(1_500)));
        for seconds in [-1.0, f64::NAN, f64::INFINITY, 1e12] {
            assert_eq!(duration_of_seconds(seconds), None, "{seconds}");
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        for (ms, text) in [
            (0, "0s"),
            (1_500, "1s 500ms"),
            (86_400_000, "24h"),
            (5_400_000, "1h 30m"),
            (600_000, "10m"),
        ] {
            let duration = Duration::from_millis(ms);
            assert_eq!(duration_text(duration), text);
            assert_eq!(parse_duration(text), Some(duration));
        }
    }
}
