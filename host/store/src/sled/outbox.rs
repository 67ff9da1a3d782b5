//! The outbox: one delivery for each run that ended and has a webhook.

use async_trait::async_trait;
use wakeful_core::{AfterAttempt, Attempt, Delivery, DeliveryId, DeliveryStatus, RunId, Timestamp};

use super::SledStore;
use super::keys::{self, Parts};
use super::table::Table;
use super::tx::Tx;
use crate::folder::Purpose::{Begin, End};
use crate::record::{Doc, StoredDelivery, StoredRun};
use crate::{ClaimDeliveries, DeliveryQuery, Error, OutboxStore, Page, Redelivery};

/// How many records one transaction deletes.
const PORTION: usize = 100;

/// Inserts the delivery of a run that ends, if it has a webhook.
pub(super) fn enqueue(
    tx: &mut Tx<'_>,
    run: &StoredRun,
    values: Option<Doc>,
    now: Timestamp,
) -> Result<(), Error> {
    let Some(webhook) = &run.webhook else { return Ok(()) };
    let delivery = StoredDelivery::new(run.id, webhook.clone(), values, now);
    let key = keys::timed(delivery.created, delivery.id.as_bytes());
    tx.put(Table::DeliveriesByTime, &key, Vec::new())?;
    write(tx, &delivery)
}

/// Removes the delivery of a run, if it has one.
pub(super) fn remove_of_run(tx: &mut Tx<'_>, run: &StoredRun) -> Result<(), Error> {
    if run.webhook.is_some()
        && let Some(delivery) = load(tx, DeliveryId::of_run(run.id))?
    {
        remove(tx, &delivery);
    }
    Ok(())
}

/// Whether the delivery of this run needs the run's record.
pub(super) fn awaits(tx: &Tx<'_>, run: &StoredRun) -> Result<bool, Error> {
    if run.webhook.is_none() {
        return Ok(false);
    }
    let delivery = load(tx, DeliveryId::of_run(run.id))?;
    Ok(delivery.is_some_and(|delivery| delivery.status == DeliveryStatus::Pending))
}

/// The entry of a delivery in the index of what is due.
pub(super) fn due_entry(delivery: &StoredDelivery) -> Option<(Vec<u8>, Vec<u8>)> {
    let key = keys::timed(delivery.next?, delivery.id.as_bytes());
    let mut value = vec![u8::from(delivery.claimed)];
    value.extend_from_slice(delivery.webhook.origin.as_bytes());
    Some((key, value))
}

fn load(tx: &Tx<'_>, id: DeliveryId) -> Result<Option<StoredDelivery>, Error> {
    tx.load(id.as_bytes())
}

fn write(tx: &mut Tx<'_>, delivery: &StoredDelivery) -> Result<(), Error> {
    if let Some((key, value)) = due_entry(delivery) {
        tx.put(Table::DeliveriesDue, &key, value)?;
    }
    tx.save(delivery.id.as_bytes(), delivery)
}

/// Changes a delivery, in the index as well.
fn change(
    tx: &mut Tx<'_>,
    delivery: &mut StoredDelivery,
    how: impl FnOnce(&mut StoredDelivery),
) -> Result<(), Error> {
    if let Some((key, _)) = due_entry(delivery) {
        tx.remove(Table::DeliveriesDue, &key);
    }
    how(delivery);
    write(tx, delivery)
}

fn remove(tx: &mut Tx<'_>, delivery: &StoredDelivery) {
    if let Some((key, _)) = due_entry(delivery) {
        tx.remove(Table::DeliveriesDue, &key);
    }
    tx.remove(Table::DeliveriesByTime, &keys::timed(delivery.created, delivery.id.as_bytes()));
    tx.remove(Table::Deliveries, delivery.id.as_bytes());
}

