use std::time::Duration;

use tracing::{error, info};

use crate::Host;

/// How often what nothing needs any more is deleted.
const INTERVAL: Duration = Duration::from_secs(60 * 60);

/// Deletes what nothing needs any more, at the start and then every hour, until the host stops.
pub(crate) async fn run(host: Host) {
    loop {
        let retention = host.settings().retention;
        let now = host.now();
        let before = |age: Duration| now.checked_sub(age).unwrap_or(now);
        let swept =
            host.store().sweep(before(retention.stateless_runs), before(retention.fires)).await;
        match host.store().sweep_deliveries(before(retention.deliveries)).await {
            Ok(0) => {}
            Ok(deliveries) => info!(deliveries, "deleted deliveries that had expired"),
            Err(problem) => error!(%problem, "cannot delete deliveries that have expired"),
        }
        match host.store().sweep_crons(before(retention.crons)).await {
            Ok(0) => {}
            Ok(crons) => info!(crons, "deleted crons that had ended"),
            Err(problem) => error!(%problem, "cannot delete crons that have ended"),
        }
        match swept {
            Ok((0, 0, 0)) => {}
            Ok((runs, fires, blobs)) => info!(runs, fires, blobs, "deleted what had expired"),
            Err(problem) => error!(%problem, "cannot delete what has expired"),
        }
        tokio::select! {
            () = host.stop_token().cancelled() => return,
            () = tokio::time::sleep(INTERVAL) => {}
        }
    }
}
