use std::sync::Arc;

use tokio::net::UnixStream;
use tokio::sync::Semaphore;
use wakeful_core::{GuestEvent, Outcome, Report};

use super::super::watched::{EVENTS_AT_ONCE, Heard};
use super::super::wire::{HostCall, ToServer, WireEvent, WireItemCall, WireReport};
use super::*;
use crate::ItemCall;

struct Scene {
    link: Link,
    run: u64,
    heard: Heard,
    _other_end: UnixStream,
}

/// A runner with one run, which may tell two events of a hundred bytes.
async fn scene() -> Scene {
    let (here, other_end) = UnixStream::pair().unwrap();
    let link = Link::new(7, Arc::new(Outgoing::new(Arc::new(here))));
    let limits = Limits { events: 2, output: 100, logs: 0, ..Limits::default() };
    let slot = Arc::new(Semaphore::new(1)).acquire_owned().await.unwrap();
    let digest = Digest::of(b"x");
    let (watched, heard) = Watched::new(digest, &limits, None, None, slot);
    let run = link.expect(&mut Some(watched), &limits).unwrap();
    Scene { link, run, heard, _other_end: other_end }
}

fn event(run: u64, bytes: usize) -> FromRunner {
    let event = WireEvent::new(GuestEvent::TextDelta("x".repeat(bytes)));
    FromRunner::Event { run, event }
}

fn report(run: u64) -> FromRunner {
    let report = Report::not_run(Outcome::Cancelled);
    FromRunner::Report { run, report: Box::new(WireReport::new(report)), rest: Vec::new() }
}

#[tokio::test]
async fn what_a_runner_tells_of_its_run_is_heard() {
    let Scene { link, run, mut heard, .. } = scene().await;
    assert!(link.take(event(run, 10)).unwrap().is_none());
    assert_eq!(heard.events.recv().await.unwrap(), GuestEvent::TextDelta("x".repeat(10)));
    assert_eq!(link.take(report(run)).unwrap(), Some(Digest::of(b"x")));
    assert_eq!(heard.ended.await.unwrap().report.outcome, Outcome::Cancelled);
    // A task of the run may have been a moment too late.
    link.take(FromRunner::Http { run, request: 1, message: ToServer::Drop }).unwrap();
}

#[tokio::test]
async fn what_no_runner_tells_is_a_violation() {
    let address =
        wakeful_core::ItemAddress::new(wakeful_core::Namespace::parse("a").unwrap(), "key");
    let call = WireItemCall::new(ItemCall::Get(address.unwrap()));
    let Scene { link, run, heard: _heard, .. } = scene().await;
    for message in [
        event(run + 1, 1),
        report(run + 1),
        FromRunner::Call { run: run + 1, call: HostCall::Items(call) },
        FromRunner::Http { run: run + 1, request: 0, message: ToServer::Drop },
        FromRunner::Loaded { digest: [0; 32], answer: Ok(None) },
        FromRunner::Ready { lacks: Vec::new() },
        event(run, 3 << 20),
    ] {
        let told = format!("{message:?}");
        let told = told.get(..80.min(told.len())).unwrap();
        assert!(link.take(message).is_err(), "{told}");
    }
    link.take(report(run)).unwrap();
    assert!(link.take(report(run)).is_err(), "a run ends once");
    assert!(link.take(event(run, 1)).is_err(), "and tells nothing more");
}

#[tokio::test]
async fn a_run_tells_no_more_than_its_limits_allow_and_no_faster_than_it_is_heard() {
    let Scene { link, run, heard: _heard, .. } = scene().await;
    link.take(event(run, 1)).unwrap();
    link.take(event(run, 1)).unwrap();
    assert!(link.take(event(run, 1)).is_err());

    let Scene { link, run, heard: _heard, .. } = scene().await;
    let line = || {
        let line = wakeful_core::LogLine {
            at: wakeful_core::Timestamp::UNIX_EPOCH,
            source: wakeful_core::LogSource::Log,
            level: wakeful_core::LogLevel::Info,
            message: String::new(),
            fields: Vec::new(),
        };
        FromRunner::Event { run, event: WireEvent::new(GuestEvent::Log(line)) }
    };
    for _ in 0..EVENTS_AT_ONCE {
        link.take(line()).unwrap();
    }
    assert!(link.take(line()).is_err());
}
