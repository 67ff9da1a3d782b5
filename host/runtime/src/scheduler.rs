use std::sync::Arc;
use std::time::Duration;

use tracing::{error, info, warn};
use wakeful_core::{ComponentId, Fire, FireStatus, ON_TIME, Run, Timestamp};
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
    let mut awake = Awake::default();
    while !stop.is_cancelled() {
        let sleep = match fire_due(&host, &mut awake).await {
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
pub(crate) async fn fire_due(
    host: &Host,
    awake: &mut Awake,
) -> Result<Duration, wakeful_store::Error> {
    loop {
        let now = host.now();
        let awake_since = awake.look(now);
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
                    slot: &|missed| match missed < awake_since {
                        true => planner.catchup_slot(now),
                        false => now,
                    },
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

/// Since when the scheduler has looked for what is due. An instant that came before that was missed,
/// and what was missed together is put off, each a little more. One that came later is late because
/// much was due at once, and runs as soon as it can.
#[derive(Debug, Default)]
pub(crate) struct Awake {
    /// Since when, and the last look.
    span: Option<(Timestamp, Timestamp)>,
}

impl Awake {
    /// Looks now, and says since when. A machine that was suspended was not awake, nor was one
    /// whose clock was set ahead.
    fn look(&mut self, now: Timestamp) -> Timestamp {
        let since = match self.span {
            Some((since, last)) if now.duration_since(last).unsigned_abs() < ON_TIME => since,
            _ => now,
        };
        self.span = Some((since, now));
        since
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scheduler_that_did_not_look_for_a_minute_was_not_awake() {
        let mut awake = Awake::default();
        // Seconds at which it looks, and since when it is awake then.
        for (now, since) in [(100, 100), (101, 100), (160, 100), (220, 220), (221, 220), (90, 90)] {
            let at = |second| Timestamp::from_second(second).unwrap();
            assert_eq!(awake.look(at(now)), at(since), "{now}");
        }
    }
}
