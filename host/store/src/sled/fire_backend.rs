use async_trait::async_trait;
use wakeful_core::{Cron, CronId, CronStats, Fire, RunId, Timestamp};

use super::runs::Prepared;
use super::table::Table;
use super::{SledStore, crons, fires};
use crate::folder::Purpose::{Begin, End};
use crate::record::Docs;
use crate::{Error, FireStore, Inserted, NewRun};

/// Where the state of the time-zone files is noted.
const ZONES_KEY: &[u8] = b"zones_seen";

#[async_trait]
impl FireStore for SledStore {
    async fn insert_fires(&self, new: Vec<(Fire, NewRun)>) -> Result<Vec<Inserted>, Error> {
        let prepare = move |docs: &Docs| {
            let prepared = |(fire, run): (Fire, NewRun)| Ok((fire, Prepared::new(&run, docs)?));
            new.into_iter().map(prepared).collect()
        };
        let new: Vec<(Fire, Prepared)> = self.docs(prepare).await?;
        let inserted = self.write(Begin, |tx| fires::insert(tx, new)).await?;
        self.docs(|docs| inserted.into_iter().map(|one| one.open(docs)).collect()).await
    }

    async fn cron_stats(&self, cron: CronId) -> Result<CronStats, Error> {
        self.read(move |tx| fires::stats(tx, cron)).await
    }

    async fn open_runs(&self, cron: CronId) -> Result<Vec<RunId>, Error> {
        self.read(move |tx| fires::unfinished(tx, cron)).await
    }

    async fn sweep_crons(&self, before: Timestamp) -> Result<u64, Error> {
        self.sweep_ended_crons(before).await
    }

    async fn zones_seen(&self) -> Result<Option<String>, Error> {
        self.read(|tx| {
            let seen = tx.get(Table::Meta, ZONES_KEY)?;
            Ok(seen.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
        })
        .await
    }

    async fn note_zones(&self, seen: String) -> Result<(), Error> {
        self.write(End, move |tx| tx.put(Table::Meta, ZONES_KEY, seen.into_bytes())).await
    }

    async fn crons_after(&self, after: Option<CronId>, limit: usize) -> Result<Vec<Cron>, Error> {
        self.read(move |tx| crons::after(tx, after, limit)).await
    }
}
