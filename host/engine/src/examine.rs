//! Says what a file is and whether it would load, without running any of it.

use wakeful_core::Digest;

use crate::codes::Codes;
use crate::in_process::own_compiler;
use crate::inspect::{METADATA, asked_contract, names};
use crate::library::Library;
use crate::{EngineConfig, EngineError, LoadError, linker, machine};

/// What some bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BinaryKind {
    /// A component, good or not.
    Component,
    /// A core module.
    CoreModule,
    /// Native code that an engine has compiled.
    Precompiled,
    /// Anything else.
    Other,
}

/// What can be known of some bytes without running them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examination {
    /// What they are.
    pub kind: BinaryKind,
    /// How many they are.
    pub bytes: u64,
    /// BLAKE3 of them.
    pub digest: Digest,
    /// The version of the contract that they were built against, be it known to this host or not.
    pub contract: Option<String>,
    /// Whether they export a description of themselves.
    pub describes_itself: bool,
    /// The names that the component imports.
    pub imports: Vec<String>,
    /// The names that the component exports.
    pub exports: Vec<String>,
    /// Why an engine of this build would not load them, if it would not.
    pub refusal: Option<LoadError>,
}

/// Examines `bytes` as an engine that is about to load them: they are validated, compiled and linked.
/// None of their code runs, and nothing of them is kept.
///
/// # Errors
///
/// When wasmtime does not work here.
pub fn examine(bytes: &[u8], config: &EngineConfig) -> Result<Examination, EngineError> {
    // With the pool of a host, because that refuses components with too many parts.
    let engine = machine::build(config.pooling, 1)?;
    let compiler = config.compiler.clone().unwrap_or_else(|| own_compiler(&engine));
    let library = Library::new(
        linker::linked(&engine)?,
        Codes::new(engine, None, compiler, config.max_component_bytes),
    );
    let kind = kind(bytes);
    let (imports, exports) = match kind {
        // What is said before the first damaged byte is of no use.
        BinaryKind::Component => names(bytes).unwrap_or_default(),
        _ => Default::default(),
    };
    let digest = Digest::of(bytes);
    Ok(Examination {
        kind,
        bytes: bytes.len() as u64,
        digest,
        contract: asked_contract(&exports).map(str::to_owned),
        describes_itself: exports.iter().any(|name| name.starts_with(METADATA)),
        imports,
        exports,
        refusal: library.load_new(digest, bytes).err(),
    })
}

fn kind(bytes: &[u8]) -> BinaryKind {
    if wasmtime::Engine::detect_precompiled(bytes).is_some() {
        BinaryKind::Precompiled
    } else if wasmparser::Parser::is_core_wasm(bytes) {
        BinaryKind::CoreModule
    } else if wasmparser::Parser::is_component(bytes) {
        BinaryKind::Component
    } else {
        BinaryKind::Other
    }
}
