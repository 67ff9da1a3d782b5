use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, InvalidDnsNameError, ServerName};
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use wakeful_core::WebUrl;
use wakeful_core::address::special;

use super::gate::{Gate, Target};
use super::problem;
use crate::{EngineError, Lookup};

/// How many addresses of a host are tried.
const MOST_TRIED: usize = 4;

/// How requests reach the world: those of guests, and those to providers of models.
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

    /// How hosts are found.
    pub fn lookup(&self) -> &Lookup {
        &self.lookup
    }

    /// Connects to the host of a URL at one of these addresses, and no other.
    ///
    /// # Errors
    ///
    /// With what went wrong at the last address that was tried.
    pub async fn connect(
        &self,
        url: &WebUrl,
        addresses: Vec<SocketAddr>,
    ) -> Result<Box<dyn Stream>, ConnectError> {
        let tcp = reach(addresses).await?;
        // What is sent is sent at once: requests are small, and somebody waits.
        let _ = tcp.set_nodelay(true);
        if !url.is_secure() {
            return Ok(Box::new(tcp));
        }
        // Who the server has to prove to be.
        let name = ServerName::try_from(url.host().trim_end_matches('.').to_owned())?;
        let connector = TlsConnector::from(Arc::clone(&self.tls));
        Ok(Box::new(connector.connect(name, tcp).await.map_err(ConnectError::Tls)?))
    }
}

/// A connection, with or without TLS.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Stream for T {}

/// Why there is no connection.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// There is no address to connect to.
    #[error("its host has no address")]
    NoAddress,
    /// Nobody is there.
    #[error(transparent)]
    Tcp(io::Error),
    /// No certificate can be for such a host.
    #[error(transparent)]
    Name(#[from] InvalidDnsNameError),
    /// It is not who it should be, or speaks otherwise.
    #[error(transparent)]
    Tls(io::Error),
}

/// Connects to the host of a request: to an address that was looked at, and no other.
pub(super) async fn connect(
    gate: &Gate,
    target: &Target,
) -> wasmtime_wasi_http::Result<Box<dyn Stream>> {
    let addresses = addresses(gate, target).await?;
    let connected = gate.network.connect(&target.url, addresses).await;
    connected.map_err(|error| problem::of_connecting(&error))
}

/// The addresses of the request's host, all of which it may be sent to. One that it may not be
/// sent to is enough to refuse it, as no host of the public internet has such a one.
async fn addresses(gate: &Gate, target: &Target) -> wasmtime_wasi_http::Result<Vec<SocketAddr>> {
    let url = &target.url;
    let found = gate.network.lookup.addresses(url.host(), url.port()).await;
    let found = found.ok().filter(|found| !found.is_empty()).ok_or(
        wasmtime_wasi_http::Error::DnsError {
            rcode: Some("the host was not found".to_owned()),
            info_code: None,
        },
    )?;
    let private = found.iter().find_map(|address| special(address.ip()));
    match private {
        Some(kind) if !target.permitted.private => {
            let method = target.method.as_str();
            Err(gate.refuse(&gate.grants.refuse_address(method, url, kind)))
        }
        _ => Ok(found),
    }
}

async fn reach(addresses: Vec<SocketAddr>) -> Result<TcpStream, ConnectError> {
    let mut last = ConnectError::NoAddress;
    for address in addresses.into_iter().take(MOST_TRIED) {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = ConnectError::Tcp(error),
        }
    }
    Err(last)
}
