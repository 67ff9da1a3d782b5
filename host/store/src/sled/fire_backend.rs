use async_trait::async_trait;
use wakeful_core::{Cron, CronId, CronStats, Fire, RunId, Timestamp};

use super::runs::Prepared;
use super::{SledStore, crons, fires};
use crate::folder::Purpose::Begin;
use crate::record::Docs;
use crate::{Error, FireStore, Inserted, NewRun};

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

    async fn crons_after(&self, after: Option<CronId>, limit: usize) -> Result<Vec<Cron>, Error> {
        self.read(move |tx| crons::after(tx, after, limit)).await
    }
}
