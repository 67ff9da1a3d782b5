//! `wakeful serve`.

mod banner;
mod signals;

use std::net::SocketAddr;

use anyhow::Context as _;
use clap::Args;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use wakeful::Host;

use self::signals::Signals;
use super::runtime;
use crate::failure::{self, Failure};
use crate::settings::{Layer, Settings};
use crate::{format, out};

/// Serve the HTTP API and run what is due
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  wakeful serve
  wakeful serve --assistants ./assistants --data /var/lib/wakeful
  wakeful serve --listen 127.0.0.1:0 --log wakeful=debug

SIGINT or SIGTERM stops it: it fires nothing more, lets runs go on for the grace period and queues
the rest again for the next start. A second signal ends it at once")]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(super) settings: Layer,
}

pub(super) fn run(settings: &Settings) -> anyhow::Result<()> {
    refuse_open(settings)?;
    runtime()?.block_on(serve(settings))
}

/// Refuses an address that others can reach, unless somebody said that this is meant.
fn refuse_open(settings: &Settings) -> Result<(), Failure> {
    let address = settings.listen.value.0;
    if address.ip().is_loopback() || settings.insecure_open.value {
        return Ok(());
    }
    Err(Failure::Usage(format!(
        "listening on {address} would let anyone who can reach it run and read everything, since \
         there is no authentication yet; listen on 127.0.0.1 behind a proxy that authenticates, or \
         add --insecure-open if the network is closed"
    )))
}

async fn serve(settings: &Settings) -> anyhow::Result<()> {
    let mut signals = Signals::new().context("cannot listen for signals")?;
    let listener = listen(settings.listen.value.0).await?;
    let address = listener.local_addr().context("cannot read the address")?;
    let host = Host::start(settings.host()).await.map_err(failure::of_host)?;
    let shutdown = CancellationToken::new();
    let server = wakeful_server::serve(listener, host.clone(), settings.server(), shutdown.clone());
    let server = tokio::spawn(server);
    // Nobody has to read this for the server to go on.
    let _ = banner::print(&host, address);

    let mut server = std::pin::pin!(server);
    let mut broken = false;
    let ended = tokio::select! {
        ended = &mut server => Some(ended),
        _ = signals.next() => None,
        () = host.broken() => {
            broken = true;
            None
        }
    };
    // A second signal ends the process whatever is still going on.
    tokio::spawn(signals.exit_at_next());
    announce_stop(&host);
    // The server goes on while runs do, so that whoever waits for one gets its result.
    let stopped = host.shutdown().await;
    shutdown.cancel();
    let ended = match ended {
        Some(ended) => ended,
        None => server.await,
    };
    ended.context("the server failed")?.context("the server cannot accept connections")?;
    if broken {
        anyhow::bail!(
            "the data folder takes no more writes, and the log says why; what was acknowledged is \
             safe, and starting again goes on from there"
        );
    }
    stopped.map_err(failure::of_host)
}

async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        let advice = match error.kind() {
            std::io::ErrorKind::AddrInUse => {
                "; another server may be running there, or choose another address with --listen"
            }
            std::io::ErrorKind::PermissionDenied => "; ports below 1024 need a right of their own",
            _ => "",
        };
        anyhow::anyhow!("cannot listen on {address}: {error}{advice}")
    })
}

fn announce_stop(host: &Host) {
    let grace = format::duration(host.settings().shutdown_grace);
    match host.runs_in_progress() {
        0 => out::note(format_args!("stopping")),
        1 => out::note(format_args!("stopping: waiting up to {grace} for 1 run")),
        runs => out::note(format_args!("stopping: waiting up to {grace} for {runs} runs")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(listen: &str, insecure_open: bool) -> Settings {
        let flags = Layer {
            listen: listen.parse().ok(),
            insecure_open: Some(insecure_open),
            ..Layer::default()
        };
        Settings::read(flags, None).unwrap()
    }

    #[test]
    fn an_open_address_needs_a_word_of_its_own() {
        assert!(refuse_open(&settings("127.0.0.1:0", false)).is_ok());
        assert!(refuse_open(&settings("[::1]:0", false)).is_ok());
        assert!(refuse_open(&settings("0.0.0.0:0", true)).is_ok());
        let refusal = refuse_open(&settings("0.0.0.0:0", false)).unwrap_err().to_string();
        assert!(refusal.contains("--insecure-open"), "{refusal}");
        assert!(refuse_open(&settings("192.0.2.1:80", false)).is_err());
    }

    #[tokio::test]
    async fn an_address_in_use_is_named() {
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = taken.local_addr().unwrap();
        let error = listen(address).await.unwrap_err().to_string();
        assert!(error.contains(&address.to_string()) && error.contains("--listen"), "{error}");
    }
}
