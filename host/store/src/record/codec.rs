use serde::Serialize;
use serde::de::DeserializeOwned;

/// The record format that this program writes. It reads every earlier one: a field that a format
/// added has a default, and no format takes one away or changes what it means.
pub(crate) const VERSION: u8 = 3;

/// The first format that any program wrote.
const FIRST: u8 = 1;

/// Why the bytes of a record are not one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// A newer program wrote it.
    Newer(u8),
    /// It is not what any program writes.
    Broken(String),
}

/// The bytes of a record: the format, then JSON.
pub(crate) fn encode<T: Serialize>(record: &T) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = vec![VERSION];
    serde_json::to_writer(&mut bytes, record)?;
    Ok(bytes)
}

/// Reads what [`encode`] wrote.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Unreadable> {
    match bytes.split_first() {
        Some((FIRST..=VERSION, json)) => {
            serde_json::from_slice(json).map_err(|error| Unreadable::Broken(error.to_string()))
        }
        Some((&newer, _)) if newer > VERSION => Err(Unreadable::Newer(newer)),
        Some((other, _)) => Err(Unreadable::Broken(format!("no record has format {other}"))),
        None => Err(Unreadable::Broken("it is empty".to_owned())),
    }
}

/// Ids and digests, as the text that people see.
pub(super) mod text {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(in crate::record) fn serialize<T: Display, S: Serializer>(
        value: &T,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_str(value)
    }

    pub(in crate::record) fn deserialize<'de, T, D>(from: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

/// The same, where there may be none.
pub(super) mod text_option {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(in crate::record) fn serialize<T: Display, S: Serializer>(
        value: &Option<T>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        value.as_ref().map(ToString::to_string).serialize(to)
    }

    pub(in crate::record) fn deserialize<'de, T, D>(from: D) -> Result<Option<T>, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        Option::<String>::deserialize(from)?
            .map(|text| text.parse().map_err(D::Error::custom))
            .transpose()
    }
}

/// Instants, as microseconds since 1970.
pub(super) mod micros {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};
    use wakeful_core::Timestamp;

    pub(in crate::record) fn serialize<S: Serializer>(
        value: &Timestamp,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.serialize_i64(value.as_microsecond())
    }

    pub(in crate::record) fn deserialize<'de, D>(from: D) -> Result<Timestamp, D::Error>
    where
        D: Deserializer<'de>,
    {
        Timestamp::from_microsecond(i64::deserialize(from)?).map_err(D::Error::custom)
    }
}

/// The same, where there may be none.
pub(super) mod micros_option {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use wakeful_core::Timestamp;

    pub(in crate::record) fn serialize<S: Serializer>(
        value: &Option<Timestamp>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        value.map(|at| at.as_microsecond()).serialize(to)
    }

    pub(in crate::record) fn deserialize<'de, D>(from: D) -> Result<Option<Timestamp>, D::Error>
    where
        D: Deserializer<'de>,
    {
        Option::<i64>::deserialize(from)?
            .map(|at| Timestamp::from_microsecond(at).map_err(D::Error::custom))
            .transpose()
    }
}

/// A module that stores an enumeration as its word.
macro_rules! word {
    ($module:ident, $type:ty) => {
        mod $module {
            use serde::de::Error;
            use serde::{Deserialize, Deserializer, Serializer};

            pub(super) fn serialize<S: Serializer>(
                value: &$type,
                to: S,
            ) -> Result<S::Ok, S::Error> {
                to.serialize_str(value.as_str())
            }

            pub(super) fn deserialize<'de, D>(from: D) -> Result<$type, D::Error>
            where
                D: Deserializer<'de>,
            {
                let word = String::deserialize(from)?;
                <$type>::parse(&word).ok_or_else(|| {
                    D::Error::custom(format!(concat!("no ", stringify!($module), " is {:?}"), word))
                })
            }
        }
    };
}
pub(super) use word;

/// The same for reading alone, where there may be none.
macro_rules! word_option {
    ($module:ident, $type:ty) => {
        mod $module {
            use serde::de::Error;
            use serde::{Deserialize, Deserializer};

            pub(super) fn deserialize<'de, D>(from: D) -> Result<Option<$type>, D::Error>
            where
                D: Deserializer<'de>,
            {
                let Some(word) = Option::<String>::deserialize(from)? else { return Ok(None) };
                <$type>::parse(&word).map(Some).ok_or_else(|| {
                    D::Error::custom(format!(concat!("no ", stringify!($type), " is {:?}"), word))
                })
            }
        }
    };
}
pub(super) use word_option;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_of_a_newer_program_is_not_taken_for_a_damaged_one() {
        assert_eq!(decode::<u8>(&[VERSION + 1, b'7']), Err(Unreadable::Newer(VERSION + 1)));
        assert_eq!(decode::<u8>(&encode(&7_u8).unwrap()), Ok(7));
        assert_eq!(decode::<u8>(&[FIRST, b'7']), Ok(7));
        for broken in [&[][..], &[0, b'7'], &[VERSION], &[VERSION, b'{']] {
            assert!(matches!(decode::<u8>(broken), Err(Unreadable::Broken(_))), "{broken:?}");
        }
    }
}
