use std::cmp::Ordering;

use thiserror::Error;

use crate::{Json, Object};

/// A filter that cannot be read; the message names the field.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct InvalidFilter(String);

/// What the value of an item has to be like.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ItemFilter(Vec<(String, Wanted)>);

/// What a part of a value has to be like.
#[derive(Debug, Clone, PartialEq)]
enum Wanted {
    /// Equal to this.
    Equal(Json),
    /// A list of as many elements, each like this.
    List(Vec<Wanted>),
    /// An object with these fields, each like this.
    Fields(ItemFilter),
    /// All of this.
    Compared(Vec<(Operator, Json)>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

impl ItemFilter {
    /// Reads a filter: fields of the value, each with what it must equal, or with operators, such
    /// as `{"color": "red", "age": {"$gte": 21, "$lt": 65}}`. A field that is absent counts as
    /// null. Operators are `$eq`, `$ne`, `$gt`, `$gte`, `$lt` and `$lte`; the last four compare
    /// numbers with numbers and texts with texts, and match nothing else.
    ///
    /// # Errors
    ///
    /// If an operator is unknown or compares with what has no order.
    pub fn parse(filter: &Object) -> Result<Self, InvalidFilter> {
        let fields = filter.iter().map(|(field, wanted)| {
            let wanted = Wanted::parse(wanted)
                .map_err(|InvalidFilter(reason)| InvalidFilter(format!("{field}: {reason}")))?;
            Ok((field.clone(), wanted))
        });
        fields.collect::<Result<_, _>>().map(Self)
    }

    /// The filter as it is written; what [`ItemFilter::parse`] reads.
    pub fn to_object(&self) -> Object {
        self.0.iter().map(|(field, wanted)| (field.clone(), wanted.to_json())).collect()
    }

    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a value is as wanted.
    pub fn matches(&self, value: &Object) -> bool {
        self.0.iter().all(|(field, wanted)| wanted.is_met(value.get(field).unwrap_or(&Json::Null)))
    }
}

impl Wanted {
    fn parse(wanted: &Json) -> Result<Self, InvalidFilter> {
        match wanted {
            Json::Object(fields) if fields.keys().any(|key| key.starts_with('$')) => {
                let compared = fields.iter().map(|(word, with)| {
                    let operator = Operator::parse(word)?;
                    if operator.needs_order() && !with.is_number() && !with.is_string() {
                        let reason = format!("`{word}` compares with a number or a text");
                        return Err(InvalidFilter(reason));
                    }
                    Ok((operator, with.clone()))
                });
                compared.collect::<Result<_, _>>().map(Self::Compared)
            }
            Json::Object(fields) => ItemFilter::parse(fields).map(Self::Fields),
            Json::Array(elements) => {
                elements.iter().map(Self::parse).collect::<Result<_, _>>().map(Self::List)
            }
            other => Ok(Self::Equal(other.clone())),
        }
    }

    fn to_json(&self) -> Json {
        match self {
            Self::Equal(wanted) => wanted.clone(),
            Self::List(elements) => elements.iter().map(Self::to_json).collect(),
            Self::Fields(fields) => Json::Object(fields.to_object()),
            Self::Compared(all) => {
                let words = all.iter().map(|(operator, with)| (operator.word(), with.clone()));
                Json::Object(words.map(|(word, with)| (word.to_owned(), with)).collect())
            }
        }
    }

    fn is_met(&self, value: &Json) -> bool {
        match (self, value) {
            (Self::Equal(wanted), value) => equal(wanted, value),
            (Self::List(wanted), Json::Array(elements)) => {
                wanted.len() == elements.len()
                    && wanted.iter().zip(elements).all(|(wanted, value)| wanted.is_met(value))
            }
            (Self::Fields(wanted), Json::Object(value)) => wanted.matches(value),
            (Self::List(_) | Self::Fields(_), _) => false,
            (Self::Compared(all), value) => {
                all.iter().all(|(operator, with)| operator.holds(value, with))
            }
        }
    }
}

impl Operator {
    fn parse(word: &str) -> Result<Self, InvalidFilter> {
        Ok(match word {
            "$eq" => Self::Equal,
            "$ne" => Self::NotEqual,
            "$gt" => Self::Greater,
            "$gte" => Self::GreaterOrEqual,
            "$lt" => Self::Less,
            "$lte" => Self::LessOrEqual,
            _ => {
                let word: String = word.chars().take(40).collect();
                return Err(InvalidFilter(format!(
                    "`{word}` is not one of the operators `$eq`, `$ne`, `$gt`, `$gte`, `$lt`, `$lte`"
                )));
            }
        })
    }

    fn word(self) -> &'static str {
        match self {
            Self::Equal => "$eq",
            Self::NotEqual => "$ne",
            Self::Greater => "$gt",
            Self::GreaterOrEqual => "$gte",
            Self::Less => "$lt",
            Self::LessOrEqual => "$lte",
        }
    }

    fn needs_order(self) -> bool {
        !matches!(self, Self::Equal | Self::NotEqual)
    }

    fn holds(self, value: &Json, with: &Json) -> bool {
        match self {
            Self::Equal => equal(value, with),
            Self::NotEqual => !equal(value, with),
            Self::Greater => order(value, with).is_some_and(Ordering::is_gt),
            Self::GreaterOrEqual => order(value, with).is_some_and(Ordering::is_ge),
            Self::Less => order(value, with).is_some_and(Ordering::is_lt),
            Self::LessOrEqual => order(value, with).is_some_and(Ordering::is_le),
        }
    }
}

/// Equality as JavaScript and Python see it: 1 is 1.0.
fn equal(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::Number(_), Json::Number(_)) => order(a, b).is_some_and(Ordering::is_eq),
        (Json::Array(a), Json::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b))
        }
        (Json::Object(a), Json::Object(b)) => {
            let same = |(key, a): (&String, &Json)| b.get(key).is_some_and(|b| equal(a, b));
            a.len() == b.len() && a.iter().all(same)
        }
        _ => a == b,
    }
}

