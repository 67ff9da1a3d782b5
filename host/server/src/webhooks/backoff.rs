use std::time::Duration;

use wakeful::core::{AfterAttempt, Delivery, Digest, Timestamp};

use super::sender::Answer;

/// The longest that a receiver may put an attempt off.
const LONGEST: Duration = Duration::from_secs(6 * 60 * 60);
/// "Gone": the receiver wants no more of this.
const GONE: u16 = 410;

/// When a delivery is tried again.
pub(super) struct Backoff {
    waits: Vec<Duration>,
}

impl Backoff {
    pub(super) fn new(waits: Vec<Duration>) -> Self {
        Self { waits }
    }

    /// What follows from an attempt that ended now. `answer` is `None` if there was none.
    pub(super) fn after(
        &self,
        delivery: &Delivery,
        answer: Option<&Answer>,
        now: Timestamp,
    ) -> AfterAttempt {
        let asked = match answer {
            Some(answer) if (200..300).contains(&answer.status) => return AfterAttempt::Delivered,
            Some(answer) if answer.status == GONE => return AfterAttempt::GivenUp,
            Some(answer) => answer.retry_after.as_deref().and_then(|text| retry_after(text, now)),
            None => None,
        };
        let wait = usize::try_from(delivery.tries).ok().and_then(|tries| self.waits.get(tries));
        let Some(wait) = wait else { return AfterAttempt::GivenUp };
        let wait = wait.mul_f64(jitter(delivery)).max(asked.unwrap_or_default().min(LONGEST));
        AfterAttempt::Again(now.checked_add(wait).unwrap_or(Timestamp::MAX))
    }
}

/// Between 0.8 and 1.2, so that what failed together is not tried again together. Drawn from the
/// delivery's id, as ids are random anyway.
fn jitter(delivery: &Delivery) -> f64 {
    let seed = [&delivery.id.as_bytes()[..], &delivery.tries.to_be_bytes()].concat();
    let drawn = Digest::of(&seed).as_bytes().first().copied().unwrap_or_default();
    0.8 + 0.4 * f64::from(drawn) / 255.0
}

/// The header `Retry-After` (RFC 9110, section 10.2.3): seconds, or a date.
fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Duration::try_from(at.duration_since(now)).ok()
}

#[cfg(test)]
mod tests {
    use wakeful::core::{DeliveryId, DeliveryStatus, RunId};

    use super::*;

    fn delivery(tries: u32) -> Delivery {
        Delivery {
            id: DeliveryId::generate(),
            run_id: RunId::generate(),
            url: "http://x/".into(),
            status: DeliveryStatus::Pending,
            created_at: Timestamp::UNIX_EPOCH,
            next_attempt_at: None,
            values: None,
            tries,
            attempts: Vec::new(),
        }
    }

    fn answer(status: u16, retry_after: Option<&str>) -> Answer {
        Answer { status, retry_after: retry_after.map(str::to_owned), body: String::new() }
    }

    #[test]
    fn waits_grow_until_the_delivery_is_given_up() {
        let waits: Vec<_> = [10, 100].map(Duration::from_secs).into();
        let backoff = Backoff::new(waits);
        let now: Timestamp = "2026-11-22T09:00:00Z".parse().unwrap();
        let http_date = "Sun, 22 Nov 2026 10:00:00 GMT";
        for (tries, answer, seconds) in [
            (0, None, Some(8..=12)),
            (1, None, Some(80..=120)),
            (2, None, None),
            (0, Some(answer(500, None)), Some(8..=12)),
            (0, Some(answer(302, None)), Some(8..=12)),
            (0, Some(answer(410, None)), None),
            (0, Some(answer(503, Some("60"))), Some(60..=60)),
            (0, Some(answer(503, Some("1"))), Some(8..=12)),
            (0, Some(answer(429, Some(http_date))), Some(3_600..=3_600)),
            (0, Some(answer(429, Some("99999999999"))), Some(21_600..=21_600)),
            (0, Some(answer(429, Some("soon"))), Some(8..=12)),
            (2, Some(answer(503, Some("60"))), None),
        ] {
            let after = backoff.after(&delivery(tries), answer.as_ref(), now);
            match (after, seconds) {
                (AfterAttempt::GivenUp, None) => {}
                (AfterAttempt::Again(at), Some(seconds)) => {
                    let wait = at.duration_since(now).as_secs();
                    assert!(seconds.contains(&wait), "{answer:?}: {wait}");
                }
                other => panic!("{tries} {answer:?}: {other:?}"),
            }
        }
        for status in [200, 204, 299] {
            let after = backoff.after(&delivery(9), Some(&answer(status, None)), now);
            assert_eq!(after, AfterAttempt::Delivered);
        }
    }
}
