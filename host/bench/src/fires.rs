//! How late runs begin after the instants of their crons.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use wakeful::core::{CronId, CronPolicy, Object, OnCompletion, Run, RunRequest, Trigger};
use wakeful::{CreateCron, Host, RunQuery};

use crate::in_process::input;
use crate::table::Samples;

/// One cron that fires every second, on a host with nothing else to do.
pub(crate) async fn lateness(host: &Host, length: Duration) -> Result<Samples> {
    let cron = create(host, "* * * * * *").await?;
    tokio::time::sleep(length).await;
    host.delete_cron(cron).await?;
    let runs = runs_of(host, cron).await?;
    samples(&runs, length)
}

/// Many crons that are due at the same instant.
pub(crate) async fn burst(host: &Host, count: usize) -> Result<Samples> {
    // Far enough ahead that all of them are stored before it comes.
    let due = host.now() + Duration::from_secs(20);
    let due = due.to_zoned(jiff::tz::TimeZone::UTC);
    let schedule = format!("{} {} * * * {}", due.minute(), due.hour(), due.second());
    let mut crons = Vec::with_capacity(count);
    for _ in 0..count {
        crons.push(create(host, &schedule).await?);
    }
    let patience = Instant::now() + Duration::from_secs(120);
    let mut runs = Vec::with_capacity(count);
    for cron in &crons {
        loop {
            let found = runs_of(host, *cron).await?;
            if !found.is_empty() {
                runs.extend(found);
                break;
            }
            ensure!(Instant::now() < patience, "a cron did not fire");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    let last = runs.iter().filter_map(late).max().unwrap_or_default();
    for cron in crons {
        host.delete_cron(cron).await?;
    }
    samples(&runs, last)
}

/// Creates a cron that runs an echo and leaves nothing behind.
pub(crate) async fn create(host: &Host, schedule: &str) -> Result<CronId> {
    let cron = CreateCron {
        assistant: "echo".to_owned(),
        thread_id: None,
        schedules: vec![schedule.to_owned()],
        timezone: None,
        end_time: None,
        enabled: true,
        on_run_completed: OnCompletion::Delete,
        policy: CronPolicy::usual(false),
        note: None,
        metadata: Object::new(),
        request: RunRequest { input: input(), ..RunRequest::default() },
        key: None,
    };
    Ok(host.create_cron(cron).await?.id)
}

/// How late the runs of these crons began.
pub(crate) async fn started(host: &Host, crons: &[CronId]) -> Result<Samples> {
    let mut runs = Vec::new();
    for cron in crons {
        runs.extend(runs_of(host, *cron).await?);
    }
    samples(&runs, Duration::ZERO)
}

async fn runs_of(host: &Host, cron: CronId) -> Result<Vec<Run>> {
    let query = RunQuery { cron_id: Some(cron), limit: usize::MAX, ..RunQuery::default() };
    let runs = host.runs(query).await?.items;
    Ok(runs.into_iter().filter(|run| run.status.is_final()).collect())
}

fn samples(runs: &[Run], total: Duration) -> Result<Samples> {
    let each: Option<Vec<_>> = runs.iter().map(late).collect();
    Ok(Samples { each: each.context("a run has no start")?, total })
}

/// How long after its scheduled instant a run began.
fn late(run: &Run) -> Option<Duration> {
    let Trigger::Cron(fire) = &run.trigger else { return None };
    Duration::try_from(run.started_at?.duration_since(fire.scheduled_at)).ok()
}
