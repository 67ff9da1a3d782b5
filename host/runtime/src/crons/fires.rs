//! Fires that somebody asks for, and what became of all of them.

use std::time::Duration;

use wakeful_core::{
    Cron, CronId, CronTrigger, Fire, FireCause, FireStatus, LARGEST_BACKLOG, MultitaskStrategy,
    Object, Overlap, RequestKey, Run, RunId, ThreadId, Timestamp,
};
use wakeful_store::{Created, Inserted, NewRun};

use super::{fresh_thread, schedule_of};
use crate::cancel::displacement;
use crate::plan::run_of_fire;
use crate::runs::{busy_thread, check_key, thread_metadata as thread_metadata_of};
use crate::{Error, Host};

impl Host {
    /// Runs a cron once, now, whether it is enabled or not. The run sees what it would see at a fire
    /// that is due now. The schedule goes on as it was.
    pub async fn trigger_cron(&self, id: CronId) -> Result<Run, Error> {
        Ok(self.trigger_cron_once(id, None).await?.into_inner())
    }

    /// Like [`Host::trigger_cron`]; says whether the request that `key` names had done so already.
    pub async fn trigger_cron_once(
        &self,
        id: CronId,
        key: Option<RequestKey>,
    ) -> Result<Created<Run>, Error> {
        let cron = self.cron(id).await?;
        let now = self.now();
        let mut fired = self.fire_by_hand(cron, FireCause::Manual, vec![now], key).await?;
        fired.pop().ok_or_else(|| Error::not_found("cron", id))
    }

    /// Starts a run for each instant of a cron's schedule from `from` to `to`, whether it fired
    /// before or not. The runs take turns, unless the cron lets its runs go on side by side.
    pub async fn backfill_cron(
        &self,
        id: CronId,
        from: Timestamp,
        to: Timestamp,
        key: Option<RequestKey>,
    ) -> Result<Vec<Created<Run>>, Error> {
        let cron = self.cron(id).await?;
        let now = self.now();
        if to < from || now < to {
            return Err(Error::Invalid(
                "to: give an instant from `from` on, and not in the future".to_owned(),
            ));
        }
        let schedule = schedule_of(&cron)?;
        let after = from.checked_sub(Duration::from_nanos(1)).unwrap_or(from);
        let instants: Vec<_> =
            schedule.upcoming(after).take_while(|at| *at <= to).take(LARGEST_BACKLOG + 1).collect();
        if LARGEST_BACKLOG < instants.len() {
            return Err(Error::Invalid(format!(
                "to: there are more than {LARGEST_BACKLOG} instants up to it; choose an earlier one, and go on from there in another request"
            )));
        }
        self.fire_by_hand(cron, FireCause::Backfill, instants, key).await
    }

    /// Starts runs for instants that no schedule made due.
    async fn fire_by_hand(
        &self,
        cron: Cron,
        cause: FireCause,
        instants: Vec<Timestamp>,
        key: Option<RequestKey>,
    ) -> Result<Vec<Created<Run>>, Error> {
        let id_of = |index| key.map(|key: RequestKey| RunId::from(key.part(index).id()));
        if let (Some(key), Some(first)) = (key, id_of(0))
            && let Some(known) = self.store().run(first).await?
        {
            check_key(&known, Some(key))?;
            let mut known = Vec::with_capacity(instants.len());
            for index in 0..instants.len() {
                if let Some(id) = id_of(index) {
                    known.push(Created::Existing(self.run(id).await?));
                }
            }
            return Ok(known);
        }
        let assistant = self.resolve_assistant(&cron.assistant_id.to_string()).await?;
        let thread_metadata = match cron.thread_id {
            Some(thread) => self.store().thread_metadata(thread).await?.unwrap_or_default(),
            None => Object::new(),
        };
        let now = self.now();
        let mut fires = Vec::with_capacity(instants.len());
        for (index, at) in instants.into_iter().enumerate() {
            let id = id_of(index).unwrap_or_else(RunId::generate);
            let trigger = CronTrigger {
                cron_id: cron.id,
                scheduled_at: at,
                missed: 0,
                cause,
                previous_at: cron.last_scheduled_at,
                late: Duration::ZERO,
            };
            let mut run = run_of_fire(id, &cron, &assistant, &thread_metadata, trigger, now);
            // Those that wait for each other begin in the order of their instants.
            run.created_at = now.checked_add(Duration::from_micros(index as u64)).unwrap_or(now);
            run.available_at = run.created_at;
            run.request_digest = key.map(|key| key.digest());
            if cause == FireCause::Backfill && run.multitask != MultitaskStrategy::Enqueue {
                // They are not to skip or stop each other.
                run.multitask = MultitaskStrategy::Enqueue;
            }
            let ttl = self.settings().retention.threads;
            let fresh = || fresh_thread(&cron, run.thread_id, now).with_ttl(ttl, now);
            let create_thread = cron.thread_id.is_none().then(fresh);
            let fire = Fire {
                cron_id: cron.id,
                scheduled_at: at,
                recorded_at: now,
                late: Duration::ZERO,
                cause,
                status: FireStatus::Started(id),
                coalesced: None,
            };
            let new = NewRun {
                run,
                create_thread,
                thread_metadata: thread_metadata_of(&assistant),
                held: cron.thread_id.is_none() && cron.policy.overlap != Overlap::Allow,
            };
            fires.push((fire, new));
        }
        self.refuse_when_stopping()?;
        let mut created = Vec::with_capacity(fires.len());
        for inserted in self.store().insert_fires(fires).await? {
            created.push(match inserted {
                Inserted::Run(run) => Created::New(*run),
                Inserted::Known(run) => {
                    check_key(&run, key)?;
                    Created::Existing(*run)
                }
                Inserted::NoThread => return Err(Error::not_found("thread", text(cron.thread_id))),
                Inserted::Busy => return Err(busy_thread(text(cron.thread_id))),
            });
        }
        self.wake_executor();
        for run in &created {
            if let Created::New(run) = run
                && let Some(action) = displacement(run.multitask)
            {
                self.displace(run, action).await?;
            }
        }
        Ok(created)
    }

    /// What became of a cron's due instants, newest first; only those before `before`, if given.
    pub async fn fires(
        &self,
        id: CronId,
        before: Option<Timestamp>,
        limit: usize,
    ) -> Result<Vec<Fire>, Error> {
        self.cron(id).await?;
        Ok(self.store().fires(id, before, limit).await?)
    }
}

fn text(thread: Option<ThreadId>) -> String {
    thread.map(|id| id.to_string()).unwrap_or_default()
}
