use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use wakeful_core::{Clock, Digest, Outcome, Report};
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::cache::CodeCache;
use crate::codes::Codes;
use crate::library::{Library, Loaded};
use crate::reach::Reach;
use crate::{
    Compiler, ComponentInfo, Description, EngineConfig, EngineError, GuestEvent, Job, LoadError,
    Runner, linker, machine, run,
};

/// Runs guests in this process, on threads of their own.
pub struct InProcessRunner {
    library: Arc<Library>,
    clock: Arc<dyn Clock>,
    reach: Reach,
    slots: Arc<Semaphore>,
    handle: Handle,
    /// Taken out when the runner is dropped.
    runtime: Option<Runtime>,
}

impl InProcessRunner {
    /// Sets up the engine and starts the threads.
    ///
    /// # Errors
    ///
    /// When wasmtime does not work here, the cache directory is not usable, or no thread starts.
    pub fn new(config: EngineConfig, clock: Arc<dyn Clock>) -> Result<Self, EngineError> {
        let slots = config.max_concurrent.max(1);
        // One more than runs may take, for a component that describes itself while all are taken.
        let engine = machine::build(config.pooling, slots.saturating_add(1))?;
        let cache = config
            .cache_dir
            .map(|dir| {
                CodeCache::open(dir.clone(), config.cache_bytes, &engine)
                    .map_err(|source| EngineError::Cache { path: dir, source })
            })
            .transpose()?;
        let compiler = config.compiler.unwrap_or_else(|| own_compiler(&engine));
        let library = Library::new(
            linker::linked(&engine)?,
            Codes::new(engine, cache, compiler, config.max_component_bytes),
        );
        Self::assemble(library, slots, config.workers, clock)
    }

    /// A runner that gets code from elsewhere.
    #[cfg(target_os = "linux")]
    pub(crate) fn bare(
        engine: Engine,
        slots: u32,
        workers: usize,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, EngineError> {
        let linker = linker::linked(&engine)?;
        let codes = Codes::new(engine, None, Arc::new(crate::compiler::Missing), 0);
        Self::assemble(Library::new(linker, codes), slots, workers, clock)
    }

    fn assemble(
        library: Library,
        slots: u32,
        workers: usize,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, EngineError> {
        let runtime = threads(workers)?;
        Ok(Self {
            library: Arc::new(library),
            clock,
            reach: Reach::default(),
            slots: Arc::new(Semaphore::new(slots as usize)),
            handle: runtime.handle().clone(),
            runtime: Some(runtime),
        })
    }

    /// Lets runs reach this much of the host, as far as their grants go. Without it they reach
    /// nothing.
    #[must_use]
    pub fn with_reach(mut self, reach: Reach) -> Self {
        self.reach = reach;
        self
    }
}

/// The compiler in this process.
#[cfg(feature = "compile")]
pub(crate) fn own_compiler(engine: &Engine) -> Arc<dyn Compiler> {
    Arc::new(crate::compiler::InProcess(engine.clone()))
}

#[cfg(not(feature = "compile"))]
pub(crate) fn own_compiler(_engine: &Engine) -> Arc<dyn Compiler> {
    Arc::new(crate::compiler::Missing)
}

/// The threads that run guests, and compile.
fn threads(workers: usize) -> Result<Runtime, EngineError> {
    let number = AtomicUsize::new(0);
    Builder::new_multi_thread()
        .worker_threads(workers.max(1))
        .thread_name_fn(move || format!("wakeful-guest-{}", number.fetch_add(1, Ordering::Relaxed)))
        // A guest's turn takes one to two milliseconds. Timers, and so timeouts, are looked at
        // after this many turns; by default after 61.
        .event_interval(4)
        .enable_all()
        .build()
        .map_err(EngineError::Threads)
}

#[async_trait]
impl Runner for InProcessRunner {
    async fn load(&self, bytes: Arc<[u8]>) -> Result<ComponentInfo, LoadError> {
        self.library.load(bytes, &self.handle, &self.clock).await
    }

    fn unload(&self, digest: Digest) {
        self.library.unload(digest);
    }

    async fn run(
        &self,
        job: Job,
        events: mpsc::Sender<GuestEvent>,
        cancel: CancellationToken,
    ) -> Report {
        self.run_reaching(job, events, cancel, self.reach.clone()).await
    }
}

#[cfg(target_os = "linux")]
impl InProcessRunner {
    pub(crate) fn engine(&self) -> &Engine {
        self.library.engine()
    }

    /// The threads that run guests.
    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Takes a component whose code comes from elsewhere into service.
    pub(crate) fn adopt(
        &self,
        code: &Component,
        info: ComponentInfo,
    ) -> Result<Arc<Loaded>, LoadError> {
        self.library.adopt(code, info)
    }

    /// Takes a component out of service.
    pub(crate) fn forget(&self, digest: Digest) {
        self.library.unload(digest);
    }

    /// Asks a component what it says of itself; the error is for whoever built it.
    pub(crate) async fn ask(&self, loaded: Arc<Loaded>) -> Result<Option<Description>, String> {
        self.library.ask(loaded, &self.handle, &self.clock).await
    }
}

impl InProcessRunner {
    /// Runs a job that reaches this, whatever others do.
    pub(crate) async fn run_reaching(
        &self,
        job: Job,
        events: mpsc::Sender<GuestEvent>,
        cancel: CancellationToken,
        reach: Reach,
    ) -> Report {
        let Some(loaded) = self.library.get(job.digest) else {
            return Report::not_run(not_loaded(job.digest));
        };
        let slot = tokio::select! {
            biased;
            () = cancel.cancelled() => return Report::not_run(Outcome::Cancelled),
            slot = Arc::clone(&self.slots).acquire_owned() => slot,
        };
        let library = Arc::clone(&self.library);
        let clock = Arc::clone(&self.clock);
        let task = self.handle.spawn(async move {
            let report =
                run::execute(library.engine(), &loaded, job, events, cancel, &clock, reach).await;
            // Only now is the store gone and its slot in the pool free.
            drop(slot);
            report
        });
        match AbortOnDropHandle::new(task).await {
            Ok(report) => report,
            Err(error) => {
                tracing::error!(%error, "a run's task did not come to its end");
                let message = if error.is_panic() {
                    "the host failed inside a run; its log has more"
                } else {
                    "the engine was shut down during the run"
                };
                Report::not_run(Outcome::HostFailed { message: message.to_owned() })
            }
        }
    }
}

/// The outcome of a run whose component is not there.
pub(crate) fn not_loaded(digest: Digest) -> Outcome {
    let digest = digest.short();
    Outcome::Refused {
        message: format!(
            "the component {digest} is not loaded; put its file back, or run the assistant with its current one"
        ),
    }
}

impl Drop for InProcessRunner {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Waiting here would panic inside another runtime.
            runtime.shutdown_background();
        }
    }
}
