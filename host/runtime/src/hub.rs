use std::collections::{HashMap, HashSet};
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
    /// Of the running ones, those that are to leave nothing behind.
    discarded: HashSet<RunId>,
}

impl Hub {
    /// Notes that a run has begun. The token ends it.
    pub(crate) fn begin(&self, run: RunId) -> CancellationToken {
        let cancel = CancellationToken::new();
        self.lock().running.insert(run, cancel.clone());
        cancel
    }

    /// Notes that a run is no longer running here, for whatever reason. Returns whether it is to
    /// leave nothing behind.
    pub(crate) fn end(&self, run: RunId) -> bool {
        let mut state = self.lock();
        state.running.remove(&run);
        state.discarded.remove(&run)
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

    /// What the run emits from now on.
    pub(crate) fn watch(&self, run: RunId) -> broadcast::Receiver<GuestEvent> {
        let mut state = self.lock();
        // Not every run that is watched has an end here; it may be deleted while it waits.
        state.watching.retain(|_, sender| 0 < sender.receiver_count());
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
mod tests {
    use super::*;

    #[tokio::test]
    async fn nothing_is_left_of_those_who_waited_or_watched() {
        let hub = Hub::default();
        let run = RunId::generate();
        drop(hub.listen(run));
        let mut listener = hub.listen(run);
        hub.announce_end(run);
        listener.ended().await;
        drop(listener);
        drop(hub.watch(run));
        drop(hub.watch(RunId::generate()));
        let state = hub.lock();
        assert!(state.waiting.is_empty());
        assert_eq!(state.watching.len(), 1, "only the newest, until somebody else watches");
    }
}
