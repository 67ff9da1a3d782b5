use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

use super::inner::Inner;
use super::open;
use super::tx::Tx;
use super::watchdog::{Pulse, Waiting};
use crate::Error;
use crate::folder::Purpose;

/// The most requests that share one flush.
const GROUP: usize = 256;
/// How long a group gathers what is queued. A group that finds nothing more ends at once.
const GATHER: Duration = Duration::from_millis(10);
/// How many requests may queue before callers wait to queue theirs.
const QUEUE: usize = 1024;

/// The end of the queue that callers hold.
pub(super) struct Writer {
    queue: mpsc::Sender<Job>,
    pulse: Arc<Pulse>,
}

enum Job {
    Write { purpose: Purpose, request: Box<dyn Request>, waiting: Waiting },
    Pause { work: Pause, waiting: Waiting },
    Close(oneshot::Sender<Result<(), Error>>),
}

type Pause = Box<dyn FnOnce(&Inner, &Pulse) + Send>;

/// One transaction, and whoever waits for it.
trait Request: Send {
    fn apply(&mut self, tx: &mut Tx<'_>) -> Result<(), Error>;
    fn answer(self: Box<Self>, result: Result<(), Error>);
}

struct Typed<F, T> {
    work: Option<F>,
    value: Option<T>,
    reply: oneshot::Sender<Result<T, Error>>,
}

impl<F, T> Request for Typed<F, T>
where
    F: FnOnce(&mut Tx<'_>) -> Result<T, Error> + Send,
    T: Send,
{
    fn apply(&mut self, tx: &mut Tx<'_>) -> Result<(), Error> {
        self.value = self.work.take().map(|work| work(tx)).transpose()?;
        Ok(())
    }

    fn answer(self: Box<Self>, result: Result<(), Error>) {
        let answer = match (result, self.value) {
            (Ok(()), Some(value)) => Ok(value),
            (Ok(()), None) => Err(gone()),
            (Err(error), _) => Err(error),
        };
        // Nobody may be waiting any more; what was written stays written.
        let _ = self.reply.send(answer);
    }
}

impl Writer {
    /// Starts the thread that owns all writes.
    pub(super) fn start(
        inner: Arc<Inner>,
        pulse: Arc<Pulse>,
    ) -> Result<(Self, JoinHandle<()>), Error> {
        let commits = open::commits(&Tx::new(&inner))?;
        let (queue, jobs) = mpsc::channel(QUEUE);
        let beat = Arc::clone(&pulse);
        let thread = std::thread::Builder::new()
            .name("wakeful-writer".to_owned())
            .spawn(move || run(&inner, jobs, &beat, commits))?;
        Ok((Self { queue, pulse }, thread))
    }

    /// Queues one transaction. What comes back answers once it is durable.
    pub(super) async fn submit<T, F>(
        &self,
        purpose: Purpose,
        work: F,
    ) -> Result<oneshot::Receiver<Result<T, Error>>, Error>
    where
        F: FnOnce(&mut Tx<'_>) -> Result<T, Error> + Send + 'static,
        T: Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let request = Box::new(Typed { work: Some(work), value: None, reply });
        let job = Job::Write { purpose, request, waiting: self.pulse.wait() };
        self.queue.send(job).await.map_err(|_| gone())?;
        Ok(answer)
    }

    /// Runs `work` between two groups, with everything durable and nothing being written.
    pub(super) async fn pause<T, F>(&self, work: F) -> Result<T, Error>
    where
        F: FnOnce(&Inner, &Pulse) -> Result<T, Error> + Send + 'static,
        T: Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let work = Box::new(move |inner: &Inner, pulse: &Pulse| {
            let _ = reply.send(work(inner, pulse));
        });
        let job = Job::Pause { work, waiting: self.pulse.wait() };
        self.queue.send(job).await.map_err(|_| gone())?;
        answer.await.unwrap_or_else(|_| Err(gone()))
    }

    /// Ends the thread after what is queued.
    pub(super) async fn close(&self) -> Result<(), Error> {
        let (reply, answer) = oneshot::channel();
        self.queue.send(Job::Close(reply)).await.map_err(|_| gone())?;
        answer.await.unwrap_or_else(|_| Err(gone()))
    }
}

/// The answer when the thread has ended.
pub(super) fn gone() -> Error {
    Error::Stopped("it is closed".to_owned())
}

fn run(inner: &Inner, mut jobs: mpsc::Receiver<Job>, pulse: &Pulse, mut commits: u64) {
    while let Some(first) = jobs.blocking_recv() {
        let group =
            catch_unwind(AssertUnwindSafe(|| serve(inner, first, &mut jobs, pulse, &mut commits)));
        let ended = match group {
            Ok(ended) => ended,
            // sled panics on some kinds of damage.
            Err(_) => Err(Error::Stopped("writing to the database panicked".to_owned())),
        };
        match ended {
            Ok(None) => {}
            Ok(Some(closer)) => {
                let closed = finish(inner, commits);
                jobs.close();
                let _ = closer.send(closed);
                refuse(jobs, "it is closed");
                return;
            }
            Err(error) => {
                inner.stop(&error.to_string());
                refuse(jobs, &error.to_string());
                return;
            }
        }
    }
    if let Err(error) = finish(inner, commits) {
        tracing::warn!(%error, "the store was not closed cleanly; the next start checks it");
    }
}

type Closer = oneshot::Sender<Result<(), Error>>;

/// Serves a group that begins with `job`. Returns who asked for the end, if anybody did. An error
/// means that nothing can be written any more; those who wait have been told.
fn serve(
    inner: &Inner,
    job: Job,
    jobs: &mut mpsc::Receiver<Job>,
    pulse: &Pulse,
    commits: &mut u64,
) -> Result<Option<Closer>, Error> {
    let begun = Instant::now();
    let mut group = Group { inner, pulse, commits, dirty: false, answers: Vec::new() };
    let mut next = Some(job);
    let mut after = None;
    while let Some(job) = next.take() {
        match job {
            Job::Write { purpose, request, waiting } => group.apply(purpose, request, waiting)?,
            other => {
                after = Some(other);
                break;
            }
        }
        if group.answers.len() < GROUP && begun.elapsed() < GATHER {
            next = jobs.try_recv().ok();
        }
    }
    group.end()?;
    match after {
        Some(Job::Pause { work, waiting }) => {
            work(inner, pulse);
            pulse.beat();
            drop(waiting);
            Ok(None)
        }
        Some(Job::Close(closer)) => Ok(Some(closer)),
        Some(Job::Write { .. }) | None => Ok(None),
    }
}

struct Group<'a> {
    inner: &'a Inner,
    pulse: &'a Pulse,
    commits: &'a mut u64,
    dirty: bool,
    answers: Vec<(Box<dyn Request>, Waiting)>,
}

