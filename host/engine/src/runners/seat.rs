use std::io::ErrorKind;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::pipe;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

use super::frame::{Incoming, Outgoing};
use super::keeper::Started;
use super::link::Link;
use super::pool::Shared;
use super::wire::{FromRunner, Setup, ToRunner};
use crate::EngineConfig;
use crate::RunnerProgram;
use crate::outcome::shortened;

/// How long a runner may take to be ready.
const READY: Duration = Duration::from_secs(20);

/// A runner that lives for less than this is replaced more slowly each time.
const SHORT_LIFE: Duration = Duration::from_secs(5);

/// The first wait before one is replaced, and the longest.
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Lines that a runner says which are logged, and bytes of each.
const MOST_LINES: usize = 100;
const LONGEST_LINE: u64 = 2_000;

/// How each runner is set up.
pub(super) fn setup(config: &EngineConfig, program: &RunnerProgram) -> Setup {
    let count = u32::try_from(program.count).unwrap_or(u32::MAX);
    let real = |path: &PathBuf| path.canonicalize().unwrap_or_else(|_| path.clone());
    let bytes = |path: &Path| path.as_os_str().as_bytes().to_vec();
    Setup {
        parent: std::process::id(),
        slots: config.max_concurrent.max(1).div_ceil(count),
        workers: config.workers.max(1).div_ceil(program.count),
        pooling: config.pooling,
        code: config.cache_dir.as_ref().map(|path| bytes(&real(path))),
        sandboxes: program.sandboxes.as_ref().map(|path| bytes(&real(path))),
        memory: program.memory,
        file: program.file(),
    }
}

/// Keeps one runner alive for as long as the host's side is there. Tells of the first start.
pub(super) async fn keep(
    shared: Arc<Shared>,
    number: usize,
    first: mpsc::UnboundedSender<Result<(), String>>,
) {
    let mut first = Some(first);
    let mut wait = FIRST_WAIT;
    loop {
        let begun = Instant::now();
        let problem = live(&shared, number, &mut first).await;
        if let Some(first) = first.take() {
            // Whoever waits takes the first that is ready.
            let _ = first.send(Err(problem));
        }
        shared.replaced.fetch_add(1, Ordering::Relaxed);
        if begun.elapsed() >= SHORT_LIFE {
            wait = FIRST_WAIT;
        }
        sleep(wait).await;
        wait = wait.saturating_mul(2).min(LONGEST_WAIT);
    }
}

/// The life of one runner, from its start to its burial. Returns what it died of.
async fn live(
    shared: &Arc<Shared>,
    number: usize,
    first: &mut Option<mpsc::UnboundedSender<Result<(), String>>>,
) -> String {
    let Started { pid, stream, said } = match shared.keeper.start().await {
        Ok(started) => started,
        Err(error) => {
            let problem = format!("cannot start a process to run guests in: {error}");
            tracing::error!(problem);
            return problem;
        }
    };
    let last_said = Arc::new(Mutex::new(String::new()));
    let listening = AbortOnDropHandle::new(tokio::spawn(listen(pid, said, Arc::clone(&last_said))));
    let (link, ended) = match meet(shared, pid, stream).await {
        Ok((link, mut incoming)) => {
            shared.sit(number, Some(Arc::clone(&link)));
            if let Some(first) = first.take() {
                let _ = first.send(Ok(()));
            }
            let ended = serve(shared, &link, &mut incoming).await;
            shared.sit(number, None);
            (Some(link), ended)
        }
        Err(problem) => (None, Some(problem)),
    };
    let status = shared.keeper.end(pid).await;
    // What it said last may say why.
    let _ = timeout(Duration::from_secs(1), listening).await;
    let last = last_said.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let problem = obituary(ended, status, &last);
    let present = link.as_ref().map(|link| link.bury(problem.clone())).unwrap_or_default();
    let runs = present.len();
    tracing::warn!(pid, runs, problem, "a process that runs guests is gone and is replaced");
    for digest in shared.suspects().died_with(&present) {
        let problem = super::suspects::sentence(digest);
        tracing::error!(digest = %digest.short(), problem, "a component is not run any more");
    }
    if let Some(link) = &link {
        // Only now is it known who is to blame.
        link.let_go();
    }
    shared.changed.notify_waiters();
    problem
}

