use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::faults::Step;
use super::inner::Inner;
use super::jobs::{Jobs, Rank};
use super::open;
use super::sync::{self, Group, Handover};
use super::tx::{Batch, Tx};
use super::watchdog::{Pulse, Waiting};
use crate::Error;
use crate::folder::Purpose;

/// How many requests share one flush, unless more came while an earlier group was made durable.
const GROUP: usize = 256;
/// The most requests that share one flush.
const MOST: usize = 1024;
/// How many writes of several requests are committed together. Every commit costs sled two writes
/// of its buffer and wakes all of its threads, and large ones leave garbage behind.
const WRITES: usize = 100;
/// How long a group gathers what is queued. A group that finds nothing more ends at once.
const GATHER: Duration = Duration::from_millis(10);

/// The end of the queue that callers hold.
pub(super) struct Writer {
    queue: Arc<Queue>,
    pulse: Arc<Pulse>,
}

/// What is queued, and who asked for the end.
struct Queue {
    jobs: Jobs<Job>,
    closer: Mutex<Option<Closer>>,
}

type Closer = oneshot::Sender<Result<(), Error>>;

enum Job {
    Write { purpose: Purpose, request: Box<dyn Request>, waiting: Waiting },
    Pause { work: Pause, waiting: Waiting },
}

type Pause = Box<dyn FnOnce(&Inner, &Pulse) + Send>;

/// One transaction, and whoever waits for it.
pub(super) trait Request: Send {
    /// Collects its writes.
    fn apply(&mut self, tx: &mut Tx<'_>) -> Result<(), Error>;
    /// Tells what came of it: once what it wrote is durable, or when it failed.
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
    /// Starts the thread that owns all writes, and the one that waits for the disk.
    pub(super) fn start(
        inner: Arc<Inner>,
        pulse: Arc<Pulse>,
    ) -> Result<(Self, JoinHandle<()>), Error> {
        let commits = open::commits(&Tx::new(&inner))?;
        let queue = Arc::new(Queue { jobs: Jobs::default(), closer: Mutex::default() });
        let (jobs, beat) = (Arc::clone(&queue), Arc::clone(&pulse));
        let thread =
            std::thread::Builder::new().name("wakeful-writer".to_owned()).spawn(move || {
                let (handover, syncer) = sync::channel();
                let (inner, pulse) = (&*inner, &*beat);
                std::thread::scope(|scope| {
                    scope.spawn(|| syncer.run(inner, pulse));
                    Thread { inner, pulse, handover, batch: Batch::default(), commits }.run(&jobs);
                });
            })?;
        Ok((Self { queue, pulse }, thread))
    }

    /// Queues one transaction. What comes back answers once it is durable.
    pub(super) async fn submit<T, F>(
        &self,
        rank: Rank,
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
        self.queue.jobs.push(rank, job).await.map_err(|_| gone())?;
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
        self.queue.jobs.push(Rank::Asked, job).await.map_err(|_| gone())?;
        answer.await.unwrap_or_else(|_| Err(gone()))
    }

    /// Ends the thread after what is queued.
    pub(super) async fn close(&self) -> Result<(), Error> {
        let (reply, answer) = oneshot::channel();
        {
            let mut closer = self.queue.closer.lock().unwrap_or_else(PoisonError::into_inner);
            if !self.queue.jobs.close() {
                return Err(gone());
            }
            *closer = Some(reply);
        }
        answer.await.unwrap_or_else(|_| Err(gone()))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue.jobs.close();
    }
}

impl Queue {
    fn closer(&self) -> Option<Closer> {
        self.closer.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn refuse(&self, reason: &str) {
        self.jobs.close();
        while let Some(job) = self.jobs.next() {
            match job {
                Job::Write { request, .. } => {
                    request.answer(Err(Error::Stopped(reason.to_owned())));
                }
                // Whoever waits for a pause learns it from the dropped channel.
                Job::Pause { .. } => {}
            }
        }
        if let Some(closer) = self.closer() {
            let _ = closer.send(Err(Error::Stopped(reason.to_owned())));
        }
    }
}

/// The answer when the thread has ended.
pub(super) fn gone() -> Error {
    Error::Stopped("it is closed".to_owned())
}

/// The thread that owns all writes.
struct Thread<'a> {
    inner: &'a Inner,
    pulse: &'a Pulse,
    handover: Handover,
    /// What was applied and is still to be committed.
    batch: Batch,
    /// How many commits the database has seen.
    commits: u64,
}

impl Thread<'_> {
    fn run(mut self, queue: &Queue) {
        while queue.jobs.wait() {
            let served = catch_unwind(AssertUnwindSafe(|| self.serve(&queue.jobs)));
            // sled panics on some kinds of damage.
            let served = served.unwrap_or_else(|_| {
                Err(Error::Stopped("writing to the database panicked".to_owned()))
            });
            if let Err(error) = served {
                self.inner.stop(&error.to_string());
                queue.refuse(&error.to_string());
                return;
            }
        }
        self.handover.settle();
        let closed = self.inner.alive().and_then(|()| self.finish());
        match queue.closer() {
            Some(closer) => {
                let _ = closer.send(closed);
            }
            None => {
                if let Err(error) = closed {
                    tracing::warn!(%error, "the store was not closed cleanly; the next start checks it");
                }
            }
        }
    }

