use wasmtime_wasi_http::{Error, RequestOptions, Result, WasiBody, WasiHttpHooks};

type Io = Box<dyn Future<Output = Result<(), Error>> + Send>;
type Sending = Box<dyn Future<Output = Result<(http::Response<WasiBody>, Io)>> + Send>;

/// Where outgoing HTTP requests pass: no guest has been granted any.
pub(crate) struct Egress;

impl WasiHttpHooks for Egress {
    fn send_request(
        &mut self,
        _request: http::Request<WasiBody>,
        _options: Option<RequestOptions>,
        _sent: Io,
    ) -> Sending {
        Box::new(async { Err(Error::HttpRequestDenied) })
    }
}
