//! The calls of language models, and the tokens of each day.

use async_trait::async_trait;
use wakeful_core::{Json, RunId, RunStatus, Timestamp};

use super::jobs::Rank;
use super::table::Table;
use super::tx::Tx;
use super::{SledStore, fires, keys};
use crate::folder::Purpose::End;
use crate::record::{StoredCall, StoredDay, StoredRun};
use crate::{Error, JournalEntry, JournalStore, Purse, RecordCall};

/// How many days that are over go in one transaction.
const OLD: usize = 16;

#[async_trait]
impl JournalStore for SledStore {
    async fn journal(&self, run: RunId) -> Result<Vec<JournalEntry>, Error> {
        self.read(move |tx| {
            let mut found = Vec::new();
            for key in of_run(tx, run)? {
                let number = number(&key)?;
                found.extend(tx.load::<StoredCall>(&key)?.map(|call| call.entry(number)));
            }
            Ok(found)
        })
        .await
    }

    async fn journaled_answer(&self, run: RunId, number: u32) -> Result<Option<Json>, Error> {
        self.read(move |tx| match tx.load::<StoredCall>(&keys::call(run, number))? {
            Some(call) => call.answer(tx.docs()),
            None => Ok(None),
        })
        .await
    }

    async fn record_call(&self, call: RecordCall) -> Result<(), Error> {
        let (call, new) = self
            .docs(move |docs| {
                let new = StoredCall::new(&call, docs)?;
                // It is in its document by now.
                Ok((RecordCall { answer: None, ..call }, new))
            })
            .await?;
        self.write_as(Rank::Run, End, move |tx| record(tx, &call, new)).await
    }

    async fn tokens_today(&self, purse: Purse, now: Timestamp) -> Result<u64, Error> {
        self.read(move |tx| Ok(day(tx, &key_of(&purse, now))?.tokens)).await
    }
}

fn record(tx: &mut Tx<'_>, call: &RecordCall, mut new: StoredCall) -> Result<(), Error> {
    let used = call.tokens.total();
    let purses = [Purse::Component(call.component.clone()), Purse::Model(call.model.clone())];
    for purse in purses {
        let key = key_of(&purse, call.now);
        let mut day = day(tx, &key)?;
        day.tokens = day.tokens.saturating_add(used);
        tx.save(&key, &day)?;
    }
    forget_days(tx, call.now)?;
    if let Some(cron) = call.cron {
        fires::note_tokens(tx, cron, used, call.now)?;
    }
    let run = tx.load::<StoredRun>(call.run_id.as_bytes())?;
    let holds = |run: &StoredRun| run.status == RunStatus::Running && run.epoch == call.epoch;
    if run.as_ref().is_some_and(holds) {
        let key = keys::call(call.run_id, call.number);
        if let Some(earlier) = tx.load::<StoredCall>(&key)? {
            new.after(&earlier);
        }
        tx.save(&key, &new)?;
    }
    Ok(())
}

/// Deletes the journal of a run that ends.
pub(super) fn forget(tx: &mut Tx<'_>, run: RunId) -> Result<(), Error> {
    for key in of_run(tx, run)? {
        tx.remove(Table::Journal, &key);
    }
    Ok(())
}

/// The keys of a run's calls.
fn of_run(tx: &Tx<'_>, run: RunId) -> Result<Vec<Vec<u8>>, Error> {
    tx.scan(Table::Journal, run.as_bytes()).map(|entry| Ok(entry?.0.to_vec())).collect()
}

/// The number of the call with this key.
fn number(key: &[u8]) -> Result<u32, Error> {
    let bytes = key.last_chunk().ok_or(Error::Damaged {
        what: "key",
        reason: "it is too short for a call of a model".to_owned(),
    })?;
    Ok(u32::from_be_bytes(*bytes))
}

fn day(tx: &Tx<'_>, key: &[u8]) -> Result<StoredDay, Error> {
    Ok(tx.load(key)?.unwrap_or_default())
}

/// Days that are over are of no use; one more is kept for a clock that is set back.
fn forget_days(tx: &mut Tx<'_>, now: Timestamp) -> Result<(), Error> {
    let yesterday = keys::day(now).saturating_sub(1).to_be_bytes().to_vec();
    let old: Result<Vec<_>, Error> =
        tx.range(Table::Tokens, ..yesterday).take(OLD).map(|entry| Ok(entry?.0.to_vec())).collect();
    for key in old? {
        tx.remove(Table::Tokens, &key);
    }
    Ok(())
}

fn key_of(purse: &Purse, now: Timestamp) -> Vec<u8> {
    let (kind, name) = match purse {
        Purse::Component(id) => (b"c", id.as_str()),
        Purse::Model(name) => (b"m", name.as_str()),
    };
    keys::join(&[&keys::day(now).to_be_bytes(), kind, name.as_bytes()])
}
