use std::time::Duration;

use tracing::{debug, error};

use crate::Host;

/// How often items are deleted that have expired. They cannot be seen meanwhile.
const INTERVAL: Duration = Duration::from_secs(60);
/// How many items one transaction deletes; everybody else's writes wait for it.
const PORTION: usize = 100;

/// Deletes items that have expired, until the host stops.
pub(crate) async fn expire(host: Host) {
    while !host.stop_token().is_cancelled() {
        let pause = match host.store().expire_items(host.now(), PORTION).await {
            Ok(0) => INTERVAL,
            Ok(deleted) => {
                debug!(deleted, "deleted items that had expired");
                if deleted < PORTION { INTERVAL } else { Duration::ZERO }
            }
            Err(problem) => {
                host.note(&problem);
                error!(%problem, "cannot delete items that have expired");
                INTERVAL
            }
        };
        tokio::select! {
            () = host.stop_token().cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}
