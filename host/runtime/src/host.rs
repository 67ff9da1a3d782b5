use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};
use uuid::Uuid;
use wakeful_core::{Clock, SystemClock, Timestamp};
#[cfg(target_os = "linux")]
use wakeful_engine::ChildRunner;
#[cfg(not(target_os = "linux"))]
use wakeful_engine::EngineError;
use wakeful_engine::{EngineConfig, InProcessRunner, Network, Reach, Runner};
use wakeful_store::{Backup, SledConfig, SledStore, Store};

use crate::calls::CallBooks;
use crate::folder::Folder;
use crate::hub::Hub;
use crate::items::{self, StoreAccess};
use crate::keys::Keys;
use crate::metrics::Counters;
use crate::models::{Desk, ModelBooks};
use crate::own_crons::CronBooks;
use crate::sandbox::Sandboxes;
use crate::{Error, HostSettings, executor, expiry, scheduler, sweeper, zones};

/// A running host: its folder, scheduler, queue and sandboxes. Cheap to clone.
#[derive(Clone)]
pub struct Host {
    inner: Arc<Inner>,
}

struct Inner {
    settings: HostSettings,
    clock: Arc<dyn Clock>,
    store: Arc<dyn Store>,
    runner: Arc<dyn Runner>,
    folder: Folder,
    hub: Hub,
    keys: Keys,
    counters: Counters,
    books: Books,
    desk: Desk,
    /// One for each run that may hold its slot while it waits for another run.
    waiting: Semaphore,
    started: Instant,
    sandboxes: Sandboxes,
    /// How this host signs its leases.
    owner: String,
    /// When the next run may begin that makes up for a missed instant, in microseconds since 1970.
    catchup: AtomicI64,
    scheduler_wake: Notify,
    executor_wake: Notify,
    outbox_wake: Notify,
    stop: CancellationToken,
    /// Cancelled once the store takes no more writes.
    broken: CancellationToken,
    /// Set when runs that are cut off go back to the queue instead of ending.
    draining: AtomicBool,
    tasks: TaskTracker,
}

/// What runs in progress do beyond their threads.
#[derive(Default)]
pub(crate) struct Books {
    crons: Arc<CronBooks>,
    models: Arc<ModelBooks>,
    calls: Arc<CallBooks>,
}

impl Host {
    /// Opens the folders, loads the components, takes back runs that were cut off, and starts the
    /// scheduler and the executor. Must be called within a tokio runtime.
    pub async fn start(settings: HostSettings) -> Result<Self, Error> {
        Self::start_with_clock(settings, Arc::new(SystemClock)).await
    }

    /// Like [`Host::start`], with a clock of the caller's.
    pub async fn start_with_clock(
        settings: HostSettings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let store = SledStore::open(SledConfig {
            cache_bytes: settings.store_cache,
            min_free_bytes: settings.min_free_disk,
            ..SledConfig::new(&settings.data)
        })
        .await?;
        let mut engine = EngineConfig {
            cache_dir: Some(settings.data.join("compiled")),
            max_concurrent: settings.concurrent_runs,
            ..EngineConfig::default()
        };
        if let Some(compiler) = &settings.compiler {
            engine.compiler = Some(Arc::new(compiler.clone()));
        }
        if settings.guest_threads > 0 {
            engine.workers = settings.guest_threads;
        }
        let store: Arc<dyn Store> = Arc::new(store);
        let items = StoreAccess::new(Arc::clone(&store), Arc::clone(&clock));
        let books = Books::default();
        let network = Network::new(settings.grants.lookup.clone(), Vec::new())?;
        let reach = Reach::default()
            .with_network(network)
            .with_items(Arc::new(items))
            .with_crons(Arc::<CronBooks>::clone(&books.crons))
            .with_models(Arc::<ModelBooks>::clone(&books.models))
            .with_assistants(Arc::<CallBooks>::clone(&books.calls));
        let runner: Arc<dyn Runner> = match &settings.runners {
            None => {
                let runner = InProcessRunner::new(engine, Arc::clone(&clock))?;
                Arc::new(runner.with_reach(reach))
            }
            #[cfg(target_os = "linux")]
            Some(program) => {
                // They can be let only into a folder that is there.
                let sandboxes = settings.data.join("sandboxes");
                drop(Sandboxes::open(sandboxes.clone())?);
                let program = program.clone().with_sandboxes(sandboxes);
                let program = program.with_limits(&settings.limits);
                let runner = ChildRunner::start(engine, program, Arc::clone(&clock)).await?;
                Arc::new(runner.with_reach(reach))
            }
            #[cfg(not(target_os = "linux"))]
            Some(_) => {
                let message = "only Linux can confine them".to_owned();
                return Err(EngineError::Runners { message }.into());
            }
        };
        Self::assemble_with(settings, clock, store, runner, books).await
    }

