use std::fs;
use std::io::{IsTerminal, Read, stdout};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use wakeful::core::{CheckpointId, FilePath, ThreadId};

use super::path;
use crate::client::Client;
use crate::commands::fields;
use crate::failure::Failure;
use crate::{format, out, table};

/// Look at the files of a thread, and change them while no run is in progress
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  wakeful threads files list 01a20240-895d-76b1-ba2c-b4e8c4f78bc8
  wakeful threads files get 01a20240-895d-76b1-ba2c-b4e8c4f78bc8 notes/today.md
  wakeful threads files put 01a20240-895d-76b1-ba2c-b4e8c4f78bc8 feeds.txt ./feeds.txt")]
pub(crate) enum Command {
    List(List),
    Get(Get),
    Put(Put),
    Delete(Delete),
}

/// List the files of a thread
#[derive(Debug, Args)]
pub(crate) struct List {
    /// List the files of this thread
    thread: ThreadId,
    /// List them as they were at this checkpoint
    #[arg(long, value_name = "ID")]
    checkpoint: Option<CheckpointId>,
}

/// Write a file of a thread to standard output, or into a file
#[derive(Debug, Args)]
pub(crate) struct Get {
    /// Read a file of this thread
    thread: ThreadId,
    /// Read this file, as `list` names it
    path: FilePath,
    /// Read it as it was at this checkpoint
    #[arg(long, value_name = "ID")]
    checkpoint: Option<CheckpointId>,
    /// Write it into this file, in the place of what is there
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Put a file among those of a thread; this makes a checkpoint
#[derive(Debug, Args)]
pub(crate) struct Put {
    /// Put it among the files of this thread
    thread: ThreadId,
    /// Put it here, with the directories that it lies in
    path: FilePath,
    /// Put the bytes of this file; `-` reads standard input
    source: PathBuf,
}

/// Delete a file, or a directory with all that is in it; this makes a checkpoint
#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// Delete from the files of this thread
    thread: ThreadId,
    /// Delete this
    path: FilePath,
}

pub(super) fn run(command: &Command, client: &Client, json: bool) -> anyhow::Result<()> {
    match command {
        Command::List(arguments) => list(arguments, client, json),
        Command::Get(arguments) => get(arguments, client),
        Command::Put(arguments) => put(arguments, client, json),
        Command::Delete(arguments) => delete(arguments, client, json),
    }
}

fn list(arguments: &List, client: &Client, json: bool) -> anyhow::Result<()> {
    let thread = arguments.thread;
    let found = client.get(&format!("{}/files", path(thread)), &at(arguments.checkpoint))?;
    if json {
        return out::json(&found);
    }
    let files = found.get("files").map(fields::items).unwrap_or_default();
    if files.is_empty() {
        return out::line(format_args!(
            "no files; assistants that write files leave them here, and `wakeful threads files put` does"
        ));
    }
    let rows = files.iter().map(|file| {
        let name = format::clean(&fields::text(file, "path"));
        let name = match (fields::optional(file, "type"), fields::optional(file, "target")) {
            (Some("directory"), _) => format!("{name}/"),
            (_, Some(target)) => format!("{name} -> {}", format::clean(target)),
            _ => name,
        };
        let size = fields::number(file, "size");
        [size.map_or_else(|| "-".to_owned(), format::bytes), name]
    });
    table::print(["SIZE", "PATH"], rows)
}

fn get(arguments: &Get, client: &Client) -> anyhow::Result<()> {
    let mut query = at(arguments.checkpoint);
    query.push(("path", arguments.path.to_string()));
    let bytes = client.fetch(&content(arguments.thread), &query)?;
    match &arguments.output {
        Some(output) => replace(output, &bytes)
            .with_context(|| format!("cannot write to {}", output.display())),
        None if stdout().is_terminal() && !is_plain(&bytes) => Err(Failure::Usage(
            "it is not plain text, which a terminal may take for commands; give --output FILE, or pipe it"
                .to_owned(),
        )
        .into()),
        None => out::bytes(&bytes),
    }
}

/// Writes beside the file and renames, so that a failure leaves what was there.
fn replace(output: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let folder = output.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut draft = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
    std::io::Write::write_all(&mut draft, bytes)?;
    draft.persist(output)?;
    Ok(())
}

/// Whether a terminal shows it, and does nothing else.
fn is_plain(bytes: &[u8]) -> bool {
    let is_shown = |char: char| !char.is_control() || matches!(char, '\n' | '\t' | '\r');
    std::str::from_utf8(bytes).is_ok_and(|text| text.chars().all(is_shown))
}

fn put(arguments: &Put, client: &Client, json: bool) -> anyhow::Result<()> {
    let source = &arguments.source;
    let bytes = if source.as_os_str() == "-" {
        let mut bytes = Vec::new();
        std::io::stdin().read_to_end(&mut bytes).context("cannot read standard input")?;
        bytes
    } else {
        fs::read(source)
            .map_err(|error| Failure::Usage(format!("{}: {error}", source.display())))?
    };
    let query = [("path", arguments.path.to_string())];
    let made = client.upload(&content(arguments.thread), &query, bytes)?;
    changed(&made, "put", &arguments.path, json)
}

fn delete(arguments: &Delete, client: &Client, json: bool) -> anyhow::Result<()> {
    let query = [("path", arguments.path.to_string())];
    let made = client.delete_part(&content(arguments.thread), &query)?;
    changed(&made, "deleted", &arguments.path, json)
}

fn changed(
    made: &serde_json::Value,
    what: &str,
    path: &FilePath,
    json: bool,
) -> anyhow::Result<()> {
    if json {
        return out::json(made);
    }
    out::line(format_args!("{what} {path}: checkpoint {}", fields::text(made, "checkpoint_id")))
}

fn content(thread: ThreadId) -> String {
    format!("{}/files/content", path(thread))
}

fn at(checkpoint: Option<CheckpointId>) -> Vec<(&'static str, String)> {
    checkpoint.map(|id| ("checkpoint_id", id.to_string())).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_not_plain() {
        for (bytes, plain) in [
            (&b"- [ ] milk\r\n\tand \xc3\xbc"[..], true),
            (b"", true),
            (b"\x1b[2J", false),
            (b"\xff\xfe", false),
            ("\u{9b}2J".as_bytes(), false),
        ] {
            assert_eq!(is_plain(bytes), plain, "{bytes:?}");
        }
    }

    #[test]
    fn a_file_is_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("out");
        replace(&output, b"one").unwrap();
        replace(&output, b"two").unwrap();
        assert_eq!(fs::read(&output).unwrap(), b"two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        replace(&folder.path().join("none/out"), b"x").unwrap_err();
    }
}
