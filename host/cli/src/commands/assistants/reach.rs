//! What a component imports, what it is granted of it, and what it would be refused.

use std::time::Duration;

use serde_json::Value as Json;

use crate::commands::fields;
use crate::format;

/// An import that is worth nothing without a grant: its interface, the grant's key, and what a
/// call of it gives without one.
const GRANTED: [(&str, &str, &str); 6] = [
    ("wasi:http/outgoing-handler", "hosts", "HTTP requests"),
    ("wakeful:assistant/store", "store", "items"),
    ("wakeful:assistant/crons", "crons", "crons for itself"),
    ("wakeful:assistant/chat", "models", "language models"),
    ("wakeful:assistant/calls", "assistants", "other assistants"),
    ("wasi:cli/environment", "environment", "an environment that holds anything"),
];

/// The lines that show it.
pub(super) fn about(component: &Json) -> Vec<(&'static str, String)> {
    let imports = fields::texts(component, "imports");
    let mut lines = Vec::new();
    if !imports.is_empty() {
        let names: Vec<_> = imports.iter().map(|name| format::clean(name)).collect();
        lines.push(("imports", names.join("\n")));
    }
    let granted = granted(component);
    lines.push(("grants", if granted.is_empty() { "none".to_owned() } else { granted.join("\n") }));
    let refused = refused(component, &imports);
    if !refused.is_empty() {
        lines.push(("refused", refused.join("\n")));
    }
    lines
}

/// What it may reach beside its own thread.
fn granted(component: &Json) -> Vec<String> {
    let list = |pointer: &str| component.pointer(pointer).map(fields::items).unwrap_or_default();
    let store: Vec<_> = list("/grants/store").iter().filter_map(Json::as_str).collect();
    let mut lines = Vec::new();
    if !store.is_empty() {
        lines.push(format!("store {}", store.join(", ")));
    }
    let crons = component.pointer("/grants/crons").filter(|crons| !crons.is_null());
    lines.extend(crons.map(|crons| {
        let most = fields::number(crons, "max").unwrap_or_default();
        let least = fields::number(crons, "min_interval_secs").unwrap_or_default();
        let least = format::duration(Duration::from_secs(least));
        format!("up to {most} crons for itself on a thread, {least} apart or more")
    }));
    lines.extend(list("/grants/hosts").iter().map(|host| {
        let methods = fields::texts(host, "methods");
        let methods = if methods.is_empty() { "any method".to_owned() } else { methods.join(", ") };
        let private = host.get("private").and_then(Json::as_bool).unwrap_or_default();
        let private = if private { ", on private addresses too" } else { "" };
        format!("{methods} to {}{private}", fields::text(host, "url"))
    }));
    lines.extend(list("/grants/environment").iter().map(|variable| {
        let name = fields::text(variable, "name");
        match fields::optional(variable, "from") {
            Some(from) => format!("variable {name}, the host's {from}"),
            None => format!("variable {name}"),
        }
    }));
    lines.extend(list("/grants/secrets").iter().map(|secret| {
        let to = fields::texts(secret, "to").join(", ");
        format!(
            "secret {} in header {} to {to}",
            fields::text(secret, "name"),
            fields::text(secret, "header")
        )
    }));
    let models: Vec<_> = list("/grants/models").iter().filter_map(Json::as_str).collect();
    if !models.is_empty() {
        let tokens = |key: &str| {
            let tokens = component.pointer(&format!("/limits/{key}")).and_then(Json::as_u64);
            tokens.map(format::count)
        };
        let run = tokens("tokens").map(|most| format!(", up to {most} tokens a run"));
        let day = tokens("tokens_per_day").map(|most| format!(", {most} a day"));
        let (run, day) = (run.unwrap_or_default(), day.unwrap_or_default());
        lines.push(format!("models {}{run}{day}", models.join(", ")));
    }
    let assistants: Vec<_> = list("/grants/assistants").iter().filter_map(Json::as_str).collect();
    if !assistants.is_empty() {
        lines.push(format!("assistants {}", assistants.join(", ")));
    }
    lines
}

/// What a component with these imports can use once it is granted: each key under `[grants]`, and
/// what it is for.
pub(in crate::commands) fn grantable(imports: &[&str]) -> Vec<(&'static str, &'static str)> {
    let grants = GRANTED.iter().filter(|(interface, ..)| is_imported(imports, interface));
    grants.map(|(_, key, what)| (*key, *what)).collect()
}

fn is_imported(imports: &[&str], interface: &str) -> bool {
    imports.iter().any(|name| name.split('@').next() == Some(interface))
}

/// What it imports and cannot use.
fn refused(component: &Json, imports: &[&str]) -> Vec<String> {
    let has = |key: &str| {
        let grant = component.pointer(&format!("/grants/{key}"));
        grant.is_some_and(|grant| match grant {
            Json::Array(list) => !list.is_empty(),
            other => !other.is_null(),
        })
    };
    let mut lines: Vec<_> = grantable(imports)
        .into_iter()
        // Placeholders of secrets are in the environment as well.
        .filter(|(key, _)| !(has(key) || *key == "environment" && has("secrets")))
        .map(|(key, what)| {
            format!("{what}: nothing is granted; `{key}` under [grants] in its .toml grants it")
        })
        .collect();
    if imports.iter().any(|name| name.starts_with("wasi:sockets/")) {
        lines.push("sockets: no assistant gets any; HTTP is what can be granted".to_owned());
    }
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_imported_and_not_granted_is_refused() {
        let mut component = json!({
            "imports": [
                "wasi:http/outgoing-handler@0.2.12",
                "wasi:cli/environment@0.2.12",
                "wasi:sockets/tcp@0.2.12",
                "wakeful:assistant/store@0.1.0",
                "wakeful:assistant/chat@0.1.0",
            ],
            "grants": {
                "store": [], "crons": null, "hosts": [], "environment": [], "secrets": [],
            },
        });
        let line = |component: &Json, name: &str| {
            about(component).into_iter().find(|(key, _)| *key == name).map(|(_, text)| text)
        };
        assert_eq!(line(&component, "grants").as_deref(), Some("none"));
        let refused = line(&component, "refused").unwrap();
        for part in ["HTTP requests", "items", "language models", "an environment", "sockets"] {
            assert!(refused.contains(part), "{part}: {refused}");
        }
        assert!(!refused.contains("crons for itself"), "not imported: {refused}");
        component["grants"] = json!({
            "store": ["notes"],
            "crons": null,
            "hosts": [{ "url": "https://a.example", "methods": ["GET"], "private": true }],
            "environment": [{ "name": "A", "from": "B" }],
            "secrets": [{ "name": "K", "to": ["https://a.example"], "header": "authorization" }],
            "models": ["fast", "good"],
        });
        component["limits"] = json!({ "tokens": 1_000_000, "tokens_per_day": null });
        assert_eq!(
            line(&component, "grants").unwrap(),
            "store notes\nGET to https://a.example, on private addresses too\nvariable A, the host's B\nsecret K in header authorization to https://a.example\nmodels fast, good, up to 1 M tokens a run"
        );
        assert!(line(&component, "refused").unwrap().starts_with("sockets"));
    }
}
