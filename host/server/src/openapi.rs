//! The description of the API: what the handlers say of themselves, and what holds for all of them.

use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi;
use wakeful::core::Scope;

use crate::scopes::{Access, TABLE};

/// Where the shape of a refusal is described.
const REFUSAL: &str = "#/components/schemas/Refusal";

/// What may become of any request to a route, whatever its handler does.
const ALWAYS: &[(&str, &str)] = &[
    ("400", "The request cannot be read"),
    ("421", "The server has no API key, and was asked for by a name that is not this machine's"),
    ("500", "The server failed; its log says why"),
    ("503", "The server is stopping, or takes no more writes"),
];

/// What may become of a request to a route that is not open to everybody.
const GUARDED: &[(&str, &str)] = &[
    ("401", "The API key is missing or wrong"),
    ("403", "The API key has too narrow a scope"),
    ("429", "Too many requests; `Retry-After` says when to come again"),
];

/// What may become of a request that writes.
const WRITING: &[(&str, &str)] = &[
    ("413", "The body is larger than the setting `max_body`"),
    ("507", "The disk is full; nothing was stored"),
];

/// The document that the routes make together, completed.
pub(crate) fn document(api: &OpenApi) -> serde_json::Result<Value> {
    let mut document = serde_json::to_value(api)?;
    let Some(root) = document.as_object_mut() else { return Ok(document) };
    root.insert(
        "info".to_owned(),
        json!({
            "title": "Wakeful",
            "description": "Runs WebAssembly assistants on a schedule. \
                Assistants, threads, runs, crons and the store are those of the LangGraph Agent Server.",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "MIT OR Apache-2.0" },
        }),
    );
    edit(root, "components", |components| {
        edit(components, "securitySchemes", |known| known.extend(schemes()));
        edit(components, "schemas", |known| {
            known.insert("Refusal".to_owned(), refusal());
        });
    });
    edit(root, "paths", |paths| {
        for (path, item) in paths {
            for (method, operation) in item.as_object_mut().into_iter().flatten() {
                if let Some(operation) = operation.as_object_mut() {
                    complete(operation, &method.to_uppercase(), path);
                }
            }
        }
    });
    widen(&mut document);
    Ok(document)
}

/// Turns "one of these or null" into "any of these or null": what takes any value takes null too,
/// and would then be two of them.
fn widen(value: &mut Value) {
    match value {
        Value::Object(object) => {
            let nullable = object
                .get("oneOf")
                .and_then(Value::as_array)
                .is_some_and(|choices| choices.contains(&json!({ "type": "null" })));
            if nullable && let Some(choices) = object.remove("oneOf") {
                object.insert("anyOf".to_owned(), choices);
            }
            object.values_mut().for_each(widen);
        }
        Value::Array(items) => items.iter_mut().for_each(widen),
        _ => {}
    }
}

fn complete(operation: &mut Map<String, Value>, method: &str, path: &str) {
    let route = TABLE.iter().find(|(m, template, _)| *m == method && *template == path);
    let access = route.map_or(Access::Needs(Scope::Manage), |(_, _, access)| *access);
    let names: Vec<_> = path
        .split(['{', '}'])
        .skip(1)
        .step_by(2)
        .map(|name| name.trim_start_matches('*'))
        .collect();
    for name in &names {
        add_parameter(operation, name);
    }
    let reads_something = !names.is_empty()
        || operation.contains_key("requestBody")
        || operation.contains_key("parameters");
    edit(operation, "responses", |responses| {
        add(responses, ALWAYS);
        if access != Access::Open {
            add(responses, GUARDED);
        }
        if method != "GET" {
            add(responses, WRITING);
        }
        if reads_something {
            add(responses, &[("422", "Something in the request is not what it has to be")]);
        }
        if !names.is_empty() {
            add(responses, &[("404", "There is no such thing")]);
        }
    });
    let security = match access {
        Access::Open => json!([]),
        Access::Needs(_) => json!([{ "key": [] }, { "bearer": [] }]),
    };
    operation.insert("security".to_owned(), security);
    // The names of handlers are their own only within their file.
    let words = path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let id: Vec<_> =
        std::iter::once(method.to_lowercase().as_str()).chain(words).map(str::to_owned).collect();
    operation.insert("operationId".to_owned(), id.join("_").into());
    if let Access::Needs(scope) = access {
        operation.insert("x-scope".to_owned(), scope.as_str().into());
    }
}

