//! The settings of the compiler: what one component may take of it.

use serde::Deserialize;
use wakeful::{ChildCompiler, CompileLimits};

use super::source::{Layers, Source, Sourced};
use super::value::{Bytes, Span};
use crate::commands::compile;

/// What one source says about the compiler.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CompileLayer {
    /// Bytes of address space.
    pub(super) memory: Option<Bytes>,
    /// Processor time.
    pub(super) time: Option<Span>,
}

/// Every setting of the compiler, with where it came from.
#[derive(Debug, Clone)]
pub(super) struct SourcedCompile {
    pub(super) memory: Sourced<Bytes>,
    pub(super) time: Sourced<Span>,
}

impl SourcedCompile {
    pub(super) fn resolve(layers: &Layers) -> Self {
        let default = CompileLimits::default();
        Self {
            memory: layers.pick("memory", |l| l.compile.memory, Bytes(default.memory)),
            time: layers.pick("time", |l| l.compile.time, Span(default.processor)),
        }
    }

    pub(super) fn problem(&self) -> Option<(&Source, &'static str)> {
        let short = self.time.value.0.as_secs() == 0;
        short.then_some((&self.time.source, "`compile.time` must be at least 1s"))
    }

    /// What the host is told.
    pub(super) fn compiler(&self) -> Option<ChildCompiler> {
        let processor = self.time.value.0;
        // On a machine that has other things to do, time passes faster than a child can use it.
        let time = processor.saturating_mul(5);
        let memory = self.memory.value.0;
        let limits = CompileLimits { memory, processor, time, ..CompileLimits::default() };
        compile::in_a_child().map(|compiler| compiler.with_limits(limits))
    }
}
