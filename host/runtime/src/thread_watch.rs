use std::collections::HashSet;
use std::sync::Arc;

use wakeful_core::{
    End, EventId, Json, LoggedEvent, Run, RunEvent, RunId, Start, ThreadId, Timestamp,
};
use wakeful_store::RunQuery;

use crate::hub::{Feed, ThreadView, of_event};
use crate::{Error, Host, ThreadState};

/// How many runs are read at a time.
const PAGE: usize = 20;
/// How many bytes of history are told at most.
const HISTORY_BYTES: u64 = 64 << 20;
/// How much earlier than an event's time the clock may have been when its run was said to end, in
/// milliseconds: events never go back, even if the clock does.
const CLOCK_STEP_MS: u64 = 60_000;

/// Something that happened on a thread.
#[derive(Debug, Clone)]
pub enum ThreadEvent {
    /// To one of its runs.
    Run(Arc<LoggedEvent>),
    /// To its state, which a client changed by hand.
    State(Arc<StateChange>),
}

/// A change of a thread's state by hand.
#[derive(Debug, Clone)]
pub struct StateChange {
    /// Its place among all events.
    pub id: EventId,
    /// Where the thread stands since.
    pub state: ThreadState,
}

/// Everything that happens on a thread, run by run.
pub struct ThreadWatch {
    host: Host,
    thread: ThreadId,
    feed: Arc<Feed>,
    place: usize,
    truncated: bool,
}

impl ThreadWatch {
    /// The next event; `None` once there will be no more, because the thread was deleted, the host
    /// stopped, or the watcher was too far behind. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<ThreadEvent> {
        self.feed.next(&mut self.place).await
    }

    /// Whether the thread has a longer history than was told, although as much of it was asked for.
    pub fn is_truncated(&self) -> bool {
        self.truncated
    }
}

impl Drop for ThreadWatch {
    fn drop(&mut self) {
        self.host.hub().unwatch_thread(self.thread, std::mem::take(&mut self.feed));
    }
}

/// How far back a watcher of a thread wants to see, beyond what is in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct History {
    /// How many runs, the newest of the thread.
    pub runs: usize,
    /// Whether runs whose events were not kept are to show when they began and how they ended.
    pub outlines: bool,
    /// What ended before this time is known to the watcher already; milliseconds since 1970.
    pub after_ms: Option<u64>,
}

impl Host {
    /// Watches a thread. Returns what has happened to its runs before, too, as far as it is in
    /// memory, or as `history` says; of that, 64 MiB at most.
    ///
    /// There need not be such a thread yet.
    pub async fn watch_thread(
        &self,
        thread: ThreadId,
        history: History,
    ) -> Result<(Vec<Arc<LoggedEvent>>, ThreadWatch), Error> {
        let ThreadView { feed, place, mut past } = self.hub().watch_thread(thread);
        let mut watch = ThreadWatch { host: self.clone(), thread, feed, place, truncated: false };
        if history.runs > 0 {
            let mut known: HashSet<_> = past.iter().map(|event| event.run_id).collect();
            // A run that began and ended just now comes through the feed.
            let (earlier, truncated) =
                self.earlier(thread, history, &watch.feed, &mut known).await?;
            past.extend(earlier.into_iter().map(Arc::new));
            watch.truncated = truncated;
            past.sort_by_key(|event| event.id);
        }
        Ok((past, watch))
    }

    /// What happened to the runs of a thread, and whether that is not all. Leaves out the runs that
    /// are `known`, or in the feed.
    async fn earlier(
        &self,
        thread: ThreadId,
        history: History,
        feed: &Feed,
        known: &mut HashSet<RunId>,
    ) -> Result<(Vec<LoggedEvent>, bool), Error> {
        let ms = |at: Timestamp| u64::try_from(at.as_millisecond()).unwrap_or(0);
        let after = history.after_ms.map_or(0, |after| after.saturating_sub(CLOCK_STEP_MS));
        let (mut told, mut offset, mut bytes) = (0_usize, 0_usize, 0_u64);
        let mut found = Vec::new();
        loop {
            let query =
                RunQuery { thread_id: Some(thread), limit: PAGE, offset, ..RunQuery::default() };
            let page = self.store().runs(query).await?;
            known.extend(feed.events().iter().filter_map(|event| match event {
                ThreadEvent::Run(event) => Some(event.run_id),
                ThreadEvent::State(_) => None,
            }));
            let mut news = false;
            let read = page.items.len();
            for run in page.items {
                // Runs come newest first; one that has not ended says nothing about those before.
                let Some(ended) = run.ended_at.filter(|_| run.status.is_final()) else {
                    news = true;
                    continue;
                };
                if ms(ended) < after {
                    continue;
                }
                news = true;
                if known.contains(&run.id) {
                    continue;
                }
                if told == history.runs {
                    return Ok((found, true));
                }
                told = told.saturating_add(1);
                let events = match self.store().run_events(run.id).await? {
                    Some(events) => events,
                    None if history.outlines => outline(run),
                    None => continue,
                };
                bytes = events.iter().map(of_event).fold(bytes, u64::saturating_add);
                if bytes > HISTORY_BYTES && !found.is_empty() {
                    return Ok((found, true));
                }
                found.extend(events);
            }
            offset = offset.saturating_add(read);
            if read == 0 || !news || offset >= page.total {
                return Ok((found, false));
            }
        }
    }
}

/// What can be told of a run whose events were not kept.
fn outline(run: Run) -> Vec<LoggedEvent> {
    let Some(ended) = run.ended_at else { return Vec::new() };
    let Some(outcome) = run.report.as_ref().map(|report| report.outcome.clone()) else {
        return Vec::new();
    };
    let ms = |at: Timestamp| u64::try_from(at.as_millisecond()).unwrap_or(0);
    let run_id = run.id;
    let end = RunEvent::Ended(Box::new(End { outcome, committed: None }));
    let Some(started) = run.started_at else {
        // It was cancelled before it began.
        let id = EventId { ms: ms(ended), number: 0 };
        return vec![LoggedEvent { id, run_id, event: end }];
    };
    let start = RunEvent::Started(Box::new(Start {
        run: Run { report: None, ..run },
        values: Json::Null,
        step: 0,
    }));
    let begun = EventId { ms: ms(started), number: 0 };
    let number = if ms(ended) <= begun.ms { start.parts() } else { 0 };
    let ended = EventId { ms: ms(ended).max(begun.ms), number };
    vec![
        LoggedEvent { id: begun, run_id, event: start },
        LoggedEvent { id: ended, run_id, event: end },
    ]
}
