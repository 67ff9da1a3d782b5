use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use wakeful::core::{Expiry, Thread, Ttl as Record};

use crate::described;
use crate::wire::{Time, word};

/// The longest time to live, in minutes: a hundred years.
const LONGEST: f64 = 100.0 * 365.0 * 24.0 * 60.0;

/// How long a thread stays without being used, on the wire.
#[derive(Serialize, ToSchema)]
pub(crate) struct Ttl {
    strategy: &'static str,
    ttl_minutes: f64,
    expires_at: Option<Time>,
}

impl Ttl {
    pub(crate) fn of(thread: &Thread) -> Option<Self> {
        thread.ttl.map(|ttl| Self {
            strategy: ttl.expiry.as_str(),
            ttl_minutes: ttl.after.as_secs_f64() / 60.0,
            expires_at: thread.expires_at.map(Time),
        })
    }
}

/// A time to live, as clients give it: a number of minutes, or an object with that and a strategy.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(untagged, expecting = "expected a number of minutes, or an object such as {\"ttl\": 60}")]
enum Given {
    Minutes(f64),
    Object {
        ttl: f64,
        #[serde(default, deserialize_with = "word::expiry")]
        #[schema(value_type = Option<described::Expiry>)]
        strategy: Option<Expiry>,
    },
}

/// Reads a time to live; `null` is none.
pub(crate) fn ttl<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Record>, D::Error> {
    let (minutes, expiry) = match Option::<Given>::deserialize(deserializer)? {
        None => return Ok(None),
        Some(Given::Minutes(minutes)) => (minutes, Expiry::default()),
        Some(Given::Object { ttl, strategy }) => (ttl, strategy.unwrap_or_default()),
    };
    if !(minutes > 0.0 && minutes <= LONGEST) {
        return Err(D::Error::custom(format!(
            "{minutes} is not a number of minutes above 0 and at most {LONGEST}"
        )));
    }
    Ok(Some(Record { after: Duration::from_secs_f64(minutes * 60.0), expiry }))
}

/// The same, where absence and `null` differ.
pub(crate) fn patch<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<Record>>, D::Error> {
    ttl(deserializer).map(Some)
}
