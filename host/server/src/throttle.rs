use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, NotUntil, Quota, RateLimiter};
use wakeful::core::{ApiKey, KeyId, Rate};

use crate::error::Error;

/// How many peers are told apart; those beyond share one rate.
const PEERS: usize = 10_000;
/// How many keys may be remembered that are in use no more.
const KEYS: usize = 2_000;
/// After how many requests of peers the quiet ones are forgotten.
const TIDY_EVERY: usize = 1_000;

/// Keeps every caller to its rate.
#[derive(Debug)]
pub(crate) struct Throttle {
    clock: DefaultClock,
    key_rate: Option<Rate>,
    keys: Mutex<HashMap<KeyId, Arc<DefaultDirectRateLimiter>>>,
    peers: Option<DefaultKeyedRateLimiter<Peer>>,
    requests: AtomicUsize,
}

/// Whose rate a request counts against.
pub(crate) enum Bucket<'a> {
    /// That of its key.
    Key(&'a ApiKey),
    /// That of where it comes from.
    Peer(Peer),
}

/// Where a request comes from: an address, of which a host in IPv6 has a whole network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Peer(IpAddr);

impl Peer {
    pub(crate) fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => {
                Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
            }
            address => address,
        })
    }
}

impl Default for Peer {
    /// Everybody whose address is not known.
    fn default() -> Self {
        Self(Ipv4Addr::UNSPECIFIED.into())
    }
}

impl Throttle {
    pub(crate) fn new(key_rate: Option<Rate>, peer_rate: Option<Rate>) -> Self {
        Self {
            clock: DefaultClock::default(),
            key_rate,
            keys: Mutex::default(),
            peers: peer_rate.map(|rate| RateLimiter::keyed(quota(rate))),
            requests: AtomicUsize::new(0),
        }
    }

    /// Counts a request; `Err` is the answer to one that comes too early.
    pub(crate) fn check(&self, bucket: &Bucket<'_>) -> Result<(), Box<Response>> {
        let until = match bucket {
            Bucket::Key(key) => match self.limiter(key) {
                Some(limiter) => limiter.check().map(drop),
                None => Ok(()),
            },
            Bucket::Peer(peer) => match &self.peers {
                Some(peers) => peers.check_key(&self.admit(peers, *peer)).map(drop),
                None => Ok(()),
            },
        };
        until.map_err(|until| Box::new(self.too_early(&until)))
    }

    fn limiter(&self, key: &ApiKey) -> Option<Arc<DefaultDirectRateLimiter>> {
        let rate = key.rate.or(self.key_rate)?;
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.len() >= KEYS && !keys.contains_key(&key.id) {
            // Most are of keys that were revoked; the others begin anew.
            keys.clear();
        }
        let limiter =
            keys.entry(key.id).or_insert_with(|| Arc::new(RateLimiter::direct(quota(rate))));
        Some(Arc::clone(limiter))
    }

    /// The peer to count for, which is nobody in particular when there are too many.
    fn admit(&self, peers: &DefaultKeyedRateLimiter<Peer>, peer: Peer) -> Peer {
        let count = self.requests.fetch_add(1, Ordering::Relaxed);
        if count % TIDY_EVERY == TIDY_EVERY - 1 {
            peers.retain_recent();
        }
        if peers.len() < PEERS { peer } else { Peer::default() }
    }

    fn too_early(&self, until: &NotUntil<<DefaultClock as Clock>::Instant>) -> Response {
        let wait = until.wait_time_from(self.clock.now());
        let seconds = whole_seconds(wait);
        let detail = format!("too many requests; try again in {seconds} s");
        let mut response = Error::refused(StatusCode::TOO_MANY_REQUESTS, detail).into_response();
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        response
    }
}

/// Rounded up, because a client that comes a little early is refused again.
fn whole_seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

fn quota(rate: Rate) -> Quota {
    Quota::per_second(rate.per_second).allow_burst(rate.burst)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_rounded_up_to_a_second_at_least() {
        for (ms, seconds) in [(0, 1), (1, 1), (1_000, 1), (1_001, 2)] {
            assert_eq!(whole_seconds(Duration::from_millis(ms)), seconds, "{ms}");
        }
    }

    #[test]
    fn peers_beyond_those_that_are_told_apart_share_a_rate() {
        let throttle = Throttle::new(None, Rate::new(1, 1));
        let peer = |n: u32| Bucket::Peer(Peer::of(Ipv4Addr::from_bits(n).into()));
        for n in 1..=10_000 {
            assert!(throttle.check(&peer(n)).is_ok(), "{n}");
        }
        assert!(throttle.check(&peer(20_001)).is_ok());
        let refusal = throttle.check(&peer(20_002)).unwrap_err();
        assert_eq!(refusal.status(), 429);
        assert_eq!(refusal.headers()[RETRY_AFTER], "1");
    }

    #[test]
    fn a_network_of_ipv6_is_one_peer() {
        let peer = |text: &str| Peer::of(text.parse().unwrap());
        assert_eq!(peer("2001:db8::1"), peer("2001:db8::ffff:1"));
        assert_ne!(peer("2001:db8::1"), peer("2001:db8:0:1::1"));
        assert_eq!(peer("::ffff:192.0.2.1"), peer("192.0.2.1"));
    }
}
