use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;
use wakeful_core::{Digest, Limits};

use super::frame::Outgoing;
use super::pool::Component;
use super::watched::{Violation, Watched, longest};
use super::wire::{FromRunner, LoadProblem, ToRunner, WireDescription};

/// Bytes of a message that is about no run.
const MOST: usize = 1 << 20;

/// What a component was asked, and how it answered.
pub(super) type Introduction = Result<Option<WireDescription>, LoadProblem>;

/// A runner that is alive, as the host knows it.
pub(super) struct Link {
    pub(super) pid: u32,
    pub(super) out: Arc<Outgoing>,
    table: Mutex<Table>,
    /// Bytes of the longest message that may come.
    longest: AtomicUsize,
    /// The last ping that was answered.
    pub(super) answered: watch::Sender<u64>,
    /// Cancelled when the runner has to go.
    pub(super) doomed: CancellationToken,
    /// Why it had to go, or what it died of.
    problem: OnceLock<String>,
}

#[derive(Default)]
struct Table {
    next: u64,
    runs: HashMap<u64, Watched>,
    asked: Option<(Digest, oneshot::Sender<Introduction>)>,
    /// The components that it has.
    known: HashSet<Digest>,
    is_dead: bool,
}

impl Link {
    pub(super) fn new(pid: u32, out: Arc<Outgoing>) -> Self {
        Self {
            pid,
            out,
            table: Mutex::default(),
            longest: AtomicUsize::new(MOST),
            answered: watch::Sender::new(0),
            doomed: CancellationToken::new(),
            problem: OnceLock::new(),
        }
    }

    /// How many runs it has, and of which components something goes on in it.
    pub(super) fn present(&self) -> (usize, Vec<Digest>) {
        let table = self.table();
        (table.runs.len(), table.present())
    }

    /// Expects what it tells of a run, under the number that is returned, unless it is dead.
    pub(super) fn expect(&self, run: &mut Option<Watched>, limits: &Limits) -> Option<u64> {
        let mut table = self.table();
        if table.is_dead {
            return None;
        }
        let run = run.take()?;
        let number = table.next;
        table.next = number.wrapping_add(1);
        table.runs.insert(number, run);
        self.longest.fetch_max(longest(limits), Ordering::Relaxed);
        Some(number)
    }

    /// Whether a run has not ended yet.
    pub(super) fn expects(&self, number: u64) -> bool {
        self.table().runs.contains_key(&number)
    }

    /// Closes what a run that nobody waits for has open.
    pub(super) fn forsake(&self, number: u64) {
        if let Some(run) = self.table().runs.get_mut(&number) {
            run.outlet = None;
            run.oracle = None;
        }
        self.out.send(&ToRunner::Cancel(number));
    }

    /// Hands a component over, if it does not have it.
    pub(super) fn provide(&self, component: &Component) {
        self.hand_over(component, false, &mut self.table());
    }

    /// Hands a component over, and asks it what it says of itself. `None` if the runner is dead.
    pub(super) fn ask(&self, component: &Component) -> Option<oneshot::Receiver<Introduction>> {
        let (answer, asked) = oneshot::channel();
        let mut table = self.table();
        if table.is_dead {
            return None;
        }
        table.asked = Some((component.info.digest, answer));
        self.hand_over(component, true, &mut table);
        Some(asked)
    }

    fn hand_over(&self, component: &Component, ask: bool, table: &mut Table) {
        let digest = component.info.digest;
        if table.known.insert(digest) || ask {
            let uses_files = component.info.uses_files;
            let load = ToRunner::Load { digest: *digest.as_bytes(), uses_files, ask };
            self.out.send_with(&load, Some(Arc::clone(&component.code)));
        }
    }

    /// Takes a component away.
    pub(super) fn withdraw(&self, digest: Digest) {
        if self.table().known.remove(&digest) {
            self.out.send(&ToRunner::Unload(*digest.as_bytes()));
        }
    }

    /// Bytes of the longest message that may come now.
    pub(super) fn longest(&self) -> usize {
        self.longest.load(Ordering::Relaxed)
    }

    /// Takes a message. Says whether a run has ended with it.
    pub(super) fn take(&self, message: FromRunner) -> Result<Option<Digest>, Violation> {
        let unknown = || Violation("it told of a run that it does not have");
        match message {
            FromRunner::Event { run, event } => {
                self.table().runs.get_mut(&run).ok_or_else(unknown)?.event(event)?;
            }
            FromRunner::Call { run, call } => {
                self.table().runs.get_mut(&run).ok_or_else(unknown)?.call(call)?;
            }
            FromRunner::Http { run, request, message } => {
                let mut table = self.table();
                // Without one nobody waits for answers.
                if let Some(outlet) = table.echo(run)?.and_then(|run| run.outlet.as_mut()) {
                    outlet.take(&self.out, run, request, message)?;
                }
            }
            FromRunner::Chat { run, call, message } => {
                let mut table = self.table();
                if let Some(oracle) = table.echo(run)?.and_then(|run| run.oracle.as_mut()) {
                    oracle.take(&self.out, run, call, message)?;
                }
            }
            FromRunner::Report { run, report, rest } => {
                let watched = self.table().runs.remove(&run).ok_or_else(unknown)?;
                let digest = watched.digest;
                watched.report(*report, rest)?;
                return Ok(Some(digest));
            }
            FromRunner::Loaded { digest, answer } => {
                let asked = self.table().asked.take();
                let asked = asked.filter(|(asked, _)| *asked.as_bytes() == digest);
                let (_, waiting) =
                    asked.ok_or(Violation("it answered for a component that was not asked"))?;
                // Whoever asked may be gone.
                let _ = waiting.send(answer);
            }
            FromRunner::Pong(number) => {
                self.answered.send_replace(number);
            }
            FromRunner::Ready { .. } => return Err(Violation("it was ready twice")),
        }
        Ok(None)
    }

    /// Gives the runner up, and says why.
    pub(super) fn doom(&self, problem: impl Into<String>) {
        // The first reason is the one that counts.
        let _ = self.problem.set(problem.into());
        self.doomed.cancel();
    }

    /// Notes what the dead runner died of, and takes nothing more for it. Returns of which components
    /// something went on in it.
    pub(super) fn bury(&self, problem: String) -> Vec<Digest> {
        let _ = self.problem.set(problem);
        let mut table = self.table();
        table.is_dead = true;
        table.present()
    }

    /// Lets go of the runs of a dead runner, so that those who wait for them find out.
    pub(super) fn let_go(&self) {
        let gone = {
            let mut table = self.table();
            (std::mem::take(&mut table.runs), table.asked.take())
        };
        drop(gone);
    }

    /// Why it is gone.
    pub(super) fn problem(&self) -> &str {
        self.problem.get().map_or("it is being replaced", String::as_str)
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// A run that something is told of which may come a moment after its end, because tasks of its
    /// own tell it; `None` if it has ended.
    fn echo(&mut self, number: u64) -> Result<Option<&mut Watched>, Violation> {
        if number >= self.next {
            return Err(Violation("it told of a run that it never had"));
        }
        Ok(self.runs.get_mut(&number))
    }

    fn present(&self) -> Vec<Digest> {
        let asked = self.asked.iter().map(|(digest, _)| *digest);
        self.runs.values().map(|run| run.digest).chain(asked).collect()
    }
}

#[cfg(test)]
mod tests;
