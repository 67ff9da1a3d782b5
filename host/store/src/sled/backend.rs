use std::fs::File;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use wakeful_core::{
    Checkpoint, CheckpointId, Cron, CronId, Digest, Fire, Lease, Object, Outcome, Report, Run,
    RunError, RunId, Thread, ThreadId, Timestamp,
};

use super::jobs::Rank;
use super::runs::Prepared;
use super::{SledStore, backup, checkpoints, crons, fires, queue, runs, sweep, threads};
use crate::folder::Purpose::{Begin, End};
use crate::record::{Docs, Draft, StoredCron, StoredThread, error_doc};
use crate::{
    Backup, Cancelled, ClaimedRun, Created, CronQuery, DueCron, Error, FinishRun, Finished,
    FirePlan, Inserted, NewRun, Page, Planner, Recovered, RunQuery, Store, ThreadQuery,
};

/// When a run is tried again that could not be read just now.
const RETRY: Duration = Duration::from_secs(1);

#[async_trait]
impl Store for SledStore {
    async fn create_thread(&self, thread: Thread) -> Result<Created<Thread>, Error> {
        let new = self.docs(move |docs| StoredThread::new(&thread, docs)).await?;
        let created = self.write(Begin, |tx| threads::create(tx, new)).await?;
        self.docs(|docs| created.open(docs)).await
    }

    async fn thread(&self, id: ThreadId) -> Result<Option<Thread>, Error> {
        self.read(move |tx| threads::get(tx, id)).await
    }

    async fn thread_metadata(&self, id: ThreadId) -> Result<Option<Object>, Error> {
        self.read(move |tx| threads::metadata(tx, id)).await
    }

    async fn search_threads(&self, query: ThreadQuery) -> Result<Page<Thread>, Error> {
        self.read(move |tx| threads::search(tx, &query)).await
    }

    async fn delete_thread(&self, id: ThreadId) -> Result<Option<Vec<RunId>>, Error> {
        self.write(End, move |tx| threads::delete(tx, id)).await
    }

    async fn checkpoint(
        &self,
        thread: ThreadId,
        id: CheckpointId,
    ) -> Result<Option<Checkpoint>, Error> {
        self.read(move |tx| checkpoints::get(tx, thread, id)).await
    }

    async fn checkpoints(
        &self,
        thread: ThreadId,
        before: Option<CheckpointId>,
        limit: usize,
    ) -> Result<Vec<Checkpoint>, Error> {
        self.read(move |tx| checkpoints::list(tx, thread, before, limit)).await
    }

    async fn insert_run(&self, new: NewRun) -> Result<Inserted, Error> {
        let new = self.docs(move |docs| Prepared::new(&new, docs)).await?;
        let inserted = self.write(Begin, |tx| runs::insert(tx, new)).await?;
        self.docs(|docs| inserted.open(docs)).await
    }

    async fn insert_runs(&self, new: Vec<NewRun>) -> Result<Vec<Inserted>, Error> {
        let prepare = move |docs: &Docs| new.iter().map(|new| Prepared::new(new, docs)).collect();
        let new: Vec<Prepared> = self.docs(prepare).await?;
        let inserted = self.write(Begin, |tx| runs::insert_all(tx, new)).await?;
        self.docs(|docs| inserted.into_iter().map(|one| one.open(docs)).collect()).await
    }

    async fn run(&self, id: RunId) -> Result<Option<Run>, Error> {
        self.read(move |tx| runs::get(tx, id)).await
    }

    async fn runs(&self, query: RunQuery) -> Result<Page<Run>, Error> {
        self.read(move |tx| runs::list(tx, &query)).await
    }

    async fn claim_runs(
        &self,
        now: Timestamp,
        lease: Lease,
        limit: usize,
    ) -> Result<Vec<ClaimedRun>, Error> {
        let claimed =
            self.write_as(Rank::Run, Begin, move |tx| queue::claim(tx, now, &lease, limit)).await?;
        let opened = self
            .docs(|docs| {
                let open = |run: queue::Claimed| (run.id(), run.epoch(), run.open(docs));
                Ok(claimed.into_iter().map(open).collect::<Vec<_>>())
            })
            .await?;
        let mut runs = Vec::with_capacity(opened.len());
        for (run_id, epoch, opened) in opened {
            match opened {
                Ok(run) => runs.push(run),
                // It has begun by now; if nobody has it, it would hold its thread for ever.
                Err(error) if !error.is_damage() => {
                    tracing::warn!(run = %run_id, %error, "a queued run could not be read; it will be tried again");
                    let later = now.checked_add(RETRY).unwrap_or(now);
                    self.requeue_run(run_id, epoch, later, None, now).await?;
                }
                Err(error) => {
                    tracing::error!(run = %run_id, %error, "a queued run cannot be read; it fails");
                    let message = format!("the host cannot read what it was given: {error}");
                    let report = Report::not_run(Outcome::HostFailed { message });
                    let finish = FinishRun {
                        run_id,
                        epoch,
                        digest: None,
                        report,
                        checkpoint: None,
                        crons: Vec::new(),
                        events: None,
                        now,
                    };
                    self.finish_run(finish).await?;
                }
            }
        }
        Ok(runs)
    }

