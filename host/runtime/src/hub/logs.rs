use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use wakeful_core::{EventId, LoggedEvent, RunEvent, RunId, ThreadId, Timestamp};

use super::log::EventLog;
use super::weight;
use crate::{StateChange, ThreadEvent, ThreadState};

/// How long the events of a run that has ended stay in memory, for watchers that come back.
const KEPT_FOR: Duration = Duration::from_secs(120);
/// How many bytes of such events stay at most.
const KEPT_BYTES: u64 = 64 << 20;
/// How many bytes of events a watcher of a thread may be behind, over all of its runs.
const FEED_BYTES: u64 = 64 << 20;

/// What happens on a thread, while somebody watches it.
pub(crate) type Feed = EventLog<ThreadEvent>;

/// The events of the runs that are running, are being watched, or have just ended.
#[derive(Debug, Default)]
pub(super) struct Logs {
    runs: HashMap<RunId, RunLog>,
    /// Every event on a thread, while somebody watches the thread.
    feeds: HashMap<ThreadId, Arc<Feed>>,
    /// The runs that have ended, the oldest first.
    kept: VecDeque<Kept>,
    kept_bytes: u64,
    /// The smallest id that has not been used.
    free: EventId,
    closed: bool,
}

#[derive(Debug)]
struct RunLog {
    thread: ThreadId,
    log: Arc<EventLog>,
    begun: bool,
    /// The thread was deleted.
    orphaned: bool,
}

#[derive(Debug)]
struct Kept {
    run: RunId,
    ended_ms: u64,
    bytes: u64,
}

/// What somebody sees who begins to watch a thread.
pub(crate) struct ThreadView {
    pub(crate) feed: Arc<Feed>,
    /// Where the watcher begins.
    pub(crate) place: usize,
    /// What is still in memory of the thread's runs, in order.
    pub(crate) past: Vec<Arc<LoggedEvent>>,
}

impl Logs {
    /// Gives an event its place.
    pub(super) fn log(&mut self, run_id: RunId, event: RunEvent, now: Timestamp) -> LoggedEvent {
        LoggedEvent { id: self.place(event.parts(), now), run_id, event }
    }

    /// A place for an event of so many parts.
    fn place(&mut self, parts: u64, now: Timestamp) -> EventId {
        let ms = u64::try_from(now.as_millisecond()).unwrap_or(0);
        if ms > self.free.ms {
            self.free = EventId { ms, number: 0 };
        }
        let id = self.free;
        self.free = id.part(parts);
        id
    }

    /// Adds an event, and notes that the run has begun.
    pub(super) fn push(&mut self, thread: ThreadId, event: Arc<LoggedEvent>) {
        let bytes = weight::of_event(&event);
        let run = self.open(event.run_id, thread);
        run.begun = true;
        run.log.push(Arc::clone(&event), bytes);
        if let Some(feed) = self.feeds.get(&thread) {
            feed.push(ThreadEvent::Run(event), bytes);
            feed.trim(FEED_BYTES, weight::of_thread_event);
        }
    }

    /// Whether somebody watches a thread.
    pub(super) fn is_watched(&self, thread: ThreadId) -> bool {
        self.feeds.contains_key(&thread)
    }

    /// Tells whoever watches a thread that its state was changed by hand.
    pub(super) fn push_state(&mut self, state: ThreadState, now: Timestamp) {
        let id = self.place(1, now);
        if let Some(feed) = self.feeds.get(&state.thread.id) {
            let event = ThreadEvent::State(Arc::new(StateChange { id, state }));
            let bytes = weight::of_thread_event(&event);
            feed.push(event, bytes);
            feed.trim(FEED_BYTES, weight::of_thread_event);
        }
    }

    /// The log of a run; a new one if there is none.
    pub(super) fn watch(&mut self, run: RunId, thread: ThreadId) -> Arc<EventLog> {
        if self.closed {
            return Arc::new(EventLog::whole(Vec::new()));
        }
        Arc::clone(&self.open(run, thread).log)
    }

