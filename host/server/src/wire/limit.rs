use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::error::Error;
use crate::extract::Params;

/// How many items of a list a client wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limit(pub(crate) usize);

impl Limit {
    const MOST: u64 = 1_000;

    fn new(number: u64) -> Result<Self, String> {
        match usize::try_from(number) {
            Ok(limit) if (1..=Self::MOST).contains(&number) => Ok(Self(limit)),
            _ => Err(format!("{number} is not between 1 and {}", Self::MOST)),
        }
    }

    /// The parameters `limit` and `offset`.
    pub(crate) fn with_offset(params: &Params) -> Result<(Self, usize), Error> {
        let limit = match params.get("limit") {
            Some(text) => {
                let number = text.parse().map_err(|_| format!("`{text}` is not a number"));
                number
                    .and_then(Self::new)
                    .map_err(|reason| Error::unprocessable(format!("limit: {reason}")))?
            }
            None => Self::default(),
        };
        let offset = params.word("offset", |text| text.parse().ok(), "a number")?;
        Ok((limit, offset.unwrap_or(0)))
    }
}

impl PartialSchema for Limit {
    fn schema() -> RefOr<Schema> {
        let number =
            ObjectBuilder::new().schema_type(SchemaType::from_iter([Type::Integer, Type::Null]));
        number.minimum(Some(1)).maximum(Some(Self::MOST)).into()
    }
}

impl ToSchema for Limit {}

impl Default for Limit {
    fn default() -> Self {
        Self(10)
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Option::<u64>::deserialize(deserializer)? {
            Some(number) => Self::new(number).map_err(D::Error::custom),
            None => Ok(Self::default()),
        }
    }
}
