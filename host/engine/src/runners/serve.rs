use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::File;
use std::future::poll_fn;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::net::UnixStream as Stream;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, ready};

use tokio::net::UnixStream;
use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use wakeful_core::{Digest, GuestEvent, Outcome, Report, SystemClock};

use super::asker::Asker;
use super::bridge::Bridge;
use super::confine::{Confinement, bound_address_space, confine};
use super::frame::{Incoming, Outgoing};
use super::remote::Remote;
use super::watched::EVENTS_AT_ONCE;
use super::wire::{
    FromRunner, LoadProblem, Setup, ToRunner, WireDescription, WireEvent, WireJob, WireReport,
};
use crate::in_process::InProcessRunner;
use crate::reach::{Reach, Way};
use crate::{
    ComponentInfo, Description, EngineError, LoadError, ModelAccess, artifact, descriptors,
};

/// Events of a run that wait to be told before its guest waits.
const EVENTS: usize = 16;

/// Does the work of a runner: runs guests for the process at the other end of the stream, until
/// that closes it. To be called first of all, while the process has one thread: it gives up
/// everything that guests do not need.
///
/// # Errors
///
/// If it cannot be set up, or the stream breaks; end the process with a status that is not 0.
pub fn run_for_parent(stream: OwnedFd) -> Result<(), EngineError> {
    let failed = |error: std::io::Error| EngineError::Runners { message: error.to_string() };
    let stream = Stream::from(stream);
    stream.set_nonblocking(true).map_err(failed)?;
    // No threads but this one, as those that are there already would not be confined.
    let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
    runtime.block_on(async {
        let stream = Arc::new(UnixStream::from_std(stream).map_err(failed)?);
        let out = Arc::new(Outgoing::new(Arc::clone(&stream)));
        let mut incoming = Incoming::with_descriptors(stream);
        // A file that would grow beyond its limit is an error for whoever writes it, and no end of
        // the process.
        let _too_large: Signal = signal(SignalKind::from_raw(libc::SIGXFSZ)).map_err(failed)?;
        let first = incoming.next(|| usize::MAX).await.map_err(failed)?;
        let Some((ToRunner::Begin(setup), _)) = first else {
            return Err(failed(std::io::Error::other("this is not for people to start")));
        };
        let (runner, lacks) = set_up(setup).await?;
        out.send(&FromRunner::Ready { lacks });
        let server =
            Server { runner: Arc::new(runner), out: Arc::clone(&out), runs: Arc::default() };
        tokio::select! {
            ended = server.serve(&mut incoming) => ended.map_err(failed),
            () = out.drive() => Ok(()),
        }
    })
}

/// Builds the engine, and gives up what it needed for that.
async fn set_up(setup: Setup) -> Result<(InProcessRunner, Vec<String>), EngineError> {
    let failed = |error: std::io::Error| EngineError::Runners { message: error.to_string() };
    let path = |bytes: Vec<u8>| PathBuf::from(OsString::from_vec(bytes));
    let confinement = Confinement {
        parent: setup.parent,
        code: setup.code.map(path),
        sandboxes: setup.sandboxes.map(path),
        slots: setup.slots,
        memory: setup.memory,
        file: setup.file,
    };
    let engine = crate::machine::build(setup.pooling, setup.slots.saturating_add(1))?;
    descriptors::keep_list();
    bound_address_space(&confinement).map_err(failed)?;
    let lacks = confine(&confinement).map_err(failed)?;
    let runner = InProcessRunner::bare(engine, setup.slots, setup.workers, Arc::new(SystemClock))?;
    Ok((runner, lacks))
}

struct Server {
    runner: Arc<InProcessRunner>,
    out: Arc<Outgoing>,
    runs: Runs,
}

type Runs = Arc<Mutex<HashMap<u64, Arc<Going>>>>;

/// A run that goes on here.
struct Going {
    cancel: CancellationToken,
    /// How many events there is room for on the other side.
    room: Semaphore,
    remote: Arc<Remote>,
    bridge: Arc<Bridge>,
    asker: Arc<Asker>,
}

impl Server {
    async fn serve(&self, incoming: &mut Incoming) -> std::io::Result<()> {
        while let Some((message, _)) = incoming.next(|| usize::MAX).await? {
            match message {
                ToRunner::Begin(_) => {}
                ToRunner::Load { digest, uses_files, ask } => {
                    let code = incoming.descriptor().map(File::from);
                    self.load(Digest::from_bytes(digest), uses_files, ask, code);
                }
                ToRunner::Unload(digest) => self.runner.forget(Digest::from_bytes(digest)),
                ToRunner::Run { run, job } => self.run(run, *job),
                ToRunner::Cancel(run) => self.with(run, |run| run.cancel.cancel()),
                ToRunner::Taken(run) => self.with(run, |run| run.room.add_permits(1)),
                ToRunner::Answer { run, answer } => self.with(run, |run| run.remote.take(answer)),
                ToRunner::Http { run, request, message } => {
                    self.with(run, |run| run.bridge.take(request, message));
                }
                ToRunner::Chat { run, call, message } => {
                    self.with(run, |run| run.asker.take(call, message));
                }
                ToRunner::Ping(number) => self.out.send(&FromRunner::Pong(number)),
            }
        }
        Ok(())
    }

    /// Does something with a run, unless it has ended.
    fn with(&self, run: u64, work: impl FnOnce(&Going)) {
        let going = self.runs.lock().unwrap_or_else(PoisonError::into_inner).get(&run).cloned();
        if let Some(going) = going {
            work(&going);
        }
    }

