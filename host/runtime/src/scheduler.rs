use std::sync::Arc;
use std::time::Duration;

use tracing::{error, info, warn};
use wakeful_core::{ComponentId, Fire, FireStatus, Run};
use wakeful_store::DueCron;

use crate::cancel::displacement;
use crate::plan::{World, plan};
use crate::{Host, pace};

/// How many crons one claim takes.
const BATCH: usize = 100;
/// The wait after an error of the store, so that a full disk does not fill the log as well.
const RETRY: Duration = Duration::from_secs(1);

/// Fires crons until the host stops.
pub(crate) async fn run(host: Host) {
    let stop = host.stop_token();
    while !stop.is_cancelled() {
        let sleep = match fire_due(&host).await {
            Ok(sleep) => sleep,
            Err(problem) => {
                host.note(&problem);
                error!(%problem, "cannot read or claim due crons");
                RETRY
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = host.scheduler_woken() => {}
            () = tokio::time::sleep(sleep) => {}
        }
    }
}

/// Fires everything that is due, and returns how long there is nothing to do.
pub(crate) async fn fire_due(host: &Host) -> Result<Duration, wakeful_store::Error> {
    loop {
        let now = host.now();
        if let Some(sleep) = pace::before(host.store().next_due().await?, now) {
            return Ok(sleep);
        }
        if host.stop_token().is_cancelled() {
            return Ok(pace::LONGEST);
        }
        let planner = host.clone();
        let plan = Arc::new(move |due: &DueCron| {
            plan(
                due,
                &World {
                    now,
                    ttl: planner.settings().retention.threads,
                    serves: &|id: &ComponentId| planner.folder().component(id).is_some(),
                    slot: &|| planner.catchup_slot(now),
                },
            )
        });
        let fired = host.store().claim_due(now, BATCH, plan).await?;
        if fired.is_empty() {
            return Ok(pace::AGAIN);
        }
        host.wake_executor();
        for plan in fired {
            host.counters().note_fire(&plan.fire);
            report(&plan.fire);
            if let Some(new) = plan.run {
                displace(host, new.run);
            }
        }
    }
}

/// Stops what the thread was doing, if the cron says so. In a task of its own: a run that takes
/// its time to stop must not delay other crons.
fn displace(host: &Host, run: Run) {
    let Some(action) = displacement(run.multitask) else { return };
    let host = host.clone();
    host.tasks().clone().spawn(async move {
        if let Err(problem) = host.displace(&run, action).await {
            error!(run_id = %run.id, %problem, "cannot stop what the thread was doing");
        }
    });
}

fn report(fire: &Fire) {
    let (cron_id, scheduled_at) = (fire.cron_id, fire.scheduled_at);
    let late_ms = fire.late.as_millis();
    match (&fire.status, &fire.coalesced) {
        (FireStatus::Skipped(reason), _) => {
            warn!(%cron_id, %scheduled_at, reason = reason.as_str(), "cron skipped");
        }
        (FireStatus::Started(run_id), None) => {
            info!(%cron_id, %scheduled_at, %run_id, late_ms, "cron fired");
        }
        (FireStatus::Started(run_id), Some(missed)) => {
            let (count, first) = (missed.count, missed.first);
            warn!(%cron_id, %scheduled_at, %run_id, late_ms, missed = count, since = %first,
                "cron fired late, once for all instants it missed");
        }
    }
}
