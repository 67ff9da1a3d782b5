use std::collections::VecDeque;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use wakeful_core::LoggedEvent;

/// What happened to one run, as logged events, or on one thread; grows at its end only.
///
/// Readers hold a place in it. A slow one delays nobody and misses nothing; what is kept for it is
/// what a run may emit at most.
#[derive(Debug)]
pub(crate) struct EventLog<E = Arc<LoggedEvent>> {
    state: Mutex<State<E>>,
    changed: Notify,
}

#[derive(Debug)]
struct State<E> {
    events: VecDeque<E>,
    /// How many events are no longer there.
    dropped: usize,
    bytes: u64,
    closed: bool,
}

/// What a reader finds at its place.
enum Found<E> {
    Event(E),
    /// Nothing yet.
    Nothing,
    /// Nothing, for ever.
    End,
}

impl<E> Default for EventLog<E> {
    fn default() -> Self {
        Self::of(Vec::new(), false)
    }
}

impl<E> EventLog<E> {
    fn of(events: Vec<E>, closed: bool) -> Self {
        let state = State { events: events.into(), dropped: 0, bytes: 0, closed };
        Self { state: Mutex::new(state), changed: Notify::new() }
    }

    /// A log to which nothing will be added.
    pub(crate) fn whole(events: Vec<E>) -> Self {
        Self::of(events, true)
    }
}

impl<E: Clone> EventLog<E> {
    /// Adds an event, unless the log is closed.
    pub(crate) fn push(&self, event: E, bytes: u64) {
        {
            let mut state = self.lock();
            if state.closed {
                return;
            }
            state.bytes = state.bytes.saturating_add(bytes);
            state.events.push_back(event);
        }
        self.changed.notify_waiters();
    }

    /// Drops the oldest events until at most `bytes` of them are left, as `weigh` weighs them.
    pub(crate) fn trim(&self, bytes: u64, weigh: impl Fn(&E) -> u64) {
        let mut state = self.lock();
        while state.bytes > bytes
            && let Some(oldest) = state.events.pop_front()
        {
            state.bytes = state.bytes.saturating_sub(weigh(&oldest));
            state.dropped = state.dropped.saturating_add(1);
        }
    }

    /// Notes that nothing will be added.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_waiters();
    }

    /// The place after the newest event.
    pub(crate) fn end(&self) -> usize {
        let state = self.lock();
        state.dropped.saturating_add(state.events.len())
    }

    /// All events that are there.
    pub(crate) fn events(&self) -> Vec<E> {
        self.lock().events.iter().cloned().collect()
    }

    /// The newest event.
    pub(crate) fn newest(&self) -> Option<E> {
        self.lock().events.back().cloned()
    }

    /// How much memory the events take.
    pub(crate) fn bytes(&self) -> u64 {
        self.lock().bytes
    }

    /// Waits for the event at `place`, and moves the place on. `None` once the log is closed, or if
    /// the event is no longer there. Dropping the future loses nothing.
    pub(crate) async fn next(&self, place: &mut usize) -> Option<E> {
        loop {
            let mut changed = pin!(self.changed.notified());
            // From here on a change is noticed, so that looking cannot miss one.
            changed.as_mut().enable();
            match self.find(*place) {
                Found::Event(event) => {
                    *place = place.saturating_add(1);
                    return Some(event);
                }
                Found::End => return None,
                Found::Nothing => changed.await,
            }
        }
    }

    fn find(&self, place: usize) -> Found<E> {
        let state = self.lock();
        let Some(index) = place.checked_sub(state.dropped) else { return Found::End };
        match state.events.get(index) {
            Some(event) => Found::Event(event.clone()),
            None if state.closed => Found::End,
            None => Found::Nothing,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<E>> {
        // Nothing in here can panic halfway through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
