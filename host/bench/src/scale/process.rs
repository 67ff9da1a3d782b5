use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

/// How many clock ticks Linux counts in a second for user programs, on every architecture.
const TICKS: u64 = 100;

/// Resident memory of this process now and at its peak, in MiB.
pub(crate) fn memory() -> Result<(u64, u64)> {
    let status = fs::read_to_string("/proc/self/status")?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        kib.map(|kib| kib / 1024).with_context(|| format!("no {name} in /proc/self/status"))
    };
    Ok((field("VmRSS:")?, field("VmHWM:")?))
}

/// Processor time that this process has used.
pub(crate) fn processor() -> Result<Duration> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The second field, the name, may hold anything, and ends with the last parenthesis.
    let (_, fields) = stat.rsplit_once(')').context("no name in /proc/self/stat")?;
    let ticks = fields.split_whitespace().skip(11).take(2);
    let ticks: u64 = ticks.map(|ticks| ticks.parse().unwrap_or(0_u64)).sum();
    Ok(Duration::from_millis(ticks * 1000 / TICKS))
}

/// The size of a folder on the disk, in MiB.
pub(crate) fn disk(folder: &Path) -> Result<u64> {
    fn bytes(folder: &Path) -> std::io::Result<u64> {
        let mut sum = 0;
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let kind = entry.metadata()?;
            sum += if kind.is_dir() { bytes(&entry.path())? } else { kind.len() };
        }
        Ok(sum)
    }
    Ok(bytes(folder)? >> 20)
}
