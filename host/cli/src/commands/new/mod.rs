use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use serde_json::json;
use wakeful::component_id;

use crate::failure::Failure;
use crate::{format, out};

mod parts;

use parts::Part;

/// Make a new assistant to start from, which builds as it is
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  wakeful new weekly --lang rust
  wakeful new assistants/news-digest --lang python

The folder holds the assistant, the library it is written with, the contract with the host, and a
README with the commands that build it and put it into service.")]
pub(crate) struct Arguments {
    /// Make this folder; its name is the assistant's id
    #[arg(value_name = "NAME")]
    path: PathBuf,

    /// Write the assistant in this language
    #[arg(long, value_name = "LANGUAGE")]
    lang: Language,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Language {
    /// Small and fast; needs Rust with the target wasm32-wasip2
    Rust,
    /// Needs Python 3.10; the component is 18 MB large
    #[value(alias = "py")]
    Python,
    /// Needs Node.js 20; the component is 1.6 MB large
    #[value(alias = "javascript")]
    Js,
}

pub(super) fn run(arguments: &Arguments, json: bool) -> anyhow::Result<()> {
    let path = &arguments.path;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    component_id(&name).map_err(|_| {
        Failure::Usage(format!(
            "`{}` cannot be the id of an assistant: use 1 to 64 of the characters a-z, A-Z, 0-9, `-`, `_` and `.`, \
             begin with a letter or a digit, and avoid the names of devices on Windows, such as `con`",
            format::clean(&name)
        ))
    })?;
    let parts = match arguments.lang {
        Language::Rust => parts::RUST,
        Language::Python => parts::PYTHON,
        Language::Js => parts::JS,
    };
    make(path)?;
    for part in parts {
        write(path, part, &name)?;
    }
    if json {
        let files: Vec<_> = parts.iter().map(|part| part.path).collect();
        return out::json(&json!({ "id": name, "path": path, "files": files }));
    }
    let path = format::clean(&path.display().to_string());
    out::line(format_args!("{path}/ is there; {path}/README.md says how to build it"))
}

/// Makes the folder, or takes one that is empty.
fn make(path: &Path) -> anyhow::Result<()> {
    let shown = format::clean(&path.display().to_string());
    let empty = fs::create_dir_all(path)
        .and_then(|()| fs::read_dir(path))
        .map(|mut entries| entries.next().is_none());
    match empty {
        Ok(true) => Ok(()),
        Ok(false) => Err(Failure::Usage(format!(
            "{shown} has something in it already, and nothing is overwritten; choose another name, or remove it"
        ))
        .into()),
        Err(error) if matches!(error.kind(), ErrorKind::AlreadyExists | ErrorKind::NotADirectory) => {
            Err(Failure::Usage(format!("{shown} is a file; choose another name")).into())
        }
        Err(error) => Err(error).with_context(|| format!("cannot make {shown}")),
    }
}

fn write(folder: &Path, part: &Part, name: &str) -> anyhow::Result<()> {
    let path = folder.join(part.path);
    let text = part
        .text
        .replace("{{name}}", name)
        .replace("{{package}}", &package(name))
        .replace("{{module}}", &package(name).replace('-', "_"));
    let made = path.parent().map_or(Ok(()), fs::create_dir_all);
    made.and_then(|()| fs::write(&path, text))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// The id as the name of a package of any language: small letters, digits and `-`, and a letter
/// first.
fn package(id: &str) -> String {
    let name = id.to_ascii_lowercase().replace(['_', '.'], "-");
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("assistant-{name}") } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_makes_a_package_name() {
        for (id, name) in
            [("weekly", "weekly"), ("My_bot.v2", "my-bot-v2"), ("9lives", "assistant-9lives")]
        {
            assert_eq!(package(id), name);
        }
    }

    #[test]
    fn every_source_file_of_the_rust_library_comes_along() {
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../guests/rust/src");
        for entry in fs::read_dir(sources).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let path = format!("wakeful-guest/src/{name}");
            assert!(parts::RUST.iter().any(|part| part.path == path), "{path}");
        }
    }

    #[test]
    fn nothing_is_left_to_fill_in() {
        for parts in [parts::RUST, parts::PYTHON, parts::JS] {
            let folder = tempfile::tempdir().unwrap();
            for part in parts {
                write(folder.path(), part, "weekly").unwrap();
                let text = fs::read_to_string(folder.path().join(part.path)).unwrap();
                let left = ["{{name", "{{package", "{{module"];
                assert!(!left.iter().any(|mark| text.contains(mark)), "{}", part.path);
            }
        }
    }
}
