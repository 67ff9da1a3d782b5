use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use wakeful_core::{Clock, Json, Limits, LogLevel, LogLine, LogSource, Object, Outcome};
use wasmtime::Store;
use wasmtime_wasi::{FsPerms, ResourceTable, WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::calls::Calls;
use crate::chat::Chat;
use crate::clock::GuestClock;
use crate::crons::Crons;
use crate::egress::{Egress, Gate, Secrets};
use crate::entropy::Entropy;
use crate::fire;
use crate::items::Items;
use crate::limiter::MemoryLimiter;
use crate::logs::{LogBook, SharedLogBook, open};
use crate::reach::{Reach, Way};
use crate::refusal::Refusals;
use crate::stdio::Stdio;
use crate::toll::{Meter, Toll, YIELD_INTERVAL};
use crate::{GuestEvent, Job};

/// Open files, streams and the like that a guest may hold. Each may stand for a descriptor of this
/// process, or for the listing of a whole directory.
const MAX_RESOURCES: usize = 128;

/// Entries in the guest's own tables of handles.
const MAX_HANDLES: usize = 4_096;

/// Random bytes that a guest gets at once.
const MAX_RANDOM: u64 = 1 << 20;

/// Bytes that one call may pass from the guest to the host, unless an outcome may be larger.
const MAX_PASSED: u64 = 8 << 20;

/// Everything that one run can see or change; the data of its store.
pub(crate) struct Sandbox {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    egress: Egress,
    pub(crate) table: ResourceTable,
    stdio: [Stdio; 2],
    pub(crate) limiter: MemoryLimiter,
    pub(crate) meter: Meter,
    pub(crate) limits: Limits,
    pub(crate) logs: SharedLogBook,
    pub(crate) events: mpsc::Sender<GuestEvent>,
    pub(crate) emitted: Emitted,
    pub(crate) items: Items,
    pub(crate) crons: Crons,
    pub(crate) chat: Chat,
    pub(crate) calls: Calls,
    pub(crate) refusals: Refusals,
    pub(crate) fire: Option<Json>,
    pub(crate) config: Object,
    pub(crate) values: Json,
    pub(crate) cancel: CancellationToken,
    pub(crate) deadline: Option<Instant>,
    /// The outcome that a host function decided on when it ended the guest.
    pub(crate) verdict: Option<Outcome>,
}

/// What a run has emitted so far.
#[derive(Debug, Default)]
pub(crate) struct Emitted {
    pub(crate) events: u32,
    pub(crate) bytes: u64,
}

impl Sandbox {
    /// A sandbox without arguments and input, with what the job provides and grants, and with the
    /// job's directory at `/` if it has one.
    pub(crate) fn new(
        job: &mut Job,
        events: mpsc::Sender<GuestEvent>,
        cancel: CancellationToken,
        clock: &Arc<dyn Clock>,
        reach: Reach,
    ) -> wasmtime::Result<Self> {
        let meter = Meter::new();
        let logs = LogBook::new(job.limits.logs, Arc::clone(clock));
        let stream = |source, level| {
            Stdio::new(source, level, Arc::clone(&logs), events.clone(), meter.tab())
        };
        let stdout = stream(LogSource::Stdout, LogLevel::Info);
        let stderr = stream(LogSource::Stderr, LogLevel::Warn);
        let provision = std::mem::take(&mut job.provision);
        let secrets = Secrets::new(provision.secrets)?;
        let refusals = Refusals::new(Arc::clone(&logs), events.clone());
        let mut wasi = WasiCtx::builder();
        wasi.stdout(stdout.clone())
            .stderr(stderr.clone())
            .wall_clock(GuestClock(Arc::clone(clock)))
            .secure_random(Entropy::new(meter.tab()))
            .insecure_random(Entropy::new(meter.tab()))
            .max_random_size(MAX_RANDOM)
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false);
        wasi.envs(&provision.environment);
        for (name, placeholder) in secrets.placeholders() {
            wasi.env(name, placeholder);
        }
        if let Some(root) = &job.root {
            wasi.preopened_dir(root, "/", FsPerms::ReadWrite)?;
        }
        let mut table = ResourceTable::new();
        table.set_max_capacity(MAX_RESOURCES);
        let crons = Crons { run: job.run_id, grant: job.grants.crons, access: reach.crons };
        let models = std::mem::take(&mut job.grants.models);
        let chat = Chat::new(job.run_id, models, reach.models);
        let assistants = std::mem::take(&mut job.grants.assistants);
        let calls = Calls::new(job.run_id, assistants, reach.assistants);
        let grants = std::mem::take(&mut job.grants);
        let egress = match reach.network {
            Some(Way::Here(network)) => Egress::Here(Arc::new(Gate::new(
                grants.clone(),
                job.limits.http,
                secrets,
                network,
                refusals.clone(),
            ))),
            #[cfg(target_os = "linux")]
            Some(Way::Elsewhere(carrier)) => Egress::Elsewhere(carrier),
            None => Egress::Closed,
        };
        Ok(Self {
            wasi: wasi.build(),
            http: WasiHttpCtx::new(),
            egress,
            table,
            stdio: [stdout, stderr],
            limiter: MemoryLimiter::new(job.limits.memory),
            meter,
            limits: job.limits.clone(),
            logs,
            events,
            emitted: Emitted::default(),
            items: Items::new(grants, reach.items),
            crons,
            chat,
            calls,
            refusals,
            fire: fire::of(job),
            config: std::mem::take(&mut job.config),
            values: std::mem::take(&mut job.values),
            cancel,
            deadline: Instant::now().checked_add(job.limits.timeout),
            verdict: None,
        })
    }

    /// Puts the limits on the sandbox's store.
    pub(crate) fn bound(store: &mut Store<Self>) -> wasmtime::Result<()> {
        let limits = &store.data().limits;
        let fuel = limits.fuel;
        let passed = MAX_PASSED.max(limits.output.saturating_mul(2));
        store.limiter(|sandbox| &mut sandbox.limiter);
        store.set_hostcall_fuel(usize::try_from(passed).unwrap_or(usize::MAX));
        store.set_max_component_handles(MAX_HANDLES);
        store.call_hook_async(Toll);
        store.fuel_async_yield_interval(Some(YIELD_INTERVAL))?;
        store.set_fuel(fuel)
    }

    /// The time left before the host ends the run.
    pub(crate) fn remaining(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// Ends what goes on beside the guest, which has ended.
    pub(crate) fn close(&self) {
        self.egress.close();
    }

    /// The log of a run that has ended, and how many lines did not fit.
    pub(crate) fn take_logs(&self) -> (Vec<LogLine>, u64) {
        for stream in &self.stdio {
            stream.finish();
        }
        open(&self.logs).take()
    }
}

impl WasiView for Sandbox {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for Sandbox {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.egress, table: &mut self.table, ctx: &mut self.http }
    }
}
