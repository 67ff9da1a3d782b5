use std::collections::HashMap;
use std::fs::File;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, mpsc as std_mpsc};
use std::time::Duration;

use async_trait::async_trait;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use wakeful_core::{Clock, Digest, Report};

use super::codes::Files;
use super::keeper::Keeper;
use super::link::Link;
use super::suspects::Suspects;
use super::wire::Setup;
use super::{running, seat};
use crate::cache::CodeCache;
use crate::codes::Codes;
use crate::in_process::own_compiler;
use crate::reach::Reach;
use crate::{
    ComponentInfo, EngineConfig, EngineError, GuestEvent, Job, LoadError, Runner, RunnerProcesses,
    RunnerProgram, machine,
};

/// How long the first runner may take to be ready.
const START: Duration = Duration::from_secs(30);

/// Runs guests in child processes, which it watches and replaces.
///
/// A process that ends takes the runs in it with it: they end with
/// [`HostFailed`](wakeful_core::Outcome::HostFailed), and may be tried again. A component that ends
/// its process again and again is refused.
pub struct ChildRunner {
    shared: Arc<Shared>,
    _seats: Vec<AbortOnDropHandle<()>>,
    /// Of its own, if it has one. Taken out when the runner is dropped.
    runtime: Option<Runtime>,
}

/// What the host's side of all runners shares.
pub(super) struct Shared {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) program: RunnerProgram,
    pub(super) setup: Setup,
    pub(super) keeper: Keeper,
    pub(super) slots: Arc<Semaphore>,
    pub(super) suspects: Mutex<Suspects>,
    /// Told when a runner may have room that had none.
    pub(super) changed: Notify,
    pub(super) replaced: AtomicU64,
    /// What the system lacks, once it was said.
    pub(super) lacks: OnceLock<Vec<String>>,
    reach: RwLock<Reach>,
    seats: Mutex<Vec<Option<Arc<Link>>>>,
    pub(super) codes: Codes<Files>,
    pub(super) components: RwLock<HashMap<Digest, Arc<Component>>>,
    /// Held while a component compiles, and while one is asked what it says of itself.
    pub(super) compiling: tokio::sync::Mutex<()>,
    pub(super) asking: tokio::sync::Mutex<()>,
    handle: Handle,
}

/// A component that runners can be given.
pub(super) struct Component {
    pub(super) info: ComponentInfo,
    pub(super) code: Arc<File>,
}

