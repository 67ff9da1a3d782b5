//! Outgoing HTTP: what a guest may send, where it goes, and what comes back.
//!
//! A guest follows redirects itself, so each hop is a request of its own and passes all of this.

mod answer;
mod body;
mod connect;
mod exchange;
mod gate;
mod problem;
mod redact;
mod secrets;

use std::sync::Arc;

use wasmtime_wasi_http::{Error, RequestOptions, Result, WasiBody, WasiHttpHooks};

pub use connect::Network;
pub(crate) use gate::Gate;
pub(crate) use secrets::Secrets;

/// What drives a connection while its answer is read.
type Io = Box<dyn Future<Output = Result<(), Error>> + Send>;

/// An answer, with what drives its connection.
type Answered = (http::Response<WasiBody>, Io);

/// Where outgoing HTTP requests pass.
pub(crate) struct Egress(Option<Arc<Gate>>);

impl Egress {
    pub(crate) fn new(gate: Gate) -> Self {
        Self(Some(Arc::new(gate)))
    }

    /// A way that is closed.
    pub(crate) fn none() -> Self {
        Self(None)
    }
}

impl WasiHttpHooks for Egress {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _sent: Io,
    ) -> Box<dyn Future<Output = Result<Answered>> + Send> {
        let Some(gate) = self.0.clone() else {
            return Box::new(async { Err(Error::HttpRequestDenied) });
        };
        // Decided here and now, so that a refusal is in the log even if nobody waits for it.
        let admitted = gate.admit(request);
        let options = options.unwrap_or_default();
        Box::new(async move { exchange::exchange(&gate, admitted?, options).await })
    }
}
