use std::collections::BTreeMap;
use std::time::Duration;

use wakeful_core::{
    Catchup, CronId, Fire, FireStatus, ON_TIME, Overlap, Schedule, SkipReason, ThreadId, Timestamp,
};

use super::{Verdict, Window};

/// What a client was told that a cron does.
#[derive(Debug, Clone)]
pub(in super::super) struct Spec {
    pub(in super::super) schedule: Schedule,
    pub(in super::super) end: Option<Timestamp>,
    pub(in super::super) enabled: bool,
    pub(in super::super) thread: Option<ThreadId>,
    pub(in super::super) overlap: Overlap,
    pub(in super::super) catchup: Catchup,
    pub(in super::super) catchup_window: Duration,
    /// By how much its fires may be put off.
    pub(in super::super) jitter: Duration,
}

/// Which instants of one cron are accounted for.
#[derive(Debug)]
pub(super) struct Ledger {
    id: CronId,
    pub(super) spec: Spec,
    /// A change that was made since the last look, at some time in this span.
    change: Option<Change>,
    reach: Reach,
    pub(super) fires: BTreeMap<Timestamp, Fire>,
}

/// What a client changed, at some time in a span.
#[derive(Debug, Clone)]
struct Change {
    spec: Spec,
    span: (Timestamp, Timestamp),
    kind: Replan,
}

/// What a change does to the instants that are due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Replan {
    /// They are the same; the cron may have been paused or resumed.
    None,
    /// They end elsewhere.
    End,
    /// They are others.
    Other,
}

/// Up to where instants are accounted for, or not due.
#[derive(Debug, Clone, Copy)]
struct Reach {
    /// What is due begins after some instant in this span: the time at which the cron was created
    /// or changed is not known to the microsecond.
    from: (Timestamp, Timestamp),
    /// The newest instant that has a record.
    recorded: Option<Timestamp>,
}

impl Reach {
    /// What becomes of it at a change. What has a record is not due again; when the clock has been
    /// set back, instants before it may be.
    fn change(&mut self, change: &Change) {
        let (first, last) = change.span;
        let after = |at: Timestamp| self.recorded.map_or(at, |recorded| recorded.max(at));
        self.from = match change.kind {
            Replan::None => (after(self.from.0.min(first)), self.from.1),
            Replan::End => (after(self.from.0.min(first)), after(self.from.1.max(last))),
            Replan::Other => (after(first), after(last)),
        };
    }
}

impl Ledger {
    /// The ledger of a cron that was created at some time in `span`.
    pub(super) fn new(id: CronId, spec: Spec, span: (Timestamp, Timestamp)) -> Self {
        let reach = Reach { from: span, recorded: None };
        Self { id, spec, change: None, reach, fires: BTreeMap::new() }
    }

    /// Notes that a client changed the cron.
    pub(super) fn change(&mut self, spec: Spec, span: (Timestamp, Timestamp), kind: Replan) {
        assert!(self.change.is_none(), "there is one change between two looks");
        self.change = Some(Change { spec, span, kind });
    }

    /// The newest instant that has a record.
    pub(super) fn recorded(&self) -> Option<Timestamp> {
        self.reach.recorded
    }

    /// Checks that records that were seen are still there as they were.
    pub(super) fn compare(&self, stored: &[Fire]) -> Verdict {
        let stored: BTreeMap<_, _> = stored.iter().map(|fire| (fire.scheduled_at, fire)).collect();
        for (at, known) in &self.fires {
            match stored.get(at) {
                Some(found) if *found == known => {}
                Some(found) => {
                    return self.wrong(format!("the record of {at} was {known:?}, is {found:?}"));
                }
                None => return self.wrong(format!("the record of {at} is gone")),
            }
        }
        let known = self.fires.len();
        let older = stored.keys().filter(|at| self.reach.recorded.is_some_and(|it| **at <= it));
        let older = older.count();
        if older == known {
            return Ok(());
        }
        self.wrong(format!("{known} records were seen, and {older} are there up to the newest"))
    }

    /// Checks the records that have appeared since the last look, the oldest first.
    pub(super) fn look(&mut self, window: &Window, fresh: &[Fire]) -> Verdict {
        for fire in fresh {
            if fire.recorded_at < fire.scheduled_at {
                return self.wrong(format!("{} was recorded early: {fire:?}", fire.scheduled_at));
            }
            let (first, last) = window.span;
            if fire.recorded_at < first || last < fire.recorded_at {
                let text = format!("{fire:?} was recorded when the clock said {first} to {last}");
                return self.wrong(text);
            }
        }
        let changed = self.change.take();
        let reach = match &changed {
            None => account(self.reach, &self.spec, fresh),
            Some(change) => self.account_change(change, fresh),
        };
        self.reach = match reach {
            Ok(reach) => reach,
            Err(why) => return self.wrong(why),
        };
        self.fires.extend(fresh.iter().map(|fire| (fire.scheduled_at, fire.clone())));
        match changed {
            Some(change) => self.spec = change.spec,
            None => self.nothing_is_missing(window)?,
        }
        Ok(())
    }

