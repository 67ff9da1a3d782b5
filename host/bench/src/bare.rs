//! The baseline: a component in a new store, with nothing around it.

use std::time::{Duration, Instant};

use anyhow::anyhow;
use wasmtime::component::{Component, HasSelf, Linker, ResourceTable};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::table::Samples;

mod contract {
    #![allow(missing_docs, reason = "generated from the contract")]
    // Only what the echo example imports.
    wasmtime::component::bindgen!({
        path: "../../wit",
        inline: "
            package wakeful:bench;

            world bare {
                import wakeful:assistant/events@0.1.0;
                import wakeful:assistant/thread@0.1.0;
                import wakeful:assistant/log@0.1.0;
                import wakeful:assistant/config@0.1.0;
                import wakeful:assistant/control@0.1.0;
                export wakeful:assistant/assistant@0.1.0;
            }
        ",
        world: "wakeful:bench/bare",
    });
}

use contract::exports::wakeful::assistant::assistant::ThreadInfo;
use contract::wakeful::assistant::{assistant_types, config, control, events, log, thread};

pub(crate) fn measure(echo: &[u8], length: Duration) -> anyhow::Result<Samples> {
    repeat(echo, length).map_err(|error| anyhow!("bare wasmtime: {error:#}"))
}

fn repeat(echo: &[u8], length: Duration) -> wasmtime::Result<Samples> {
    let mut settings = Config::new();
    settings
        .allocation_strategy(InstanceAllocationStrategy::Pooling(PoolingAllocationConfig::new()));
    let engine = Engine::new(&settings)?;
    let component = Component::new(&engine, echo)?;
    let mut linker = Linker::new(&engine);
    wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
    contract::Bare::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state)?;
    let pre = contract::BarePre::new(linker.instantiate_pre(&component)?)?;

    let mut samples = Samples::default();
    let begin = Instant::now();
    while begin.elapsed() < length {
        let start = Instant::now();
        let mut store = Store::new(&engine, State::default());
        let instance = pre.instantiate(&mut store)?;
        let assistant = instance.wakeful_assistant_assistant();
        let input = r#"{"messages":[{"role":"user","content":"hello"}]}"#.to_owned();
        let outcome = assistant.call_invoke(&mut store, &info(), &input)?;
        outcome.map_err(|error| wasmtime::format_err!("echo failed: {}", error.message))?;
        drop(store);
        samples.each.push(start.elapsed());
    }
    samples.total = begin.elapsed();
    Ok(samples)
}

fn info() -> ThreadInfo {
    ThreadInfo {
        thread_id: String::new(),
        assistant_id: String::new(),
        run_id: String::new(),
        attempt: 1,
        trigger: assistant_types::Trigger::Manual,
        deadline: None,
        traceparent: None,
        metadata: "{}".to_owned(),
    }
}

struct State {
    wasi: WasiCtx,
    table: ResourceTable,
}

impl Default for State {
    fn default() -> Self {
        Self { wasi: WasiCtx::builder().build(), table: ResourceTable::new() }
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl assistant_types::Host for State {}

impl events::Host for State {
    fn emit(&mut self, _: events::Event) -> Result<(), assistant_types::Error> {
        Ok(())
    }
}

impl thread::Host for State {
    fn values(&mut self) -> String {
        "null".to_owned()
    }
}

impl log::Host for State {
    fn log(&mut self, _: log::Level, _: String, _: Vec<log::Field>) {}
}

impl config::Host for State {
    fn get(&mut self, _: String) -> Option<String> {
        None
    }

    fn keys(&mut self) -> Vec<String> {
        Vec::new()
    }
}

impl control::Host for State {
    fn cancelled(&mut self) -> bool {
        false
    }

    fn remaining_ms(&mut self) -> Option<u32> {
        None
    }
}
