//! Where names lead.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use wakeful_core::Outcome;
use wakeful_engine::{Job, Lookup};

use super::server::{Server, answer, ok};
use super::{assert_denied, fetch, fetched_one, grant, grant_server, here, online};
use crate::support::{PROMPT, run_guest};

/// A lookup in which every host has these addresses.
fn at(addresses: &'static [&'static str]) -> Lookup {
    Lookup::new(move |_, port| {
        let address = |text: &&str| SocketAddr::new(text.parse::<IpAddr>().unwrap(), port);
        Ok(addresses.iter().map(address).collect())
    })
}

#[tokio::test]
async fn a_name_that_leads_inside_is_refused_unless_it_is_granted() {
    let server = Server::start(|_| ok("inside"));
    let origin = format!("http://inside.example:{}", server.port());
    let request = json!({ "url": format!("{origin}/") });
    for addresses in [
        &["127.0.0.1"][..],
        &["10.0.0.1"],
        &["169.254.169.254"],
        &["0.0.0.0"],
        &["224.0.0.1"],
        &["::1"],
        &["::ffff:127.0.0.1"],
        &["fd00::1"],
        &["fe80::1"],
        &["93.184.216.34", "127.0.0.1"],
    ] {
        let runner = online(at(addresses));
        let (refused, report) = fetched_one(&runner, request.clone(), |job| {
            job.grants.hosts.push(grant(&origin, &[], false));
        })
        .await;
        assert_denied(&refused, &report, "private = true }]");
    }
    assert_eq!(server.count(), 0);
    let (answer, _) = fetched_one(&online(here()), request, |job| {
        job.grants.hosts.push(grant(&origin, &[], true));
    })
    .await;
    assert_eq!(answer["body"], "inside");
}

#[tokio::test]
async fn a_name_is_looked_up_once_for_a_request_and_anew_for_the_next() {
    let server = Server::start(|_| ok("inside"));
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    // Public at first, private from then on, as whoever rebinds a name has it. Nothing listens at
    // the public address, which is this machine's in no network.
    let lookup = Lookup::new(move |_, port| {
        let first = count.fetch_add(1, Ordering::SeqCst) == 0;
        let address = if first { [192, 88, 98, 1] } else { [127, 0, 0, 1] };
        Ok(vec![SocketAddr::from((address, port))])
    });
    let runner = online(lookup);
    let origin = format!("http://rebound.example:{}", server.port());
    let rebound = |job: &mut Job| {
        job.grants.hosts.push(grant(&origin, &[], false));
        job.limits.http.connect = Duration::from_millis(300);
    };
    let request = json!({ "url": format!("{origin}/") });
    let (first, _) = fetched_one(&runner, request.clone(), rebound).await;
    assert!(first["error"].is_string() && first["error"] != "HttpRequestDenied", "{first}");
    assert_eq!(asked.load(Ordering::SeqCst), 1, "what was checked is what is connected to");
    let (second, report) = fetched_one(&runner, request, rebound).await;
    assert_denied(&second, &report, "a loopback address");
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn every_hop_of_a_redirect_is_a_request() {
    let inside = Server::start(|_| ok("inside"));
    let target = format!("{}/secret", inside.url());
    let outside = Server::start(move |_| answer("302 Found", &[("location", &target)], ""));
    let request = json!({ "url": outside.url(), "follow": 5 });
    let (refused, report) =
        fetched_one(&online(here()), request, |job| grant_server(job, &outside)).await;
    assert_denied(&refused, &report, &inside.url());
    assert_eq!((outside.count(), inside.count()), (1, 0));

    // A granted name that leads inside, reached by a redirect.
    let by_name = format!("http://named.example:{}/", inside.port());
    let target = by_name.clone();
    let outside = Server::start(move |_| answer("302 Found", &[("location", &target)], ""));
    let request = json!({ "url": outside.url(), "follow": 5 });
    let (refused, report) = fetched_one(&online(here()), request, |job| {
        grant_server(job, &outside);
        job.grants.hosts.push(grant(by_name.trim_end_matches('/'), &[], false));
    })
    .await;
    assert_denied(&refused, &report, "a loopback address");
    assert_eq!(inside.count(), 0);
}

#[tokio::test]
async fn a_host_that_is_not_found_is_told_as_such() {
    let runner = online(Lookup::new(|_, _| Err(io::Error::other("no such host"))));
    let (answer, _) = fetched_one(&runner, json!({ "url": "http://a.example/" }), |job| {
        job.grants.hosts.push(grant("http://a.example", &[], false));
    })
    .await;
    assert_eq!(answer["error"], "DnsError");
}

#[tokio::test]
async fn a_lookup_without_end_costs_its_time_and_nothing_else() {
    let runner = online(Lookup::new(|_, _| {
        std::thread::sleep(PROMPT * 2);
        Err(io::ErrorKind::TimedOut.into())
    }));
    let (answer, _) = fetched_one(&runner, json!({ "url": "http://a.example/" }), |job| {
        job.grants.hosts.push(grant("http://a.example", &[], false));
        job.limits.http.connect = Duration::from_millis(100);
    })
    .await;
    assert_eq!(answer["error"], "ConnectionTimeout");
}

#[tokio::test]
async fn a_runner_without_a_network_denies_everything() {
    let (report, _) = run_guest(fetch(), |job| {
        job.grants.hosts.push(grant("http://a.example", &[], false));
        job.input = json!({ "requests": [{ "url": "http://a.example/" }] });
    })
    .await;
    let Outcome::Done(values) = report.outcome else { panic!("{:?}", report.outcome) };
    assert_eq!(values["answers"][0]["error"], "HttpRequestDenied");
}
