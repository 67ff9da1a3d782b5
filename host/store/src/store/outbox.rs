use std::collections::BTreeMap;

use async_trait::async_trait;
use wakeful_core::{AfterAttempt, Attempt, Delivery, DeliveryId, DeliveryStatus, RunId, Timestamp};

use super::{Error, Page};

/// The deliveries of webhooks. The transaction that ends a run which has a webhook inserts its
/// delivery; whatever deletes the run deletes it.
#[async_trait]
pub trait OutboxStore {
    /// The delivery with this id.
    async fn delivery(&self, id: DeliveryId) -> Result<Option<Delivery>, Error>;
    /// The deliveries that match, newest first.
    async fn deliveries(&self, query: DeliveryQuery) -> Result<Page<Delivery>, Error>;
    /// When the next delivery is due: in the past, if one waits for its turn.
    async fn next_delivery(&self) -> Result<Option<Timestamp>, Error>;
    /// Hands out deliveries that are due, the longest-waiting first. Each comes up again unless
    /// its attempt is noted in time.
    async fn claim_deliveries(&self, claim: ClaimDeliveries) -> Result<Vec<Delivery>, Error>;
    /// Notes an attempt; see [`Delivery::note`]. Returns whether the delivery is still there.
    async fn note_attempt(
        &self,
        id: DeliveryId,
        attempt: Attempt,
        then: AfterAttempt,
    ) -> Result<bool, Error>;
    /// Makes a delivery whose status is final due again, for a full number of tries.
    async fn redeliver(&self, id: DeliveryId, now: Timestamp) -> Result<Redelivery, Error>;
    /// Makes due what an earlier host handed out and said nothing about; for a host that alone has
    /// the store. Returns how many.
    async fn release_deliveries(&self, now: Timestamp) -> Result<u64, Error>;
    /// Deletes deliveries with a final status that were made before `before`. Returns how many.
    async fn sweep_deliveries(&self, before: Timestamp) -> Result<u64, Error>;
}

/// Which deliveries.
#[derive(Debug, Clone, Default)]
pub struct DeliveryQuery {
    /// Only of this run.
    pub run_id: Option<RunId>,
    /// Only with this status.
    pub status: Option<DeliveryStatus>,
    /// How many to return at most.
    pub limit: usize,
    /// How many to pass over.
    pub offset: usize,
}

/// Which deliveries to hand out.
#[derive(Debug, Clone)]
pub struct ClaimDeliveries {
    /// The present instant.
    pub now: Timestamp,
    /// When they come up again if nothing is heard of them.
    pub until: Timestamp,
    /// At most this many.
    pub limit: usize,
    /// At most this many in progress to one origin.
    pub per_origin: usize,
    /// How many are in progress to an origin by now; see [`origin`].
    pub busy: BTreeMap<String, usize>,
}

/// What came of [`OutboxStore::redeliver`].
#[derive(Debug, Clone, PartialEq)]
pub enum Redelivery {
    /// It is due.
    Due(Delivery),
    /// It is pending anyway.
    Pending,
    /// There is no such delivery.
    Missing,
}

/// The part of a URL that names whom it reaches: the scheme, the host and the port. Long ones are
/// cut, which may count two origins as one and does no other harm.
pub fn origin(url: &str) -> String {
    const LONGEST: usize = 300;
    let begin = url.find("://").map_or(0, |at| at + 3);
    let end = url.get(begin..).and_then(|rest| rest.find(['/', '?', '#']));
    let end = end.map_or(url.len(), |at| begin + at);
    let origin = url.get(..end).unwrap_or_default().to_ascii_lowercase();
    origin.chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_ends_before_the_path() {
        for (url, expected) in [
            ("https://Example.com/a/b", "https://example.com"),
            ("http://x:1?q=/", "http://x:1"),
            ("http://x", "http://x"),
            ("nonsense", "nonsense"),
        ] {
            assert_eq!(origin(url), expected);
        }
    }
}
