//! Who waits for, watches and may stop the runs that this host is running.

mod log;
mod logs;
mod weight;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::futures::Notified;
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;
use wakeful_core::{
    Checkpoint, End, GuestEvent, LoggedEvent, Outcome, Run, RunEvent, RunId, Start, ThreadId,
    Timestamp,
};

pub(crate) use self::log::EventLog;
use self::logs::Logs;
pub(crate) use self::logs::{Feed, ThreadView};
pub(crate) use self::weight::of_event;
use crate::{ThreadState, update};

/// Who waits for, watches and may stop the runs that this host is running.
///
/// Only a short cut: what is true of a run is in the store, and everybody who waits here looks
/// there as well.
#[derive(Debug, Default)]
pub(crate) struct Hub {
    state: Mutex<State>,
    moved: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// What ends each run that is running here, in an order that a test can play again.
    running: BTreeMap<RunId, CancellationToken>,
    waiting: HashMap<RunId, Vec<oneshot::Sender<()>>>,
    /// Of the running ones, those that are to leave nothing behind.
    discarded: HashSet<RunId>,
    logs: Logs,
}

impl Hub {
    /// Notes that an attempt of a run has begun, on a thread that stands at `head`. The token ends
    /// it.
    pub(crate) fn begin(
        &self,
        run: &Run,
        head: Option<&Checkpoint>,
        now: Timestamp,
    ) -> CancellationToken {
        let cancel = CancellationToken::new();
        let (values, step) = update::beginning(run, head);
        let start = RunEvent::Started(Box::new(Start { run: run.clone(), values, step }));
        let mut state = self.lock();
        state.running.insert(run.id, cancel.clone());
        let event = state.logs.log(run.id, start, now);
        state.logs.push(run.thread_id, Arc::new(event));
        drop(state);
        self.moved.notify_waiters();
        cancel
    }

    /// Notes that the store knows what became of an attempt that is over.
    pub(crate) fn settled(&self) {
        self.moved.notify_waiters();
    }

