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

pub use connect::{ConnectError, Network, Stream};
pub(crate) use gate::Gate;
pub use redact::{Redactor, Stream as RedactedStream};
pub(crate) use secrets::Secrets;

/// What drives a connection while its answer is read.
pub(crate) type Io = Box<dyn Future<Output = Result<(), Error>> + Send>;

/// An answer, with what drives its connection.
pub(crate) type Answered = (http::Response<WasiBody>, Io);

/// The future of an answer.
pub(crate) type Answering = Box<dyn Future<Output = Result<Answered>> + Send>;

/// Where outgoing HTTP requests pass.
pub(crate) enum Egress {
    /// Nowhere.
    Closed,
    /// Through a gate in this process.
    Here(Arc<Gate>),
    /// By way of another process.
    #[cfg(target_os = "linux")]
    Elsewhere(Arc<dyn Carrier>),
}

/// Takes requests to where there is a gate.
#[cfg(target_os = "linux")]
pub(crate) trait Carrier: Send + Sync + 'static {
    /// Sends a request, and waits for the head of the answer.
    fn carry(&self, request: http::Request<WasiBody>, options: RequestOptions) -> Answering;

    /// Sends nothing more, because the run is over.
    fn close(&self);
}

/// Sends a request through a gate. It is decided on here and now, so that a refusal is in the log
/// even if nobody waits for it.
pub(crate) fn send(
    gate: Arc<Gate>,
    request: http::Request<WasiBody>,
    options: RequestOptions,
) -> Answering {
    let admitted = gate.admit(request);
    Box::new(async move { exchange::exchange(&gate, admitted?, options).await })
}

impl Egress {
    /// Sends nothing more, because the run is over: what ends first would make room for what waits.
    pub(crate) fn close(&self) {
        match self {
            Self::Closed => {}
            Self::Here(gate) => gate.close(),
            #[cfg(target_os = "linux")]
            Self::Elsewhere(carrier) => carrier.close(),
        }
    }
}

impl WasiHttpHooks for Egress {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _sent: Io,
    ) -> Answering {
        let options = options.unwrap_or_default();
        match self {
            Self::Closed => Box::new(async { Err(Error::HttpRequestDenied) }),
            Self::Here(gate) => send(Arc::clone(gate), request, options),
            #[cfg(target_os = "linux")]
            Self::Elsewhere(carrier) => carrier.carry(request, options),
        }
    }
}
