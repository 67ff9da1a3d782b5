//! The host behind its HTTP API, on loopback.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use wakeful::Host;
use wakeful_server::ServerSettings;

use crate::in_process::input;
use crate::table::Samples;

/// Starts a server, and returns its address.
pub(crate) async fn start(host: &Host) -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let host = host.clone();
    // It ends with the program.
    tokio::spawn(wakeful_server::serve(
        listener,
        host,
        ServerSettings::default(),
        CancellationToken::new(),
    ));
    Ok(url)
}

/// Requests by this many clients, each with a connection of its own.
pub(crate) fn measure(
    url: &str,
    clients: usize,
    length: Duration,
    request: fn(&ureq::Agent, &str) -> Result<()>,
) -> Result<Samples> {
    let begin = Instant::now();
    let mut samples = Samples::default();
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..clients)
            .map(|_| {
                scope.spawn(move || {
                    let agent = ureq::Agent::new_with_defaults();
                    let mut each = Vec::new();
                    while begin.elapsed() < length {
                        let start = Instant::now();
                        request(&agent, url)?;
                        each.push(start.elapsed());
                    }
                    anyhow::Ok(each)
                })
            })
            .collect();
        for client in clients {
            let each = client.join().map_err(|_| anyhow::anyhow!("a client panicked"))??;
            samples.each.extend(each);
        }
        anyhow::Ok(())
    })?;
    samples.total = begin.elapsed();
    Ok(samples)
}

/// The cheapest request there is.
pub(crate) fn ok(agent: &ureq::Agent, url: &str) -> Result<()> {
    agent.get(format!("{url}/ok")).call()?.body_mut().read_to_string()?;
    Ok(())
}

/// A stateless run, waited for.
pub(crate) fn run(agent: &ureq::Agent, url: &str) -> Result<()> {
    let body = json!({"assistant_id": "echo", "input": input()});
    let answer =
        agent.post(format!("{url}/runs/wait")).send_json(body)?.into_body().read_to_string()?;
    ensure!(answer.contains("echo: hello"), "unexpected answer: {answer}");
    Ok(())
}
