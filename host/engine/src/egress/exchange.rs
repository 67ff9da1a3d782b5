use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::client::conn::http1;
use tokio::time::{Instant, timeout, timeout_at};
use wasmtime_wasi_http::io::TokioIo;
use wasmtime_wasi_http::{Error, RequestOptions, Result};

use super::answer::{self, ResponseBody};
use super::body::RequestBody;
use super::connect::connect;
use super::gate::{Admitted, Gate};
use super::{Answered, Io, problem};

/// Bytes of the headers of an answer.
const MOST_HEADERS: usize = 64 << 10;

/// Sends a request that may be sent, on a connection of its own, and waits for the head of the
/// answer.
pub(super) async fn exchange(
    gate: &Arc<Gate>,
    admitted: Admitted,
    options: RequestOptions,
) -> Result<Answered> {
    let Admitted { request, target } = admitted;
    let limits = gate.limits;
    let within = |wish: Option<Duration>, limit: Duration| wish.map_or(limit, |it| it.min(limit));
    // Closed with the gate, at the end of the run.
    let turn = Arc::clone(&gate.at_once).acquire_owned().await;
    let turn = turn.map_err(|_| Error::InternalError(None))?;
    let deadline = Instant::now().checked_add(limits.total).ok_or(Error::ConfigurationError)?;
    let connecting = within(options.connect_timeout, limits.connect);
    let stream = timeout(connecting, connect(gate, &target)).await;
    let stream = stream.map_err(|_| Error::ConnectionTimeout)??;
    let handshake = http1::Builder::new()
        .max_buf_size(MOST_HEADERS)
        .handshake::<_, RequestBody>(TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.map_err(|error| problem::of_hyper(&error))?;
    let mut connection = Box::pin(connection);

    let request = without_authority(request)?.map(|body| RequestBody::new(body, Arc::clone(gate)));
    let waiting = within(options.first_byte_timeout, limits.first_byte);
    let answered = {
        let mut send = pin!(sender.send_request(request));
        // The connection moves only while somebody polls it.
        let both = async {
            tokio::select! {
                biased;
                answer = &mut send => return answer,
                ended = &mut connection => ended?,
            }
            send.await
        };
        let until = Instant::now().checked_add(waiting).map_or(deadline, |it| it.min(deadline));
        timeout_at(until, both).await
    };
    let response = answered
        .map_err(|_| Error::ConnectionReadTimeout)?
        .map_err(|error| sent_wrong(&error).unwrap_or_else(|| problem::of_hyper(&error)))?;
    let (mut head, body) = response.into_parts();
    answer::check(gate, &head.headers, target.is_secret)?;
    gate.secrets.redactor.headers(&mut head.headers);
    let pause = within(options.between_bytes_timeout, limits.first_byte);
    let body = ResponseBody::new(body, Arc::clone(gate), pause, deadline);
    let io: Io = Box::new(async move {
        // A guest that leaves the body unread holds its turn no longer than that. How it ended the
        // body tells; told here as well, guests could fill the host's own log with it.
        let _ = timeout_at(deadline, connection).await;
        drop((sender, turn));
        Ok(())
    });
    Ok((http::Response::from_parts(head, body.boxed_unsync()), io))
}

/// What the body of a request itself complained of.
fn sent_wrong(error: &hyper::Error) -> Option<Error> {
    let cause = std::error::Error::source(error)?.downcast_ref::<Error>()?;
    Some(match cause {
        Error::HttpRequestBodySize(size) => Error::HttpRequestBodySize(*size),
        Error::HttpRequestDenied => Error::HttpRequestDenied,
        _ => return None,
    })
}

/// A request for a server and not for a proxy: with the path alone.
fn without_authority<B>(mut request: http::Request<B>) -> Result<http::Request<B>> {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    *request.uri_mut() = path.parse().map_err(|_| Error::HttpRequestUriInvalid)?;
    Ok(request)
}
