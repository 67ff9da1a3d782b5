//! What makes groups of transactions durable while the next ones are applied.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Instant;

use super::inner::Inner;
use super::watchdog::{Pulse, Waiting};
use super::writer::Request;
use crate::Error;

/// Transactions that were applied and become durable together.
#[derive(Default)]
pub(super) struct Group {
    /// How many commits the database has seen with the last of them.
    pub(super) commits: u64,
    /// Whether any of them wrote something.
    pub(super) dirty: bool,
    /// Whoever waits.
    pub(super) answers: Vec<(Box<dyn Request>, Waiting)>,
}

enum Step {
    Group(Group),
    /// Tells, by going away, that all before it is durable.
    Barrier(SyncSender<()>),
}

/// The end of the writer. One group at a time is being made durable.
pub(super) struct Handover {
    steps: SyncSender<Step>,
    idle: Arc<AtomicBool>,
}

/// The end of the thread that waits for the disk.
pub(super) struct Syncer {
    steps: Receiver<Step>,
    idle: Arc<AtomicBool>,
}

/// Two ends that belong together.
pub(super) fn channel() -> (Handover, Syncer) {
    // Without a buffer, because a group that waits had better grow.
    let (sender, receiver) = sync_channel(0);
    let idle = Arc::new(AtomicBool::new(true));
    (Handover { steps: sender, idle: Arc::clone(&idle) }, Syncer { steps: receiver, idle })
}

impl Handover {
    /// Whether no group is being made durable.
    pub(super) fn is_idle(&self) -> bool {
        self.idle.load(Ordering::Relaxed)
    }

    /// Hands over a group, once no other is being made durable.
    pub(super) fn hand_over(&self, group: Group) -> Result<(), Group> {
        match self.steps.send(Step::Group(group)) {
            Ok(()) => Ok(()),
            Err(refused) => match refused.0 {
                Step::Group(group) => Err(group),
                Step::Barrier(_) => Ok(()),
            },
        }
    }

    /// Waits until all that was handed over is durable, or can never be.
    pub(super) fn settle(&self) {
        let (barrier, passed) = sync_channel(0);
        if self.steps.send(Step::Barrier(barrier)).is_ok() {
            // An error is what is meant to come: the other end goes away.
            let _ = passed.recv();
        }
    }
}

impl Syncer {
    /// Makes group after group durable, and only then answers it; ends with the writer, or when a
    /// group cannot be made durable.
    pub(super) fn run(self, inner: &Inner, pulse: &Pulse) {
        loop {
            self.idle.store(true, Ordering::Relaxed);
            let Ok(step) = self.steps.recv() else { return };
            self.idle.store(false, Ordering::Relaxed);
            let group = match step {
                Step::Group(group) => group,
                Step::Barrier(barrier) => {
                    drop(barrier);
                    continue;
                }
            };
            if group.dirty
                && let Err(error) = sync(inner, group.commits)
            {
                inner.stop(&error.to_string());
                group.fail(inner);
                return;
            }
            pulse.beat();
            group.answer();
        }
    }
}

impl Group {
    fn answer(self) {
        for (request, _waiting) in self.answers {
            request.answer(Ok(()));
        }
    }

    /// Tells those who wait why the store has stopped.
    pub(super) fn fail(self, inner: &Inner) -> Error {
        let reason = inner.stopped.get().map_or("it is closed", String::as_str);
        for (request, _waiting) in self.answers {
            request.answer(Err(Error::Stopped(reason.to_owned())));
        }
        Error::Stopped(reason.to_owned())
    }
}

fn sync(inner: &Inner, commits: u64) -> Result<(), Error> {
    let begun = Instant::now();
    // sled panics on some kinds of damage.
    catch_unwind(AssertUnwindSafe(|| inner.sync()))
        .unwrap_or_else(|_| Err(Error::Stopped("writing to the database panicked".to_owned())))?;
    inner.mark.set(commits)?;
    inner.hook.at(super::faults::Step::Answering)?;
    inner.syncs.note(begun.elapsed());
    Ok(())
}
