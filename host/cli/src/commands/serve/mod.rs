//! `wakeful serve`.

mod banner;
mod files;
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
    files::open_as_many_as_allowed();
    runtime()?.block_on(async {
        refuse_open(settings).await?;
        serve(settings).await
    })
}

/// Refuses an address that others can reach while there is no API key, unless somebody said that
/// this is meant. Before anything starts, so that nothing fires until then.
async fn refuse_open(settings: &Settings) -> anyhow::Result<()> {
    if !settings.is_exposed() || settings.insecure_open.value {
        return Ok(());
    }
    let data = &settings.data.value;
    if !wakeful::keys_in(data).await.map_err(failure::of_host)?.is_empty() {
        return Ok(());
    }
    let address = settings.listen.value;
    let data = data.display();
    Err(Failure::Usage(format!(
        "others can reach {address}, and there is no API key yet; make one with `wakeful keys \
         create --name admin --scope manage --data {data}` and start again, or add --insecure-open \
         to let anyone run and read everything"
    ))
    .into())
}

async fn serve(settings: &Settings) -> anyhow::Result<()> {
    let mut signals = Signals::new().context("cannot listen for signals")?;
    let listener = listen(settings.listen.value.0).await?;
    let address = listener.local_addr().context("cannot read the address")?;
    let host = Host::start(settings.serving_host()).await.map_err(failure::of_host)?;
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

    #[tokio::test]
    async fn an_address_that_others_reach_needs_a_key_or_a_word_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let settings = |listen: &str, insecure_open| {
            let flags = Layer {
                listen: listen.parse().ok(),
                insecure_open: Some(insecure_open),
                data: Some(data.clone()),
                ..Layer::default()
            };
            Settings::read(flags, None).unwrap()
        };
        for (listen, insecure_open) in
            [("127.0.0.1:0", false), ("[::1]:0", false), ("0.0.0.0:0", true)]
        {
            assert!(refuse_open(&settings(listen, insecure_open)).await.is_ok(), "{listen}");
        }
        let exposed = settings("0.0.0.0:0", false);
        let refusal = refuse_open(&exposed).await.unwrap_err().to_string();
        assert!(refusal.contains("wakeful keys create --name admin"), "{refusal}");
        assert!(refusal.contains("--insecure-open"), "{refusal}");
        assert!(refuse_open(&settings("192.0.2.1:80", false)).await.is_err());
        assert!(!data.exists(), "a refusal leaves nothing behind");
        let new = wakeful::CreateKey {
            name: "admin".to_owned(),
            scope: wakeful::core::Scope::Manage,
            rate: None,
        };
        wakeful::create_key_in(&data, new).await.unwrap();
        refuse_open(&exposed).await.unwrap();
    }

    #[tokio::test]
    async fn an_address_in_use_is_named() {
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = taken.local_addr().unwrap();
        let error = listen(address).await.unwrap_err().to_string();
        assert!(error.contains(&address.to_string()) && error.contains("--listen"), "{error}");
    }
}
