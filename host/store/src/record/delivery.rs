use std::borrow::Cow;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use wakeful_core::{
    Attempt, AttemptResult, Delivery, DeliveryId, DeliveryStatus, RunId, Timestamp,
};

use super::codec::{micros, micros_option, text, word};
use super::{Doc, Docs};
use crate::{Error, origin};

word!(status, wakeful_core::DeliveryStatus);

/// Where the end of a run is told.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StoredWebhook {
    /// Whom the URL reaches, beside it so that nothing large has to be read to share out turns.
    pub(crate) origin: String,
    pub(crate) url: Doc,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StoredDelivery {
    #[serde(with = "text")]
    pub(crate) id: DeliveryId,
    #[serde(with = "text")]
    pub(crate) run: RunId,
    pub(crate) webhook: StoredWebhook,
    #[serde(with = "status")]
    pub(crate) status: DeliveryStatus,
    #[serde(with = "micros")]
    pub(crate) created: Timestamp,
    #[serde(with = "micros_option")]
    pub(crate) next: Option<Timestamp>,
    /// Handed out, so that `next` is when it comes up again.
    pub(crate) claimed: bool,
    pub(crate) tries: u32,
    values: Option<Doc>,
    pub(crate) attempts: Option<Doc>,
}

#[derive(Serialize, Deserialize)]
struct StoredAttempt<'a> {
    #[serde(with = "micros")]
    at: Timestamp,
    took_us: u64,
    result: StoredResult<'a>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredResult<'a> {
    Answered { status: u16, body: Cow<'a, str> },
    Failed { reason: Cow<'a, str> },
}

impl StoredWebhook {
    pub(crate) fn new(url: &str, docs: &Docs) -> Result<Self, Error> {
        Ok(Self { origin: origin(url), url: docs.put(url)? })
    }
}

impl StoredDelivery {
    /// The delivery of a run that ends now.
    pub(crate) fn new(
        run: RunId,
        webhook: StoredWebhook,
        values: Option<Doc>,
        now: Timestamp,
    ) -> Self {
        Self {
            id: DeliveryId::of_run(run),
            run,
            webhook,
            status: DeliveryStatus::Pending,
            created: now,
            next: Some(now),
            claimed: false,
            tries: 0,
            values,
            attempts: None,
        }
    }

    pub(crate) fn open(self, docs: &Docs) -> Result<Delivery, Error> {
        let attempts: Vec<StoredAttempt<'static>> = match &self.attempts {
            Some(attempts) => docs.get(attempts, "delivery")?,
            None => Vec::new(),
        };
        Ok(Delivery {
            id: self.id,
            run_id: self.run,
            url: docs.get(&self.webhook.url, "delivery")?,
            status: self.status,
            created_at: self.created,
            next_attempt_at: self.next,
            values: self.values.map(|values| docs.get(&values, "delivery")).transpose()?,
            tries: self.tries,
            attempts: attempts.into_iter().map(StoredAttempt::open).collect(),
        })
    }

    /// The document of attempts.
    pub(crate) fn attempts_doc(attempts: &[Attempt], docs: &Docs) -> Result<Doc, Error> {
        docs.put(&attempts.iter().map(StoredAttempt::new).collect::<Vec<_>>())
    }

    /// The documents it names.
    pub(crate) fn docs(&self) -> impl Iterator<Item = &Doc> {
        std::iter::once(&self.webhook.url).chain(&self.values).chain(&self.attempts)
    }
}

impl<'a> StoredAttempt<'a> {
    fn new(attempt: &'a Attempt) -> Self {
        Self {
            at: attempt.at,
            took_us: u64::try_from(attempt.took.as_micros()).unwrap_or(u64::MAX),
            result: match &attempt.result {
                AttemptResult::Answered { status, body } => {
                    StoredResult::Answered { status: *status, body: Cow::Borrowed(body) }
                }
                AttemptResult::Failed { reason } => {
                    StoredResult::Failed { reason: Cow::Borrowed(reason) }
                }
            },
        }
    }

    fn open(self) -> Attempt {
        Attempt {
            at: self.at,
            took: Duration::from_micros(self.took_us),
            result: match self.result {
                StoredResult::Answered { status, body } => {
                    AttemptResult::Answered { status, body: body.into_owned() }
                }
                StoredResult::Failed { reason } => {
                    AttemptResult::Failed { reason: reason.into_owned() }
                }
            },
        }
    }
}
