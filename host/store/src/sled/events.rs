use async_trait::async_trait;
use wakeful_core::{LoggedEvent, RunId};

use super::SledStore;
use super::runs;
use super::tx::Tx;
use crate::record::{StoredEvents, StoredRun};
use crate::{Error, EventStore};

#[async_trait]
impl EventStore for SledStore {
    async fn run_events(&self, id: RunId) -> Result<Option<Vec<LoggedEvent>>, Error> {
        self.read(move |tx| of_run(tx, id)).await
    }
}

fn of_run(tx: &Tx<'_>, id: RunId) -> Result<Option<Vec<LoggedEvent>>, Error> {
    let Some(stored) = tx.load::<StoredRun>(id.as_bytes())? else { return Ok(None) };
    let Some(doc) = stored.events.clone() else { return Ok(None) };
    let events: StoredEvents<'static> = tx.docs().get(&doc, "events of a run")?;
    let run = runs::open(tx, stored)?;
    Ok(Some(events.open(&run)))
}
