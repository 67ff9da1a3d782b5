use std::time::Duration;

use crate::{DeliveryId, Json, RunId, Timestamp};

/// The message that tells a URL how a run ended, from the end of the run until it is delivered or
/// given up.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// Its id, the same at each attempt, so that a receiver knows a message that comes again.
    pub id: DeliveryId,
    /// The run that ended.
    pub run_id: RunId,
    /// Where it goes.
    pub url: String,
    /// Where it is.
    pub status: DeliveryStatus,
    /// When the run ended.
    pub created_at: Timestamp,
    /// When it is tried next; `None` once its status is final.
    pub next_attempt_at: Option<Timestamp>,
    /// The values of the run's thread, where the run returned none of its own.
    pub values: Option<Json>,
    /// How often it was tried since it was made, or since somebody asked for it again.
    pub tries: u32,
    /// The newest attempts, oldest first.
    pub attempts: Vec<Attempt>,
}

impl Delivery {
    /// How many attempts are kept.
    pub const KEPT: usize = 20;

    /// Notes an attempt, and what follows from it.
    pub fn note(&mut self, attempt: Attempt, then: AfterAttempt) {
        self.attempts.push(attempt);
        let surplus = self.attempts.len().saturating_sub(Self::KEPT);
        self.attempts.drain(..surplus);
        self.tries = self.tries.saturating_add(1);
        (self.status, self.next_attempt_at) = match then {
            AfterAttempt::Delivered => (DeliveryStatus::Delivered, None),
            AfterAttempt::GivenUp => (DeliveryStatus::Failed, None),
            AfterAttempt::Again(at) => (DeliveryStatus::Pending, Some(at)),
        };
    }
}

/// Where a delivery is: `pending → delivered | failed`, and back when somebody asks for it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeliveryStatus {
    /// It will be tried, again or for the first time.
    Pending,
    /// The receiver took it.
    Delivered,
    /// It was given up.
    Failed,
}

impl DeliveryStatus {
    /// Every status.
    pub const ALL: [Self; 3] = [Self::Pending, Self::Delivered, Self::Failed];

    /// The word for it, on the wire and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }

    /// The status with this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

/// One attempt to deliver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// When it began.
    pub at: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// What came of it.
    pub result: AttemptResult,
}

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttemptResult {
    /// The receiver answered.
    Answered {
        /// With this HTTP status.
        status: u16,
        /// The beginning of its answer.
        body: String,
    },
    /// There was no answer.
    Failed {
        /// Why, for people.
        reason: String,
    },
}

/// What follows from an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterAttempt {
    /// It is done.
    Delivered,
    /// It is not tried again.
    GivenUp,
    /// It is tried again at this instant.
    Again(Timestamp),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_newest_attempts_are_kept() {
        let now = Timestamp::UNIX_EPOCH;
        let mut delivery = Delivery {
            id: DeliveryId::generate(),
            run_id: RunId::generate(),
            url: "http://x".into(),
            status: DeliveryStatus::Pending,
            created_at: now,
            next_attempt_at: Some(now),
            values: None,
            tries: 0,
            attempts: Vec::new(),
        };
        for status in 0..25 {
            let result = AttemptResult::Answered { status, body: String::new() };
            let attempt = Attempt { at: now, took: Duration::ZERO, result };
            delivery.note(attempt, AfterAttempt::Again(now));
        }
        assert_eq!((delivery.tries, delivery.attempts.len()), (25, Delivery::KEPT));
        let oldest = &delivery.attempts[0].result;
        assert_eq!(*oldest, AttemptResult::Answered { status: 5, body: String::new() });
    }
}
