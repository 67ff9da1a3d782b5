use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener, ListenerExt};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info};
use wakeful::Host;
use wakeful::core::Rate;

use crate::connection::Closable;
use crate::throttle::Peer;
use crate::{SendingSettings, WithoutKeys, router, send_webhooks};

/// How the server behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerSettings {
    /// Bytes that the body of a request may have; a longer one is answered with 413.
    pub max_body: u64,
    /// How often an answer that waits for a run sends a byte, so that nothing on the way takes the
    /// connection for dead.
    pub keep_alive: Duration,
    /// How long connections may stay open once the server was told to stop.
    pub shutdown_grace: Duration,
    /// Who may call while there is no API key.
    pub without_keys: WithoutKeys,
    /// How often the holder of each API key may call, unless its key says otherwise.
    pub key_rate: Option<Rate>,
    /// How often each address may call while no key is needed.
    pub peer_rate: Option<Rate>,
    /// Whether each request is logged at the level `info`; otherwise it is at `debug`.
    pub request_log: bool,
    /// How webhooks are sent.
    pub webhooks: SendingSettings,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            max_body: 64 << 20,
            keep_alive: Duration::from_secs(5),
            shutdown_grace: Duration::from_secs(5),
            without_keys: WithoutKeys::default(),
            key_rate: None,
            peer_rate: None,
            request_log: false,
            webhooks: SendingSettings::default(),
        }
    }
}

/// Answers requests, and sends webhooks, until `shutdown` is cancelled; then takes no new
/// connections, lets requests in progress finish for the grace period, and drops the connections
/// that are still open.
///
/// Does not stop the host: call [`Host::shutdown`] afterwards.
///
/// # Errors
/// Those of the listener, when it cannot accept any more, and those of [`send_webhooks`].
pub async fn serve(
    listener: TcpListener,
    host: Host,
    mut settings: ServerSettings,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let grace = settings.shutdown_grace;
    let address = listener.local_addr()?;
    if settings.without_keys == WithoutKeys::Local && !address.ip().is_loopback() {
        // Others can reach it, and can say that they ask for this machine.
        settings.without_keys = WithoutKeys::Nobody;
    }
    send_webhooks(&host, &settings.webhooks)?;
    let listener = listener.tap_io(|stream| {
        if let Err(problem) = stream.set_nodelay(true) {
            debug!(%problem, "cannot send small packets at once");
        }
    });
    let dropped = CancellationToken::new();
    let listener = Closable::new(listener, dropped.clone());
    let stop = shutdown.clone();
    let service = router(host, settings).into_make_service_with_connect_info::<Peer>();
    let server = axum::serve(listener, service)
        .with_graceful_shutdown(async move { stop.cancelled().await });
    info!(%address, "listening");
    let mut server = pin!(server.into_future());
    let grace_is_over = async {
        shutdown.cancelled().await;
        tokio::time::sleep(grace).await;
    };
    tokio::select! {
        done = &mut server => return done,
        () = grace_is_over => {}
    }
    debug!("dropping the connections that are still open");
    dropped.cancel();
    server.await
}

impl<L> Connected<IncomingStream<'_, Closable<L>>> for Peer
where
    L: Listener<Addr = SocketAddr>,
{
    fn connect_info(stream: IncomingStream<'_, Closable<L>>) -> Self {
        Self::of(stream.remote_addr().ip())
    }
}