impl ChildRunner {
    /// Starts the runners, and returns as soon as one of them is ready.
    ///
    /// # Errors
    ///
    /// When wasmtime does not work here, the cache directory is not usable, or no runner starts.
    pub fn new(
        config: EngineConfig,
        program: RunnerProgram,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, EngineError> {
        let runtime = Builder::new_multi_thread()
            .thread_name("wakeful-runner-io")
            .enable_all()
            .build()
            .map_err(EngineError::Threads)?;
        let (mut this, first) = Self::begin(config, program, clock, runtime.handle())?;
        this.runtime = Some(runtime);
        // The threads of the caller's runtime may not wait for those of another one.
        let (sender, ready) = std_mpsc::channel();
        this.shared.handle.spawn(async move { sender.send(is_ready(first).await) });
        let ready = ready.recv().unwrap_or_else(|_| Err("its threads are gone".to_owned()));
        ready.map(|()| this).map_err(|message| EngineError::Runners { message })
    }

    /// The same on the threads of the runtime that this is called in, which has to go on for as long
    /// as the runners are to. Saves each run a way from thread to thread.
    ///
    /// # Errors
    ///
    /// As [`ChildRunner::new`].
    pub async fn start(
        config: EngineConfig,
        program: RunnerProgram,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, EngineError> {
        let (this, first) = Self::begin(config, program, clock, &Handle::current())?;
        let ready = is_ready(first).await;
        ready.map(|()| this).map_err(|message| EngineError::Runners { message })
    }

    fn begin(
        config: EngineConfig,
        program: RunnerProgram,
        clock: Arc<dyn Clock>,
        handle: &Handle,
    ) -> Result<(Self, mpsc::UnboundedReceiver<Result<(), String>>), EngineError> {
        // Compiles at most: no guest is ever instantiated in it.
        let engine = machine::plain()?;
        let cache = config.cache_dir.clone();
        let cache = cache.map(|dir| {
            CodeCache::open(dir.clone(), config.cache_bytes, &engine)
                .map_err(|source| EngineError::Cache { path: dir, source })
        });
        let compiler = config.compiler.clone().unwrap_or_else(|| own_compiler(&engine));
        let codes = Codes::new(Files, cache.transpose()?, compiler, config.max_component_bytes);
        let slots = config.max_concurrent.max(1);
        let shared = Arc::new(Shared {
            clock,
            setup: seat::setup(&config, &program),
            keeper: Keeper::new(program.clone()).map_err(EngineError::Threads)?,
            slots: Arc::new(Semaphore::new(slots as usize)),
            suspects: Mutex::default(),
            changed: Notify::new(),
            replaced: AtomicU64::new(0),
            lacks: OnceLock::new(),
            reach: RwLock::default(),
            seats: Mutex::new(vec![None; program.count]),
            codes,
            components: RwLock::default(),
            compiling: tokio::sync::Mutex::default(),
            asking: tokio::sync::Mutex::default(),
            handle: handle.clone(),
            program,
        });
        let (started, first) = mpsc::unbounded_channel();
        let seats = (0..shared.program.count).map(|number| {
            let seat = seat::keep(Arc::clone(&shared), number, started.clone());
            AbortOnDropHandle::new(handle.spawn(seat))
        });
        let seats = seats.collect();
        Ok((Self { shared, _seats: seats, runtime: None }, first))
    }

    /// Lets runs reach this much of the host, as far as their grants go. Without it they reach
    /// nothing.
    #[must_use]
    pub fn with_reach(self, reach: Reach) -> Self {
        *self.shared.reach.write().unwrap_or_else(PoisonError::into_inner) = reach;
        self
    }

    /// The processes that are alive.
    pub fn pids(&self) -> Vec<u32> {
        self.shared.links().iter().map(|link| link.pid).collect()
    }
}

#[async_trait]
impl Runner for ChildRunner {
    async fn load(&self, bytes: Arc<[u8]>) -> Result<ComponentInfo, LoadError> {
        let shared = Arc::clone(&self.shared);
        // On threads of its own, whatever becomes of whoever waits.
        let loading = self.shared.handle.spawn(async move { shared.load(bytes).await });
        match AbortOnDropHandle::new(loading).await {
            Ok(loaded) => loaded,
            Err(error) => Err(LoadError::Engine { message: error.to_string() }),
        }
    }

    fn unload(&self, digest: Digest) {
        let mut components = self.shared.components.write().unwrap_or_else(PoisonError::into_inner);
        drop(components.remove(&digest));
        drop(components);
        for link in self.shared.links() {
            link.withdraw(digest);
        }
    }

    async fn run(
        &self,
        job: Job,
        events: mpsc::Sender<GuestEvent>,
        cancel: CancellationToken,
    ) -> Report {
        running::run(&self.shared, job, events, cancel).await
    }

    fn processes(&self) -> Option<RunnerProcesses> {
        Some(RunnerProcesses {
            wanted: self.shared.program.count,
            alive: self.shared.links().len(),
            replaced: self.shared.replaced.load(Ordering::Relaxed),
        })
    }
}

impl Shared {
    pub(super) fn reach(&self) -> Reach {
        self.reach.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }

    pub(super) fn component(&self, digest: Digest) -> Option<Arc<Component>> {
        self.components.read().unwrap_or_else(PoisonError::into_inner).get(&digest).cloned()
    }

    pub(super) fn suspects(&self) -> MutexGuard<'_, Suspects> {
        self.suspects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The runners that are alive.
    pub(super) fn links(&self) -> Vec<Arc<Link>> {
        self.seats().iter().flatten().cloned().collect()
    }

    /// Puts a runner that is ready on its seat, or takes a dead one off it.
    pub(super) fn sit(&self, number: usize, link: Option<Arc<Link>>) {
        if let Some(seat) = self.seats().get_mut(number) {
            *seat = link;
        }
        self.changed.notify_waiters();
    }

    fn seats(&self) -> MutexGuard<'_, Vec<Option<Arc<Link>>>> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits until the first of all runners is ready, or none can be.
async fn is_ready(mut first: mpsc::UnboundedReceiver<Result<(), String>>) -> Result<(), String> {
    let mut problem = "none of them is ready in time".to_owned();
    let all = async {
        while let Some(started) = first.recv().await {
            match started {
                Ok(()) => return true,
                Err(error) => problem = error,
            }
        }
        false
    };
    match timeout(START, all).await {
        Ok(true) => Ok(()),
        Ok(false) | Err(_) => Err(problem),
    }
}

impl Drop for ChildRunner {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Waiting here would panic inside another runtime.
            runtime.shutdown_background();
        }
    }
}
