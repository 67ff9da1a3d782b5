use wakeful_core::{Assistant, AssistantId};

use super::tx::Tx;
use crate::Error;
use crate::record::StoredAssistant;

/// Inserts it unless its id is taken; returns what is there then.
pub(super) fn ensure(tx: &mut Tx<'_>, new: StoredAssistant) -> Result<StoredAssistant, Error> {
    let key = *new.id.as_bytes();
    match tx.load::<StoredAssistant>(&key)? {
        Some(known) => Ok(known),
        None => {
            tx.save(&key, &new)?;
            Ok(new)
        }
    }
}

pub(super) fn get(tx: &Tx<'_>, id: AssistantId) -> Result<Option<Assistant>, Error> {
    tx.load::<StoredAssistant>(id.as_bytes())?.map(|found| found.open(tx.docs())).transpose()
}

pub(super) fn list(tx: &Tx<'_>) -> Result<Vec<Assistant>, Error> {
    tx.all::<StoredAssistant>().map(|found| found?.open(tx.docs())).collect()
}
