use std::sync::Arc;
use std::time::Duration;

use wakeful_core::{EventId, LoggedEvent, Run, RunId, ThreadId, Trigger};
use wakeful_store::Created;

use crate::hub::EventLog;
use crate::{CreateRun, Error, Host, RunThread};

/// How long a watcher of a run that is not running here trusts announcements alone before it looks
/// at the store.
const RECHECK: Duration = Duration::from_secs(5);

/// Everything that happens to a run, from its beginning to its end.
pub struct RunWatch {
    host: Host,
    run: RunId,
    log: Arc<EventLog>,
    place: usize,
    seen: Option<EventId>,
}

impl RunWatch {
    fn new(host: &Host, run: RunId, thread: ThreadId) -> Self {
        let log = host.hub().watch(run, thread);
        let seen = log.newest().map(|event| event.last_id());
        Self { host: host.clone(), run, log, place: 0, seen }
    }

    /// The id up to which events had happened when the watch began.
    pub fn seen(&self) -> Option<EventId> {
        self.seen
    }

    /// The next event; `None` once there will be no more. Dropping the future loses nothing.
    ///
    /// The last event is [`RunEvent::Ended`], unless the run was deleted or the host stopped. It is
    /// the only one if the run was cancelled before it began. A run that begins anew goes on with
    /// another [`RunEvent::Started`].
    ///
    /// [`RunEvent::Ended`]: wakeful_core::RunEvent::Ended
    /// [`RunEvent::Started`]: wakeful_core::RunEvent::Started
    pub async fn next(&mut self) -> Option<Arc<LoggedEvent>> {
        loop {
            let next = self.log.next(&mut self.place);
            if let Ok(event) = tokio::time::timeout(RECHECK, next).await {
                return event;
            }
            if !self.host.hub().is_running(self.run) && self.host.is_over(self.run).await {
                // Whatever was announced meanwhile is in the log by now.
                self.log.close();
            }
        }
    }
}

impl Drop for RunWatch {
    fn drop(&mut self) {
        self.host.hub().unwatch(self.run, std::mem::take(&mut self.log));
    }
}

impl Host {
    /// Creates a run, and watches it from its beginning.
    pub async fn create_watched_run(&self, new: CreateRun) -> Result<(Run, RunWatch), Error> {
        let (created, watch) = self.create_watched_run_once(new).await?;
        Ok((created.into_inner(), watch))
    }

    /// Like [`Host::create_watched_run`]; says whether its request had created the run already. Such
    /// a run is watched as [`Host::watch_run`] does it.
    pub async fn create_watched_run_once(
        &self,
        new: CreateRun,
    ) -> Result<(Created<Run>, RunWatch), Error> {
        let id = new.new_id();
        let thread = match new.thread {
            RunThread::Existing(thread) | RunThread::CreateIfMissing(thread) => thread,
            RunThread::Fresh(_) => ThreadId::of_run(id),
        };
        let watch = RunWatch::new(self, id, thread);
        match self.create_run_because(Trigger::Manual, id, new).await? {
            Created::New(run) => Ok((Created::New(run), watch)),
            Created::Existing(run) => {
                let (run, watch) = self.watch_run(run.id).await?;
                Ok((Created::Existing(run), watch))
            }
        }
    }

    /// Watches a run, which may be pending, running or over. What has happened to it comes first,
    /// as far as it is still in memory or was kept with the run.
    pub async fn watch_run(&self, id: RunId) -> Result<(Run, RunWatch), Error> {
        let run = self.run(id).await?;
        let mut watch = RunWatch::new(self, id, run.thread_id);
        // It may have ended between the two, so look again.
        let run = self.run(id).await?;
        if run.status.is_final() && watch.log.newest().is_none() {
            let kept = self.store().run_events(id).await?.unwrap_or_default();
            let kept = EventLog::whole(kept.into_iter().map(Arc::new).collect());
            watch.seen = kept.newest().map(|event| event.last_id());
            let log = std::mem::replace(&mut watch.log, Arc::new(kept));
            self.hub().unwatch(id, log);
        }
        Ok((run, watch))
    }

    /// How many logs of what is or was being watched are in memory.
    pub fn event_logs(&self) -> usize {
        self.hub().logs()
    }

    /// Whether there is nothing more to come of a run, as far as the store knows.
    async fn is_over(&self, run: RunId) -> bool {
        match self.store().run(run).await {
            Ok(run) => run.is_none_or(|run| run.status.is_final()),
            Err(problem) => {
                self.note(&problem);
                false
            }
        }
    }
}
