use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::table::Samples;

/// Begins the table, with what the machine is.
pub(crate) fn head(data: &Path) -> Result<()> {
    let cores = std::thread::available_parallelism()?;
    let syncs = syncs(data)?;
    line("| what | measured |")?;
    line("| --- | --- |")?;
    row("machine: cores", cores)?;
    row("machine: fdatasync of 4 KiB", millis(&syncs))
}

/// One row of the table.
pub(crate) fn row(what: &str, measured: impl std::fmt::Display) -> Result<()> {
    line(&format!("| {what} | {measured} |"))
}

/// One line, at once: a phase may be killed.
pub(crate) fn line(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}

/// The middle, the last hundredth and the worst.
pub(crate) fn millis(samples: &Samples) -> String {
    let ms = |share| samples.at(share).as_secs_f64() * 1e3;
    format!("p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms", ms(0.5), ms(0.99), ms(1.0))
}

pub(crate) fn seconds(took: Duration) -> String {
    format!("{:.2} s", took.as_secs_f64())
}

pub(crate) fn rate(count: usize, took: Duration) -> String {
    format!("{:.0}/s", count as f64 / took.as_secs_f64())
}

/// What the disk takes to make a little durable.
fn syncs(data: &Path) -> Result<Samples> {
    let path = data.join("fdatasync");
    std::fs::create_dir_all(data)?;
    let mut file = File::create(&path)?;
    let mut samples = Samples::default();
    for _ in 0..200 {
        file.write_all(&[7; 4096])?;
        let begun = Instant::now();
        file.sync_data()?;
        samples.each.push(begun.elapsed());
    }
    std::fs::remove_file(path)?;
    samples.each.sort_unstable();
    Ok(samples)
}