/// Sets a runner up, and waits until it is ready.
async fn meet(
    shared: &Shared,
    pid: u32,
    stream: std::os::unix::net::UnixStream,
) -> Result<(Arc<Link>, Incoming), String> {
    let stream = UnixStream::from_std(stream).map_err(|error| error.to_string())?;
    let stream = Arc::new(stream);
    let link = Link::new(pid, Arc::new(Outgoing::new(Arc::clone(&stream))));
    let mut incoming = Incoming::new(stream);
    link.out.send(&ToRunner::Begin(shared.setup.clone()));
    let ready = async {
        tokio::select! {
            biased;
            ready = incoming.next(|| link.longest()) => ready.map_err(|error| error.to_string()),
            () = link.out.drive() => Err("its stream is closed".to_owned()),
        }
    };
    match timeout(READY, ready).await {
        Err(_) => Err(format!("it is not ready after {} s", READY.as_secs())),
        Ok(Err(error)) => Err(error),
        Ok(Ok(None)) => Err("it ended before it was ready".to_owned()),
        Ok(Ok(Some((FromRunner::Ready { lacks }, _)))) => {
            shared.lacks.get_or_init(|| {
                for lack in &lacks {
                    tracing::warn!(
                        lack = shortened(lack, 500),
                        "the processes that run guests are less confined than they could be"
                    );
                }
                lacks
            });
            Ok((Arc::new(link), incoming))
        }
        Ok(Ok(Some(_))) => Err("it did not say that it is ready".to_owned()),
    }
}

/// Hears a runner until it is gone or has to go. Returns why, if it is not just gone.
async fn serve(shared: &Shared, link: &Link, incoming: &mut Incoming) -> Option<String> {
    let hearing = async {
        loop {
            match incoming.next(|| link.longest()).await {
                Ok(None) => return None,
                // Killed with something in its hands; how it ended says more.
                Err(error) if is_gone(error.kind()) => return None,
                Err(error) => return Some(error.to_string()),
                Ok(Some((message, _))) => match link.take(message) {
                    Ok(None) => {}
                    Ok(Some(digest)) => {
                        shared.suspects().ended_well(digest);
                        shared.changed.notify_waiters();
                    }
                    Err(violation) => {
                        tracing::error!(
                            pid = link.pid,
                            violation = violation.0,
                            "a process that runs guests does what it may not"
                        );
                        return Some(violation.0.to_owned());
                    }
                },
            }
        }
    };
    tokio::select! {
        biased;
        problem = hearing => problem,
        () = link.doomed.cancelled() => Some(link.problem().to_owned()),
        () = link.out.drive() => None,
        () = silent(link, shared.program.patience) => {
            Some("it gave no sign of life".to_owned())
        }
    }
}

fn is_gone(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof)
}

/// Returns once a runner has not answered for long.
async fn silent(link: &Link, patience: Duration) {
    let mut answered = link.answered.subscribe();
    let mut number = 0_u64;
    loop {
        sleep(patience / 4).await;
        number = number.wrapping_add(1);
        link.out.send(&ToRunner::Ping(number));
        let answer = answered.wait_for(|answered| *answered == number);
        if timeout(patience, answer).await.is_err() {
            return;
        }
    }
}

/// Logs what a runner says on its standard error, and keeps the last of it.
async fn listen(pid: u32, said: OwnedFd, last: Arc<Mutex<String>>) {
    let Ok(said) = pipe::Receiver::from_owned_fd(said) else { return };
    let mut said = BufReader::new(said);
    let mut line = Vec::new();
    let mut lines = 0_usize;
    loop {
        line.clear();
        let read = (&mut said).take(LONGEST_LINE).read_until(b'\n', &mut line).await;
        if !matches!(read, Ok(1..)) {
            return;
        }
        lines = lines.saturating_add(1);
        let text = String::from_utf8_lossy(&line).trim().to_owned();
        if lines <= MOST_LINES && !text.is_empty() {
            tracing::warn!(pid, said = text, "a process that runs guests says something");
            *last.lock().unwrap_or_else(PoisonError::into_inner) = text;
        }
    }
}

fn obituary(ended: Option<String>, status: Option<ExitStatus>, last: &str) -> String {
    let how = match (ended, status) {
        (Some(problem), _) => problem,
        (None, Some(status)) => format!("it ended ({status})"),
        (None, None) => "it ended".to_owned(),
    };
    if last.is_empty() { how } else { format!("{how}: {}", shortened(last, 300)) }
}
