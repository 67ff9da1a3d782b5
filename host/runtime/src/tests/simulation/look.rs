use wakeful_core::{RunId, Timestamp};
use wakeful_store::RunQuery;

use super::life::{Life, Stop};
use super::oracle::Window;
use super::world::World;

/// How many of a cron's newest records one look reads, unless they are all new.
const NEWEST: usize = 8;

/// How many runs that have not ended one look reads.
const RUNS: usize = 12;

impl World {
    /// Looks at what the host has recorded since the last look, and lets the oracle judge it. With
    /// `all`, at what was there before as well.
    pub(super) async fn look(
        &mut self,
        life: &Life,
        ticked: Option<Timestamp>,
        all: bool,
    ) -> Result<(), Stop> {
        if self.disk.is_dead() {
            return Err(Stop::Crash);
        }
        self.counts.looks += 1;
        let store = life.host.store();
        let window = Window { span: self.clock.take_span(), ticked };
        self.oracle.guests_begun(self.guests.take_begun())?;
        let crons: Vec<_> = self.oracle.crons().collect();
        let mut fresh = Vec::new();
        for (id, recorded) in crons {
            let is_new = |at: Timestamp| recorded.is_none_or(|recorded| recorded < at);
            let limit = if all { usize::MAX } else { NEWEST };
            let mut fires = store.fires(id, None, limit).await.map_err(|it| self.broken(&it))?;
            fires.retain(|fire| fire.cause.is_of_schedule());
            if NEWEST / 2 <= fires.len() && fires.iter().all(|fire| is_new(fire.scheduled_at)) {
                fires = store.fires(id, None, usize::MAX).await.map_err(|it| self.broken(&it))?;
                fires.retain(|fire| fire.cause.is_of_schedule());
            }
            if all {
                self.oracle.compare_fires(id, &fires)?;
            }
            fires.retain(|fire| is_new(fire.scheduled_at));
            fires.reverse();
            if !fires.is_empty() {
                self.oracle.stir(id);
            }
            fresh.push((id, fires));
        }
        for (id, fires) in fresh {
            for fire in &fires {
                let (at, missed) = (fire.scheduled_at, fire.coalesced.as_ref());
                let missed = missed.map_or(0, |missed| missed.count);
                self.note(format_args!("fire: {id} at {at}, {missed} missed: {:?}", fire.status));
            }
            self.oracle.look_at_fires(id, &window, &fires)?;
        }
        let mut open: Vec<RunId> = self.oracle.open_runs().collect();
        if !all && RUNS < open.len() {
            // By turns, because a backlog has hundreds, and each look would read all of them.
            let turn = self.counts.looks as usize % open.len().div_ceil(RUNS);
            open = open.split_off(turn * RUNS);
            open.truncate(RUNS);
        }
        for id in open {
            let run = store.run(id).await.map_err(|problem| self.broken(&problem))?;
            self.oracle.look_at_run(id, run.as_ref())?;
        }
        self.oracle.looked()?;
        match self.guests.wrong() {
            Some(wrong) => Err(wrong.into()),
            None => Ok(()),
        }
    }

    /// Looks at every record there is, once everything has come to its end.
    pub(super) async fn look_at_everything(&mut self, life: &Life) -> Result<(), Stop> {
        self.look(life, None, true).await?;
        let store = life.host.store();
        let query = RunQuery { limit: usize::MAX, ..RunQuery::default() };
        let runs = store.runs(query).await.map_err(|problem| self.broken(&problem))?.items;
        self.oracle.look_at_all_runs(&runs)?;
        for run in &runs {
            if !run.status.is_final() {
                return Err(format!("run {} has not ended: {run:?}", run.id).into());
            }
        }
        for id in &self.promised_threads {
            if store.thread(*id).await.map_err(|problem| self.broken(&problem))?.is_none() {
                return Err(format!("thread {id} is lost").into());
            }
        }
        let mut threads: Vec<_> = runs.iter().map(|run| run.thread_id).collect();
        threads.sort();
        threads.dedup();
        for id in threads {
            let found = store.thread(id).await.map_err(|problem| self.broken(&problem))?;
            if found.is_none() {
                continue;
            }
            let points = store.checkpoints(id, None, usize::MAX).await;
            let points = points.map_err(|problem| self.broken(&problem))?;
            self.counts.committed += points.len() as u64;
            self.oracle.look_at_thread(id, &points, &runs)?;
        }
        for (id, known) in &self.crons {
            let found = store.cron(*id).await.map_err(|problem| self.broken(&problem))?;
            let Some(found) = found else { return Err(format!("cron {id} is lost").into()) };
            let told = (&known.schedules, &known.timezone, known.end_time, known.enabled);
            if (&found.schedules, &found.timezone, found.end_time, found.enabled) != told {
                return Err(format!("cron {id} was {known:?}, is {found:?}").into());
            }
        }
        Ok(())
    }
}