    fn open(&mut self, run: RunId, thread: ThreadId) -> &mut RunLog {
        let new = || RunLog { thread, log: Arc::default(), begun: false, orphaned: false };
        self.runs.entry(run).or_insert_with(new)
    }

    /// Forgets this log if its run has not begun and nobody but the caller watches it.
    pub(super) fn unwatch(&mut self, run: RunId, log: &Arc<EventLog>) {
        let last = |known: &RunLog| {
            !known.begun && Arc::ptr_eq(&known.log, log) && Arc::strong_count(log) <= 2
        };
        if self.runs.get(&run).is_some_and(last) {
            self.runs.remove(&run);
        }
    }

    /// Everything that has happened to a run.
    pub(super) fn of_run(&self, run: RunId) -> Vec<Arc<LoggedEvent>> {
        self.runs.get(&run).map(|run| run.log.events()).unwrap_or_default()
    }

    /// Ends the log of a run, and keeps it for a while.
    pub(super) fn end(&mut self, run: RunId, now: Timestamp) {
        let Some(ended) = self.runs.get(&run) else { return };
        ended.log.close();
        if !ended.begun {
            self.runs.remove(&run);
            return;
        }
        let bytes = ended.log.bytes();
        if !self.kept.iter().any(|kept| kept.run == run) {
            let ended_ms = u64::try_from(now.as_millisecond()).unwrap_or(0);
            self.kept.push_back(Kept { run, ended_ms, bytes });
            self.kept_bytes = self.kept_bytes.saturating_add(bytes);
        }
        self.forget_old(now);
    }

    /// Forgets what has been kept for long enough, or is too much.
    pub(super) fn forget_old(&mut self, now: Timestamp) {
        let age = u64::try_from(KEPT_FOR.as_millis()).unwrap_or(u64::MAX);
        let before = u64::try_from(now.as_millisecond()).unwrap_or(0).saturating_sub(age);
        while let Some(oldest) = self.kept.front()
            && (oldest.ended_ms < before || self.kept_bytes > KEPT_BYTES)
        {
            self.kept_bytes = self.kept_bytes.saturating_sub(oldest.bytes);
            self.runs.remove(&oldest.run);
            self.kept.pop_front();
        }
    }

    /// Begins to watch a thread.
    pub(super) fn watch_thread(&mut self, thread: ThreadId) -> ThreadView {
        let mut past: Vec<_> = self
            .runs
            .values()
            .filter(|run| run.thread == thread && !run.orphaned)
            .flat_map(|run| run.log.events())
            .collect();
        past.sort_by_key(|event| event.id);
        let feed = if self.closed {
            Arc::new(EventLog::whole(Vec::new()))
        } else {
            Arc::clone(self.feeds.entry(thread).or_default())
        };
        ThreadView { place: feed.end(), feed, past }
    }

    /// Forgets this feed if nobody but the caller watches the thread.
    pub(super) fn unwatch_thread(&mut self, thread: ThreadId, feed: &Arc<Feed>) {
        let last = |known| Arc::ptr_eq(known, feed) && Arc::strong_count(feed) <= 2;
        if self.feeds.get(&thread).is_some_and(last) {
            self.feeds.remove(&thread);
        }
    }

    /// Ends what is watched of a thread that is gone, except runs that are still being stopped. No
    /// later watcher of such a thread sees what happened on it.
    pub(super) fn end_thread(&mut self, thread: ThreadId) {
        self.runs.retain(|_, run| {
            run.orphaned |= run.thread == thread;
            let waits = run.thread == thread && !run.begun;
            if waits {
                run.log.close();
            }
            !waits
        });
        if let Some(feed) = self.feeds.remove(&thread) {
            feed.close();
        }
    }

    /// Ends everything, for ever.
    pub(super) fn close(&mut self) {
        self.closed = true;
        self.runs.values().for_each(|run| run.log.close());
        self.feeds.drain().for_each(|(_, feed)| feed.close());
    }

    /// How many logs and feeds there are.
    pub(super) fn len(&self) -> usize {
        self.runs.len().saturating_add(self.feeds.len())
    }
}