    /// Serves a group. An error means that nothing can be written any more; those who wait have been
    /// told.
    fn serve(&mut self, jobs: &Jobs<Job>) -> Result<(), Error> {
        let (room, patience) = self.inner.hook.gather((GROUP, GATHER));
        let begun = Instant::now();
        let mut group = Group::default();
        let mut next = jobs.next();
        while let Some(job) = next.take() {
            match job {
                Job::Write { purpose, request, waiting } => {
                    self.apply(&mut group, purpose, request, waiting)?;
                }
                Job::Pause { work, waiting } => {
                    self.hand_over(group)?;
                    self.handover.settle();
                    work(self.inner, self.pulse);
                    self.pulse.beat();
                    drop(waiting);
                    return Ok(());
                }
            }
            let small = group.answers.len() < room && begun.elapsed() < patience;
            // While an earlier group is being made durable, this one may as well grow.
            let waits = !self.inner.hook.is_on() && !self.handover.is_idle();
            if small || group.answers.len() < MOST && waits {
                next = jobs.next();
            }
        }
        self.hand_over(group)?;
        if self.inner.hook.is_on() {
            // What two threads do at once has no order that could be played again.
            self.handover.settle();
        }
        Ok(())
    }

    fn hand_over(&mut self, mut group: Group) -> Result<(), Error> {
        self.commit(&mut group)?;
        group.commits = self.commits;
        self.handover.hand_over(group).map_err(|refused| refused.fail(self.inner))
    }

    fn apply(
        &mut self,
        group: &mut Group,
        purpose: Purpose,
        mut request: Box<dyn Request>,
        waiting: Waiting,
    ) -> Result<(), Error> {
        if let Err(error) = self.inner.hook.at(Step::Applying) {
            self.inner.stop(&error.to_string());
            return Err(std::mem::take(group).fail(self.inner));
        }
        let mut tx = Tx::after(self.inner, &self.batch);
        let space = &self.inner.docs.blobs.space;
        if let Err(error) = space.check(purpose).and_then(|()| request.apply(&mut tx)) {
            request.answer(Err(error));
            return Ok(());
        }
        group.answers.push((request, waiting));
        let own = tx.into_batch();
        if self.batch.writes.len().saturating_add(own.writes.len()) > WRITES {
            self.commit(group)?;
        }
        self.batch.append(own);
        Ok(())
    }

    /// Commits what was applied.
    fn commit(&mut self, group: &mut Group) -> Result<(), Error> {
        if self.batch.writes.is_empty() {
            return Ok(());
        }
        self.commits = self.commits.saturating_add(1);
        group.dirty = true;
        let mut tx = Tx::of(self.inner, std::mem::take(&mut self.batch));
        let committed = open::count_commit(&mut tx, self.commits)
            .and_then(|()| self.inner.hook.at(Step::Committing))
            .and_then(|()| tx.commit());
        if let Err(error) = committed {
            self.inner.stop(&error.to_string());
            return Err(std::mem::take(group).fail(self.inner));
        }
        self.pulse.beat();
        Ok(())
    }

    /// Leaves the note that spares the next start its check.
    fn finish(&self) -> Result<(), Error> {
        self.inner.hook.gather((0, GATHER));
        let mut tx = Tx::new(self.inner);
        open::note_clean(&mut tx)?;
        let commits = self.commits.saturating_add(1);
        open::count_commit(&mut tx, commits)?;
        tx.commit()?;
        self.inner.sync()?;
        Ok(self.inner.mark.set(commits)?)
    }
}
