use std::fmt::Display;

use jiff::civil::DateTime;
use jiff::tz::Offset;
use serde::{Serialize, Serializer};
use wakeful::core::Timestamp;

/// Whatever is written as its text: ids and digests.
pub(crate) struct Text<T>(pub(crate) T);

impl<T: Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// An instant, as the protocol writes it: `2026-11-22T09:00:00.000000+00:00`.
pub(crate) struct Time(pub(crate) Timestamp);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:.6}", self.0.display_with_offset(Offset::UTC)))
    }
}

/// Reads an instant in ISO 8601. One without an offset is in UTC: Python writes naive datetimes so.
pub(crate) fn parse_time(text: &str) -> Option<Timestamp> {
    let zoned = text.parse::<Timestamp>().ok();
    zoned.or_else(|| Offset::UTC.to_timestamp(text.parse::<DateTime>().ok()?).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_have_six_digits_and_an_offset() {
        let written = |text: &str| serde_json::to_value(Time(parse_time(text).unwrap())).unwrap();
        for (text, wire) in [
            ("2026-11-22T09:00:00Z", "2026-11-22T09:00:00.000000+00:00"),
            ("2026-11-22T09:00:00.123456+01:00", "2026-11-22T08:00:00.123456+00:00"),
            ("2026-11-22T09:00:00", "2026-11-22T09:00:00.000000+00:00"),
        ] {
            assert_eq!(written(text), wire, "{text}");
        }
        assert_eq!(parse_time("whenever"), None);
    }
}
