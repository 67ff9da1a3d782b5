use wasmtime::Engine;
use wasmtime::component::{HasSelf, Linker};

use crate::EngineError;
use crate::bindings::AssistantPlugin;
use crate::sandbox::Sandbox;

/// Everything that a component may import: WASI 0.2 without sockets, HTTP as far as it is
/// granted, and the contract. [`crate::inspect::OFFERED`] lists it.
pub(crate) fn linked(engine: &Engine) -> Result<Linker<Sandbox>, EngineError> {
    build(engine).map_err(|error| EngineError::Machine { message: format!("{error:#}") })
}

fn build(engine: &Engine) -> wasmtime::Result<Linker<Sandbox>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    AssistantPlugin::add_to_linker::<_, HasSelf<_>>(&mut linker, |sandbox| sandbox)?;
    Ok(linker)
}