    /// A host of these parts, whose runner reaches neither crons nor models.
    #[cfg(test)]
    pub(crate) async fn assemble(
        settings: HostSettings,
        clock: Arc<dyn Clock>,
        store: Arc<dyn Store>,
        runner: Arc<dyn Runner>,
    ) -> Result<Self, Error> {
        Self::assemble_with(settings, clock, store, runner, Books::default()).await
    }

    async fn assemble_with(
        settings: HostSettings,
        clock: Arc<dyn Clock>,
        store: Arc<dyn Store>,
        runner: Arc<dyn Runner>,
        books: Books,
    ) -> Result<Self, Error> {
        let host = Self::prepare(settings, clock, store, runner, books).await?;
        let tasks = host.tasks();
        tasks.spawn(crate::folder::watch(host.clone()));
        tasks.spawn(scheduler::run(host.clone()));
        tasks.spawn(executor::run(host.clone()));
        tasks.spawn(executor::keep_leases(host.clone()));
        tasks.spawn(sweeper::run(host.clone()));
        tasks.spawn(items::expire(host.clone()));
        tasks.spawn(expiry::run(host.clone()));
        tasks.spawn(zones::run(host.clone()));
        Ok(host)
    }

    /// A host that does nothing by itself yet.
    pub(crate) async fn prepare(
        mut settings: HostSettings,
        clock: Arc<dyn Clock>,
        store: Arc<dyn Store>,
        runner: Arc<dyn Runner>,
        books: Books,
    ) -> Result<Self, Error> {
        settings.grants.models = Some(settings.models.names());
        let desk = Desk::new(&settings)?;
        let waiting = Semaphore::new(settings.concurrent_runs.saturating_sub(1) as usize);
        let sandboxes = Sandboxes::open(settings.data.join("sandboxes"))?;
        let folder = Folder::open(&settings)?;
        let keys = Keys::load(&*store).await?;
        let host = Self {
            inner: Arc::new(Inner {
                settings,
                clock,
                store,
                runner,
                folder,
                hub: Hub::default(),
                keys,
                counters: Counters::default(),
                books,
                desk,
                waiting,
                started: Instant::now(),
                sandboxes,
                owner: Uuid::now_v7().to_string(),
                catchup: AtomicI64::new(i64::MIN),
                scheduler_wake: Notify::new(),
                executor_wake: Notify::new(),
                outbox_wake: Notify::new(),
                stop: CancellationToken::new(),
                broken: CancellationToken::new(),
                draining: AtomicBool::new(false),
                tasks: TaskTracker::new(),
            }),
        };
        host.folder().scan(&host).await?;
        host.recover().await?;
        Ok(host)
    }

    /// Queues the runs again that an earlier host was in the middle of.
    async fn recover(&self) -> Result<(), Error> {
        let attempts = self.settings().max_attempts;
        let recovered = self.store().recover_runs(self.now(), self.owner(), true, attempts).await?;
        if !recovered.requeued.is_empty() {
            info!(runs = recovered.requeued.len(), "runs that were cut off begin again");
        }
        for run_id in &recovered.failed {
            warn!(%run_id, attempts, "run failed: the host stopped in the middle of each attempt");
        }
        self.store().release_deliveries(self.now()).await?;
        Ok(())
    }

    /// Stops: fires nothing more, lets runs in progress finish for the grace period, puts the rest
    /// back into the queue, and closes the store.
    pub async fn shutdown(&self) -> Result<(), Error> {
        self.inner.stop.cancel();
        self.inner.tasks.close();
        let grace = self.settings().shutdown_grace;
        // Without a grace period nothing is left to the timer and what it finds done by then.
        let in_time =
            !grace.is_zero() && tokio::time::timeout(grace, self.inner.tasks.wait()).await.is_ok();
        if !in_time {
            self.inner.draining.store(true, Ordering::SeqCst);
            self.hub().cancel_all();
            self.inner.tasks.wait().await;
        }
        self.hub().close();
        self.inner.sandboxes.clear();
        Ok(self.store().close().await?)
    }

    /// Whether the store can be read and written.
    pub async fn check(&self) -> Result<(), Error> {
        Ok(self.store().check().await?)
    }

