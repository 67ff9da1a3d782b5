use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use wakeful::Host;
use wakeful::core::{CronId, Timestamp};

use super::clock::Shifted;
use super::probe::Probes;
use super::report::{millis, rate, seconds};
use super::{Plan, crons, host, process, row};
use crate::{fires, http};

/// How soon a burst comes once its crons are there.
const SOON: Duration = Duration::from_millis(1_500);
/// How long nothing may move.
const PATIENCE: Duration = Duration::from_secs(60);

/// What was counted of a burst.
struct Burst {
    /// From the instant until all fires were recorded.
    recorded: Duration,
    /// From the instant until all runs had ended.
    ended: Duration,
}

/// Bursts of different sizes.
pub(super) async fn sizes(plan: &Plan) -> Result<()> {
    let (host, clock) = host(plan).await?;
    for size in [1, 10, 100, 1_000, 10_000] {
        let (at, _) = prepare(&host, size).await?;
        let burst = wait(&host, &clock, at, size).await?;
        row(
            &format!("{size} due at once: recorded, and ended"),
            format!(
                "{} ({}), {} ({})",
                seconds(burst.recorded),
                rate(size, burst.recorded),
                seconds(burst.ended),
                rate(size, burst.ended)
            ),
        )?;
    }
    Ok(host.shutdown().await?)
}

/// The large burst, with clients and other crons meanwhile.
pub(super) async fn large(plan: &Plan) -> Result<()> {
    let (host, clock) = host(plan).await?;
    let (at, _) = prepare(&host, plan.burst).await?;
    let url = http::start(&host).await?;
    let calm = Probes::start(&url);
    tokio::time::sleep(Duration::from_secs(3)).await;
    let calm = tokio::task::spawn_blocking(|| calm.end()).await??;
    clock.skip_to(at, SOON * 2);
    let others = crons::create(&host, 10, |_| "* * * * * *".to_owned()).await?;
    let probes = Probes::start(&url);
    let burst = wait(&host, &clock, at, plan.burst).await?;
    let busy = tokio::task::spawn_blocking(|| probes.end()).await??;
    for id in &others {
        host.delete_cron(*id).await?;
    }
    settled(&host).await?;
    let size = plan.burst;
    row(&format!("{size} due at once: all recorded after"), seconds(burst.recorded))?;
    row("fires recorded", rate(size, burst.recorded))?;
    row(&format!("{size} due at once: all runs ended after"), seconds(burst.ended))?;
    row("runs ended", rate(size, burst.ended))?;
    for (what, calm, busy) in [("write", &calm[0], &busy[0]), ("read", &calm[1], &busy[1])] {
        row(&format!("HTTP {what} before the burst"), millis(calm))?;
        row(&format!("HTTP {what} during the burst"), millis(busy))?;
    }
    let mut samples = fires::started(&host, &others).await?;
    samples.each.sort_unstable();
    let length = burst.ended.as_secs() * 10;
    row(
        "10 crons of every second meanwhile: start after the instant",
        format!("{} ({} of about {length})", millis(&samples), samples.each.len()),
    )?;
    let (now, peak) = process::memory()?;
    row("resident memory after the burst", format!("{now} MiB, peak {peak} MiB"))?;
    Ok(host.shutdown().await?)
}

/// Creates crons that are due at the same instant, a day ahead.
pub(super) async fn prepare(host: &Host, size: usize) -> Result<(Timestamp, Vec<CronId>)> {
    let at = crons::second_after(host, Duration::from_secs(24 * 60 * 60))?;
    let schedule = crons::yearly(at);
    Ok((at, crons::create(host, size, move |_| schedule.clone()).await?))
}

/// Lets the instant come, and waits until all has been recorded and run.
async fn wait(host: &Host, clock: &Shifted, at: Timestamp, size: usize) -> Result<Burst> {
    let (fires, runs) = counts(host).await?;
    clock.skip_to(at, SOON);
    let left = Duration::try_from(at.duration_since(host.now()))?;
    let begun = Instant::now() + left;
    tokio::time::sleep(left).await;
    let recorded = until(host, |now| now.0 >= fires + size as u64).await? - begun;
    let ended = until(host, |now| now.1 >= runs + size as u64).await? - begun;
    Ok(Burst { recorded, ended })
}

/// When `done` first held of how many fires were recorded and how many runs had ended.
async fn until(host: &Host, done: impl Fn((u64, u64)) -> bool) -> Result<Instant> {
    let (mut last, mut moved) = (counts(host).await?, Instant::now());
    loop {
        let now = counts(host).await?;
        if done(now) {
            return Ok(Instant::now());
        }
        if now != last {
            (last, moved) = (now, Instant::now());
        }
        ensure!(moved.elapsed() < PATIENCE, "nothing moves at {now:?} fires and runs");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// How many fires were recorded and how many runs ended since the host started.
pub(super) async fn counts(host: &Host) -> Result<(u64, u64)> {
    let metrics = host.metrics().await?;
    Ok((metrics.fires.started, metrics.runs.ended.values().sum()))
}

/// Waits until nothing is queued and nothing runs.
pub(super) async fn settled(host: &Host) -> Result<()> {
    loop {
        let metrics = host.metrics().await?;
        if metrics.store.pending == 0 && metrics.running == 0 {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
