//! Reads the documents of a server, in which any field may be absent.

use std::time::Duration;

use jiff::tz::TimeZone;
use serde_json::Value as Json;
use wakeful::core::Timestamp;

use crate::format;

/// The items of a list; none if it is something else.
pub(super) fn items(document: &Json) -> &[Json] {
    document.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// A field of text, or what stands for its absence.
pub(super) fn text(document: &Json, key: &str) -> String {
    optional(document, key).unwrap_or("-").to_owned()
}

/// A field of text, if it is there.
pub(super) fn optional<'a>(document: &'a Json, key: &str) -> Option<&'a str> {
    document.get(key).and_then(Json::as_str)
}

/// The texts of a list, none if it is absent.
pub(super) fn texts<'a>(document: &'a Json, key: &str) -> Vec<&'a str> {
    let list = document.get(key).and_then(Json::as_array);
    list.into_iter().flatten().filter_map(Json::as_str).collect()
}

/// A number, if it is there.
pub(super) fn number(document: &Json, key: &str) -> Option<u64> {
    document.get(key).and_then(Json::as_u64)
}

/// A number of milliseconds, whole or not, if it is there.
pub(super) fn duration(document: &Json, key: &str) -> Option<Duration> {
    let ms = document.get(key).and_then(Json::as_f64)?;
    Duration::try_from_secs_f64(ms / 1_000.0).ok()
}

/// An instant, if it is there.
pub(super) fn instant(document: &Json, key: &str) -> Option<Timestamp> {
    optional(document, key).and_then(|text| text.parse().ok())
}

/// An instant for a table.
pub(super) fn when(document: &Json, key: &str) -> String {
    instant(document, key).map_or_else(
        || "-".to_owned(),
        |at| format::near(at, Timestamp::now(), &TimeZone::system()),
    )
}

/// An instant in full, in the local zone, with its distance.
pub(super) fn moment(document: &Json, key: &str) -> Option<String> {
    instant(document, key).map(|at| {
        let distance = format::relative(at, Timestamp::now());
        format!("{} ({distance})", format::instant(at, &TimeZone::system()))
    })
}

/// An object as indented JSON, unless it is empty or absent.
pub(super) fn filled(document: &Json, key: &str) -> Option<String> {
    match document.get(key) {
        None | Some(Json::Null) => None,
        Some(Json::Object(object)) if object.is_empty() => None,
        Some(Json::Array(items)) if items.is_empty() => None,
        Some(value) => Some(format!("{value:#}")),
    }
}

/// The component a run is of.
pub(super) fn component(run: &Json) -> String {
    let graph = run.pointer("/kwargs/config/configurable/graph_id");
    let graph = graph.or_else(|| run.pointer("/metadata/graph_id")).and_then(Json::as_str);
    graph.map_or_else(|| text(run, "assistant_id"), str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_duration_may_have_a_fraction() {
        let document = json!({"a": 1500, "b": 0.5, "c": null, "d": -1});
        assert_eq!(duration(&document, "a"), Some(Duration::from_millis(1_500)));
        assert_eq!(duration(&document, "b"), Some(Duration::from_micros(500)));
        assert_eq!(duration(&document, "c"), None);
        assert_eq!(duration(&document, "d"), None);
    }

    #[test]
    fn an_absent_field_is_shown_as_such() {
        let document = json!({"empty": {}, "none": null, "full": [1]});
        assert_eq!(text(&document, "missing"), "-");
        assert_eq!(when(&document, "none"), "-");
        assert_eq!(filled(&document, "empty"), None);
        assert_eq!(filled(&document, "none"), None);
        assert_eq!(filled(&document, "full").as_deref(), Some("[\n  1\n]"));
    }
}
