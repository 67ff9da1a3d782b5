use std::net::SocketAddr;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use wakeful_core::WebUrl;
use wakeful_core::address::special;
use wasmtime_wasi_http::{Error, Result};

use super::gate::{Gate, Target};
use super::problem;
use crate::{EngineError, Lookup};

/// How many addresses of a host are tried.
const MOST_TRIED: usize = 4;

/// How the requests of guests reach the world.
#[derive(Clone)]
pub struct Network {
    lookup: Lookup,
    tls: Arc<ClientConfig>,
}

impl Network {
    /// Finds hosts by this lookup, and trusts these authorities beside those that browsers trust.
    ///
    /// # Errors
    ///
    /// If one of them is no certificate.
    pub fn new(lookup: Lookup, authorities: Vec<CertificateDer<'_>>) -> Result<Self, EngineError> {
        let failed =
            |error: rustls::Error| EngineError::Certificates { message: error.to_string() };
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.into() };
        for authority in authorities {
            roots.add(authority).map_err(failed)?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(failed)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { lookup, tls: Arc::new(tls) })
    }
}

/// A connection, with or without TLS.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Stream for T {}

/// Connects to the host of a request: to an address that was looked at, and no other.
pub(super) async fn connect(gate: &Gate, target: &Target) -> Result<Box<dyn Stream>> {
    let url = &target.url;
    let tcp = reach(addresses(gate, target).await?).await?;
    // What is sent is sent at once: requests are small, and somebody waits.
    let _ = tcp.set_nodelay(true);
    if !url.is_secure() {
        return Ok(Box::new(tcp));
    }
    let connector = TlsConnector::from(Arc::clone(&gate.network.tls));
    let stream = connector.connect(server_name(url)?, tcp).await;
    Ok(Box::new(stream.map_err(|error| problem::of_tls(&error))?))
}

/// The addresses of the request's host, all of which it may be sent to. One that it may not be
/// sent to is enough to refuse it, as no host of the public internet has such a one.
async fn addresses(gate: &Gate, target: &Target) -> Result<Vec<SocketAddr>> {
    let url = &target.url;
    let found = gate.network.lookup.addresses(url.host(), url.port()).await;
    let found = found.ok().filter(|found| !found.is_empty()).ok_or(Error::DnsError {
        rcode: Some("the host was not found".to_owned()),
        info_code: None,
    })?;
    let private = found.iter().find_map(|address| special(address.ip()));
    match private {
        Some(kind) if !target.permitted.private => {
            let method = target.method.as_str();
            Err(gate.refuse(&gate.grants.refuse_address(method, url, kind)))
        }
        _ => Ok(found),
    }
}

async fn reach(addresses: Vec<SocketAddr>) -> Result<TcpStream> {
    let mut last = Error::DestinationNotFound;
    for address in addresses.into_iter().take(MOST_TRIED) {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = problem::of_connecting(&error),
        }
    }
    Err(last)
}

/// Who the server has to prove to be.
fn server_name(url: &WebUrl) -> Result<ServerName<'static>> {
    let host = url.host().trim_end_matches('.').to_owned();
    ServerName::try_from(host).map_err(|_| Error::HttpRequestUriInvalid)
}
