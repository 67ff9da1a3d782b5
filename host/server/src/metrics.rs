//! What `/metrics` tells, for machines that watch over the server.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use wakeful::{Histogram, Metrics};

use crate::observed::{Counts, Observed, Times};

/// The type of [`Snapshot::text`].
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Everything that is counted, at one instant.
#[derive(Debug)]
pub(crate) struct Snapshot {
    host: Metrics,
    counts: Counts,
    times: Times,
    streams: i64,
    memory: Option<u64>,
}

impl Snapshot {
    pub(crate) fn new(host: Metrics, observed: &Observed) -> Self {
        let (counts, times) = observed.requests();
        Self { host, counts, times, streams: observed.streams(), memory: resident_memory() }
    }

    /// As OpenMetrics text.
    pub(crate) fn text(self) -> Result<String, fmt::Error> {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self));
        let mut page = String::new();
        text::encode(&mut page, &registry)?;
        Ok(page)
    }

    /// As LangGraph's server shows it.
    pub(crate) fn json(&self) -> Value {
        let (store, running, slots) = (&self.host.store, self.host.running, self.host.slots);
        let seconds = |wait: Option<std::time::Duration>| wait.map(|wait| wait.as_secs_f64());
        let requests = self.counts.iter().map(|((method, path, status), count)| {
            json!({"method": method, "path": path, "status": status, "count": count})
        });
        json!({
            "queue": {
                "n_pending": store.pending,
                "n_running": running,
                "pending_runs_wait_time_max_secs": seconds(store.longest_wait),
                "pending_runs_wait_time_med_secs": seconds(store.median_wait),
                "pending_unblocked_runs_wait_time_max_secs": seconds(store.longest_unblocked_wait),
            },
            "workers": {
                "max": slots,
                "active": running,
                "available": slots.saturating_sub(running),
            },
            "api": { "http_requests_total": requests.collect::<Vec<_>>() },
        })
    }
}

impl Collector for Snapshot {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut page = Page(encoder);
        self.http(&mut page)?;
        self.runs(&mut page)?;
        self.fires(&mut page)?;
        self.runners(&mut page)?;
        self.process(&mut page)
    }
}

impl Snapshot {
    fn http(&self, page: &mut Page<'_>) -> fmt::Result {
        let requests = self.counts.iter().map(|((method, path, status), count)| {
            let labels = [
                ("method", (*method).to_owned()),
                ("path", path.clone()),
                ("status", status.to_string()),
            ];
            (labels, *count)
        });
        page.counters("wakeful_http_requests", "Answered requests, by path template", requests)?;
        let times = self.times.iter().map(|((method, path), histogram)| {
            ([("method", (*method).to_owned()), ("path", path.clone())], histogram)
        });
        let help = "From the head of a request to the head of its answer";
        page.histograms("wakeful_http_request_duration_seconds", help, times)?;
        page.gauge("wakeful_http_streams", "Open streams", self.streams as f64)
    }

    fn runs(&self, page: &mut Page<'_>) -> fmt::Result {
        let (runs, store) = (&self.host.runs, &self.host.store);
        let ended = runs.ended.iter().map(|(outcome, count)| ([("outcome", *outcome)], *count));
        page.counters("wakeful_runs", "Runs that ended here after they had begun", ended)?;
        page.histogram("wakeful_run_duration_seconds", "How long guests ran", &runs.duration)?;
        page.counter("wakeful_run_fuel", "Fuel that guests used", runs.fuel)?;
        let tokens = [("input", runs.tokens.input), ("output", runs.tokens.output)];
        let tokens = tokens.into_iter().map(|(way, count)| ([("direction", way)], count));
        let help = "Tokens of language models that runs used";
        page.counters("wakeful_run_tokens", help, tokens)?;
        let help = "Calls of language models that were paid for";
        page.counter("wakeful_run_model_calls", help, runs.tokens.calls)?;
        page.gauge("wakeful_runs_running", "Runs in progress", self.host.running as f64)?;
        page.gauge("wakeful_runs_slots", "Runs that may be in progress", self.host.slots as f64)?;
        page.gauge("wakeful_runs_pending", "Runs in the queue", store.pending as f64)?;
        let wait = store.longest_wait.unwrap_or_default().as_secs_f64();
        page.gauge("wakeful_runs_longest_wait_seconds", "The longest wait in the queue", wait)
    }