fn list(tx: &Tx<'_>, query: &DeliveryQuery) -> Result<Page<Delivery>, Error> {
    let mut page = Page { items: Vec::new(), total: 0 };
    let mut add = |delivery: StoredDelivery| -> Result<(), Error> {
        if query.status.is_none_or(|status| status == delivery.status) {
            let place = page.total;
            page.total += 1;
            if place >= query.offset && page.items.len() < query.limit {
                page.items.push(delivery.open(tx.docs())?);
            }
        }
        Ok(())
    };
    match query.run_id {
        Some(run) => load(tx, DeliveryId::of_run(run))?.map(add).transpose().map(drop)?,
        None => {
            for entry in tx.scan(Table::DeliveriesByTime, &[]).rev() {
                load(tx, last_id(&entry?.0)?)?.map(&mut add).transpose()?;
            }
        }
    }
    Ok(page)
}

fn last_id(key: &[u8]) -> Result<DeliveryId, Error> {
    let mut parts = Parts(key);
    parts.time()?;
    parts.id().map(DeliveryId::from_bytes)
}

fn next(tx: &Tx<'_>) -> Result<Option<Timestamp>, Error> {
    tx.first(Table::DeliveriesDue, &[])?.map(|(key, _)| Parts(&key).time()).transpose()
}

fn claim(tx: &mut Tx<'_>, claim: ClaimDeliveries) -> Result<Vec<StoredDelivery>, Error> {
    let mut busy = claim.busy;
    let mut claimed = Vec::new();
    for entry in tx.range(Table::DeliveriesDue, ..=keys::timed(claim.now, &[u8::MAX; 16])) {
        if claimed.len() >= claim.limit {
            break;
        }
        let (key, value) = entry?;
        let origin = String::from_utf8_lossy(value.get(1..).unwrap_or_default()).into_owned();
        let turns = busy.entry(origin).or_default();
        if *turns >= claim.per_origin {
            continue;
        }
        let Some(mut delivery) = load(tx, last_id(&key)?)? else { continue };
        *turns += 1;
        change(tx, &mut delivery, |delivery| {
            delivery.claimed = true;
            delivery.next = Some(claim.until);
        })?;
        claimed.push(delivery);
    }
    Ok(claimed)
}

/// Notes what [`Delivery::note`] made of a delivery.
fn note(tx: &mut Tx<'_>, noted: &Delivery, attempts: Doc) -> Result<bool, Error> {
    let Some(mut delivery) = load(tx, noted.id)? else { return Ok(false) };
    change(tx, &mut delivery, |delivery| {
        delivery.status = noted.status;
        delivery.next = noted.next_attempt_at;
        delivery.claimed = false;
        delivery.tries = noted.tries;
        delivery.attempts = Some(attempts);
    })?;
    Ok(true)
}

/// What came of asking for a delivery again, its large parts unread.
enum Again {
    Due(Box<StoredDelivery>),
    Pending,
    Missing,
}

fn redeliver(tx: &mut Tx<'_>, id: DeliveryId, now: Timestamp) -> Result<Again, Error> {
    let Some(mut delivery) = load(tx, id)? else { return Ok(Again::Missing) };
    if delivery.status == DeliveryStatus::Pending {
        return Ok(Again::Pending);
    }
    change(tx, &mut delivery, |delivery| {
        delivery.status = DeliveryStatus::Pending;
        delivery.next = Some(now);
        delivery.claimed = false;
        delivery.tries = 0;
    })?;
    Ok(Again::Due(Box::new(delivery)))
}

fn release(tx: &mut Tx<'_>, now: Timestamp) -> Result<u64, Error> {
    let mut released = 0;
    for entry in tx.scan(Table::DeliveriesDue, &[]) {
        let (key, value) = entry?;
        if value.first() != Some(&1) {
            continue;
        }
        let Some(mut delivery) = load(tx, last_id(&key)?)? else { continue };
        change(tx, &mut delivery, |delivery| {
            delivery.claimed = false;
            delivery.next = Some(now);
        })?;
        released += 1;
    }
    Ok(released)
}

#[async_trait]
impl OutboxStore for SledStore {
    async fn delivery(&self, id: DeliveryId) -> Result<Option<Delivery>, Error> {
        self.read(move |tx| load(tx, id)?.map(|found| found.open(tx.docs())).transpose()).await
    }

