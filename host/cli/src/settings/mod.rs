//! The settings of the program, read once: flag over environment over file over default.

mod compile;
mod crons;
mod environment;
mod file;
mod grants;
mod layer;
mod limits;
mod source;
mod toml_text;
mod value;
mod webhooks;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use wakeful::core::{CronGrant, Expiry, Ttl};
use wakeful::{Backoff, HostSettings, Models, Retention};
use wakeful_server::{ServerSettings, WithoutKeys};

pub(crate) use self::layer::Layer;
pub(crate) use self::source::Source;
pub(crate) use self::value::{Address, ClientKey, Url};

use self::compile::SourcedCompile;
use self::crons::SourcedCrons;
use self::grants::SourcedGrants;
use self::limits::SourcedLimits;
use self::source::{Layers, Sourced};
use self::value::{Bytes, MaybeRate, Span, ThreadExpiry};
use self::webhooks::SourcedWebhooks;
use crate::failure::Failure;
use crate::logging::LogFormat;

/// Where the example assistants lie in a checkout.
const EXAMPLES: &str = "example-assistants/dist";

/// Every setting, with where it came from.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) listen: Sourced<Address>,
    pub(crate) data: Sourced<PathBuf>,
    pub(crate) assistants: Sourced<PathBuf>,
    pub(crate) url: Sourced<Url>,
    /// What the client commands send.
    pub(crate) api_key: Sourced<Option<ClientKey>>,
    pub(crate) insecure_open: Sourced<bool>,
    /// `None` means the default of the command.
    pub(crate) log: Sourced<Option<String>>,
    pub(crate) log_format: Sourced<LogFormat>,
    concurrent_runs: Sourced<u32>,
    runners: Sourced<usize>,
    guest_threads: Sourced<usize>,
    shutdown_grace: Sourced<Span>,
    max_attempts: Sourced<u32>,
    retry_wait: Sourced<Span>,
    longest_retry_wait: Sourced<Span>,
    store_cache: Sourced<Bytes>,
    min_free_disk: Sourced<Bytes>,
    max_body: Sourced<Bytes>,
    key_rate: Sourced<MaybeRate>,
    peer_rate: Sourced<MaybeRate>,
    request_log: Sourced<bool>,
    limits: SourcedLimits,
    stateless_runs: Sourced<Span>,
    fires: Sourced<Span>,
    ended_crons: Sourced<Span>,
    /// `None` means that they stay for ever.
    threads: Sourced<Option<Span>>,
    threads_expiry: Sourced<ThreadExpiry>,
    deliveries: Sourced<Span>,
    crons: SourcedCrons,
    assistant_crons_max: Sourced<u32>,
    assistant_crons_min_interval: Sourced<Span>,
    compile: SourcedCompile,
    grants: SourcedGrants,
    models: Sourced<Models>,
    webhooks: SourcedWebhooks,
}

impl Settings {
    /// Reads every source. `file` is the settings file that a flag names.
    pub(crate) fn read(flags: Layer, file: Option<&Path>) -> Result<Self, Failure> {
        Self::read_with(flags, file, &|name| std::env::var_os(name))
    }

    fn read_with(
        flags: Layer,
        file: Option<&Path>,
        variable: &dyn Fn(&str) -> Option<OsString>,
    ) -> Result<Self, Failure> {
        let named = variable(environment::CONFIG).filter(|path| !path.is_empty());
        let named = named.map(PathBuf::from);
        let (file, path) = file::read(file.or(named.as_deref()))?;
        let mut environment = environment::read(variable)?;
        let langgraph = environment.api_key.is_none();
        if langgraph {
            environment.api_key = environment::langgraph_key(variable)?;
        }
        let mut settings = Self::resolve(&Layers { flags, environment, file, path });
        if langgraph && matches!(settings.api_key.source, Source::Environment(_)) {
            settings.api_key.source = Source::Environment(environment::LANGGRAPH_KEY.to_owned());
        }
        settings.validate()?;
        Ok(settings)
    }

