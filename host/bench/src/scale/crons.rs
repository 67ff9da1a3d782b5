use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use jiff::tz::TimeZone;
use wakeful::Host;
use wakeful::core::{CronId, Timestamp};

use crate::fires;

/// How many create crons at the same time, so that they share the writes to the disk.
const CALLERS: usize = 256;

/// A schedule that fires at this second, once a year.
pub(crate) fn yearly(at: Timestamp) -> String {
    let at = at.to_zoned(TimeZone::UTC);
    format!("{} {} {} {} * {}", at.minute(), at.hour(), at.day(), at.month(), at.second())
}

/// The next whole second after `ahead`.
pub(crate) fn second_after(host: &Host, ahead: Duration) -> Result<Timestamp> {
    let seconds = (host.now() + ahead).as_second() + 1;
    Timestamp::from_second(seconds).context("no such instant")
}

/// Creates this many, the n-th with the n-th schedule.
pub(crate) async fn create(
    host: &Host,
    count: usize,
    schedule: impl Fn(usize) -> String + Send + Sync + 'static,
) -> Result<Vec<CronId>> {
    let next = Arc::new(AtomicUsize::new(0));
    let schedule = Arc::new(schedule);
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let (host, next, schedule) = (host.clone(), Arc::clone(&next), Arc::clone(&schedule));
            tokio::spawn(async move {
                let mut ids = Vec::new();
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= count {
                        return anyhow::Ok(ids);
                    }
                    ids.push(fires::create(&host, &schedule(n)).await?);
                }
            })
        })
        .collect();
    let mut ids = Vec::with_capacity(count);
    for caller in callers {
        ids.extend(caller.await??);
    }
    Ok(ids)
}
