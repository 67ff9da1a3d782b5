use std::time::Duration;

use anyhow::Result;

use super::report::millis;
use super::{Plan, crons, host, row};
use crate::fires;

/// Crons that fire every second, more and more of them.
pub(super) async fn measure(plan: &Plan) -> Result<()> {
    let (host, _) = host(plan).await?;
    for count in [1, 100, 1_000] {
        let length = Duration::from_secs(if count == 1 { 30 } else { 20 });
        let ids = crons::create(&host, count, |_| "* * * * * *".to_owned()).await?;
        tokio::time::sleep(length).await;
        for id in &ids {
            host.delete_cron(*id).await?;
        }
        crate::scale::burst::settled(&host).await?;
        let mut samples = fires::started(&host, &ids).await?;
        samples.each.sort_unstable();
        let expected = count as u64 * length.as_secs();
        let what = format!("{count} fires per second: start after the instant");
        row(&what, format!("{} ({} of about {expected})", millis(&samples), samples.each.len()))?;
    }
    Ok(host.shutdown().await?)
}
