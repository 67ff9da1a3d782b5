use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use serde_json::{Value as Json, json};
use wakeful::{BinaryKind, ComponentCheck, check_component};

use super::assistants::reach::grantable;
use super::compile;
use crate::{format, out, table};

/// Say what a file is and whether it would serve as an assistant, without running it
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  wakeful check target/wasm32-wasip2/release/weekly.wasm
  wakeful check assistants/*.wasm && echo all good
  wakeful check weekly.wasm --json

The component is validated, compiled and linked as a server would do it, and its name and the
.toml beside it are read. The exit code is 1 if it would not serve.")]
pub(crate) struct Arguments {
    /// Check these files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, json: bool) -> anyhow::Result<()> {
    let mut bad = Vec::new();
    let mut documents = Vec::new();
    for (index, file) in arguments.files.iter().enumerate() {
        let check = check_component(file, compile::in_a_child())?;
        if json {
            documents.push(document(&check));
        } else {
            if index > 0 {
                out::line(format_args!(""))?;
            }
            table::pairs(&pairs(&check))?;
        }
        if !check.problems.is_empty() {
            bad.push(format!("`{}`", format::clean(&file.display().to_string())));
        }
    }
    if json {
        // One file is one document, so that a script need not unpack a list for it.
        match documents.as_slice() {
            [document] => out::json(document)?,
            _ => out::json(&Json::Array(documents))?,
        }
    }
    if !bad.is_empty() {
        bail!("a host of this version would not load {}", bad.join(", "));
    }
    Ok(())
}

fn pairs(check: &ComponentCheck) -> Vec<(&'static str, String)> {
    let found = &check.examination;
    let mut pairs = vec![
        ("file", check.path.display().to_string()),
        ("is", kind(found.kind).0.to_owned()),
        ("size", format::bytes(found.bytes)),
        ("digest", found.digest.to_string()),
    ];
    if found.kind == BinaryKind::Component {
        pairs.push(("contract", found.contract.clone().unwrap_or_else(|| "none".to_owned())));
        pairs.push(("describes itself", yes(found.describes_itself)));
        pairs.push(("imports", names(&found.imports)));
        pairs.push(("exports", names(&found.exports)));
        let grants = grants(check).into_iter().map(|(key, what)| format!("{key}: {what}"));
        let grants: Vec<_> = grants.collect();
        if !grants.is_empty() {
            pairs.push(("can be granted", grants.join("\n")));
        }
    }
    pairs.push(("would serve", yes(check.problems.is_empty())));
    if check.problems.is_empty() {
        pairs.push(("id", check.id.clone()));
    }
    pairs.extend(check.problems.iter().map(|problem| ("problem", problem.clone())));
    pairs
}

/// What it can use once its .toml grants it.
fn grants(check: &ComponentCheck) -> Vec<(&'static str, &'static str)> {
    let imports: Vec<_> = check.examination.imports.iter().map(String::as_str).collect();
    grantable(&imports)
}

fn document(check: &ComponentCheck) -> Json {
    let found = &check.examination;
    let grants: Vec<_> = grants(check).into_iter().map(|(key, _)| key).collect();
    json!({
        "file": check.path.display().to_string(),
        "id": check.id,
        "kind": kind(found.kind).1,
        "bytes": found.bytes,
        "digest": found.digest.to_string(),
        "contract": found.contract,
        "describes_itself": found.describes_itself,
        "imports": found.imports,
        "exports": found.exports,
        "can_be_granted": grants,
        "would_serve": check.problems.is_empty(),
        "problems": check.problems,
    })
}

/// What it is, for people and for programs.
const fn kind(kind: BinaryKind) -> (&'static str, &'static str) {
    match kind {
        BinaryKind::Component => ("a component", "component"),
        BinaryKind::CoreModule => ("a core module", "core_module"),
        BinaryKind::Precompiled => ("precompiled native code", "precompiled"),
        BinaryKind::Other => ("not WebAssembly", "other"),
    }
}

fn yes(yes: bool) -> String {
    if yes { "yes" } else { "no" }.to_owned()
}

/// One name on a line. A hostile file can have any number of them.
fn names(names: &[String]) -> String {
    const SHOWN: usize = 100;
    let mut lines: Vec<_> = names.iter().take(SHOWN).map(|name| format::short(name, 120)).collect();
    if let Some(more) = names.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        lines.push(format!("and {more} more"));
    }
    if lines.is_empty() { "nothing".to_owned() } else { lines.join("\n") }
}