    /// Resolves once the store takes no more writes, because one has failed. What was acknowledged
    /// is safe; nothing new can be, so the program should end and be started again.
    pub async fn broken(&self) {
        self.inner.broken.cancelled().await;
    }

    /// Copies everything the host keeps, as of one instant, into a new folder.
    pub async fn backup(&self, target: &Path) -> Result<Backup, Error> {
        Ok(self.store().backup(target, self.now()).await?)
    }

    /// What the host was told when it started.
    pub fn settings(&self) -> &HostSettings {
        &self.inner.settings
    }

    /// The present instant of the host's clock.
    pub fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// How long the host has been up.
    pub fn uptime(&self) -> Duration {
        self.inner.started.elapsed()
    }

    /// Runs a task that belongs to the host: when the host stops, it waits for the task, which has
    /// to end soon after [`Host::stopping`] resolves.
    pub fn attach(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.inner.tasks.spawn(task);
    }

    /// Resolves when the host is stopping.
    pub async fn stopping(&self) {
        self.inner.stop.cancelled().await;
    }

    /// Resolves when a delivery may have become due.
    pub async fn outbox_woken(&self) {
        self.inner.outbox_wake.notified().await;
    }

    pub(crate) fn wake_outbox(&self) {
        self.inner.outbox_wake.notify_one();
    }

    pub(crate) fn store(&self) -> &dyn Store {
        &*self.inner.store
    }

    /// Notes trouble with the store that nobody is there to be told of.
    pub(crate) fn note(&self, problem: &wakeful_store::Error) {
        if matches!(problem, wakeful_store::Error::Stopped(_)) && !self.inner.stop.is_cancelled() {
            self.inner.broken.cancel();
        }
    }

    pub(crate) fn runner(&self) -> &dyn Runner {
        &*self.inner.runner
    }

    pub(crate) fn folder(&self) -> &Folder {
        &self.inner.folder
    }

    pub(crate) fn hub(&self) -> &Hub {
        &self.inner.hub
    }

    pub(crate) fn keys_in_use(&self) -> &Keys {
        &self.inner.keys
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.inner.counters
    }

    pub(crate) fn cron_books(&self) -> &Arc<CronBooks> {
        &self.inner.books.crons
    }

    pub(crate) fn model_books(&self) -> &Arc<ModelBooks> {
        &self.inner.books.models
    }

    pub(crate) fn call_books(&self) -> &Arc<CallBooks> {
        &self.inner.books.calls
    }

    pub(crate) fn waiting_slots(&self) -> &Semaphore {
        &self.inner.waiting
    }

    /// Whoever calls the providers of models.
    pub(crate) fn desk(&self) -> &Desk {
        &self.inner.desk
    }

    pub(crate) fn sandboxes(&self) -> &Sandboxes {
        &self.inner.sandboxes
    }

    pub(crate) fn owner(&self) -> &str {
        &self.inner.owner
    }

    pub(crate) fn stop_token(&self) -> &CancellationToken {
        &self.inner.stop
    }

    pub(crate) fn tasks(&self) -> &TaskTracker {
        &self.inner.tasks
    }

    /// Whether runs that are cut off go back to the queue.
    pub(crate) fn is_draining(&self) -> bool {
        self.inner.draining.load(Ordering::SeqCst)
    }

    pub(crate) fn refuse_when_stopping(&self) -> Result<(), Error> {
        if self.inner.stop.is_cancelled() { Err(Error::ShuttingDown) } else { Ok(()) }
    }

    /// When the next run may begin that makes up for a missed instant. Each call puts the next one
    /// off, so that what an outage left does not begin all at once.
    pub(crate) fn catchup_slot(&self, now: Timestamp) -> Timestamp {
        let step = 1_000_000 / i64::from(self.settings().crons.catchup_per_second.max(1));
        let now = now.as_microsecond();
        let later = |slot: i64| Some(slot.max(now).saturating_add(step));
        let slot = self.inner.catchup.fetch_update(Ordering::Relaxed, Ordering::Relaxed, later);
        let slot = slot.unwrap_or_else(|slot| slot).max(now);
        Timestamp::from_microsecond(slot).unwrap_or(Timestamp::MAX)
    }

    pub(crate) fn wake_scheduler(&self) {
        self.inner.scheduler_wake.notify_one();
    }

    pub(crate) async fn scheduler_woken(&self) {
        self.inner.scheduler_wake.notified().await;
    }

    pub(crate) fn wake_executor(&self) {
        self.inner.executor_wake.notify_one();
    }

    pub(crate) async fn executor_woken(&self) {
        self.inner.executor_wake.notified().await;
    }
}