    async fn next_available(&self) -> Result<Option<Timestamp>, Error> {
        self.read(queue::next_available).await
    }

    async fn renew_leases(&self, lease: Lease) -> Result<(), Error> {
        self.write_as(Rank::Run, End, move |tx| queue::renew(tx, &lease)).await
    }

    async fn finish_run(&self, finish: FinishRun) -> Result<Finished, Error> {
        let (id, epoch, digest, now) = (finish.run_id, finish.epoch, finish.digest, finish.now);
        let ending = self.docs(move |docs| queue::Ending::of(&finish, docs)).await?;
        self.write_as(Rank::Run, End, move |tx| queue::finish(tx, id, epoch, digest, ending, now))
            .await
    }

    async fn advance_run(
        &self,
        id: RunId,
        epoch: u64,
        checkpoint: Checkpoint,
        now: Timestamp,
    ) -> Result<Option<Checkpoint>, Error> {
        let draft = self.docs(move |docs| Draft::new(&checkpoint, docs)).await?;
        let advanced = self.write(End, move |tx| queue::advance(tx, id, epoch, draft, now)).await?;
        self.docs(|docs| advanced.map(|checkpoint| checkpoint.open(docs)).transpose()).await
    }

    async fn requeue_run(
        &self,
        id: RunId,
        epoch: u64,
        available_at: Timestamp,
        failure: Option<RunError>,
        now: Timestamp,
    ) -> Result<Finished, Error> {
        let failure = self
            .docs(move |docs| failure.map(|failure| error_doc(&failure, docs)).transpose())
            .await?;
        self.write_as(Rank::Run, End, move |tx| {
            queue::requeue(tx, id, epoch, available_at, failure, now)
        })
        .await
    }

    async fn cancel_pending(&self, id: RunId, now: Timestamp) -> Result<Cancelled, Error> {
        let report = Report::not_run(Outcome::Cancelled);
        let ending = self.docs(move |docs| queue::Ending::new(report, docs)).await?;
        self.write(End, move |tx| queue::cancel(tx, id, ending, now)).await
    }

    async fn discard_run(&self, id: RunId, epoch: Option<u64>) -> Result<Cancelled, Error> {
        self.write(End, move |tx| queue::discard(tx, id, epoch)).await
    }

    async fn delete_run(&self, id: RunId) -> Result<bool, Error> {
        // A sweep that has read where a file is named now must not find it missing where it was
        // named before.
        let _alone = self.housekeeping.lock().await;
        self.write(End, move |tx| runs::delete(tx, id)).await
    }

    async fn recover_runs(
        &self,
        now: Timestamp,
        owner: &str,
        exclusive: bool,
        max_attempts: u32,
    ) -> Result<Recovered, Error> {
        let owner = owner.to_owned();
        self.write(End, move |tx| queue::recover(tx, now, &owner, exclusive, max_attempts)).await
    }

    async fn create_cron(&self, cron: Cron) -> Result<Created<Cron>, Error> {
        let new = self.docs(move |docs| StoredCron::new(&cron, docs)).await?;
        let created = self.write(Begin, move |tx| crons::create(tx, new)).await?;
        self.docs(|docs| {
            Ok(match created {
                Created::New(cron) => Created::New(cron.open(docs)?),
                Created::Existing(cron) => Created::Existing(cron.open(docs)?),
            })
        })
        .await
    }

    async fn cron(&self, id: CronId) -> Result<Option<Cron>, Error> {
        self.read(move |tx| crons::get(tx, id)).await
    }

    async fn search_crons(&self, query: CronQuery) -> Result<Page<Cron>, Error> {
        self.read(move |tx| crons::search(tx, &query)).await
    }

    async fn update_cron(&self, cron: Cron, past: Option<Fire>) -> Result<Option<Cron>, Error> {
        let new = self.docs(move |docs| StoredCron::new(&cron, docs)).await?;
        let updated = self.write(Begin, move |tx| crons::update(tx, new, past.as_ref())).await?;
        self.docs(|docs| updated.map(|cron| cron.open(docs)).transpose()).await
    }

