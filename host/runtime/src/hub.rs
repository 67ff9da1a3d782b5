use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{broadcast, oneshot};
use tokio_util::sync::CancellationToken;
use wakeful_core::RunId;
use wakeful_engine::GuestEvent;

/// How many events a slow watcher may fall behind before it loses the oldest.
const EVENT_BACKLOG: usize = 1_024;

/// Who waits for, watches and may stop the runs that this host is running.
///
/// Only a short cut: what is true of a run is in the store, and everybody who waits here looks
/// there as well.
#[derive(Debug, Default)]
pub(crate) struct Hub {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// What ends each run that is running here.
    running: HashMap<RunId, CancellationToken>,
    waiting: HashMap<RunId, Vec<oneshot::Sender<()>>>,
    watching: HashMap<RunId, broadcast::Sender<GuestEvent>>,
}

impl Hub {
    /// Notes that a run has begun. The token ends it.
    pub(crate) fn begin(&self, run: RunId) -> CancellationToken {
        let cancel = CancellationToken::new();
        self.lock().running.insert(run, cancel.clone());
        cancel
    }

    /// Notes that a run is no longer running here, for whatever reason.
    pub(crate) fn end(&self, run: RunId) {
        self.lock().running.remove(&run);
    }

    /// Wakes everybody who waits for the end of a run.
    pub(crate) fn announce_end(&self, run: RunId) {
        let waiting = {
            let mut state = self.lock();
            state.watching.remove(&run);
            state.waiting.remove(&run)
        };
        for waiter in waiting.unwrap_or_default() {
            // Whoever stopped waiting does not need to know.
            let _ = waiter.send(());
        }
    }

    /// Stops a run that is running here. Returns whether there was one.
    pub(crate) fn cancel(&self, run: RunId) -> bool {
        let state = self.lock();
        let Some(running) = state.running.get(&run) else { return false };
        running.cancel();
        true
    }

    /// Stops everything that is running here.
    pub(crate) fn cancel_all(&self) {
        for running in self.lock().running.values() {
            running.cancel();
        }
    }

    /// Resolves when the end of the run is announced.
    pub(crate) fn ended(&self, run: RunId) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        let mut state = self.lock();
        let waiting = state.waiting.entry(run).or_default();
        waiting.retain(|waiter| !waiter.is_closed());
        waiting.push(sender);
        receiver
    }

    /// What the run emits from now on.
    pub(crate) fn watch(&self, run: RunId) -> broadcast::Receiver<GuestEvent> {
        let mut state = self.lock();
        let sender = state.watching.entry(run);
        sender.or_insert_with(|| broadcast::channel(EVENT_BACKLOG).0).subscribe()
    }

    /// Passes on what a run emitted.
    pub(crate) fn publish(&self, run: RunId, event: GuestEvent) {
        let state = self.lock();
        if let Some(sender) = state.watching.get(&run) {
            // Without a watcher the event has nowhere to go, which is fine.
            let _ = sender.send(event);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here can panic halfway through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
