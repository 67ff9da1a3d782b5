use std::time::{Duration, Instant};

use anyhow::Result;

use super::report::{rate, seconds};
use super::{Plan, crons, host, process, row};

/// Half a year, over which the crons that are not due are spread.
const SPREAD: u64 = 180 * 24 * 60 * 60;

/// Creates the crons that are not due.
pub(super) async fn measure(plan: &Plan) -> Result<()> {
    let (host, _) = host(plan).await?;
    let first = crons::second_after(&host, Duration::from_secs(30 * 24 * 60 * 60))?;
    let begun = Instant::now();
    let count = plan.crons;
    crons::create(&host, count, move |n| {
        // A step without a common factor visits every second before it comes back to one.
        let offset = (n as u64).wrapping_mul(7_919) % SPREAD;
        crons::yearly(first + Duration::from_secs(offset))
    })
    .await?;
    let took = begun.elapsed();
    let (now, peak) = process::memory()?;
    row(&format!("create {count} crons, 256 at once"), seconds(took))?;
    row("crons created", rate(count, took))?;
    row("resident memory at the end of that", format!("{now} MiB, peak {peak} MiB"))?;
    host.shutdown().await?;
    row("on the disk", format!("{} MiB", process::disk(&plan.data)?))
}