    fn fires(&self, page: &mut Page<'_>) -> fmt::Result {
        let fires = &self.host.fires;
        page.counter("wakeful_fires_started", "Due instants that started a run", fires.started)?;
        let skipped = fires.skipped.iter().map(|(reason, count)| ([("reason", *reason)], *count));
        page.counters("wakeful_fires_skipped", "Due instants that started none", skipped)?;
        let help = "Due instants that had passed and are part of a later fire";
        page.counter("wakeful_fires_coalesced", help, fires.coalesced)?;
        let help = "From a due instant to its fire";
        page.histogram("wakeful_fire_lateness_seconds", help, &fires.lateness)
    }

    fn runners(&self, page: &mut Page<'_>) -> fmt::Result {
        let Some(runners) = &self.host.runners else { return Ok(()) };
        let help = "Processes that there should be for guests to run in";
        page.gauge("wakeful_runners", help, runners.wanted as f64)?;
        let help = "Processes that guests can run in";
        page.gauge("wakeful_runners_alive", help, runners.alive as f64)?;
        let help = "Processes that were replaced because they ended or had to go";
        page.counter("wakeful_runners_replaced", help, runners.replaced)
    }

    fn process(&self, page: &mut Page<'_>) -> fmt::Result {
        let store = &self.host.store;
        page.counter("wakeful_store_syncs", "How often writes were made durable", store.syncs)?;
        let help = "How long it took to make writes durable";
        page.counter("wakeful_store_sync_seconds", help, store.sync_time.as_secs_f64())?;
        let uptime = self.host.uptime.as_secs_f64();
        page.gauge("wakeful_uptime_seconds", "How long the host has been up", uptime)?;
        if let Some(memory) = self.memory {
            let help = "Resident memory of the process";
            page.gauge("process_resident_memory_bytes", help, memory as f64)?;
        }
        let mut info =
            page.0.encode_descriptor("wakeful", "The program", None, MetricType::Info)?;
        info.encode_info(&[("version", env!("CARGO_PKG_VERSION"))])
    }
}

/// A page of metrics.
struct Page<'a>(DescriptorEncoder<'a>);

impl Page<'_> {
    fn start(
        &mut self,
        name: &'static str,
        help: &str,
        kind: MetricType,
    ) -> Result<MetricEncoder<'_>, fmt::Error> {
        self.0.encode_descriptor(name, help, None, kind)
    }

    fn counter(
        &mut self,
        name: &'static str,
        help: &str,
        count: impl prometheus_client::encoding::EncodeCounterValue,
    ) -> fmt::Result {
        let mut encoder = self.start(name, help, MetricType::Counter)?;
        encoder.encode_counter::<NoLabelSet, _, u64>(&count, None)
    }

    fn counters<V: AsRef<str>, const N: usize>(
        &mut self,
        name: &'static str,
        help: &str,
        rows: impl Iterator<Item = ([(&'static str, V); N], u64)>,
    ) -> fmt::Result {
        let mut encoder = self.start(name, help, MetricType::Counter)?;
        for (labels, count) in rows {
            let labels = labels.each_ref().map(|(key, value)| (*key, value.as_ref()));
            let mut family = encoder.encode_family(&labels)?;
            family.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
        }
        Ok(())
    }

    fn gauge(&mut self, name: &'static str, help: &str, value: f64) -> fmt::Result {
        self.start(name, help, MetricType::Gauge)?.encode_gauge(&value)
    }

    fn histogram(&mut self, name: &'static str, help: &str, found: &Histogram) -> fmt::Result {
        let mut encoder = self.start(name, help, MetricType::Histogram)?;
        encoder.encode_histogram::<NoLabelSet>(found.sum, found.count, &found.buckets(), None)
    }

    fn histograms<'h, const N: usize>(
        &mut self,
        name: &'static str,
        help: &str,
        rows: impl Iterator<Item = ([(&'static str, String); N], &'h Histogram)>,
    ) -> fmt::Result {
        let mut encoder = self.start(name, help, MetricType::Histogram)?;
        for (labels, found) in rows {
            let mut family = encoder.encode_family(&labels)?;
            family.encode_histogram::<NoLabelSet>(
                found.sum,
                found.count,
                &found.buckets(),
                None,
            )?;
        }
        Ok(())
    }
}

/// The resident memory of this process, where the system tells it.
fn resident_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib << 10)
}
