use std::path::PathBuf;
use std::sync::Arc;
use std::thread::available_parallelism;

use crate::Compiler;

/// How an engine is set up.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// Where compiled code is kept between starts; `None` compiles anew each time.
    ///
    /// The files in it are native code which this process will run. Nobody but the host may write
    /// there; a directory that the engine creates is closed to everybody else.
    pub cache_dir: Option<PathBuf>,
    /// The most bytes of compiled code that are kept there; what was used longest ago goes first.
    pub cache_bytes: u64,
    /// What compiles components; `None` compiles them in this process, if this build can.
    pub compiler: Option<Arc<dyn Compiler>>,
    /// The most bytes that a component may have.
    pub max_component_bytes: u64,
    /// How many runs may be in progress at once; others wait.
    pub max_concurrent: u32,
    /// Whether runs take their memory from a pool that is set up at the start, which is faster; where
    /// there is no address space for it, each run maps its own all the same.
    pub pooling: bool,
    /// How many threads run guests.
    pub workers: usize,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            cache_dir: None,
            cache_bytes: 2 << 30,
            compiler: None,
            max_component_bytes: 64 << 20,
            max_concurrent: 64,
            pooling: true,
            workers: available_parallelism().map_or(1, usize::from),
        }
    }
}
