//! What can be said of a cron beside its record.

use wakeful_core::{Cron, CronStats, Timestamp};

use super::timing::schedule_of;
use crate::{Error, Host};

impl Host {
    /// The next instants of a cron, at most `most`; none while it is paused. If it is overdue, the
    /// first of them is past.
    pub fn upcoming(&self, cron: &Cron, stats: &CronStats, most: usize) -> Vec<Timestamp> {
        let Some(first) = cron.next_run_at.filter(|_| cron.enabled) else { return Vec::new() };
        let left = cron.policy.max_fires.map(|most| most.saturating_sub(stats.started).max(1));
        let left = left.and_then(|left| usize::try_from(left).ok()).unwrap_or(usize::MAX);
        let end = cron.end_time.unwrap_or(Timestamp::MAX);
        let schedule = schedule_of(cron).ok();
        let later = schedule.iter().flat_map(|schedule| schedule.upcoming(first));
        std::iter::once(first)
            .chain(later.take_while(|at| *at <= end))
            .take(most.min(left))
            .collect()
    }

    /// What to know of a cron, for people: that its assistant is gone, and what is unusual about
    /// its schedule.
    pub async fn cron_warnings(&self, cron: &Cron) -> Result<Vec<String>, Error> {
        let assistant = self.store().assistant(cron.assistant_id).await?;
        let component = assistant.map_or_else(|| cron.component.clone(), |it| it.component);
        let mut warnings = Vec::new();
        if self.folder().component(&component).is_none() {
            warnings.push(format!(
                "its assistant is gone: nothing in the assistants folder serves `{component}`, so the cron skips its instants (assistant_gone) until `{component}.wasm` is back"
            ));
        }
        if let Ok(schedule) = schedule_of(cron) {
            warnings.extend(schedule.warnings());
        }
        Ok(warnings)
    }
}
