use std::time::{Duration, Instant};

use anyhow::Result;
use wakeful::CronQuery;

use super::report::seconds;
use super::{Plan, host, process, row};

const WATCHED: Duration = Duration::from_secs(20);

/// Starts with all crons, does nothing, and then looks at them.
pub(super) async fn measure(plan: &Plan) -> Result<()> {
    let begun = Instant::now();
    let (host, _) = host(plan).await?;
    row("start after a clean stop", seconds(begun.elapsed()))?;
    let (now, peak) = process::memory()?;
    row("resident memory after the start", format!("{now} MiB, peak {peak} MiB"))?;
    for when in ["in the first 20 s", "in the next 20 s"] {
        let before = process::processor()?;
        tokio::time::sleep(WATCHED).await;
        let used = process::processor()? - before;
        let share = used.as_secs_f64() / WATCHED.as_secs_f64() * 100.0;
        row(&format!("processor {when}"), format!("{} ms, {share:.2} %", used.as_millis()))?;
    }
    let (now, peak) = process::memory()?;
    row("resident memory, idle", format!("{now} MiB, peak {peak} MiB"))?;

    let begun = Instant::now();
    host.metrics().await?;
    row("metrics", millis(begun))?;
    let begun = Instant::now();
    let found = host.search_crons(CronQuery { limit: 10, ..CronQuery::default() }).await?;
    row(&format!("the newest 10 of {} crons", found.total), millis(begun))?;
    let newest = found.items.first().map(|cron| cron.assistant_id);
    let begun = Instant::now();
    let query = CronQuery { assistant_id: newest, limit: 10, ..CronQuery::default() };
    let found = host.search_crons(query).await?;
    row(&format!("the newest 10 of an assistant's {}", found.total), millis(begun))?;
    let (now, peak) = process::memory()?;
    row("resident memory after that", format!("{now} MiB, peak {peak} MiB"))?;
    Ok(host.shutdown().await?)
}

fn millis(begun: Instant) -> String {
    format!("{:.1} ms", begun.elapsed().as_secs_f64() * 1e3)
}
