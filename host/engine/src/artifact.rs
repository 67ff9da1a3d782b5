//! Turns compiled code into components: the one place of this crate that has to trust bytes.
#![allow(unsafe_code)]

use std::path::Path;

use wasmtime::component::Component;
use wasmtime::{Engine, Result};

/// Maps a file of compiled code.
///
/// The caller vouches for the file: see [`crate::cache`], the only one.
pub(crate) fn map(engine: &Engine, path: &Path) -> Result<Component> {
    // SAFETY: wasmtime asks that the bytes come from `Engine::precompile_component` and that the
    // file does not change while it is mapped.
    // - They do: the file lies in a directory of the host's own, which the cache creates with mode
    //   0700 and which no guest and no request can name. Its name holds the BLAKE3 sum that the
    //   cache has just checked against the contents, so a torn or rotten file does not get here.
    // - It does not change: the cache writes a new file aside and renames it, and removes files,
    //   but opens none of them for writing; a removed file stays mapped as it was.
    // wasmtime itself refuses code of another version, processor or configuration.
    unsafe { Component::deserialize_file(engine, path) }
}

/// Maps a file of compiled code that another process of the host has open.
///
/// The caller vouches for the file: see [`crate::runners`], the only one.
#[cfg(target_os = "linux")]
pub(crate) fn map_open(engine: &Engine, file: &std::fs::File) -> Result<Component> {
    use std::os::fd::AsRawFd;

    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    // SAFETY: wasmtime asks that the bytes come from `Engine::precompile_component` and that the
    // file does not change while it is mapped.
    // - They do: the host opened a file of its cache as `map` above would have, or wrote what its
    //   compiler returned into memory that has no name, and handed the descriptor over on a stream
    //   that nobody else has.
    // - It does not change, for the reasons above; nobody writes to that memory again.
    unsafe { Component::deserialize_file(engine, path) }
}

/// Copies code that was compiled just now.
///
/// The caller vouches for the bytes: see [`crate::library`], the only one.
pub(crate) fn copy(engine: &Engine, code: &[u8]) -> Result<Component> {
    // SAFETY: wasmtime asks that the bytes come from `Engine::precompile_component`. They are what a
    // `Compiler` returned, which is part of the host's own program: this process, or a child of it
    // that runs the same program and puts a sum behind what it sends. wasmtime itself refuses code
    // of another version, processor or configuration.
    unsafe { Component::deserialize(engine, code) }
}
