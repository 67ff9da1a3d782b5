use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why an engine could not be set up.
#[derive(Debug, Error)]
pub enum EngineError {
    /// wasmtime does not work here.
    #[error("cannot set up the WebAssembly engine: {message}")]
    Machine {
        /// What wasmtime says.
        message: String,
    },
    /// The directory for compiled code is not usable.
    #[error(
        "cannot use {} for compiled code: {source}; name another cache directory, or none", .path.display()
    )]
    Cache {
        /// The directory.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// A certificate authority is not usable.
    #[error("cannot use a certificate authority: {message}")]
    Certificates {
        /// What is wrong with it.
        message: String,
    },
    /// No process to run guests in is ready.
    #[error(
        "cannot start processes to run guests in: {message}; with `runners = 0` guests run in the host's own process"
    )]
    Runners {
        /// What is wrong.
        message: String,
    },
    /// The threads for guests did not start.
    #[error("cannot start the threads for guests: {0}")]
    Threads(io::Error),
}

/// Why a component is not usable.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LoadError {
    /// It has more bytes than the engine accepts.
    #[error(
        "the component has {bytes} bytes, more than the {max} that are allowed; make it smaller, or raise the limit"
    )]
    TooLarge {
        /// Bytes it has.
        bytes: u64,
        /// Bytes it may have.
        max: u64,
    },
    /// It is not WebAssembly at all.
    #[error(
        "this is not WebAssembly; expected the bytes of a component, which begin with `\\0asm`"
    )]
    NotWasm,
    /// It is a core module.
    #[error(
        "this is a core module, not a component; build it for `wasm32-wasip2`, or wrap it with `wasm-tools component new`"
    )]
    CoreModule,
    /// It is native code.
    #[error(
        "this is precompiled native code, which is never loaded from outside; hand in the component it was made from"
    )]
    Precompiled,
    /// It is damaged, or uses a feature that is off.
    #[error("this is not a valid component: {message}")]
    Invalid {
        /// What is wrong, and where.
        message: String,
    },
    /// It is a component for something else.
    #[error(
        "this component is not an assistant: it exports {}, and not `{expected}`; build it against the `assistant-plugin` world", listed(.exports)
    )]
    Foreign {
        /// The export that is missing.
        expected: String,
        /// The names that it does export.
        exports: Vec<String>,
    },
    /// It was built against a contract that this host does not know.
    #[error(
        "this assistant was built against version {found} of the contract, and this host knows {known}; rebuild the assistant against `wakeful:assistant@{known}`, or upgrade wakeful"
    )]
    Contract {
        /// The version that it was built against.
        found: String,
        /// The version of this host.
        known: String,
    },
    /// It needs something that no host function provides.
    #[error(
        "this host does not offer what the assistant imports: {}; rebuild it without, or upgrade wakeful", listed(.names)
    )]
    Imports {
        /// The imports without a counterpart.
        names: Vec<String>,
    },
    /// What it imports or exports has another type than in the contract.
    #[error("the assistant does not fit this host: {message}")]
    Mismatch {
        /// The function, and how it differs.
        message: String,
    },
    /// It did not compile.
    #[error("the component does not compile: {message}")]
    Compile {
        /// What the compiler says.
        message: String,
    },
    /// It did more harm to the compiler than a component may, and is not tried again.
    #[error(
        "the component was not compiled: its compiler {problem}. This is not tried again until the file changes; make the assistant smaller"
    )]
    Indigestible {
        /// What became of the compiler.
        problem: String,
    },
    /// It ended the processes that it was to run in, and is not tried again.
    #[error("{message}; repair the assistant, and put the new file in the place of this one")]
    Deadly {
        /// What it did.
        message: String,
    },
    /// This build has no compiler, and the cache no code for the component.
    #[error(
        "this build of wakeful has no compiler, and its cache directory holds no code for the component; compile it with a full build of the same version"
    )]
    NoCompiler,
    /// The engine failed; the component is not to blame.
    #[error("the engine failed while it loaded the component: {message}")]
    Engine {
        /// What happened.
        message: String,
    },
}

impl LoadError {
    pub(crate) fn compile(error: &wasmtime::Error) -> Self {
        Self::Compile { message: crate::outcome::shortened(&format!("{error:#}"), 500) }
    }
}

/// Names for a message; a foreign component may have any number of them, of any length.
fn listed(names: &[String]) -> String {
    const SHOWN: usize = 8;
    if names.is_empty() {
        return "nothing".to_owned();
    }
    let mut text = names
        .iter()
        .take(SHOWN)
        .map(|name| format!("`{}`", crate::outcome::shortened(name, 120)))
        .collect::<Vec<_>>()
        .join(", ");
    if names.len() > SHOWN {
        text.push_str(&format!(" and {} more", names.len() - SHOWN));
    }
    text
}
