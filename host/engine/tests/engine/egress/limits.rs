//! Servers that do not end, and guests that do not.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use wakeful_core::Outcome;
use wakeful_engine::Job;

use super::server::{Server, ok};
use super::{fetch, fetched, fetched_one, grant_server, here, online, warnings};
use crate::guest;
use crate::support::{PROMPT, done, job, run};

/// A server that says this and then nothing more, with the connection open.
fn silent(says: &'static str) -> Server {
    Server::speaking(move |_, stream| {
        let _ = stream.write_all(says.as_bytes());
        thread::sleep(PROMPT * 2);
    })
}

/// A server whose answers never end.
fn endless(pause: Duration) -> Server {
    Server::speaking(move |_, stream| {
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        let _ = stream.write_all(head.as_bytes());
        while stream.write_all(b"4\r\nmore\r\n").is_ok() {
            thread::sleep(pause);
        }
    })
}

#[tokio::test]
async fn a_server_that_never_answers_costs_a_guest_its_limits() {
    let short = Duration::from_millis(150);
    let first_byte = |job: &mut Job| job.limits.http.first_byte = short;
    let total = |job: &mut Job| job.limits.http.total = short;
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf";
    let slow = endless(Duration::from_millis(10));
    let runner = online(here());
    runner.load(fetch()).await.unwrap();
    for (server, change, error, problem) in [
        (&silent(""), &first_byte as &dyn Fn(&mut Job), "ConnectionReadTimeout", Value::Null),
        (&silent("HTTP/1.1 20"), &first_byte, "ConnectionReadTimeout", Value::Null),
        (&silent(""), &total, "ConnectionReadTimeout", Value::Null),
        (&silent(head), &first_byte, "", json!("HTTP response timeout")),
        (&slow, &total, "", json!("HTTP response timeout")),
    ] {
        let begun = Instant::now();
        let (answer, _) = fetched_one(&runner, json!({ "url": server.url() }), |job| {
            grant_server(job, server);
            change(job);
        })
        .await;
        assert_eq!(answer["error"].as_str().unwrap_or_default(), error, "{answer}");
        assert_eq!(answer["problem"], problem, "{answer}");
        assert!(begun.elapsed() < PROMPT);
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_cut_off() {
    let server = Server::start(|_| ok(&"x".repeat(5_000)));
    let endless = endless(Duration::ZERO);
    let runner = online(here());
    let small = |server: &Server, job: &mut Job| {
        grant_server(job, server);
        (job.limits.http.request, job.limits.http.response) = (1_000, 4_000);
    };
    let (told, report) =
        fetched_one(&runner, json!({ "url": server.url() }), |job| small(&server, job)).await;
    assert_eq!(told["error"], "HttpResponseBodySize", "{told}");
    assert!(warnings(&report).iter().any(|line| line.contains("response = 4000")));

    let (cut, _) =
        fetched_one(&runner, json!({ "url": endless.url() }), |job| small(&endless, job)).await;
    assert_eq!(cut["problem"], "HTTP response body size exceeds limit: 4000 bytes");
    assert!(cut["bytes"].as_u64().unwrap() <= 4_000);

    let request = json!({ "url": server.url(), "method": "POST", "body": "fill:5000" });
    let before = server.count();
    let (sent, report) = fetched_one(&runner, request, |job| small(&server, job)).await;
    assert_eq!(sent["error"], "HttpRequestBodySize", "{sent}");
    assert!(warnings(&report).iter().any(|line| line.contains("request = 1000")));
    assert_eq!(server.count(), before, "the request never came to its end");
}

#[tokio::test]
async fn a_run_has_so_many_requests_and_so_many_at_once() {
    let server = Server::start(|_| ok("hello"));
    let runner = online(here());
    let requests = vec![json!({ "url": server.url() }); 5];
    let (answers, report) = fetched(&runner, json!({ "requests": requests }), |job| {
        grant_server(job, &server);
        job.limits.http.requests = 3;
    })
    .await;
    let ends: Vec<_> = answers.iter().map(|answer| answer["error"].as_str()).collect();
    let over = Some("ConnectionLimitReached");
    assert_eq!(ends, [None, None, None, over, over]);
    assert!(warnings(&report).iter().any(|line| line.contains("requests = 3")));
    assert_eq!(server.count(), 3);

    // Two answers are held open; the third request waits for a turn until its run's time is over.
    let endless = endless(Duration::from_millis(5));
    let requests = vec![json!({ "url": endless.url() }); 3];
    let (_, report) = fetched(&runner, json!({ "requests": requests, "hold": true }), |job| {
        grant_server(job, &endless);
        job.limits.http.at_once = 2;
        job.limits.timeout = Duration::from_secs(2);
    })
    .await;
    assert!(matches!(report.outcome, Outcome::TimedOut { .. }), "{:?}", report.outcome);
    assert_eq!(endless.count(), 2);
}

#[tokio::test]
async fn the_end_of_a_run_ends_its_requests_and_disturbs_no_neighbour() {
    let gone = Arc::new(AtomicBool::new(false));
    let noted = Arc::clone(&gone);
    let server = Server::speaking(move |_, stream| {
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        let _ = stream.write_all(head.as_bytes());
        while stream.write_all(b"4\r\nmore\r\n").is_ok() {
            thread::sleep(Duration::from_millis(5));
        }
        noted.store(true, Ordering::SeqCst);
    });
    let runner = online(here());
    let neighbour = runner.load(guest::echo()).await.unwrap().digest;
    let mut hostile = job(runner.load(fetch()).await.unwrap().digest);
    hostile.input = json!({ "requests": [{ "url": server.url() }] });
    hostile.limits.timeout = Duration::from_millis(1_500);
    grant_server(&mut hostile, &server);
    let neighbours = async {
        loop {
            let job = job(neighbour);
            let input = job.input.clone();
            let (report, _) = run(&*runner, job, CancellationToken::new()).await;
            assert_eq!(report.outcome, done(input));
        }
    };
    let begun = Instant::now();
    let (report, _) = tokio::select! {
        ended = run(&*runner, hostile, CancellationToken::new()) => ended,
        () = neighbours => unreachable!("neighbours never end"),
    };
    assert!(matches!(report.outcome, Outcome::TimedOut { .. }), "{:?}", report.outcome);
    assert!(begun.elapsed() < PROMPT);
    while !gone.load(Ordering::SeqCst) {
        assert!(begun.elapsed() < PROMPT, "the connection outlived its run");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
