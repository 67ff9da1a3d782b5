//! Calls to the store of items, as the input spells them: `{"call": "put", "namespace": ["a"],
//! "key": "k", "value": {}, "ttl": 1}`, and likewise `get`, `delete`, `search` and `namespaces`.
//! A text such as `"fill:1000"` in place of a key or value is that many characters, and `"count"`
//! repeats a call that often under keys of their own.

use serde_json::{Value, json};

use crate::wakeful::assistant::assistant_types::Error;
use crate::wakeful::assistant::store::{self, Item, ItemQuery, NamespaceQuery};

/// What came of a call: `{"ok": …}`, or `{"error": …, "message": …}`; of a repeated one, how often
/// it went well before it did not.
pub(crate) fn call(call: &Value) -> Value {
    let key = filled(&call["key"]);
    let Some(count) = call["count"].as_u64() else { return told(once(call, &key)) };
    for done in 0..count {
        if let Err(error) = once(call, &format!("{key}{done}")) {
            return json!({ "done": done, "then": told(Err(error)) });
        }
    }
    json!({ "done": count })
}

fn once(call: &Value, key: &str) -> Result<Value, Error> {
    let namespace = labels(&call["namespace"]);
    Ok(match call["call"].as_str().unwrap_or_default() {
        "put" => {
            store::put(&namespace, key, &filled(&call["value"]), number(&call["ttl"]))?;
            Value::Null
        }
        "get" => store::get(&namespace, key)?.map(shown).into(),
        "delete" => store::delete(&namespace, key)?.into(),
        "search" => {
            let filter = &call["filter"];
            let found = store::search(&ItemQuery {
                namespace_prefix: namespace,
                filter: (!filter.is_null()).then(|| filled(filter)),
                limit: number(&call["limit"]).unwrap_or(10),
                offset: number(&call["offset"]).unwrap_or(0),
            })?;
            found.into_iter().map(shown).collect()
        }
        "namespaces" => json!(store::list_namespaces(&NamespaceQuery {
            prefix: namespace,
            suffix: labels(&call["suffix"]),
            max_depth: number(&call["max_depth"]),
            limit: number(&call["limit"]).unwrap_or(10),
            offset: number(&call["offset"]).unwrap_or(0),
        })?),
        other => panic!("no call {other:?}"),
    })
}

fn shown(item: Item) -> Value {
    let value: Value = serde_json::from_str(&item.value).unwrap_or_default();
    json!({
        "namespace": item.namespace,
        "key": item.key,
        "value": value,
        "created": item.created_at,
        "updated": item.updated_at,
    })
}

fn told(result: Result<Value, Error>) -> Value {
    match result {
        Ok(value) => json!({ "ok": value }),
        Err(error) => json!({ "error": format!("{:?}", error.code), "message": error.message }),
    }
}

fn labels(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(filled).collect()
}

fn number(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|number| number.try_into().ok())
}

/// A text as it is or as long as it says; anything else as JSON.
fn filled(value: &Value) -> String {
    match value.as_str() {
        None if value.is_null() => String::new(),
        None => value.to_string(),
        Some(text) => match text.strip_prefix("fill:").and_then(|count| count.parse().ok()) {
            Some(count) => "x".repeat(count),
            None => text.to_owned(),
        },
    }
}
