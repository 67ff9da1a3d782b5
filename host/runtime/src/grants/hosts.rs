//! Grants of hosts, as a file spells them.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use wakeful_core::{HostGrant, OriginPattern};

/// The most hosts in one file.
const MOST: usize = 200;

pub(super) fn host_grants<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<HostGrant>, D::Error> {
    let entries = Vec::<Entry>::deserialize(deserializer)?;
    if entries.len() > MOST {
        return Err(Error::custom(format!("a file has at most {MOST} hosts")));
    }
    entries.into_iter().map(|entry| entry.grant().map_err(Error::custom)).collect()
}

/// A text for an origin with every method, or a table.
struct Entry(Table);

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    url: String,
    methods: Option<Vec<String>>,
    #[serde(default)]
    private: bool,
}

impl Entry {
    fn grant(self) -> Result<HostGrant, String> {
        let Table { url, methods, private } = self.0;
        let origin: OriginPattern =
            url.parse().map_err(|error: wakeful_core::InvalidOrigin| error.to_string())?;
        if private && origin.is_any_host() {
            return Err(format!(
                "`{url}` with `private` would open every network of this machine; name the host or the address"
            ));
        }
        let methods = match methods {
            None => Vec::new(),
            Some(methods) if methods.is_empty() => {
                return Err(format!("`{url}` has no methods; leave `methods` out to allow all"));
            }
            Some(methods) => methods,
        };
        let known = |text: &&String| {
            let letter = |c: char| c.is_ascii_uppercase() || c == '-';
            (1..=32).contains(&text.len()) && text.chars().all(letter)
        };
        if let Some(bad) = methods.iter().find(|text| !known(text)) {
            return Err(format!("`{bad}` is not a method; write one such as \"GET\" or \"POST\""));
        }
        Ok(HostGrant { origin, methods, private })
    }
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Entry;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text such as \"https://api.example.com\", or a table with `url`")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Entry, E> {
                Ok(Entry(Table { url: text.to_owned(), methods: None, private: false }))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Entry, A::Error> {
                Table::deserialize(MapAccessDeserializer::new(map)).map(Entry)
            }
        }

        deserializer.deserialize_any(Either)
    }
}
