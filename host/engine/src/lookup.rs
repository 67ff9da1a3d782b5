use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use tokio::sync::{Semaphore, oneshot};

/// Finds the addresses of a host; blocks.
#[derive(Clone)]
pub struct Lookup(Arc<Find>);

type Find = dyn Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync;

/// Lookups in progress for all runs together; each has a thread for as long as it takes.
static LOOKUPS: Semaphore = Semaphore::const_new(64);

impl Lookup {
    /// Finds addresses in a way of the caller's.
    pub fn new(
        find: impl Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(find))
    }

    /// The addresses of a host. Blocks for as long as that takes.
    pub fn find(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        (self.0)(host, port)
    }

    /// Likewise, without blocking. An address is its own address.
    pub(crate) async fn addresses(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, port)]);
        }
        let permit = LOOKUPS.acquire().await.map_err(io::Error::other)?;
        let (sender, found) = oneshot::channel();
        let (lookup, host) = (self.clone(), host.to_owned());
        // The system's lookup cannot be cut short, so it has a thread of its own to take its time,
        // and keeps its permit until then.
        std::thread::Builder::new().name("wakeful-lookup".to_owned()).spawn(move || {
            let _permit = permit;
            // Whoever asked may have gone.
            let _ = sender.send(lookup.find(&host, port));
        })?;
        found.await.map_err(io::Error::other)?
    }
}

impl Default for Lookup {
    /// As the operating system does.
    fn default() -> Self {
        Self::new(|host, port| Ok((host, port).to_socket_addrs()?.collect()))
    }
}

impl fmt::Debug for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lookup")
    }
}