/// Describes a part of the path, unless the handler does.
fn add_parameter(operation: &mut Map<String, Value>, name: &str) {
    let parameters = operation.entry("parameters").or_insert_with(|| json!([]));
    let Some(parameters) = parameters.as_array_mut() else { return };
    if parameters.iter().any(|known| known["in"] == "path" && known["name"] == name) {
        return;
    }
    parameters.push(json!({
        "name": name,
        "in": "path",
        "required": true,
        "description": format!("The id of the {name}"),
        "schema": { "type": "string", "format": "uuid" },
    }));
}

fn add(responses: &mut Map<String, Value>, more: &[(&str, &str)]) {
    for (status, description) in more {
        responses.entry(*status).or_insert_with(|| {
            let schema = json!({ "schema": { "$ref": REFUSAL } });
            json!({ "description": description, "content": { "application/json": schema } })
        });
    }
}

fn schemes() -> Map<String, Value> {
    Map::from_iter([
        ("key".to_owned(), json!({ "type": "apiKey", "in": "header", "name": "x-api-key" })),
        ("bearer".to_owned(), json!({ "type": "http", "scheme": "bearer" })),
    ])
}

fn refusal() -> Value {
    json!({
        "type": "object",
        "required": ["detail"],
        "properties": { "detail": { "type": "string", "description": "What to change" } },
    })
}

/// Changes the object under a key, which is made if there is none.
fn edit(parent: &mut Map<String, Value>, key: &str, change: impl FnOnce(&mut Map<String, Value>)) {
    let entry = parent.entry(key).or_insert_with(|| json!({}));
    if let Some(object) = entry.as_object_mut() {
        change(object);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn made() -> Value {
        document(&crate::router::routes().split_for_parts().1).unwrap()
    }

    #[test]
    fn every_route_is_described() {
        // That the table has every route is a test of its own.
        let itself = ["/openapi.json", "/docs", "/docs/{file}", "/mcp/"];
        let listed = TABLE.iter().filter(|(_, path, _)| !itself.contains(path));
        let listed: BTreeSet<_> =
            listed.map(|(method, path, _)| (method.to_string(), path.to_string())).collect();
        let document = made();
        let mut described = BTreeSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for method in item.as_object().unwrap().keys() {
                described.insert((method.to_uppercase(), path.clone()));
            }
        }
        let missing: Vec<_> = listed.difference(&described).collect();
        assert!(missing.is_empty(), "add `#[utoipa::path]` and `routes!` to {missing:?}");
        assert_eq!(described, listed);
    }

    #[test]
    fn every_operation_has_a_name_of_its_own_and_says_what_may_come_of_it() {
        let document = made();
        let mut names = BTreeSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let name = operation["operationId"].as_str().unwrap();
                assert!(names.insert(name.to_owned()), "{name}");
                assert!(operation["summary"].is_string(), "{method} {path}");
                assert!(operation["tags"].is_array(), "{method} {path}");
                let responses = operation["responses"].as_object().unwrap();
                // 101: the connection goes on as a WebSocket.
                let good = |status: &String| status.starts_with('2') || status == "101";
                assert!(responses.keys().any(good), "{method} {path}");
            }
        }
    }

    #[test]
    fn everything_that_is_referred_to_is_there() {
        fn check(value: &Value, root: &Value) {
            match value {
                Value::Object(object) => {
                    if let Some(reference) = object.get("$ref").and_then(Value::as_str) {
                        let pointer = reference.strip_prefix('#').unwrap();
                        assert!(root.pointer(pointer).is_some(), "{reference}");
                    }
                    object.values().for_each(|value| check(value, root));
                }
                Value::Array(items) => items.iter().for_each(|value| check(value, root)),
                _ => {}
            }
        }
        let document = made();
        check(&document, &document);
    }
}
