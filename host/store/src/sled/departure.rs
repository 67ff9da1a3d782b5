//! What goes with an assistant.

use wakeful_core::{
    AssistantId, CronId, Json, Object, Outcome, Report, RunId, ThreadId, Timestamp,
};

use super::table::Table;
use super::tx::Tx;
use super::{assistants, crons, keys, queue, threads};
use crate::record::{StoredCron, StoredRun, StoredThread};
use crate::{DeletedAssistant, Error};

/// The threads whose metadata names the assistant. Reads all of them, so not in the transaction.
pub(super) fn threads_of(tx: &Tx<'_>, id: AssistantId) -> Result<Vec<ThreadId>, Error> {
    let name = id.to_string();
    let mut found = Vec::new();
    for thread in tx.all::<StoredThread>() {
        let thread = thread?;
        let metadata: Object = tx.docs().get(&thread.metadata, "thread")?;
        if metadata.get("assistant_id").and_then(Json::as_str) == Some(name.as_str()) {
            found.push(thread.id);
        }
    }
    Ok(found)
}

/// Deletes the assistant with its versions and crons and with these threads, and cancels what of
/// its runs is pending.
pub(super) fn delete(
    tx: &mut Tx<'_>,
    id: AssistantId,
    going: &[ThreadId],
    now: Timestamp,
) -> Result<Option<DeletedAssistant>, Error> {
    if !assistants::remove(tx, id)? {
        return Ok(None);
    }
    let mut deleted = DeletedAssistant {
        cancelled: runs_in(tx, Table::Pending, id)?,
        running: runs_in(tx, Table::Running, id)?,
    };
    for run in &deleted.cancelled {
        let ending = queue::Ending::new(Report::not_run(Outcome::Cancelled), tx.docs())?;
        queue::cancel(tx, *run, ending, now)?;
    }
    for cron in crons_of(tx, id)? {
        crons::delete(tx, cron)?;
    }
    for thread in going {
        for run in threads::delete(tx, *thread)?.unwrap_or_default() {
            if !deleted.running.contains(&run) {
                deleted.running.push(run);
            }
        }
    }
    Ok(Some(deleted))
}

/// The runs of the assistant that a table of the queue names.
fn runs_in(tx: &Tx<'_>, table: Table, id: AssistantId) -> Result<Vec<RunId>, Error> {
    let mut found = Vec::new();
    for entry in tx.scan(table, &[]) {
        let (key, _) = entry?;
        let run = tx.load::<StoredRun>(keys::last_run(&key)?.as_bytes())?;
        found.extend(run.filter(|run| run.assistant == id).map(|run| run.id));
    }
    Ok(found)
}

fn crons_of(tx: &Tx<'_>, id: AssistantId) -> Result<Vec<CronId>, Error> {
    let mut found = Vec::new();
    for cron in tx.all::<StoredCron>() {
        let cron = cron?;
        if cron.assistant == id {
            found.push(cron.id);
        }
    }
    Ok(found)
}
