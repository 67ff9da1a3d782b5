use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{AnyOfBuilder, ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};
use wakeful::core::{duration_of_seconds, parse_duration};

/// A length of time, as clients give it: a text such as `1h 30m`, or a number of seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Length(pub(crate) Duration);

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(
            untagged,
            expecting = "expected a length of time: a text such as \"1h 30m\", or a number of seconds"
        )]
        enum Given {
            Seconds(f64),
            Text(String),
        }
        let given = Given::deserialize(deserializer)?;
        let (read, shown) = match &given {
            Given::Seconds(seconds) => (duration_of_seconds(*seconds), seconds.to_string()),
            Given::Text(text) => (parse_duration(text), text.chars().take(64).collect()),
        };
        read.map(Self).ok_or_else(|| {
            D::Error::custom(format!(
                "`{shown}` is not a length of time; write \"90s\", \"1h 30m\" or \"7d\", or a number of seconds, of ten years at most"
            ))
        })
    }
}

impl PartialSchema for Length {
    fn schema() -> RefOr<Schema> {
        let text = ObjectBuilder::new().schema_type(Type::String);
        let seconds = ObjectBuilder::new().schema_type(Type::Number).minimum(Some(0));
        AnyOfBuilder::new()
            .item(text)
            .item(seconds)
            .description(Some("A length of time: `1h 30m`, or a number of seconds"))
            .into()
    }
}

impl ToSchema for Length {}