    /// The change came after some number of the new records.
    fn account_change(&self, change: &Change, fresh: &[Fire]) -> Result<Reach, String> {
        let mut why = String::new();
        for before in (0..=fresh.len()).rev() {
            let (old, new) = fresh.split_at(before);
            let reach = account(self.reach, &self.spec, old).and_then(|mut reach| {
                if change.kind == Replan::Other {
                    // What was due by the old schedule has a record, if only of the change.
                    self.has_all(&reach, change.span.0)?;
                }
                reach.change(change);
                account(reach, &change.spec, new)
            });
            match reach {
                Ok(reach) => return Ok(reach),
                Err(problem) => why = problem,
            }
        }
        Err(why)
    }

    /// Whether everything that was due until `until` has a record.
    fn has_all(&self, reach: &Reach, until: Timestamp) -> Verdict {
        let until = self.spec.end.map_or(until, |end| end.min(until)) - self.spec.jitter;
        match self.spec.schedule.next_after(reach.from.1) {
            Some(due) if due <= until => Err(format!("{due} has no record, and it is {until}")),
            _ => Ok(()),
        }
    }

    /// Whatever was due when the scheduler last began to look has a record.
    fn nothing_is_missing(&self, window: &Window) -> Verdict {
        let Some(ticked) = window.ticked.filter(|_| self.spec.enabled) else { return Ok(()) };
        self.has_all(&self.reach, ticked).or_else(|why| self.wrong(why))
    }

    fn wrong(&self, text: String) -> Verdict {
        Err(format!("cron {}: {text}", self.id))
    }
}

/// Checks that the records account for due instants only, for each once, and leave none out.
fn account(mut reach: Reach, spec: &Spec, fires: &[Fire]) -> Result<Reach, String> {
    for fire in fires {
        let at = fire.scheduled_at;
        let first = fire.coalesced.as_ref().map_or(at, |missed| missed.first);
        if spec.enabled == (fire.status == FireStatus::Skipped(SkipReason::Paused)) {
            return Err(format!("enabled is {}, and yet {fire:?}", spec.enabled));
        }
        if fire.status == FireStatus::Skipped(SkipReason::Misfire) && !is_misfire(spec, fire) {
            return Err(format!("it was not too late for {fire:?}"));
        }
        for instant in [first, at] {
            if !is_due(spec, instant) {
                return Err(format!("{instant} is not due by {:?}: {fire:?}", spec.schedule));
            }
        }
        if first <= reach.from.0 {
            return Err(format!("{first} is accounted for twice, or was not due: {fire:?}"));
        }
        if let Some(skipped) = spec.schedule.next_after(reach.from.1).filter(|due| *due < first) {
            return Err(format!("{skipped} was left out before {fire:?}"));
        }
        if let Some(missed) = &fire.coalesced {
            let instants = spec.schedule.upcoming(before(first)).take_while(|due| *due < at);
            let mut last = first;
            let mut count = 0;
            for instant in instants {
                last = instant;
                count += 1;
                if missed.at_least && count >= missed.count {
                    break;
                }
            }
            if count != missed.count || (!missed.at_least && last != missed.last) {
                return Err(format!("{count} instants up to {last} were missed: {fire:?}"));
            }
        }
        reach = Reach { from: (at, at), recorded: Some(at) };
    }
    Ok(reach)
}

/// Whether the cron does not make up for what the host came to so late.
fn is_misfire(spec: &Spec, fire: &Fire) -> bool {
    let late = Duration::try_from(fire.recorded_at.duration_since(fire.scheduled_at));
    let late = late.unwrap_or_default();
    let too_old = spec.catchup_window < late;
    // Of too many that were missed, the oldest are left out.
    let bounded = spec.catchup == Catchup::All;
    ON_TIME <= late && (spec.catchup == Catchup::None || too_old || bounded)
}

fn is_due(spec: &Spec, at: Timestamp) -> bool {
    spec.schedule.next_after(before(at)) == Some(at) && spec.end.is_none_or(|end| at <= end)
}

fn before(at: Timestamp) -> Timestamp {
    at - Duration::from_nanos(1)
}
