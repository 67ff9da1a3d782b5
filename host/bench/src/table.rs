use std::io::Write;
use std::time::Duration;

/// How long each of many repetitions took, and all of them together.
#[derive(Debug, Default)]
pub(crate) struct Samples {
    pub(crate) each: Vec<Duration>,
    pub(crate) total: Duration,
}

/// Rows of a name and what was measured.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<(&'static str, Samples)>,
}

impl Table {
    pub(crate) fn push(&mut self, name: &'static str, mut samples: Samples) {
        samples.each.sort_unstable();
        self.rows.push((name, samples));
    }

    pub(crate) fn print(&self) -> std::io::Result<()> {
        let mut out = std::io::stdout().lock();
        writeln!(out, "| what | number | per second | p50 ms | p99 ms | max ms | p50 ratio |")?;
        writeln!(out, "| --- | --- | --- | --- | --- | --- | --- |")?;
        let base = self.rows.first().map_or(Duration::ZERO, |(_, samples)| samples.at(0.5));
        for (name, samples) in &self.rows {
            let ms = |duration: Duration| duration.as_secs_f64() * 1e3;
            let rate = samples.each.len() as f64 / samples.total.as_secs_f64();
            let ratio = samples.at(0.5).as_secs_f64() / base.as_secs_f64();
            writeln!(
                out,
                "| {name} | {} | {rate:.0} | {:.3} | {:.3} | {:.3} | {ratio:.0} |",
                samples.each.len(),
                ms(samples.at(0.5)),
                ms(samples.at(0.99)),
                ms(samples.at(1.0)),
            )?;
        }
        Ok(())
    }
}

impl Samples {
    /// The value below which this share of the sorted samples lies.
    pub(crate) fn at(&self, share: f64) -> Duration {
        let last = self.each.len().saturating_sub(1);
        let index = (last as f64 * share).round() as usize;
        self.each.get(index).copied().unwrap_or_default()
    }
}