impl Group<'_> {
    fn apply(
        &mut self,
        purpose: Purpose,
        mut request: Box<dyn Request>,
        waiting: Waiting,
    ) -> Result<(), Error> {
        let mut tx = Tx::new(self.inner);
        let space = &self.inner.docs.blobs.space;
        if let Err(error) = space.check(purpose).and_then(|()| request.apply(&mut tx)) {
            request.answer(Err(error));
            return Ok(());
        }
        self.answers.push((request, waiting));
        if let Err(error) = self.commit(tx) {
            return Err(self.fail(&error));
        }
        self.pulse.beat();
        Ok(())
    }

    fn commit(&mut self, mut tx: Tx<'_>) -> Result<(), Error> {
        if tx.len() == 0 {
            return Ok(());
        }
        *self.commits = self.commits.saturating_add(1);
        open::count_commit(&mut tx, *self.commits)?;
        self.dirty = true;
        tx.commit()
    }

    fn sync(&self) -> Result<(), Error> {
        let begun = Instant::now();
        self.inner.sync()?;
        self.inner.mark.set(*self.commits)?;
        self.inner.syncs.note(begun.elapsed());
        Ok(())
    }

    fn end(mut self) -> Result<(), Error> {
        if self.dirty
            && let Err(error) = self.sync()
        {
            return Err(self.fail(&error));
        }
        self.pulse.beat();
        for (request, _waiting) in self.answers.drain(..) {
            request.answer(Ok(()));
        }
        Ok(())
    }

    fn fail(&mut self, error: &Error) -> Error {
        let reason = error.to_string();
        self.inner.stop(&reason);
        for (request, _waiting) in self.answers.drain(..) {
            request.answer(Err(Error::Stopped(reason.clone())));
        }
        Error::Stopped(reason)
    }
}

/// Leaves the note that spares the next start its check.
fn finish(inner: &Inner, commits: u64) -> Result<(), Error> {
    let mut tx = Tx::new(inner);
    open::note_clean(&mut tx)?;
    open::count_commit(&mut tx, commits.saturating_add(1))?;
    tx.commit()?;
    inner.sync()?;
    Ok(inner.mark.set(commits.saturating_add(1))?)
}

fn refuse(mut jobs: mpsc::Receiver<Job>, reason: &str) {
    jobs.close();
    while let Ok(job) = jobs.try_recv() {
        match job {
            Job::Write { request, .. } => request.answer(Err(Error::Stopped(reason.to_owned()))),
            // Whoever waits for a pause or an end learns it from the dropped channel.
            Job::Pause { .. } | Job::Close(_) => {}
        }
    }
}
