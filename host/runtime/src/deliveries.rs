use wakeful_core::{AfterAttempt, Attempt, Delivery, DeliveryId, RunId, Timestamp};
use wakeful_store::{ClaimDeliveries, DeliveryQuery, Page, Redelivery};

use crate::{Error, Host};

impl Host {
    /// The deliveries of webhooks that match, newest first.
    pub async fn deliveries(&self, query: DeliveryQuery) -> Result<Page<Delivery>, Error> {
        Ok(self.store().deliveries(query).await?)
    }

    /// The delivery with this id.
    pub async fn delivery(&self, id: DeliveryId) -> Result<Delivery, Error> {
        self.store().delivery(id).await?.ok_or_else(|| Error::not_found("delivery", id))
    }

    /// The deliveries of a run: one, if it has ended and has a webhook.
    pub async fn deliveries_of_run(&self, id: RunId) -> Result<Vec<Delivery>, Error> {
        self.run(id).await?;
        let query = DeliveryQuery { run_id: Some(id), limit: 1, ..DeliveryQuery::default() };
        Ok(self.store().deliveries(query).await?.items)
    }

    /// Makes a delivery that was made or given up due again.
    pub async fn redeliver(&self, id: DeliveryId) -> Result<Delivery, Error> {
        match self.store().redeliver(id, self.now()).await? {
            Redelivery::Due(delivery) => {
                self.wake_outbox();
                Ok(delivery)
            }
            Redelivery::Pending => {
                Err(Error::Conflict(format!("delivery {id} is pending; it will be tried anyway")))
            }
            Redelivery::Missing => Err(Error::not_found("delivery", id)),
        }
    }

    /// Hands out deliveries that are due, for whoever sends them; see
    /// [`wakeful_store::OutboxStore::claim_deliveries`].
    pub async fn claim_deliveries(&self, claim: ClaimDeliveries) -> Result<Vec<Delivery>, Error> {
        self.store().claim_deliveries(claim).await.map_err(|problem| {
            self.note(&problem);
            problem.into()
        })
    }

    /// When the next delivery is due.
    pub async fn next_delivery(&self) -> Result<Option<Timestamp>, Error> {
        Ok(self.store().next_delivery().await?)
    }

    /// Notes an attempt to deliver. Returns whether the delivery is still there.
    pub async fn note_attempt(
        &self,
        id: DeliveryId,
        attempt: Attempt,
        then: AfterAttempt,
    ) -> Result<bool, Error> {
        Ok(self.store().note_attempt(id, attempt, then).await?)
    }
}
