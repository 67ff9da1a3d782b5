use semver::Version;
use wasmparser::{ComponentTypeRef, Encoding, Parser, Payload, Validator, WasmFeatures};

use crate::LoadError;
use crate::outcome::shortened;

/// The interface that makes a component an assistant.
const ASSISTANT: &str = "wakeful:assistant/assistant";

/// The optional export.
pub(crate) const METADATA: &str = "wakeful:assistant/metadata";

/// The version of the contract that this host speaks.
const CONTRACT: Version = Version::new(0, 1, 0);

/// The version of WASI that this host speaks.
const WASI: Version = Version::new(0, 2, 12);

/// Components and modules that may be in one another. Toolchains need three or four levels; what
/// reads and compiles a component does work for each level again in all levels above it.
const MAX_NESTING: usize = 32;

/// Every interface that the linker defines, by package.
pub(crate) const OFFERED: &[(&str, &[&str], Version)] = &[
    (
        "wakeful:assistant",
        &[
            "assistant-types",
            "events",
            "thread",
            "log",
            "config",
            "control",
            "store",
            "crons",
            "chat",
            "calls",
            "fire",
        ],
        CONTRACT,
    ),
    (
        "wasi:cli",
        &[
            "environment",
            "exit",
            "stdin",
            "stdout",
            "stderr",
            "terminal-input",
            "terminal-output",
            "terminal-stdin",
            "terminal-stdout",
            "terminal-stderr",
        ],
        WASI,
    ),
    ("wasi:clocks", &["monotonic-clock", "wall-clock"], WASI),
    ("wasi:filesystem", &["preopens", "types"], WASI),
    ("wasi:http", &["outgoing-handler", "types"], WASI),
    ("wasi:io", &["error", "poll", "streams"], WASI),
    ("wasi:random", &["insecure", "insecure-seed", "random"], WASI),
    (
        "wasi:sockets",
        &[
            "instance-network",
            "ip-name-lookup",
            "network",
            "tcp",
            "tcp-create-socket",
            "udp",
            "udp-create-socket",
        ],
        WASI,
    ),
];

/// What can be known of a component before it is compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// Its size.
    pub bytes: u64,
    /// The version of the contract that it was built against.
    pub contract: String,
    /// Whether it imports the file system.
    pub uses_files: bool,
    /// The names that it imports.
    pub imports: Vec<String>,
    /// The names that it exports.
    pub exports: Vec<String>,
}

impl Inspection {
    /// Whether it has something to say of itself.
    pub(crate) fn describes_itself(&self) -> bool {
        self.exports.iter().any(|name| name.starts_with(METADATA))
    }
}

/// Checks whether `bytes` are an assistant that this host can run, without compiling them.
///
/// # Errors
///
/// Says what is wrong with them and what to do about it.
pub fn inspect(bytes: &[u8], max: u64) -> Result<Inspection, LoadError> {
    let inspection = outline(bytes, max)?;
    Validator::new_with_features(features()).validate_all(bytes).map_err(invalid)?;
    Ok(inspection)
}

/// Like [`inspect`], without looking into the code: enough for a component whose compiled code is
/// there already.
pub(crate) fn outline(bytes: &[u8], max: u64) -> Result<Inspection, LoadError> {
    let size = bytes.len() as u64;
    if size > max {
        return Err(LoadError::TooLarge { bytes: size, max });
    }
    if wasmtime::Engine::detect_precompiled(bytes).is_some() {
        return Err(LoadError::Precompiled);
    }
    if !bytes.starts_with(b"\0asm") {
        return Err(LoadError::NotWasm);
    }
    if Parser::is_core_wasm(bytes) {
        return Err(LoadError::CoreModule);
    }
    let (imports, exports) = names(bytes)?;
    let contract = contract(&exports)?;
    let missing: Vec<String> = imports.iter().filter(|name| !is_offered(name)).cloned().collect();
    if !missing.is_empty() {
        return Err(LoadError::Imports { names: missing });
    }
    Ok(Inspection {
        bytes: size,
        contract,
        uses_files: imports.iter().any(|name| name.starts_with("wasi:filesystem/")),
        imports,
        exports,
    })
}

