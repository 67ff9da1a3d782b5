//! What a guest may send, where it goes, and what comes back: requests of the `fetch` guest to
//! servers of these tests.

mod limits;
mod secrets;
mod server;
mod tls;
mod world;

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use wakeful_core::{HostGrant, LogLevel, Outcome, Report};
use wakeful_engine::{EngineConfig, Job, Lookup, Network, Reach, Runner};

use self::server::Server;
use crate::support::{job, own_runner, run};

/// The guest that sends what it is told to.
fn fetch() -> Arc<[u8]> {
    let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../example-assistants/dist");
    fs::read(dist.join("test/fetch.wasm"))
        .expect("the examples are built: example-assistants/build")
        .into()
}

/// A runner whose guests find hosts by this lookup.
fn online(lookup: Lookup) -> Arc<dyn Runner> {
    with_network(Network::new(lookup, Vec::new()).unwrap())
}

/// A runner whose guests have this network: in this process, or in one of their own where these
/// tests stand a second time.
fn with_network(network: Network) -> Arc<dyn Runner> {
    /// Compiles the guest once.
    static CODE: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().unwrap());
    let cache_dir = Some(CODE.path().to_owned());
    let config = EngineConfig { workers: 2, cache_dir, ..EngineConfig::default() };
    #[cfg(target_os = "linux")]
    if module_path!().contains("in_children") {
        let program = crate::runner_process::program(1);
        let runner = crate::runner_process::own_runners(config, program);
        return Arc::new(runner.with_reach(Reach::default().with_network(network)));
    }
    Arc::new(own_runner(config).with_reach(Reach::default().with_network(network)))
}

/// A lookup in which every host is here.
fn here() -> Lookup {
    Lookup::new(|_, port| Ok(vec![SocketAddr::from(([127, 0, 0, 1], port))]))
}

fn grant(origin: &str, methods: &[&str], private: bool) -> HostGrant {
    let methods = methods.iter().map(|method| (*method).to_owned()).collect();
    HostGrant { origin: origin.parse().unwrap(), methods, private }
}

/// Lets a job reach a server of the tests.
fn grant_server(job: &mut Job, server: &Server) {
    job.grants.hosts.push(grant(&server.url(), &[], true));
}

/// Runs the guest with this input, and returns its answers with the report.
async fn fetched(
    runner: &Arc<dyn Runner>,
    input: Value,
    change: impl FnOnce(&mut Job),
) -> (Vec<Value>, Report) {
    let digest = runner.load(fetch()).await.unwrap().digest;
    let mut job = job(digest);
    job.input = input;
    change(&mut job);
    let (report, _) = run(&**runner, job, CancellationToken::new()).await;
    let answers = match &report.outcome {
        Outcome::Done(values) => values["answers"].as_array().unwrap().clone(),
        _ => Vec::new(),
    };
    (answers, report)
}

/// Likewise, one request.
async fn fetched_one(
    runner: &Arc<dyn Runner>,
    request: Value,
    change: impl FnOnce(&mut Job),
) -> (Value, Report) {
    let (mut answers, report) = fetched(runner, json!({ "requests": [request] }), change).await;
    assert_eq!(answers.len(), 1, "{:?} {:?}", report.outcome, report.logs);
    (answers.remove(0), report)
}

/// The warnings in the log of a run.
fn warnings(report: &Report) -> Vec<&str> {
    let lines = report.logs.iter().filter(|line| line.level == LogLevel::Warn);
    lines.map(|line| line.message.as_str()).collect()
}

/// Asserts that a request was denied, with this in the log.
fn assert_denied(answer: &Value, report: &Report, expected: &str) {
    assert_eq!(answer["error"], "HttpRequestDenied", "{answer} {:?}", report.logs);
    let warnings = warnings(report);
    assert!(warnings.iter().any(|line| line.contains(expected)), "{expected}: {warnings:?}");
}

#[tokio::test]
async fn nothing_granted_means_nothing_sent() {
    let server = Server::start(|_| server::ok("hello"));
    let url = format!("{}/x", server.url());
    let (answer, report) = fetched_one(&online(here()), json!({ "url": url }), |_| ()).await;
    let line = format!("hosts = [{{ url = \"{}\", methods = [\"GET\"] }}]", server.url());
    assert_denied(&answer, &report, &line);
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn what_is_granted_is_sent_and_comes_back() {
    let server = Server::start(|request| server::ok(&format!("you said {}", request.body)));
    let request = json!({
        "url": format!("{}/a/b?c=d", server.url()),
        "method": "POST",
        "headers": { "x-test": "yes" },
        "body": "hello",
    });
    let (answer, report) =
        fetched_one(&online(here()), request, |job| grant_server(job, &server)).await;
    assert_eq!(answer["status"], 200, "{answer}");
    assert_eq!(answer["body"], "you said hello");
    assert_eq!(report.logs, []);
    let seen = server.requests().remove(0);
    assert_eq!(seen.line, "POST /a/b?c=d HTTP/1.1");
    assert_eq!(seen.header("host"), Some(server.authority().as_str()));
    assert_eq!(seen.header("x-test"), Some("yes"));
}

#[tokio::test]
async fn another_method_port_or_scheme_is_another_request() {
    let server = Server::start(|_| server::ok("hello"));
    let runner = online(here());
    let only_get = |job: &mut Job| {
        job.grants.hosts.push(grant(&server.url(), &["GET"], true));
    };
    for (method, url, expected) in [
        ("POST", server.url(), "methods = [\"GET\", \"POST\"]"),
        ("GET", "http://127.0.0.1:1".to_owned(), "http://127.0.0.1:1"),
        ("GET", format!("https://{}", server.authority()), "https://"),
        ("CONNECT", server.url(), "CONNECT"),
    ] {
        let request = json!({ "url": url, "method": method });
        let (answer, report) = fetched_one(&runner, request, only_get).await;
        assert_denied(&answer, &report, expected);
    }
    for url in ["http://user@127.0.0.1/", "http://127.0.0.1:0/"] {
        let (answer, _) = fetched_one(&runner, json!({ "url": url }), only_get).await;
        assert!(answer["error"].is_string(), "{url}: {answer}");
    }
    assert_eq!(server.count(), 0);
}
