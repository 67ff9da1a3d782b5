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

    /// Finds the addresses of a host and hands them on, on a thread of its own: the system's lookup
    /// cannot be cut short, and takes its time there.
    ///
    /// # Errors
    ///
    /// If there is no thread to be had.
    pub fn start(
        &self,
        host: &str,
        port: u16,
        found: impl FnOnce(io::Result<Vec<SocketAddr>>) + Send + 'static,
    ) -> io::Result<()> {
        let (find, host) = (Arc::clone(&self.0), host.to_owned());
        let thread = std::thread::Builder::new().name("wakeful-lookup".to_owned());
        thread.spawn(move || found(find(&host, port))).map(drop)
    }

    /// The addresses of a host. An address is its own address.
    ///
    /// # Errors
    ///
    /// If it has none, or cannot be looked up.
    pub async fn addresses(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, port)]);
        }
        let permit = LOOKUPS.acquire().await.map_err(io::Error::other)?;
        let (sender, found) = oneshot::channel();
        self.start(host, port, move |answer| {
            // Whoever asked may have gone; the permit stays until here.
            let _ = sender.send(answer);
            drop(permit);
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
