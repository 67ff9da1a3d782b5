//! What the host costs, from bare wasmtime to a client's request, in one table.
//!
//! `cargo run --release -p wakeful-bench [-- SECONDS]` measures each row for that long (default 3).
//! Compare rows of one run; machines differ, and so do moments on one machine.
//!
//! `cargo run --release -p wakeful-bench -- runners [SECONDS]` compares runs in this process with
//! runs in child processes.
//!
//! `cargo run --release -p wakeful-bench -- scale` measures a host with a million crons.

mod bare;
mod fires;
mod http;
mod in_process;
#[cfg(target_os = "linux")]
mod runners;
mod scale;
mod table;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use wakeful::core::SystemClock;
use wakeful::{Host, HostSettings};
use wakeful_engine::{EngineConfig, InProcessRunner, Runner};

use crate::table::Table;

/// As in the program.
#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.split_first() {
        Some((first, left)) if first == "scale" => scale::run(left),
        Some((first, left)) if first == "scale-phase" => scale::phase(left),
        #[cfg(target_os = "linux")]
        Some((first, _)) if first == runners::WORD => runners::serve(),
        #[cfg(target_os = "linux")]
        Some((first, left)) if first == "runners" => {
            let seconds = left.first().map_or(Ok(3), |text| text.parse());
            runners::run(
                &echo()?,
                Duration::from_secs(seconds.context("give a number of seconds")?),
            )
        }
        Some((first, _)) => costs(first.parse().context("give a number of seconds, or `scale`")?),
        None => costs(3),
    }
}

/// Measures each row of the table of costs for that long.
fn costs(seconds: u64) -> Result<()> {
    let length = Duration::from_secs(seconds);
    let echo = echo()?;
    let runtime = tokio::runtime::Runtime::new()?;
    let mut table = Table::default();

    table.push("bare wasmtime: instantiate and call", bare::measure(&echo, length)?);
    let engine = InProcessRunner::new(EngineConfig::default(), Arc::new(SystemClock))?;
    let engine: Arc<dyn Runner> = Arc::new(engine);
    table.push(
        "engine: the same within limits",
        runtime.block_on(in_process::engine(&engine, &echo, 1, length))?,
    );

    let data = tempfile::tempdir()?;
    let host = runtime.block_on(Host::start(HostSettings::new(data.path(), examples())))?;
    table.push(
        "host: stateless run, durable",
        runtime.block_on(in_process::host(&host, 1, length))?,
    );
    table.push("host: the same, 8 at once", runtime.block_on(in_process::host(&host, 8, length))?);
    let server = runtime.block_on(http::start(&host))?;
    table.push("HTTP: GET /ok", http::measure(&server, 1, length, http::ok)?);
    table.push("HTTP: runs/wait, 1 client", http::measure(&server, 1, length, http::run)?);
    table.push("HTTP: runs/wait, 8 clients", http::measure(&server, 8, length, http::run)?);
    table.push(
        "cron every second: start after the instant",
        runtime.block_on(fires::lateness(&host, length.max(Duration::from_secs(5))))?,
    );
    table.push(
        "2,000 crons due at once: start after the instant",
        runtime.block_on(fires::burst(&host, 2_000))?,
    );
    runtime.block_on(host.shutdown())?;
    table.print()?;
    Ok(())
}

fn echo() -> Result<Arc<[u8]>> {
    Ok(std::fs::read(examples().join("echo.wasm"))?.into())
}

/// The components that are measured.
fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../example-assistants/dist")
}