    async fn deliveries(&self, query: DeliveryQuery) -> Result<Page<Delivery>, Error> {
        self.read(move |tx| list(tx, &query)).await
    }

    async fn next_delivery(&self) -> Result<Option<Timestamp>, Error> {
        self.read(next).await
    }

    async fn claim_deliveries(&self, asked: ClaimDeliveries) -> Result<Vec<Delivery>, Error> {
        let claimed = self.write(Begin, move |tx| claim(tx, asked)).await?;
        let opened = self
            .docs(|docs| {
                let open = |delivery: StoredDelivery| (delivery.run, delivery.open(docs));
                Ok(claimed.into_iter().map(open).collect::<Vec<_>>())
            })
            .await?;
        let mut deliveries = Vec::with_capacity(opened.len());
        for (run, opened) in opened {
            match opened {
                Ok(delivery) => deliveries.push(delivery),
                Err(error) if !error.is_damage() => {
                    tracing::warn!(%run, %error, "a delivery could not be read; it will be tried again");
                }
                Err(error) => {
                    tracing::error!(%run, %error, "a delivery cannot be read; it is given up");
                    self.write(End, move |tx| give_up(tx, run)).await?;
                }
            }
        }
        Ok(deliveries)
    }

    async fn note_attempt(
        &self,
        id: DeliveryId,
        attempt: Attempt,
        then: AfterAttempt,
    ) -> Result<bool, Error> {
        // Only the claim's holder notes attempts, so nobody else adds one in between.
        let Some(mut delivery) = self.delivery(id).await? else { return Ok(false) };
        delivery.note(attempt, then);
        let (attempts, delivery) = self
            .docs(move |docs| {
                Ok((StoredDelivery::attempts_doc(&delivery.attempts, docs)?, delivery))
            })
            .await?;
        self.write(End, move |tx| note(tx, &delivery, attempts)).await
    }

    async fn redeliver(&self, id: DeliveryId, now: Timestamp) -> Result<Redelivery, Error> {
        match self.write(Begin, move |tx| redeliver(tx, id, now)).await? {
            Again::Missing => Ok(Redelivery::Missing),
            Again::Pending => Ok(Redelivery::Pending),
            Again::Due(delivery) => {
                self.docs(|docs| delivery.open(docs).map(Redelivery::Due)).await
            }
        }
    }

    async fn release_deliveries(&self, now: Timestamp) -> Result<u64, Error> {
        self.write(End, move |tx| release(tx, now)).await
    }

    async fn sweep_deliveries(&self, before: Timestamp) -> Result<u64, Error> {
        let old: Vec<DeliveryId> = self
            .read(move |tx| {
                tx.range(Table::DeliveriesByTime, ..keys::time(before).to_vec())
                    .map(|entry| last_id(&entry?.0))
                    .collect()
            })
            .await?;
        let mut deleted = 0;
        for portion in old.chunks(PORTION) {
            let portion = portion.to_vec();
            deleted += self.write(End, move |tx| forget(tx, &portion)).await?;
        }
        Ok(deleted)
    }
}

fn forget(tx: &mut Tx<'_>, ids: &[DeliveryId]) -> Result<u64, Error> {
    let mut deleted = 0;
    for id in ids {
        let Some(delivery) = load(tx, *id)? else { continue };
        if delivery.status != DeliveryStatus::Pending {
            remove(tx, &delivery);
            deleted += 1;
        }
    }
    Ok(deleted)
}

/// Gives up a delivery that cannot be read.
fn give_up(tx: &mut Tx<'_>, run: RunId) -> Result<(), Error> {
    let Some(mut delivery) = load(tx, DeliveryId::of_run(run))? else { return Ok(()) };
    change(tx, &mut delivery, |delivery| {
        delivery.status = DeliveryStatus::Failed;
        delivery.next = None;
        delivery.claimed = false;
    })
}
