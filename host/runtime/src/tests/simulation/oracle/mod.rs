//! What must be true of every history, from what clients asked for and what the clock said. It
//! takes the instants of a schedule from [`wakeful_core::schedule`], which has test vectors of its
//! own, and knows nothing else of how the host works.

mod cron;
mod run;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use wakeful_core::{
    Checkpoint, CronId, Fire, FireStatus, MultitaskStrategy, Overlap, Run, RunId, SkipReason,
    ThreadId, Timestamp, Trigger,
};
use wakeful_engine::JobTrigger;

use self::cron::Ledger;
pub(super) use self::cron::{Replan, Spec};
use self::run::{Facts, marks};
use super::guests::Begun;

/// Why a history must not be, if it must not.
pub(super) type Verdict = Result<(), String>;

/// What is known of the time between two looks at the store.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    /// The earliest and the latest that the clock said.
    pub(super) span: (Timestamp, Timestamp),
    /// What it said when the scheduler last began to look for due crons, if it came to an end with
    /// that.
    pub(super) ticked: Option<Timestamp>,
}

/// The judge of one history.
#[derive(Debug, Default)]
pub(super) struct Oracle {
    crons: BTreeMap<CronId, Ledger>,
    deleted: BTreeSet<CronId>,
    runs: BTreeMap<RunId, Facts>,
    /// Threads that had a run in progress or waiting at the last look.
    busy: BTreeSet<ThreadId>,
    /// Threads on which a run was asked for since.
    stirred: BTreeSet<ThreadId>,
    /// Crons with a run in progress or waiting at the last look, or one that was asked for since.
    busy_crons: BTreeSet<CronId>,
    /// Threads whose runs may be deleted for the sake of another.
    rolled_back: BTreeSet<ThreadId>,
    begun: Vec<Begun>,
    pub(super) fired: u64,
    pub(super) skipped: u64,
}

impl Oracle {
    /// A client was told that a cron was created, at some time in `span`.
    pub(super) fn cron_created(&mut self, id: CronId, spec: Spec, span: (Timestamp, Timestamp)) {
        if let (Some(thread), Overlap::TerminateOther) = (spec.thread, spec.overlap) {
            self.rolled_back.insert(thread);
        }
        self.crons.insert(id, Ledger::new(id, spec, span));
    }

    /// A client was told that a cron was changed.
    pub(super) fn cron_changed(
        &mut self,
        id: CronId,
        spec: Spec,
        span: (Timestamp, Timestamp),
        kind: Replan,
    ) {
        if let Some(ledger) = self.crons.get_mut(&id) {
            ledger.change(spec, span, kind);
        }
    }

    /// A client asked for a cron to be deleted, and it may have been.
    pub(super) fn cron_deleted(&mut self, id: CronId) {
        self.crons.remove(&id);
        self.deleted.insert(id);
    }

    /// A client asked for a run, and may get it; once more, if it was deleted before the client
    /// heard of it.
    pub(super) fn run_asked(
        &mut self,
        id: RunId,
        thread: ThreadId,
        multitask: MultitaskStrategy,
        cron: Option<CronId>,
    ) {
        if multitask == MultitaskStrategy::Rollback {
            self.rolled_back.insert(thread);
        }
        self.stirred.insert(thread);
        if self.runs.get(&id).is_some_and(|facts| facts.vanished) {
            self.runs.remove(&id);
        }
        let facts = self.runs.entry(id).or_insert_with(|| Facts::new(thread, None));
        facts.cron = cron;
        if let Some(ledger) = cron.and_then(|cron| self.crons.get(&cron)) {
            facts.may_vanish |= ledger.spec.overlap == Overlap::TerminateOther;
        }
        self.busy_crons.extend(cron);
    }

    /// A client was told that the run is there.
    pub(super) fn run_promised(&mut self, id: RunId) {
        if let Some(facts) = self.runs.get_mut(&id) {
            facts.promised = true;
        }
    }

    /// A client was told that it does not get the run.
    pub(super) fn run_refused(&mut self, id: RunId) {
        self.runs.remove(&id);
    }

