use std::pin::pin;
use std::time::Duration;

use tokio::time::timeout;
use wakeful_core::{MultitaskStrategy, Run, RunId, RunStatus, Trigger};
use wakeful_store::{Cancelled, RunQuery};

use crate::{CancelAction, Error, Host, RunsToStop};

/// How long a run is waited for that is between two states.
const LONGEST_MOVE: Duration = Duration::from_secs(5);

impl Host {
    /// Asks for a run to stop. A pending run has ended when this returns; wait for a running one
    /// with [`Host::wait_for_run`].
    pub async fn cancel_run(&self, id: RunId, action: CancelAction) -> Result<(), Error> {
        let runs = self.stop_run(id, action).await?;
        if runs && action == CancelAction::Rollback {
            self.roll_back(id).await?;
        }
        Ok(())
    }

    /// Asks for many runs to stop. Returns how many there were that had not ended.
    pub async fn cancel_runs(
        &self,
        which: RunsToStop,
        action: CancelAction,
    ) -> Result<usize, Error> {
        let mut stopped = Vec::new();
        for id in self.to_stop(which).await? {
            match self.stop_run(id, action).await {
                Ok(runs) => stopped.push((id, runs)),
                // It may have ended by itself meanwhile.
                Err(Error::NotFound { .. } | Error::Conflict(_)) => {}
                Err(error) => return Err(error),
            }
        }
        if action == CancelAction::Rollback {
            // By now all of them have been told, so these waits are not one after the other.
            for (id, _) in stopped.iter().filter(|(_, runs)| *runs) {
                self.roll_back(*id).await?;
            }
        }
        Ok(stopped.len())
    }

    /// Deletes a run and the checkpoints it made, so that its thread is where it was before; a run in
    /// progress is stopped first.
    pub async fn delete_run(&self, id: RunId) -> Result<(), Error> {
        let run = self.run(id).await?;
        if !run.status.is_final() {
            return self.cancel_run(id, CancelAction::Rollback).await;
        }
        self.store().delete_run(id).await?;
        Ok(())
    }

    /// Stops the runs that a new run takes the place of; see [`displacement`].
    pub(crate) async fn displace(&self, new: &Run, action: CancelAction) -> Result<(), Error> {
        let query =
            RunQuery { thread_id: Some(new.thread_id), limit: usize::MAX, ..RunQuery::default() };
        let mut others = self.store().runs(query).await?.items;
        if let Trigger::Cron(fire) = &new.trigger {
            for id in self.store().open_runs(fire.cron_id).await? {
                others.extend(self.store().run(id).await?);
            }
        }
        for old in others {
            if old.status.is_final() || old.id == new.id || old.created_at > new.created_at {
                continue;
            }
            match self.cancel_run(old.id, action).await {
                // It may have ended by itself meanwhile.
                Ok(()) | Err(Error::NotFound { .. } | Error::Conflict(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn to_stop(&self, which: RunsToStop) -> Result<Vec<RunId>, Error> {
        let statuses: &[RunStatus] = match &which {
            RunsToStop::Pending => &[RunStatus::Pending],
            RunsToStop::Running => &[RunStatus::Running],
            // What is pending comes first, or it would begin as soon as something else stops.
            RunsToStop::Unfinished => &[RunStatus::Pending, RunStatus::Running],
            RunsToStop::Listed { .. } => &[],
        };
        let mut found = Vec::new();
        for status in statuses {
            let status = Some(*status);
            let query = RunQuery { status, limit: usize::MAX, ..RunQuery::default() };
            found.extend(self.store().runs(query).await?.items.iter().map(|run| run.id));
        }
        if let RunsToStop::Listed { thread, runs } = which {
            for id in runs {
                let run = self.store().run(id).await?;
                found.extend(run.filter(|run| run.thread_id == thread).map(|run| run.id));
            }
        }
        Ok(found)
    }

    /// Ends a pending run, or tells a running one to stop. Returns whether it is still running.
    async fn stop_run(&self, id: RunId, action: CancelAction) -> Result<bool, Error> {
        let discard = action == CancelAction::Rollback;
        // A run that is rolled back cannot be asked later.
        let known = self.store().run(id).await?.ok_or_else(|| Error::not_found("run", id))?;
        loop {
            let cancelled = if discard {
                self.store().discard_run(id, None).await?
            } else {
                self.store().cancel_pending(id, self.now()).await?
            };
            let runs = match cancelled {
                Cancelled::Done => {
                    self.hub().announce_cancelled(id, known.thread_id, self.now());
                    self.wake_outbox();
                    false
                }
                Cancelled::Running if self.stop_running(id, discard).await => true,
                // It has failed meanwhile, and waits for its next attempt.
                Cancelled::Running => continue,
                Cancelled::Missing => return Err(Error::not_found("run", id)),
                Cancelled::Ended => {
                    return Err(Error::Conflict(format!("run {id} has already ended")));
                }
            };
            self.wake_executor();
            return Ok(runs);
        }
    }

    /// Stops a run that the store says is running; returns false if it is pending again. Between
    /// its claim and its beginning it is not known here yet, and after its end no longer; neither
    /// takes longer than a way to the store and back.
    async fn stop_running(&self, id: RunId, discard: bool) -> bool {
        let stop = async {
            loop {
                let mut moved = pin!(self.hub().moved());
                moved.as_mut().enable();
                if self.hub().cancel(id, discard) {
                    return true;
                }
                match self.store().run(id).await {
                    Ok(Some(run)) if run.status == RunStatus::Running => {}
                    Ok(Some(run)) => return run.status.is_final(),
                    _ => return true,
                }
                moved.await;
            }
        };
        timeout(LONGEST_MOVE, stop).await.unwrap_or(true)
    }

    /// Waits until a run that was told to stop and to leave nothing has done so.
    async fn roll_back(&self, id: RunId) -> Result<(), Error> {
        match self.wait_for_run(id).await {
            // It came to an end of its own before it was stopped.
            Ok(_) => {
                self.store().delete_run(id).await?;
                Ok(())
            }
            Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// How a new run of this strategy stops those before it on its thread, if it does.
pub(crate) fn displacement(strategy: MultitaskStrategy) -> Option<CancelAction> {
    match strategy {
        MultitaskStrategy::Interrupt => Some(CancelAction::Interrupt),
        MultitaskStrategy::Rollback => Some(CancelAction::Rollback),
        MultitaskStrategy::Enqueue | MultitaskStrategy::Reject => None,
    }
}
