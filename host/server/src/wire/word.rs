use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use wakeful::Order;
use wakeful::core::{
    Catchup, Dst, Expiry, FailureKind, MultitaskStrategy, OnCompletion, Overlap, ThreadStatus,
};

/// Reads one of a fixed set of words; `null` counts as absent.
fn word<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    parse: impl Fn(&str) -> Option<T>,
    expected: &str,
) -> Result<Option<T>, D::Error> {
    let Some(word) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    let parsed = parse(&word);
    parsed.map(Some).ok_or_else(|| D::Error::custom(format!("`{word}` is not {expected}")))
}

pub(crate) fn multitask<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<MultitaskStrategy>, D::Error> {
    let expected = "one of `reject`, `interrupt`, `rollback`, `enqueue`";
    word(deserializer, MultitaskStrategy::parse, expected)
}

pub(crate) fn completion<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<OnCompletion>, D::Error> {
    word(deserializer, OnCompletion::parse, "`delete` or `keep`")
}

/// The same of a list of words, where `null` differs from absence.
fn one_of<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    parse: impl Fn(&str) -> Option<T>,
    words: &[&str],
) -> Result<Option<Option<T>>, D::Error> {
    word(deserializer, parse, &format!("one of `{}`", words.join("`, `"))).map(Some)
}

pub(crate) fn overlap<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<Overlap>>, D::Error> {
    one_of(deserializer, Overlap::parse, &Overlap::ALL.map(Overlap::as_str))
}

pub(crate) fn catchup<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<Catchup>>, D::Error> {
    one_of(deserializer, Catchup::parse, &Catchup::ALL.map(Catchup::as_str))
}

pub(crate) fn dst<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<Dst>>, D::Error> {
    one_of(deserializer, Dst::parse, &Dst::ALL.map(Dst::as_str))
}

pub(crate) fn failures<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<FailureKind>, D::Error> {
    let words = Option::<Vec<String>>::deserialize(deserializer)?.unwrap_or_default();
    let mut kinds = Vec::new();
    for word in words {
        let kind = FailureKind::parse(&word).ok_or_else(|| {
            let known = FailureKind::ALL.map(|kind| kind.as_str()).join("`, `");
            D::Error::custom(format!("`{word}` is not one of `{known}`"))
        })?;
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    Ok(kinds)
}

pub(crate) fn expiry<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Expiry>, D::Error> {
    word(deserializer, Expiry::parse, "`delete` or `keep_latest`")
}

pub(crate) fn thread_status<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<ThreadStatus>, D::Error> {
    word(deserializer, ThreadStatus::parse, "one of `idle`, `busy`, `interrupted`, `error`")
}

pub(crate) fn order<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Order>, D::Error> {
    let parse = |word: &str| match word {
        "asc" => Some(Order::Ascending),
        "desc" => Some(Order::Descending),
        _ => None,
    };
    word(deserializer, parse, "`asc` or `desc`")
}

/// Tells `null`, which clears, from absence, which keeps.
pub(crate) fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Whether `true` was given for one of two words: `yes`.
pub(crate) fn choice<'de, D: Deserializer<'de>>(
    deserializer: D,
    yes: &str,
    no: &str,
) -> Result<bool, D::Error> {
    let parse = |word: &str| match word {
        word if word == yes => Some(true),
        word if word == no => Some(false),
        _ => None,
    };
    let given = word(deserializer, parse, &format!("`{yes}` or `{no}`"))?;
    Ok(given.unwrap_or(false))
}
