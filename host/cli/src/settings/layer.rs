use std::path::PathBuf;

use clap::Args;
use serde::Deserialize;
use wakeful::{LimitSettings, Models};

use super::compile::CompileLayer;
use super::crons::CronLayer;
use super::grants::GrantLayer;
use super::value::{Address, Bytes, ClientKey, MaybeRate, Span, ThreadExpiry, Url};
use super::webhooks::WebhookLayer;
use crate::logging::LogFormat;

/// What one source says about the settings. What is absent is left to the sources below it.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Layer {
    /// Listen on this address; port 0 takes a free one [default: 127.0.0.1:8123]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<Address>,

    /// Keep everything durable in this folder [default: ./wakeful-data]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,

    /// Load components from this folder [default: ./assistants, or ./example-assistants/dist where
    /// there is only that]
    #[arg(long, value_name = "DIR")]
    pub(crate) assistants: Option<PathBuf>,

    /// Listen without any API key on an address that others can reach: anyone who can reach the port
    /// can run and read everything
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_missing_value = "true")]
    pub(crate) insecure_open: Option<bool>,

    /// Have at most this many runs in progress at once [default: 64]
    #[arg(long, value_name = "N")]
    pub(crate) concurrent_runs: Option<u32>,

    /// Run guests in this many processes of their own, which have no keys, no store and no network; 0
    /// runs them in the server's own process [default: one per core on Linux, 0 elsewhere]
    #[arg(long, value_name = "N")]
    pub(crate) runners: Option<usize>,

    /// Run guests on this many threads in all; 0 means one per core [default: 0]
    #[arg(long, value_name = "N")]
    pub(crate) guest_threads: Option<usize>,

    /// Let runs go on for this long after a signal to stop [default: 10s]
    #[arg(long, value_name = "TIME")]
    pub(crate) shutdown_grace: Option<Span>,

    /// Begin a run at most this often when the server stops in the middle of it, or when it fails
    /// in a way that may pass [default: 3]
    #[arg(long, value_name = "N")]
    pub(crate) max_attempts: Option<u32>,

    /// Wait this long after the first failure that may pass, and twice as long after each further
    /// one [default: 1s]
    #[arg(long, value_name = "TIME")]
    pub(crate) retry_wait: Option<Span>,

    /// Wait at most this long between two attempts, unless the assistant asks for more
    /// [default: 1m]
    #[arg(long, value_name = "TIME")]
    pub(crate) longest_retry_wait: Option<Span>,

    /// Cache so much of the store, as it is on the disk; in memory it takes about four times as much [default: 16 MiB]
    #[arg(long, value_name = "SIZE")]
    pub(crate) store_cache: Option<Bytes>,

    /// Write nothing more when the disk has less than this free [default: 256 MiB]
    #[arg(long, value_name = "SIZE")]
    pub(crate) min_free_disk: Option<Bytes>,

    /// Refuse request bodies that are larger than this [default: 64 MiB]
    #[arg(long, value_name = "SIZE")]
    pub(crate) max_body: Option<Bytes>,

    /// Let the holder of each API key call this often per second, or with a most at once as in
    /// 50:200, unless its key says otherwise [default: off]
    #[arg(long, value_name = "RATE")]
    pub(crate) key_rate: Option<MaybeRate>,

    /// Let each address call this often per second while there is no API key, or with a most at
    /// once as in 50:200 [default: off]
    #[arg(long, value_name = "RATE")]
    pub(crate) peer_rate: Option<MaybeRate>,

    /// Log each request: its id, method, route, status, time and key id
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_missing_value = "true")]
    pub(crate) request_log: Option<bool>,

    // The options of every command; see `arguments::Global`.
    #[arg(skip)]
    pub(crate) url: Option<Url>,
    #[arg(skip)]
    pub(crate) api_key: Option<ClientKey>,
    #[arg(skip)]
    pub(crate) log: Option<String>,
    #[arg(skip)]
    pub(crate) log_format: Option<LogFormat>,

    // Only in the settings file.
    #[arg(skip)]
    #[serde(default)]
    pub(crate) limits: LimitSettings,
    #[arg(skip)]
    #[serde(default)]
    pub(crate) retention: RetentionLayer,
    #[arg(skip)]
    #[serde(default)]
    pub(crate) assistant_crons: AssistantCronsLayer,
    #[arg(skip)]
    #[serde(default)]
    pub(crate) compile: CompileLayer,
    #[arg(skip)]
    #[serde(default)]
    pub(crate) grants: GrantLayer,
    #[arg(skip)]
    pub(crate) models: Option<Models>,
    // The environment has these as well.
    #[arg(skip)]
    #[serde(default)]
    pub(crate) crons: CronLayer,
    #[arg(skip)]
    #[serde(default)]
    pub(crate) webhooks: WebhookLayer,
}

/// How long records are kept that nothing needs any more.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RetentionLayer {
    /// Records of runs whose thread is gone, after their end.
    pub(crate) stateless_runs: Option<Span>,
    /// Fire records.
    pub(crate) fires: Option<Span>,
    /// Crons that have ended.
    pub(crate) crons: Option<Span>,
    /// Threads without a time to live of their own, after their last use.
    pub(crate) threads: Option<Span>,
    /// What happens to those threads then.
    pub(crate) threads_expiry: Option<ThreadExpiry>,
    /// Deliveries of webhooks that were made or given up.
    pub(crate) deliveries: Option<Span>,
}

/// The most that an assistant's own file may grant it of crons for itself.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AssistantCronsLayer {
    /// How many there may be at once on one thread.
    pub(crate) max: Option<u32>,
    /// The least time between two instants of one of them.
    pub(crate) min_interval: Option<Span>,
}
