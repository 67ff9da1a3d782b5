//! Standard output and standard error, without panics when nobody reads them.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write, stderr, stdout};

use serde_json::Value as Json;
use thiserror::Error;

/// Whoever read standard output has gone away, as in `wakeful runs list | head -1`.
#[derive(Debug, Error)]
#[error("standard output was closed")]
pub(crate) struct Closed;

/// Writes one line to standard output.
pub(crate) fn line(text: Arguments<'_>) -> anyhow::Result<()> {
    write(|out| writeln!(out, "{text}"))
}

/// Writes text to standard output as it is.
pub(crate) fn bytes(bytes: &[u8]) -> anyhow::Result<()> {
    write(|out| out.write_all(bytes))
}

/// Writes a document to standard output, indented.
pub(crate) fn json(document: &Json) -> anyhow::Result<()> {
    line(format_args!("{document:#}"))
}

/// Writes one line to standard error. There is nobody to tell if that fails.
pub(crate) fn note(text: Arguments<'_>) {
    let _ = writeln!(stderr().lock(), "{text}");
}

fn write(action: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> anyhow::Result<()> {
    let mut out = stdout().lock();
    match action(&mut out).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(Closed.into()),
        Err(error) => Err(anyhow::Error::new(error).context("cannot write to standard output")),
    }
}