/// The features of WebAssembly that the engine has switched on.
fn features() -> WasmFeatures {
    let off = WasmFeatures::GC | WasmFeatures::EXCEPTIONS | WasmFeatures::THREADS;
    (WasmFeatures::WASM3 - off) | WasmFeatures::COMPONENT_MODEL
}

fn invalid(error: wasmparser::BinaryReaderError) -> LoadError {
    let mut message = shortened(&error.to_string(), 500);
    if message.contains("component model async") {
        message.push_str(
            "; build the assistant with the synchronous ABI (componentize-qjs: `--sync`)",
        );
    }
    LoadError::Invalid { message }
}

/// What the outermost component imports and exports.
pub(crate) fn names(bytes: &[u8]) -> Result<(Vec<String>, Vec<String>), LoadError> {
    let (mut imports, mut exports) = (Vec::new(), Vec::new());
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(invalid)? {
            Payload::Version { encoding: Encoding::Component | Encoding::Module, .. } => {
                depth += 1;
                if depth > MAX_NESTING {
                    return Err(LoadError::Invalid {
                        message: format!(
                            "components are nested in one another more than {MAX_NESTING} levels deep"
                        ),
                    });
                }
            }
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 1 => {
                for import in section {
                    let import = import.map_err(invalid)?;
                    // A type is only a name for something; there is nothing to provide.
                    if !matches!(import.ty, ComponentTypeRef::Type(_)) {
                        imports.push(import.name.name.to_owned());
                    }
                }
            }
            Payload::ComponentExportSection(section) if depth == 1 => {
                for export in section {
                    exports.push(export.map_err(invalid)?.name.name.to_owned());
                }
            }
            _ => {}
        }
    }
    Ok((imports, exports))
}

/// The version in the name of the assistant's export, if there is such an export.
pub(crate) fn asked_contract(exports: &[String]) -> Option<&str> {
    exports.iter().find_map(|name| {
        let rest = name.strip_prefix(ASSISTANT)?;
        if rest.is_empty() { Some("") } else { rest.strip_prefix('@') }
    })
}

fn contract(exports: &[String]) -> Result<String, LoadError> {
    match asked_contract(exports) {
        Some(version) if is_compatible(version, &CONTRACT) => Ok(version.to_owned()),
        Some(version) => Err(LoadError::Contract {
            found: if version.is_empty() { "none".into() } else { shortened(version, 60) },
            known: CONTRACT.to_string(),
        }),
        None => Err(LoadError::Foreign {
            expected: format!("{ASSISTANT}@{CONTRACT}"),
            exports: exports.to_vec(),
        }),
    }
}

fn is_offered(import: &str) -> bool {
    let (path, version) = import.split_once('@').unwrap_or((import, ""));
    OFFERED.iter().any(|(package, interfaces, offered)| {
        path.split_once('/')
            .is_some_and(|(name, interface)| name == *package && interfaces.contains(&interface))
            && is_compatible(version, offered)
    })
}

/// Whether wasmtime's linker matches `version` with `known`: the same number up to and including
/// the first part that is not zero, and no pre-release.
fn is_compatible(version: &str, known: &Version) -> bool {
    Version::parse(version).is_ok_and(|version| {
        let track = |v: &Version| match (v.major, v.minor) {
            (0, 0) => (0, 0, v.patch),
            (0, minor) => (0, minor, 0),
            (major, _) => (major, 0, 0),
        };
        version.pre.is_empty() && track(&version) == track(known)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_version_is_compatible_and_a_minor_one_is_not() {
        for (version, expected) in [
            ("0.1.0", true),
            ("0.1.7", true),
            ("0.2.0", false),
            ("1.1.0", false),
            ("0.1.1-rc.1", false),
            ("", false),
            ("0.1", false),
        ] {
            assert_eq!(is_compatible(version, &CONTRACT), expected, "{version}");
        }
    }

    #[test]
    fn any_wasi_of_the_same_minor_version_is_offered() {
        for name in
            ["wasi:io/poll@0.2.0", "wasi:filesystem/types@0.2.12", "wakeful:assistant/log@0.1.3"]
        {
            assert!(is_offered(name), "{name}");
        }
        for name in [
            "wasi:io/poll@0.3.0",
            "wasi:io/poll",
            "wasi:keyvalue/store@0.2.0",
            "wakeful:assistant/llm@0.1.0",
            "poll",
        ] {
            assert!(!is_offered(name), "{name}");
        }
    }
}
