use wakeful_core::{CronId, Json, Outcome, Report, Run, RunId, RunStatus, ThreadId, Timestamp};

use super::Verdict;

/// What is known of one run.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) thread: ThreadId,
    /// The fire it belongs to, if it does.
    pub(super) cause: Option<(CronId, Timestamp)>,
    /// The cron that it belongs to, fired by its schedule or by hand.
    pub(super) cron: Option<CronId>,
    /// Somebody was told, or a record says, that it is there.
    pub(super) promised: bool,
    /// Somebody asked for it to be deleted.
    pub(super) may_vanish: bool,
    pub(super) vanished: bool,
    pub(super) ended: Option<(RunStatus, Timestamp)>,
    seen: bool,
}

impl Facts {
    pub(super) fn new(thread: ThreadId, cause: Option<(CronId, Timestamp)>) -> Self {
        Self {
            thread,
            cron: cause.map(|(cron, _)| cron),
            cause,
            promised: false,
            may_vanish: false,
            vanished: false,
            ended: None,
            seen: false,
        }
    }

    /// Whether it waits or is in progress, as far as is known.
    pub(super) fn is_open(&self) -> bool {
        self.seen && self.ended.is_none()
    }

    /// Looks at what is stored of a run that had not ended.
    pub(super) fn look(&mut self, id: RunId, stored: Option<&Run>, may_vanish: bool) -> Verdict {
        match stored {
            Some(run) => {
                self.seen = true;
                if run.status.is_final() {
                    let Some(at) = run.ended_at else {
                        return Err(format!("run {id} has ended, nobody knows when: {run:?}"));
                    };
                    self.ended = Some((run.status, at));
                }
                Ok(())
            }
            None if !self.promised && !self.seen => Ok(()),
            None if may_vanish => {
                self.vanished = true;
                // Whatever it was, it is over.
                self.ended = Some((RunStatus::Interrupted, Timestamp::UNIX_EPOCH));
                Ok(())
            }
            None => Err(format!("run {id} is lost")),
        }
    }

    /// Checks that a run that had ended has ended as it did.
    pub(super) fn compare(&self, id: RunId, stored: &Run) -> Verdict {
        let Some((status, at)) = self.ended.filter(|_| !self.vanished) else { return Ok(()) };
        if stored.status == status && stored.ended_at == Some(at) {
            return Ok(());
        }
        let (now, then) = (stored.status, stored.ended_at);
        Err(format!("run {id} ended as {status:?} at {at}, and now as {now:?} at {then:?}"))
    }
}

/// The marks of the runs that have changed these values, in their order.
pub(super) fn marks(values: &Json) -> Vec<String> {
    let log = values.get("log").and_then(Json::as_array);
    let marks = log.into_iter().flatten().filter_map(Json::as_str);
    marks.map(str::to_owned).collect()
}

/// Whether the guest itself ended the run, with its mark in the values.
pub(super) fn returned_mark(run: &Run, mark: &str) -> bool {
    match &run.report {
        Some(Report { outcome: Outcome::Done(values), .. }) => {
            marks(&Json::Object(values.clone())).last().map(String::as_str) == Some(mark)
        }
        _ => false,
    }
}
