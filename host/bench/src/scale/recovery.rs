use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use wakeful::core::{CronId, Timestamp};

use super::report::{line, rate, seconds};
use super::{Plan, burst, host, process, row};

/// What the phase that is killed says when its time has come.
const NOW: &str = "kill me now";

/// Kills a host in the middle of a burst, and starts another.
pub(super) fn measure(plan: &Plan) -> Result<()> {
    let mut child = super::start(plan, "killed")?;
    let out = child.stdout.take().context("no pipe")?;
    let mut said = false;
    for text in BufReader::new(out).lines() {
        let text = text?;
        if text == NOW {
            said = true;
            // SIGKILL, on every system that has it.
            child.kill()?;
            break;
        }
        line(&text)?;
    }
    child.wait()?;
    ensure!(said, "the host ended before it was killed");
    super::finish(super::start(plan, "recovered")?)
}

/// Fires until a third of a burst is recorded.
pub(super) async fn until_killed(plan: &Plan) -> Result<()> {
    let (host, clock) = host(plan).await?;
    let (at, ids) = burst::prepare(&host, plan.burst).await?;
    let list: Vec<String> = ids.iter().map(ToString::to_string).collect();
    std::fs::write(list_of(plan), format!("{at}\n{}", list.join("\n")))?;
    clock.skip_to(at, Duration::ZERO);
    loop {
        let (fires, _) = burst::counts(&host).await?;
        if fires >= plan.burst as u64 / 3 {
            let metrics = host.metrics().await?;
            let (pending, running) = (metrics.store.pending, metrics.running);
            row(
                "kill -9 with",
                format!("{fires} fires, {pending} runs queued, {running} running"),
            )?;
            line(NOW)?;
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Starts after the kill, and sees that every cron of the burst fires once.
pub(super) async fn after_kill(plan: &Plan) -> Result<()> {
    let list = std::fs::read_to_string(list_of(plan))?;
    let (at, ids) = list.split_once('\n').context("an empty list")?;
    let at: Timestamp = at.parse()?;
    let ids: Vec<CronId> = ids.lines().map(str::parse).collect::<Result<_, _>>()?;
    let begun = Instant::now();
    let (host, clock) = host(plan).await?;
    row("start after that", seconds(begun.elapsed()))?;
    let (now, peak) = process::memory()?;
    row("resident memory after that start", format!("{now} MiB, peak {peak} MiB"))?;
    let mut left = 0;
    for id in &ids {
        left += u64::from(host.fires(*id, None, 1).await?.is_empty());
    }
    let begun = Instant::now();
    clock.skip_to(at, Duration::ZERO);
    while burst::counts(&host).await?.0 < left {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    row(&format!("the other {left} fires recorded after"), seconds(begun.elapsed()))?;
    burst::settled(&host).await?;
    let (_, runs) = burst::counts(&host).await?;
    let took = begun.elapsed();
    row("all runs had ended after", format!("{} ({})", seconds(took), rate(runs as usize, took)))?;
    let mut wrong = 0;
    for id in &ids {
        let fires = host.fires(*id, None, 10).await?;
        wrong += usize::from(fires.len() != 1 || fires.iter().any(|fire| fire.scheduled_at != at));
    }
    row("crons of the burst without exactly one fire", wrong)?;
    ensure!(wrong == 0, "fires were lost or doubled");
    Ok(host.shutdown().await?)
}

/// Where the phase that is killed says what the next has to look at.
fn list_of(plan: &Plan) -> PathBuf {
    plan.data.join("burst")
}
