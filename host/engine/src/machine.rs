use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::EngineError;

/// Core instances, memories and tables that one component may have. A Python guest has 14 core
/// instances, a QuickJS guest two memories.
pub(crate) const MAX_CORE_INSTANCES: u32 = 64;
pub(crate) const MAX_MEMORIES: u32 = 8;
pub(crate) const MAX_TABLES: u32 = 32;

/// Elements that one table may have; StarlingMonkey needs some 8,000.
const MAX_TABLE_ELEMENTS: usize = 100_000;

/// What a slot keeps in memory for its next run, so that small guests cause no page faults.
const KEEP_RESIDENT: usize = 8 << 20;

/// The engine that all components share.
pub(crate) fn build(pooling: bool, max_concurrent: u32) -> Result<Engine, EngineError> {
    if !pooling {
        return plain();
    }
    let mut config = base();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(max_concurrent)));
    Engine::new(&config).or_else(|error| {
        tracing::warn!(
            max_concurrent,
            error = format!("{error:#}"),
            "no address space for the instance pool; every run maps its own memory, which is slower. \
             Raise the limit on virtual memory (`ulimit -v`), or lower the number of concurrent runs"
        );
        plain()
    })
}

/// An engine whose runs map their own memory; what it compiles, the other one runs as well.
pub(crate) fn plain() -> Result<Engine, EngineError> {
    Engine::new(&base()).map_err(|error| EngineError::Machine { message: format!("{error:#}") })
}

fn base() -> Config {
    let mut config = Config::new();
    // Fuel is the CPU limit and, with a yield interval, the preemption. Epochs on top of it would
    // cost up to as much again.
    config.consume_fuel(true);
    // The two features that most security advisories of this year were about.
    config.concurrency_support(false);
    config.gc_support(false);
    config.max_wasm_stack(512 << 10);
    config.async_stack_size(1 << 20);
    config.wasm_backtrace_details(wasmtime::WasmBacktraceDetails::Disable);
    config
}

fn pool(max_concurrent: u32) -> PoolingAllocationConfig {
    let slots = max_concurrent.max(1);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(slots)
        .total_core_instances(slots.saturating_mul(MAX_CORE_INSTANCES))
        .total_memories(slots.saturating_mul(MAX_MEMORIES))
        .total_tables(slots.saturating_mul(MAX_TABLES))
        .total_stacks(slots)
        .max_core_instances_per_component(MAX_CORE_INSTANCES)
        .max_memories_per_component(MAX_MEMORIES)
        .max_tables_per_component(MAX_TABLES)
        .max_memories_per_module(MAX_MEMORIES)
        .max_tables_per_module(MAX_TABLES)
        .table_elements(MAX_TABLE_ELEMENTS)
        .max_component_instance_size(4 << 20)
        .max_core_instance_size(4 << 20)
        .max_unused_warm_slots(slots)
        .linear_memory_keep_resident(KEEP_RESIDENT)
        .table_keep_resident(MAX_TABLE_ELEMENTS * size_of::<usize>())
        .pagemap_scan(Enabled::Auto);
    pool
}
