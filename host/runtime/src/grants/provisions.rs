//! Grants of variables and secrets, as a file spells them.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use wakeful_core::{OriginPattern, SecretGrant, SecretSource, VariableGrant, VariableSource};

/// The most variables, and the most secrets, in one file.
const MOST: usize = 100;

/// Headers that belong to the connection, and in which no secret has any business.
const NOT_FOR_SECRETS: [&str; 9] = [
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "host",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

pub(super) fn variables<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<VariableGrant>, D::Error> {
    let entries = BTreeMap::<String, Value>::deserialize(deserializer)?;
    bounded(entries.len())?;
    let grant = |(name, value): (String, Value)| {
        check_name(&name)?;
        if let VariableSource::Host(from) = &value.0 {
            check_name(from)?;
        }
        Ok(VariableGrant { name, value: value.0 })
    };
    entries.into_iter().map(grant).collect()
}

pub(super) fn secrets<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<SecretGrant>, D::Error> {
    let entries = BTreeMap::<String, Table>::deserialize(deserializer)?;
    bounded(entries.len())?;
    let grant = |(name, table): (String, Table)| {
        check_name(&name)?;
        table.grant(name).map_err(Error::custom)
    };
    entries.into_iter().map(grant).collect()
}

fn bounded<E: Error>(count: usize) -> Result<(), E> {
    if count > MOST {
        return Err(E::custom(format!("a file has at most {MOST} of these")));
    }
    Ok(())
}

fn check_name<E: Error>(name: &str) -> Result<(), E> {
    let mut rest = name.chars();
    let begun = rest.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    if begun && name.len() <= 128 && rest.all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Ok(());
    }
    Err(E::custom(format!(
        "`{name}` is not the name of a variable; write letters, digits and underscores"
    )))
}

/// A text, or `{ from = "NAME" }`.
struct Value(VariableSource);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct From {
            from: String,
        }

        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, or `{ from = \"NAME\" }` for a variable of the host")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
                if text.contains('\0') || text.len() > 32 << 10 {
                    return Err(E::custom("a variable has at most 32 KiB, and no zero byte"));
                }
                Ok(Value(VariableSource::Text(text.to_owned())))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Value, A::Error> {
                let From { from } = From::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Value(VariableSource::Host(from)))
            }
        }

        deserializer.deserialize_any(Either)
    }
}

/// A secret, as a file spells it.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    from: Option<String>,
    file: Option<PathBuf>,
    to: Vec<String>,
    #[serde(default = "authorization")]
    header: String,
}

fn authorization() -> String {
    "authorization".to_owned()
}

impl Table {
    fn grant(self, name: String) -> Result<SecretGrant, String> {
        let source = match (self.from, self.file) {
            (Some(from), None) => {
                check_name::<serde::de::value::Error>(&from).map_err(|error| error.to_string())?;
                SecretSource::Host(from)
            }
            (None, Some(file)) if file.is_absolute() => SecretSource::File(file),
            (None, Some(file)) => {
                return Err(format!("`{}` is not an absolute path", file.display()));
            }
            _ => {
                return Err(format!(
                    "secret {name} needs either `from`, a variable of the host, or `file`, a path"
                ));
            }
        };
        if self.to.is_empty() {
            return Err(format!("secret {name} needs something in `to`: where it may go"));
        }
        let to = self.to.iter().map(|text| text.parse()).collect::<Result<Vec<OriginPattern>, _>>();
        let to = to.map_err(|error| error.to_string())?;
        if to.iter().any(OriginPattern::is_any_host) {
            return Err(format!(
                "secret {name} must not go anywhere at all; name the hosts in `to`"
            ));
        }
        let header = self.header.to_ascii_lowercase();
        let letter = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let is_header = (1..=64).contains(&header.len()) && header.chars().all(letter);
        if !is_header || NOT_FOR_SECRETS.contains(&header.as_str()) {
            return Err(format!(
                "`{header}` is not a header for a secret; write one such as \"authorization\" or \"x-api-key\""
            ));
        }
        Ok(SecretGrant { name, source, to, header })
    }
}