    async fn delete_cron(&self, id: CronId) -> Result<bool, Error> {
        self.write(End, move |tx| crons::delete(tx, id)).await
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, Error> {
        self.read(crons::next_due).await
    }

    async fn claim_due(
        &self,
        now: Timestamp,
        limit: usize,
        plan: Planner,
    ) -> Result<Vec<FirePlan>, Error> {
        let (planned, damaged, trouble) = self
            .read(move |tx| {
                let due = fires::due(tx, now, limit)?;
                let planned = due.crons.iter().map(|due| Planned::new(due, plan(due), tx.docs()));
                Ok((planned.collect::<Result<_, _>>()?, due.damaged, due.trouble))
            })
            .await?;
        for (at, cron) in damaged {
            self.write(End, move |tx| fires::park(tx, at, cron)).await?;
        }
        let fired = self.fire(planned).await?;
        match trouble {
            Some(error) if fired.is_empty() => Err(error),
            _ => Ok(fired),
        }
    }

    async fn fires(
        &self,
        cron: CronId,
        before: Option<Timestamp>,
        limit: usize,
    ) -> Result<Vec<Fire>, Error> {
        self.read(move |tx| fires::list(tx, cron, before, limit)).await
    }

    async fn put_file(&self, source: &Path) -> Result<(Digest, u64), Error> {
        let source = source.to_owned();
        self.docs(move |docs| docs.blobs.put_file(&source)).await
    }

    async fn put_bytes(&self, bytes: Vec<u8>) -> Result<Digest, Error> {
        self.docs(move |docs| docs.blobs.put(&bytes)).await
    }

    async fn fetch_file(&self, digest: Digest, target: &Path) -> Result<(), Error> {
        let target = target.to_owned();
        self.docs(move |docs| docs.blobs.fetch(digest, &target)).await
    }

    async fn open_file(&self, digest: Digest) -> Result<File, Error> {
        self.docs(move |docs| docs.blobs.open_whole(digest)).await
    }

    async fn sweep(
        &self,
        runs_before: Timestamp,
        fires_before: Timestamp,
    ) -> Result<(u64, u64, u64), Error> {
        let _alone = self.housekeeping.lock().await;
        let runs = self.sweep_runs(runs_before).await?;
        let fires = self.sweep_fires(fires_before).await?;
        Ok((runs, fires, self.sweep_blobs(sweep::GRACE).await?))
    }

    async fn check(&self) -> Result<(), Error> {
        self.read(crons::next_due).await?;
        self.write(Begin, sweep::note_check).await
    }

    async fn backup(&self, target: &Path, now: Timestamp) -> Result<Backup, Error> {
        let _alone = self.housekeeping.lock().await;
        backup::backup(self, target.to_owned(), now).await
    }

    async fn close(&self) -> Result<(), Error> {
        self.end().await
    }
}

/// A fire that was decided upon, with its large parts written.
struct Planned {
    seen: fires::Seen,
    plan: FirePlan,
    run: Option<Prepared>,
}

impl Planned {
    fn new(due: &DueCron, plan: FirePlan, docs: &crate::record::Docs) -> Result<Self, Error> {
        let run = plan.run.as_ref().map(|run| Prepared::new(run, docs)).transpose()?;
        Ok(Self { seen: fires::Seen::new(due, &plan), plan, run })
    }
}

impl SledStore {
    /// Writes the fires, each in a transaction of its own, all in as few groups as possible.
    async fn fire(&self, planned: Vec<Planned>) -> Result<Vec<FirePlan>, Error> {
        let mut answers = Vec::with_capacity(planned.len());
        let mut failed = None;
        for Planned { seen, plan, run } in planned {
            let work = move |tx: &mut super::tx::Tx<'_>| {
                Ok(fires::fire(tx, &seen, &plan, run)?.then_some(plan))
            };
            match self.writer.submit(Rank::Due, Begin, work).await {
                Ok(answer) => answers.push(answer),
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        let mut fired = Vec::with_capacity(answers.len());
        for answer in answers {
            match answer.await.unwrap_or_else(|_| Err(super::writer::gone())) {
                Ok(plan) => fired.extend(plan),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        match failed {
            // Those that were written have to be heard of; the others come up again.
            Some(error) if fired.is_empty() => Err(error),
            Some(error) => {
                tracing::warn!(%error, "some crons that are due could not fire; they will be tried again");
                Ok(fired)
            }
            None => Ok(fired),
        }
    }
}
