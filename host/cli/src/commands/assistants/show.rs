use serde_json::Value as Json;

use super::{digest, find, id_of, reach};
use crate::client::Client;
use crate::commands::fields;
use crate::{format, out, table};

pub(super) fn run(name: &str, client: &Client, json: bool) -> anyhow::Result<()> {
    let id = id_of(name)?;
    let assistant = find(id, name, client);
    if json {
        return out::json(&assistant?);
    }
    let components = client.get("/components", &[])?;
    let component = |id: &str| {
        let mut components = fields::items(&components).iter();
        components.find(|component| fields::optional(component, "id") == Some(id))
    };
    let assistant = match assistant {
        Ok(assistant) => assistant,
        // A component that was never usable has no assistant, but a problem to show.
        Err(error) => match component(name) {
            Some(component) => return table::pairs(&about_component(component)),
            None => return Err(error),
        },
    };
    let mut pairs = vec![
        ("assistant", fields::text(&assistant, "assistant_id")),
        ("name", fields::text(&assistant, "name")),
        ("version", fields::number(&assistant, "version").unwrap_or(1).to_string()),
    ];
    pairs.extend(
        fields::optional(&assistant, "description")
            .map(|text| ("description", format::clean(text))),
    );
    for key in ["config", "context", "metadata"] {
        pairs.extend(fields::filled(&assistant, key).map(|text| (key, text)));
    }
    pairs.extend(
        component(&fields::text(&assistant, "graph_id")).map(about_component).unwrap_or_default(),
    );
    table::pairs(&pairs)
}

fn about_component(component: &Json) -> Vec<(&'static str, String)> {
    let mut pairs = vec![
        ("component", fields::text(component, "id")),
        ("file", fields::text(component, "path")),
        ("status", fields::text(component, "status")),
    ];
    for (name, key) in [
        ("problem", "problem"),
        ("calls itself", "name"),
        ("its version", "version"),
        ("description", "description"),
    ] {
        let text = fields::optional(component, key).filter(|text| !text.is_empty());
        pairs.extend(text.map(|text| (name, format::clean(text))));
    }
    if fields::optional(component, "digest").is_some() {
        pairs.push(("digest", digest(component)));
        pairs.extend(fields::number(component, "bytes").map(|n| ("size", format::bytes(n))));
        pairs.push(("contract", fields::text(component, "contract")));
        pairs.extend(fields::moment(component, "loaded_at").map(|at| ("loaded", at)));
        let files = component.get("uses_files").and_then(Json::as_bool).unwrap_or_default();
        pairs.push(("files", if files { "has files" } else { "uses no files" }.to_owned()));
        pairs.extend(fields::filled(component, "limits").map(|limits| ("limits", limits)));
        pairs.extend(reach::about(component));
    }
    for (name, key) in [
        ("input schema", "/schemas/input"),
        ("output schema", "/schemas/output"),
        ("config schema", "/schemas/config"),
    ] {
        let schema = component.pointer(key).filter(|schema| !schema.is_null());
        pairs.extend(schema.map(|schema| (name, format::clean(&format!("{schema:#}")))));
    }
    pairs
}