fn order(a: &Json, b: &Json) -> Option<Ordering> {
    match (a, b) {
        (Json::String(a), Json::String(b)) => Some(a.cmp(b)),
        (Json::Number(a), Json::Number(b)) => match (whole(a), whole(b)) {
            (Some(a), Some(b)) => Some(a.cmp(&b)),
            _ => a.as_f64()?.partial_cmp(&b.as_f64()?),
        },
        _ => None,
    }
}

fn whole(number: &serde_json::Number) -> Option<i128> {
    number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn filter(filter: Json) -> Result<ItemFilter, InvalidFilter> {
        ItemFilter::parse(filter.as_object().unwrap())
    }

    #[test]
    fn a_filter_compares_fields() {
        let value = json!({
            "n": 10, "f": 1.0, "t": "red", "o": { "a": 1, "b": [1, { "c": 2 }] }, "null": null,
            "big": 9_007_199_254_740_993_i64,
        });
        let value = value.as_object().unwrap();
        for (wanted, expected) in [
            (json!({}), true),
            (json!({ "n": 10 }), true),
            (json!({ "n": 10, "t": "blue" }), false),
            (json!({ "f": 1 }), true),
            (json!({ "big": 9_007_199_254_740_992_i64 }), false),
            (json!({ "o": { "a": 1 } }), true),
            (json!({ "o": { "a": 2 } }), false),
            (json!({ "o": { "b": [1, { "c": { "$gt": 1 } }] } }), true),
            (json!({ "o": { "b": [1] } }), false),
            (json!({ "missing": null, "null": null }), true),
            (json!({ "missing": { "$eq": 1 } }), false),
            (json!({ "missing": { "$ne": 1 } }), true),
            (json!({ "n": { "$gt": 9, "$lte": 10 } }), true),
            (json!({ "n": { "$gt": 9, "$lt": 10 } }), false),
            (json!({ "n": { "$gte": 10.0 } }), true),
            (json!({ "n": { "$gt": "9" } }), false),
            (json!({ "t": { "$gt": "blue", "$lt": "zinc" } }), true),
            (json!({ "o": { "$eq": { "a": 1 } } }), false),
            (json!({ "o": { "$eq": { "b": [1.0, { "c": 2 }], "a": 1 } } }), true),
        ] {
            assert_eq!(filter(wanted.clone()).unwrap().matches(value), expected, "{wanted}");
        }
    }

    #[test]
    fn a_filter_reads_back_as_it_is_written() {
        for written in [
            json!({}),
            json!({ "a": 1.5, "b": { "c": [1, { "d": { "$lt": 2, "$gte": 1 } }], "e": {} } }),
            json!({ "n": { "$eq": { "a": 1 }, "$ne": null, "$gt": "x", "$lte": "y" }, "m": null }),
        ] {
            assert_eq!(Json::Object(filter(written.clone()).unwrap().to_object()), written);
        }
    }

    #[test]
    fn a_filter_that_cannot_be_read_names_the_field() {
        let message = |wanted| filter(wanted).unwrap_err().to_string();
        assert!(message(json!({ "age": { "$near": 1 } })).starts_with("age: `$near` is not one"));
        assert!(message(json!({ "age": { "$gt": 1, "x": 1 } })).contains("`x`"));
        assert!(message(json!({ "age": { "$gt": null } })).contains("a number or a text"));
        assert!(message(json!({ "a": { "b": { "$x": 1 } } })).starts_with("a: b: "));
    }
}
