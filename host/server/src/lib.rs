//! The LangGraph Agent Server API over a [`wakeful::Host`].
//!
//! Use it to put a host behind HTTP: [`serve`] answers a listener until it is told to stop,
//! [`router`] gives you the routes alone, to nest or to test. Do not use it to embed a host in a
//! program; every operation here is a method of [`wakeful::Host`] there.
//!
//! Invariants: a request that changes something is carried out whole, even when its client goes
//! away in the middle; whatever a client sends is answered with a 4xx, never with a 5xx or a
//! panic; every error is `{"detail": "…"}`; status and headers are decided before the first byte
//! of a body, also where the body has to wait for a run; once there is an API key, nothing but the
//! routes that tell whether the server is well is answered to callers without one.

mod a2a;
mod access;
mod app;
mod caller;
mod connection;
mod described;
mod docs;
mod error;
mod extract;
mod mcp;
mod metrics;
mod middleware;
mod observed;
mod once;
mod openapi;
mod protocol;
mod router;
mod routes;
mod rpc;
mod scopes;
mod serve;
mod stream;
mod throttle;
mod waiting;
mod webhooks;
mod whole;
mod wire;

pub use access::WithoutKeys;
pub use router::router;
pub use serve::{ServerSettings, serve};
pub use webhooks::{InvalidSecret, SendingSettings, WebhookSecret, send_webhooks};