    fn resolve(layers: &Layers) -> Self {
        let host = HostSettings::new("wakeful-data", default_assistants());
        let retention = Retention::default();
        let listen = Address(std::net::SocketAddr::from(([127, 0, 0, 1], 8123)));
        let listen = layers.pick("listen", |l| l.listen, listen);
        // A client in the same folder finds the server that the same settings start.
        let url = listen.value.url();
        Self {
            url: layers.pick("url", |l| l.url.clone(), url),
            api_key: layers.pick("api_key", |l| l.api_key.clone().map(Some), None),
            data: layers.pick("data", |l| l.data.clone(), host.data),
            assistants: layers.pick("assistants", |l| l.assistants.clone(), host.assistants),
            insecure_open: layers.pick("insecure_open", |l| l.insecure_open, false),
            log: layers.pick("log", |l| l.log.clone().map(Some), None),
            log_format: layers.pick("log_format", |l| l.log_format, LogFormat::Text),
            concurrent_runs: layers.pick(
                "concurrent_runs",
                |l| l.concurrent_runs,
                host.concurrent_runs,
            ),
            runners: layers.pick("runners", |l| l.runners, usual_runners()),
            guest_threads: layers.pick("guest_threads", |l| l.guest_threads, host.guest_threads),
            shutdown_grace: layers.pick(
                "shutdown_grace",
                |l| l.shutdown_grace,
                Span(host.shutdown_grace),
            ),
            max_attempts: layers.pick("max_attempts", |l| l.max_attempts, host.max_attempts),
            retry_wait: layers.pick("retry_wait", |l| l.retry_wait, Span(host.backoff.first)),
            longest_retry_wait: layers.pick(
                "longest_retry_wait",
                |l| l.longest_retry_wait,
                Span(host.backoff.longest),
            ),
            store_cache: layers.pick("store_cache", |l| l.store_cache, Bytes(host.store_cache)),
            min_free_disk: layers.pick(
                "min_free_disk",
                |l| l.min_free_disk,
                Bytes(host.min_free_disk),
            ),
            max_body: layers.pick(
                "max_body",
                |l| l.max_body,
                Bytes(ServerSettings::default().max_body),
            ),
            key_rate: layers.pick("key_rate", |l| l.key_rate, MaybeRate(None)),
            peer_rate: layers.pick("peer_rate", |l| l.peer_rate, MaybeRate(None)),
            request_log: layers.pick("request_log", |l| l.request_log, false),
            limits: SourcedLimits::resolve(layers, &host.limits),
            stateless_runs: layers.pick(
                "stateless_runs",
                |l| l.retention.stateless_runs,
                Span(retention.stateless_runs),
            ),
            fires: layers.pick("fires", |l| l.retention.fires, Span(retention.fires)),
            ended_crons: layers.pick("crons", |l| l.retention.crons, Span(retention.crons)),
            threads: layers.pick("threads", |l| l.retention.threads.map(Some), None),
            threads_expiry: layers.pick(
                "threads_expiry",
                |l| l.retention.threads_expiry,
                ThreadExpiry(Expiry::default()),
            ),
            deliveries: layers.pick(
                "deliveries",
                |l| l.retention.deliveries,
                Span(retention.deliveries),
            ),
            crons: SourcedCrons::resolve(layers, host.crons),
            assistant_crons_max: layers.pick(
                "max",
                |l| l.assistant_crons.max,
                host.assistant_crons.max,
            ),
            assistant_crons_min_interval: layers.pick(
                "min_interval",
                |l| l.assistant_crons.min_interval,
                Span(host.assistant_crons.min_interval),
            ),
            compile: SourcedCompile::resolve(layers),
            grants: SourcedGrants::resolve(layers),
            models: layers.pick("models", |l| l.models.clone(), Models::default()),
            webhooks: SourcedWebhooks::resolve(layers),
            listen,
        }
    }