    /// A client asked for a run to be deleted, with what it left on its thread.
    pub(super) fn run_discarded(&mut self, id: RunId) {
        if let Some(facts) = self.runs.get_mut(&id) {
            facts.may_vanish = true;
            self.rolled_back.insert(facts.thread);
        }
    }

    /// Guests were invoked.
    pub(super) fn guests_begun(&mut self, begun: Vec<Begun>) -> Verdict {
        for guest in begun {
            let (run, attempt) = (guest.run, guest.attempt);
            let Some(facts) = self.runs.get(&run) else {
                self.begun.push(guest);
                continue;
            };
            if facts.thread != guest.thread {
                return Err(format!("run {run} was invoked on {}", guest.thread));
            }
            if let Some((status, at)) = facts.ended {
                return Err(format!(
                    "run {run} was invoked, attempt {attempt}, after it had ended as {status:?} at {at}"
                ));
            }
            self.begun.push(guest);
        }
        Ok(())
    }

    /// The crons that there are, each with the newest instant that has a record.
    pub(super) fn crons(&self) -> impl Iterator<Item = (CronId, Option<Timestamp>)> {
        self.crons.iter().map(|(id, ledger)| (*id, ledger.recorded()))
    }

    /// The runs that have not ended.
    pub(super) fn open_runs(&self) -> impl Iterator<Item = RunId> {
        self.runs.iter().filter(|(_, facts)| facts.ended.is_none()).map(|(id, _)| *id)
    }

    /// Checks all records of a cron against those that were seen.
    pub(super) fn compare_fires(&self, id: CronId, stored: &[Fire]) -> Verdict {
        self.crons.get(&id).map_or(Ok(()), |ledger| ledger.compare(stored))
    }

    /// Runs were asked for on the threads of crons that have new records.
    pub(super) fn stir(&mut self, id: CronId) {
        self.busy_crons.insert(id);
        self.stirred.extend(self.crons.get(&id).and_then(|ledger| ledger.spec.thread));
    }

    /// Checks the new records of a cron, the oldest first.
    pub(super) fn look_at_fires(&mut self, id: CronId, window: &Window, fresh: &[Fire]) -> Verdict {
        let Some(ledger) = self.crons.get_mut(&id) else { return Ok(()) };
        ledger.look(window, fresh)?;
        let spec = ledger.spec.clone();
        for fire in fresh {
            let at = fire.scheduled_at;
            match fire.status {
                FireStatus::Started(run) => {
                    self.fired += 1;
                    if run != RunId::of_fire(id, at) {
                        return Err(format!("cron {id}: the run of {at} has the id {run}"));
                    }
                    let thread = spec.thread.unwrap_or_else(|| ThreadId::of_run(run));
                    let facts =
                        self.runs.entry(run).or_insert_with(|| Facts::new(thread, Some((id, at))));
                    facts.promised = true;
                    facts.cause = Some((id, at));
                    facts.cron = Some(id);
                    facts.may_vanish |= spec.overlap == Overlap::TerminateOther;
                    self.busy_crons.insert(id);
                }
                FireStatus::Skipped(reason) => {
                    self.skipped += 1;
                    self.skip_is_right(id, &spec, reason)
                        .map_err(|why| format!("{why}: {fire:?}"))?;
                }
            }
        }
        Ok(())
    }

