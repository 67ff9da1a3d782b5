//! What the attacks are tried on.

use std::sync::{Arc, OnceLock};

use wakeful_engine::{EngineConfig, Runner};

use crate::support::own_runner;

/// A way to run guests, which has to contain every attack.
pub(crate) struct Machine {
    pub(crate) name: &'static str,
    make: fn(EngineConfig) -> Arc<dyn Runner>,
    shared: OnceLock<Arc<dyn Runner>>,
}

const COUNT: usize = if cfg!(target_os = "linux") { 3 } else { 2 };

/// All of them.
pub(crate) static MACHINES: [Machine; COUNT] = [
    Machine::new("pooled", |config| Arc::new(own_runner(config))),
    Machine::new("on demand", |config| {
        Arc::new(own_runner(EngineConfig { pooling: false, ..config }))
    }),
    #[cfg(target_os = "linux")]
    Machine::new("children", |config| {
        let program = crate::runner_process::program(config.workers.min(2));
        Arc::new(crate::runner_process::own_runners(config, program))
    }),
];

impl Machine {
    const fn new(name: &'static str, make: fn(EngineConfig) -> Arc<dyn Runner>) -> Self {
        Self { name, make, shared: OnceLock::new() }
    }

    /// The one that attack after attack is tried on: what one of them breaks, the next ones meet.
    pub(crate) fn shared(&'static self) -> &'static Arc<dyn Runner> {
        self.shared.get_or_init(|| self.own(EngineConfig { workers: 2, ..EngineConfig::default() }))
    }

    /// One with settings of its own.
    pub(crate) fn own(&self, config: EngineConfig) -> Arc<dyn Runner> {
        (self.make)(config)
    }
}