    /// Resolves when an attempt of any run has begun, or what became of it is stored.
    pub(crate) fn moved(&self) -> Notified<'_> {
        self.moved.notified()
    }

    /// Notes that a run is no longer running here, for whatever reason. Returns whether it is to
    /// leave nothing behind.
    pub(crate) fn end(&self, run: RunId) -> bool {
        let mut state = self.lock();
        state.running.remove(&run);
        state.discarded.remove(&run)
    }

    /// The end of a run that has been decided on, and the events of the run with it. Watchers see
    /// it once it is announced.
    pub(crate) fn ending(&self, run: RunId, end: End, now: Timestamp) -> Vec<Arc<LoggedEvent>> {
        let mut state = self.lock();
        let mut events = state.logs.of_run(run);
        let end = state.logs.log(run, RunEvent::Ended(Box::new(end)), now);
        events.push(Arc::new(end));
        events
    }

    /// Wakes everybody who waits for the end of a run, and ends what is watched of it; with the
    /// event that says how it ended, if it is known.
    pub(crate) fn announce_end(
        &self,
        run: RunId,
        ended: Option<(ThreadId, Arc<LoggedEvent>)>,
        now: Timestamp,
    ) {
        let waiting = {
            let mut state = self.lock();
            if let Some((thread, ended)) = ended {
                state.logs.push(thread, ended);
            }
            state.logs.end(run, now);
            state.waiting.remove(&run)
        };
        for waiter in waiting.unwrap_or_default() {
            // Whoever stopped waiting does not need to know.
            let _ = waiter.send(());
        }
    }

    /// Announces the end of a run that was cancelled, and has no other end: it never began, or its
    /// record is gone.
    pub(crate) fn announce_cancelled(&self, run: RunId, thread: ThreadId, now: Timestamp) {
        let end = End { outcome: Outcome::Cancelled, committed: None };
        let ended = self.ending(run, end, now).pop();
        self.announce_end(run, ended.map(|ended| (thread, ended)), now);
    }

    /// Stops a run that is running here, and has it leave nothing behind if `discard`. Returns
    /// whether there was one.
    pub(crate) fn cancel(&self, run: RunId, discard: bool) -> bool {
        let mut state = self.lock();
        let Some(running) = state.running.get(&run) else { return false };
        running.cancel();
        if discard {
            state.discarded.insert(run);
        }
        true
    }

    /// How many runs are running here.
    pub(crate) fn running(&self) -> usize {
        self.lock().running.len()
    }

    /// Whether the run is running here.
    pub(crate) fn is_running(&self, run: RunId) -> bool {
        self.lock().running.contains_key(&run)
    }

    /// Stops everything that is running here.
    pub(crate) fn cancel_all(&self) {
        for running in self.lock().running.values() {
            running.cancel();
        }
    }

    /// Listens for the end of the run.
    pub(crate) fn listen(&self, run: RunId) -> Listener<'_> {
        let (sender, ended) = oneshot::channel();
        self.lock().waiting.entry(run).or_default().push(sender);
        Listener { hub: self, run, ended }
    }

    /// The log of a run that may not have begun. Whoever has it must [`Hub::unwatch`] the run.
    pub(crate) fn watch(&self, run: RunId, thread: ThreadId) -> Arc<EventLog> {
        self.lock().logs.watch(run, thread)
    }

    /// Notes that the holder of this log no longer watches the run.
    pub(crate) fn unwatch(&self, run: RunId, log: Arc<EventLog>) {
        let mut state = self.lock();
        state.logs.unwatch(run, &log);
        drop(log);
    }

    /// What happens on a thread from now on. Whoever has it must [`Hub::unwatch_thread`].
    pub(crate) fn watch_thread(&self, thread: ThreadId) -> ThreadView {
        self.lock().logs.watch_thread(thread)
    }

    /// Notes that the holder of this feed no longer watches the thread.
    pub(crate) fn unwatch_thread(&self, thread: ThreadId, feed: Arc<Feed>) {
        let mut state = self.lock();
        state.logs.unwatch_thread(thread, &feed);
        drop(feed);
    }

    /// Ends what is watched of a thread that was deleted.
    pub(crate) fn end_thread(&self, thread: ThreadId) {
        self.lock().logs.end_thread(thread);
    }

    /// Passes on what a run emitted.
    pub(crate) fn publish(&self, run: &Run, event: GuestEvent, now: Timestamp) {
        let mut state = self.lock();
        let event = state.logs.log(run.id, RunEvent::Guest(event), now);
        state.logs.push(run.thread_id, Arc::new(event));
    }

    /// Whether somebody watches a thread.
    pub(crate) fn is_watched(&self, thread: ThreadId) -> bool {
        self.lock().logs.is_watched(thread)
    }

    /// Tells whoever watches a thread that its state was changed by hand.
    pub(crate) fn publish_state(&self, state: ThreadState, now: Timestamp) {
        self.lock().logs.push_state(state, now);
    }

    /// Forgets events that were kept for long enough.
    pub(crate) fn forget_old(&self, now: Timestamp) {
        self.lock().logs.forget_old(now);
    }

    /// Ends everything that is watched, because the host has stopped.
    pub(crate) fn close(&self) {
        self.lock().logs.close();
    }

    /// How many logs of runs and threads are in memory.
    pub(crate) fn logs(&self) -> usize {
        self.lock().logs.len()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here can panic halfway through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody who waits for the end of a run. Forgotten when dropped.
#[derive(Debug)]
pub(crate) struct Listener<'a> {
    hub: &'a Hub,
    run: RunId,
    ended: oneshot::Receiver<()>,
}

impl Listener<'_> {
    /// Resolves when the end of the run is announced.
    pub(crate) async fn ended(&mut self) {
        // An announcer that is gone announces nothing; whoever waits looks at the store anyway.
        let _ = (&mut self.ended).await;
    }
}

impl Drop for Listener<'_> {
    fn drop(&mut self) {
        self.ended.close();
        let mut state = self.hub.lock();
        if let Some(waiting) = state.waiting.get_mut(&self.run) {
            waiting.retain(|waiter| !waiter.is_closed());
            if waiting.is_empty() {
                state.waiting.remove(&self.run);
            }
        }
    }
}

#[cfg(test)]
mod tests;