    /// Links a component. Runs of it may follow at once, so this is done here and now.
    fn load(&self, digest: Digest, uses_files: bool, ask: bool, code: Option<File>) {
        let info = ComponentInfo {
            digest,
            uses_files,
            bytes: 0,
            contract: String::new(),
            imports: Vec::new(),
            from_cache: true,
            about: None,
        };
        let linked = match code {
            Some(code) => artifact::map_open(self.runner.engine(), &code)
                .map_err(|error| LoadError::compile(&error))
                .and_then(|code| self.runner.adopt(&code, info)),
            None => Err(LoadError::Engine { message: "its code did not come along".to_owned() }),
        };
        if !ask {
            // Its runs are refused, each with a message of its own.
            return;
        }
        let told = move |answer| FromRunner::Loaded { digest: *digest.as_bytes(), answer };
        let out = Arc::clone(&self.out);
        match linked {
            Err(LoadError::Mismatch { message }) => {
                out.send(&told(Err(LoadProblem::Mismatch(message))));
            }
            Err(error) => out.send(&told(Err(LoadProblem::Engine(error.to_string())))),
            Ok(loaded) => {
                let runner = Arc::clone(&self.runner);
                tokio::spawn(async move {
                    let answer = runner.ask(loaded).await;
                    let answer = answer.map_err(LoadProblem::Undescribed);
                    out.send(&told(answer.map(|said| said.map(described))));
                });
            }
        }
    }

    fn run(&self, number: u64, job: WireJob) {
        let (runner, out, runs) =
            (Arc::clone(&self.runner), Arc::clone(&self.out), Arc::clone(&self.runs));
        let going = Arc::new(Going {
            cancel: CancellationToken::new(),
            room: Semaphore::new(EVENTS_AT_ONCE),
            remote: Arc::new(Remote::new(number, Arc::clone(&out))),
            bridge: Arc::new(Bridge::new(number, Arc::clone(&out))),
            asker: Arc::new(Asker::new(number, Arc::clone(&out))),
        });
        runs.lock().unwrap_or_else(PoisonError::into_inner).insert(number, Arc::clone(&going));
        let (has_network, has_models) = (job.has_network, job.has_models);
        let Ok(job) = job.open() else {
            let message = "a job came in a way that cannot be read".to_owned();
            let report = Report::not_run(Outcome::HostFailed { message });
            finish(&runs, number, report, Vec::new(), &out);
            return;
        };
        let reach = Reach {
            items: Some(Arc::<Remote>::clone(&going.remote)),
            crons: Some(Arc::<Remote>::clone(&going.remote)),
            assistants: Some(Arc::<Remote>::clone(&going.remote)),
            models: has_models.then(|| Arc::<Asker>::clone(&going.asker) as Arc<dyn ModelAccess>),
            network: has_network.then(|| Way::Elsewhere(Arc::<Bridge>::clone(&going.bridge))),
        };
        let (events, emitted) = mpsc::channel::<GuestEvent>(EVENTS);
        let emitted = Arc::new(Mutex::new(Some(emitted)));
        let telling = tell(Arc::clone(&emitted), Arc::clone(&going), number, Arc::clone(&out));
        let telling = AbortOnDropHandle::new(tokio::spawn(telling));
        // The end is told by the thread of the guest, without waking another one for it.
        self.runner.handle().spawn(async move {
            let report = runner.run_reaching(job, events, going.cancel.clone(), reach).await;
            let mut emitted = emitted.lock().unwrap_or_else(PoisonError::into_inner);
            let mut rest = Vec::new();
            if let Some(mut emitted) = emitted.take() {
                while let Ok(event) = emitted.try_recv() {
                    rest.push(WireEvent::new(event));
                }
            }
            finish(&runs, number, report, rest, &out);
            drop(telling);
        });
    }
}

/// Tells the end of a run, with the events that were not told before: nobody's slowness keeps a run
/// from ending.
fn finish(runs: &Runs, number: u64, report: Report, rest: Vec<WireEvent>, out: &Outgoing) {
    runs.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
    let report = Box::new(WireReport::new(report));
    out.send(&FromRunner::Report { run: number, report, rest });
}

/// The events of a run that were not told yet; gone once the run has ended.
type Emitted = Arc<Mutex<Option<mpsc::Receiver<GuestEvent>>>>;

/// Tells the events of a run as fast as they are taken, until the run has ended.
async fn tell(emitted: Emitted, going: Arc<Going>, number: u64, out: Arc<Outgoing>) {
    while let Ok(room) = going.room.acquire().await {
        room.forget();
        let told = poll_fn(|context| {
            // Held while an event is told, so that none comes after the end.
            let mut emitted = emitted.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(emitted) = emitted.as_mut() else { return Poll::Ready(false) };
            let Some(event) = ready!(emitted.poll_recv(context)) else { return Poll::Ready(false) };
            out.send(&FromRunner::Event { run: number, event: WireEvent::new(event) });
            Poll::Ready(true)
        });
        if !told.await {
            return;
        }
    }
}

fn described(description: Description) -> WireDescription {
    let text = |schema: Option<wakeful_core::Object>| {
        schema.map(|schema| wakeful_core::Json::Object(schema).to_string())
    };
    WireDescription {
        name: description.name,
        description: description.description,
        version: description.version,
        input_schema: text(description.input_schema),
        output_schema: text(description.output_schema),
        config_schema: text(description.config_schema),
    }
}
