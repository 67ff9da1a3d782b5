use std::time::Duration;

use tracing::{error, info};
use wakeful_store::Expired;

use crate::{Host, pace};

/// How many threads one transaction deletes or shrinks.
const BATCH: usize = 16;

/// Deletes and shrinks threads whose time is over, until the host stops.
pub(crate) async fn run(host: Host) {
    let stop = host.stop_token();
    while !stop.is_cancelled() {
        let sleep = match expire_due(&host).await {
            Ok(sleep) => sleep,
            Err(problem) => {
                host.note(&problem);
                error!(%problem, "cannot delete threads whose time is over");
                pace::LONGEST
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(sleep) => {}
        }
    }
}

/// Lets everything expire that has to, and returns how long there is nothing to do.
async fn expire_due(host: &Host) -> Result<Duration, wakeful_store::Error> {
    loop {
        let now = host.now();
        if let Some(sleep) = pace::before(host.store().next_expiry().await?, now) {
            return Ok(sleep);
        }
        if host.stop_token().is_cancelled() {
            return Ok(pace::LONGEST);
        }
        let expired = host.store().expire_threads(now, BATCH).await?;
        if expired.is_empty() {
            return Ok(pace::AGAIN);
        }
        for expired in expired {
            match expired {
                Expired::Deleted(thread_id) => info!(%thread_id, "thread expired and was deleted"),
                Expired::Shrunk(thread_id, checkpoints) => {
                    info!(%thread_id, checkpoints, "thread expired and lost its earlier checkpoints");
                }
            }
        }
        // The crons of a thread go with it.
        host.wake_scheduler();
    }
}
