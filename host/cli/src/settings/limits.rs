//! The limits of every run.

use wakeful::core::{HttpLimits, Limits};

use super::source::{Layers, Sourced};
use super::value::{Bytes, Span};

/// The limits of every run, with where each came from; an assistant's own file may set narrower
/// ones.
#[derive(Debug, Clone)]
pub(super) struct SourcedLimits {
    pub(super) fuel: Sourced<u64>,
    pub(super) memory: Sourced<Bytes>,
    pub(super) timeout: Sourced<Span>,
    pub(super) output: Sourced<Bytes>,
    pub(super) logs: Sourced<Bytes>,
    pub(super) events: Sourced<u32>,
    pub(super) disk: Sourced<Bytes>,
    pub(super) files: Sourced<u32>,
    pub(super) http: SourcedHttpLimits,
    pub(super) tokens: Sourced<u64>,
    pub(super) tokens_per_day: Sourced<Option<u64>>,
}

/// Those of HTTP.
#[derive(Debug, Clone)]
pub(super) struct SourcedHttpLimits {
    pub(super) requests: Sourced<u32>,
    pub(super) at_once: Sourced<u32>,
    pub(super) connect: Sourced<Span>,
    pub(super) first_byte: Sourced<Span>,
    pub(super) total: Sourced<Span>,
    pub(super) request: Sourced<Bytes>,
    pub(super) response: Sourced<Bytes>,
}

impl SourcedLimits {
    pub(super) fn resolve(layers: &Layers, default: &Limits) -> Self {
        Self {
            fuel: layers.pick("fuel", |l| l.limits.fuel, default.fuel),
            memory: layers.pick("memory", |l| l.limits.memory.map(Bytes), Bytes(default.memory)),
            timeout: layers.pick("timeout", |l| l.limits.timeout.map(Span), Span(default.timeout)),
            output: layers.pick("output", |l| l.limits.output.map(Bytes), Bytes(default.output)),
            logs: layers.pick("logs", |l| l.limits.logs.map(Bytes), Bytes(default.logs)),
            events: layers.pick("events", |l| l.limits.events, default.events),
            disk: layers.pick("disk", |l| l.limits.disk.map(Bytes), Bytes(default.disk)),
            files: layers.pick("files", |l| l.limits.files, default.files),
            http: SourcedHttpLimits::resolve(layers, default.http),
            tokens: layers.pick("tokens", |l| l.limits.tokens, default.tokens),
            tokens_per_day: layers.pick(
                "tokens_per_day",
                |l| l.limits.tokens_per_day.map(Some),
                default.tokens_per_day,
            ),
        }
    }

    pub(super) fn values(&self) -> Limits {
        Limits {
            fuel: self.fuel.value,
            memory: self.memory.value.0,
            timeout: self.timeout.value.0,
            output: self.output.value.0,
            logs: self.logs.value.0,
            events: self.events.value,
            disk: self.disk.value.0,
            files: self.files.value,
            http: self.http.values(),
            tokens: self.tokens.value,
            tokens_per_day: self.tokens_per_day.value,
        }
    }
}

impl SourcedHttpLimits {
    fn resolve(layers: &Layers, default: HttpLimits) -> Self {
        let span = |key, get: fn(&wakeful::HttpLimitSettings) -> Option<_>, default| {
            layers.pick(key, |l| get(&l.limits.http).map(Span), Span(default))
        };
        let bytes = |key, get: fn(&wakeful::HttpLimitSettings) -> Option<_>, default| {
            layers.pick(key, |l| get(&l.limits.http).map(Bytes), Bytes(default))
        };
        Self {
            requests: layers.pick("requests", |l| l.limits.http.requests, default.requests),
            at_once: layers.pick("at_once", |l| l.limits.http.at_once, default.at_once),
            connect: span("connect", |http| http.connect, default.connect),
            first_byte: span("first_byte", |http| http.first_byte, default.first_byte),
            total: span("total", |http| http.total, default.total),
            request: bytes("request", |http| http.request, default.request),
            response: bytes("response", |http| http.response, default.response),
        }
    }

    fn values(&self) -> HttpLimits {
        HttpLimits {
            requests: self.requests.value,
            at_once: self.at_once.value,
            connect: self.connect.value.0,
            first_byte: self.first_byte.value.0,
            total: self.total.value.0,
            request: self.request.value.0,
            response: self.response.value.0,
        }
    }
}