    fn skip_is_right(&self, id: CronId, spec: &Spec, reason: SkipReason) -> Verdict {
        let busy = match spec.thread {
            Some(thread) => self.busy.contains(&thread) || self.stirred.contains(&thread),
            None => self.busy_crons.contains(&id),
        };
        let minds = matches!(spec.overlap, Overlap::Skip | Overlap::BufferOne | Overlap::BufferAll);
        match reason {
            SkipReason::Overlap if !(busy && minds) => {
                Err("skipped for an overlap that there was not".to_owned())
            }
            SkipReason::Budget | SkipReason::AssistantGone => {
                Err("skipped for a reason that there was not".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// Checks a run that had not ended, against what is stored of it now.
    pub(super) fn look_at_run(&mut self, id: RunId, stored: Option<&Run>) -> Verdict {
        let Some(facts) = self.runs.get_mut(&id) else { return Ok(()) };
        let may_vanish = facts.may_vanish || self.rolled_back.contains(&facts.thread);
        facts.look(id, stored, may_vanish)
    }

    /// Everything has been looked at.
    pub(super) fn looked(&mut self) -> Verdict {
        for guest in std::mem::take(&mut self.begun) {
            let JobTrigger::Cron(fire) = &guest.trigger else { continue };
            let (id, at) = (fire.cron_id, fire.scheduled_at);
            let asked = self.runs.get(&guest.run).is_some_and(|facts| facts.cause.is_none());
            let recorded = self.crons.get(&id).map(|ledger| ledger.fires.get(&at));
            match recorded {
                Some(Some(record)) if record.status == FireStatus::Started(guest.run) => {
                    let missed = record.coalesced.as_ref().map_or(0, |missed| missed.count);
                    if missed != fire.missed {
                        return Err(format!("run {} was told {fire:?}: {record:?}", guest.run));
                    }
                }
                _ if asked || self.deleted.contains(&id) => {}
                _ => {
                    return Err(format!("run {} was invoked, and its fire is lost", guest.run));
                }
            }
        }
        self.stirred.clear();
        let open: Vec<_> = self.runs.values().filter(|facts| facts.is_open()).collect();
        self.busy = open.iter().map(|facts| facts.thread).collect();
        self.busy_crons = open.iter().filter_map(|facts| facts.cron).collect();
        Ok(())
    }

    /// Checks every run that is stored: each was asked for, or fired.
    pub(super) fn look_at_all_runs(&self, stored: &[Run]) -> Verdict {
        let mut lanes: BTreeMap<ThreadId, RunId> = BTreeMap::new();
        for run in stored {
            let id = run.id;
            let cron = match &run.trigger {
                Trigger::Cron(fire) => Some(fire.cron_id),
                Trigger::Manual => None,
            };
            let Some(facts) = self.runs.get(&id) else {
                if cron.is_some_and(|cron| self.deleted.contains(&cron)) {
                    continue;
                }
                return Err(format!("run {id} is there, and nobody asked for it: {run:?}"));
            };
            if run.thread_id != facts.thread {
                return Err(format!("run {id} is on {}, not {}", run.thread_id, facts.thread));
            }
            facts.compare(id, run)?;
            if run.status == wakeful_core::RunStatus::Running
                && let Some(other) = lanes.insert(run.thread_id, id)
            {
                return Err(format!("{other} and {id} run on {} at once", run.thread_id));
            }
        }
        let stored: BTreeSet<RunId> = stored.iter().map(|run| run.id).collect();
        for (id, facts) in &self.runs {
            let may_vanish = facts.may_vanish || self.rolled_back.contains(&facts.thread);
            if facts.promised && !facts.vanished && !may_vanish && !stored.contains(id) {
                return Err(format!("run {id} is lost"));
            }
        }
        Ok(())
    }

    /// Checks a thread at the end of the history: each run that returned values has left its mark
    /// once, one after the other. Checkpoints come newest first.
    pub(super) fn look_at_thread(
        &self,
        thread: ThreadId,
        checkpoints: &[Checkpoint],
        runs: &[Run],
    ) -> Verdict {
        if self.rolled_back.contains(&thread) {
            return Ok(());
        }
        let mut before: Vec<String> = Vec::new();
        let mut left = BTreeSet::new();
        for checkpoint in checkpoints.iter().rev() {
            let marks = marks(&checkpoint.values);
            let Some(run) = checkpoint.run_id else { continue };
            if marks != before {
                let mark = super::guests::short(run);
                if marks.split_last() != Some((&mark, before.as_slice())) {
                    return Err(format!("thread {thread}: run {run} made {marks:?} of {before:?}"));
                }
                if !left.insert(mark) {
                    return Err(format!("thread {thread}: run {run} left its mark twice"));
                }
            }
            before = marks;
        }
        for run in runs.iter().filter(|run| run.thread_id == thread) {
            let facts = self.runs.get(&run.id);
            if facts.is_none_or(|facts| facts.may_vanish) {
                continue;
            }
            let mark = super::guests::short(run.id);
            if run::returned_mark(run, &mark) != left.contains(&mark) {
                return Err(format!(
                    "thread {thread}: {left:?} does not fit the end of run {}: {run:?}",
                    run.id
                ));
            }
        }
        Ok(())
    }
}