    fn validate(&self) -> Result<(), Failure> {
        if self.runners.value > MOST_RUNNERS {
            return Err(Failure::Usage(format!(
                "{}: `runners` must be at most {MOST_RUNNERS}",
                self.runners.source
            )));
        }
        for (key, number) in
            [("concurrent_runs", &self.concurrent_runs), ("max_attempts", &self.max_attempts)]
        {
            if number.value == 0 {
                return Err(Failure::Usage(format!(
                    "{}: `{key}` must be at least 1",
                    number.source
                )));
            }
        }
        if self.threads.value.is_some_and(|Span(after)| after.is_zero()) {
            return Err(Failure::Usage(format!(
                "{}: `retention.threads` must be longer than nothing; leave it out to keep threads for ever",
                self.threads.source
            )));
        }
        let problem = self.webhooks.problem().or_else(|| self.crons.problem());
        match problem.or_else(|| self.compile.problem()) {
            Some((source, problem)) => Err(Failure::Usage(format!("{source}: {problem}"))),
            None => Ok(()),
        }
    }

    /// What the host is told.
    pub(crate) fn host(&self) -> HostSettings {
        let mut host = HostSettings::new(self.data.value.clone(), self.assistants.value.clone());
        host.compiler = self.compile.compiler();
        host.concurrent_runs = self.concurrent_runs.value;
        host.guest_threads = self.guest_threads.value;
        host.shutdown_grace = self.shutdown_grace.value.0;
        host.max_attempts = self.max_attempts.value;
        host.backoff =
            Backoff { first: self.retry_wait.value.0, longest: self.longest_retry_wait.value.0 };
        host.store_cache = self.store_cache.value.0;
        host.min_free_disk = self.min_free_disk.value.0;
        host.limits = self.limits.values();
        let expiry = self.threads_expiry.value.0;
        host.retention = Retention {
            stateless_runs: self.stateless_runs.value.0,
            fires: self.fires.value.0,
            threads: self.threads.value.map(|Span(after)| Ttl { after, expiry }),
            crons: self.ended_crons.value.0,
            deliveries: self.deliveries.value.0,
        };
        host.crons = self.crons.values();
        host.assistant_crons = CronGrant {
            max: self.assistant_crons_max.value,
            min_interval: self.assistant_crons_min_interval.value.0,
        };
        host.grants = self.grants.bounds();
        host.models = self.models.value.clone();
        host.webhooks = self.webhooks.reach();
        host
    }

    /// What a host is told that serves others: its guests run in processes of their own.
    pub(crate) fn serving_host(&self) -> HostSettings {
        let mut host = self.host();
        #[cfg(target_os = "linux")]
        {
            host.runners = crate::commands::runner::in_children(self.runners.value);
        }
        host
    }

    /// What the server is told.
    pub(crate) fn server(&self) -> ServerSettings {
        ServerSettings {
            max_body: self.max_body.value.0,
            without_keys: match (self.insecure_open.value, self.is_exposed()) {
                (true, _) => WithoutKeys::Anyone,
                (false, true) => WithoutKeys::Nobody,
                (false, false) => WithoutKeys::Local,
            },
            key_rate: self.key_rate.value.0,
            peer_rate: self.peer_rate.value.0,
            request_log: self.request_log.value,
            webhooks: self.webhooks.sending(),
            ..ServerSettings::default()
        }
    }

    /// Whether other machines may be able to reach the server.
    pub(crate) fn is_exposed(&self) -> bool {
        !self.listen.value.0.ip().to_canonical().is_loopback()
    }

    /// The settings as a file that would give the same, with where each came from.
    pub(crate) fn to_toml(&self) -> String {
        toml_text::write(self)
    }
}

/// Processes that anybody could want for guests.
const MOST_RUNNERS: usize = 512;

/// One process for each core, where they can be confined.
fn usual_runners() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    if cfg!(target_os = "linux") { cores.min(MOST_RUNNERS) } else { 0 }
}

/// A checkout has assistants to try before anybody has written one.
fn default_assistants() -> PathBuf {
    let own = Path::new("assistants");
    let examples = Path::new(EXAMPLES);
    if !own.exists() && examples.exists() { examples.into() } else { own.into() }
}

#[cfg(test)]
mod tests;
