use std::fmt::Display;

use jiff::civil::DateTime;
use jiff::tz::Offset;
use serde::{Serialize, Serializer};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};
use wakeful::core::Timestamp;

/// Whatever is written as its text: ids and digests.
pub(crate) struct Text<T>(pub(crate) T);

impl<T: Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// An instant, as the protocol writes it: `2026-11-22T09:00:00+00:00`, with six digits after the
/// second unless all of them are zero.
pub(crate) struct Time(pub(crate) Timestamp);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let instant = self.0.display_with_offset(Offset::UTC);
        match self.0.as_microsecond().rem_euclid(1_000_000) {
            0 => serializer.collect_str(&format_args!("{instant:.0}")),
            _ => serializer.collect_str(&format_args!("{instant:.6}")),
        }
    }
}

impl PartialSchema for Time {
    fn schema() -> RefOr<Schema> {
        let format = SchemaFormat::KnownFormat(KnownFormat::DateTime);
        ObjectBuilder::new().schema_type(Type::String).format(Some(format)).into()
    }
}

impl ToSchema for Time {}

/// Reads an instant in ISO 8601. One without an offset is in UTC: Python writes naive datetimes so.
pub(crate) fn parse_time(text: &str) -> Option<Timestamp> {
    let zoned = text.parse::<Timestamp>().ok();
    zoned.or_else(|| Offset::UTC.to_timestamp(text.parse::<DateTime>().ok()?).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_have_six_digits_or_none_and_an_offset() {
        let written = |text: &str| serde_json::to_value(Time(parse_time(text).unwrap())).unwrap();
        for (text, wire) in [
            ("2026-11-22T09:00:00Z", "2026-11-22T09:00:00+00:00"),
            ("2026-11-22T09:00:00.123456+01:00", "2026-11-22T08:00:00.123456+00:00"),
            ("2026-11-22T09:00:00", "2026-11-22T09:00:00+00:00"),
        ] {
            assert_eq!(written(text), wire, "{text}");
        }
        assert_eq!(parse_time("whenever"), None);
    }
}
