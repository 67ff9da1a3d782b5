//! What runs do to the crons of their own thread.

use wakeful_core::{CronId, RunId, ThreadId};

use super::crons;
use super::tx::Tx;
use crate::record::{Docs, StoredCron};
use crate::{CronChange, Error};

/// What a run did to crons, with the large parts written.
pub(super) enum Change {
    Create(Box<StoredCron>),
    Delete(CronId),
}

impl Change {
    pub(super) fn new(change: &CronChange, docs: &Docs) -> Result<Self, Error> {
        Ok(match change {
            CronChange::Create(cron) => Self::Create(Box::new(StoredCron::new(cron, docs)?)),
            CronChange::Delete(id) => Self::Delete(*id),
        })
    }
}

/// Does to the crons of a thread what a run of it did.
pub(super) fn change(tx: &mut Tx<'_>, thread: ThreadId, changes: Vec<Change>) -> Result<(), Error> {
    for change in changes {
        match change {
            Change::Create(cron) => {
                crons::create(tx, *cron)?;
            }
            Change::Delete(id) => {
                let cron = tx.load::<StoredCron>(id.as_bytes())?;
                if cron.is_some_and(|cron| cron.thread == Some(thread)) {
                    crons::delete(tx, id)?;
                }
            }
        }
    }
    Ok(())
}

/// Deletes the crons that a run made for its thread.
pub(super) fn remove_made_by(tx: &mut Tx<'_>, thread: ThreadId, run: RunId) -> Result<(), Error> {
    for id in crons::ids_of_thread(tx, thread)? {
        let cron = tx.load::<StoredCron>(id.as_bytes())?;
        if cron.is_some_and(|cron| cron.made_by == Some(run)) {
            crons::delete(tx, id)?;
        }
    }
    Ok(())
}
