//! The settings that hold for every cron.

use serde::Deserialize;
use wakeful::CronSettings;

use super::source::{Layers, Source, Sourced};
use super::value::Span;

/// What one source says about crons.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CronLayer {
    /// The least time between two instants of a cron.
    pub(super) min_interval: Option<Span>,
    /// How long after its creation a cron ends for which nobody said when.
    pub(super) usual_end: Option<Span>,
    /// How many runs begin in a second that make up for missed instants, at most.
    pub(super) catchup_per_second: Option<u32>,
    /// How often the time-zone files are looked at.
    pub(super) zone_poll: Option<Span>,
}

/// Every setting of crons, with where it came from.
#[derive(Debug, Clone)]
pub(super) struct SourcedCrons {
    pub(super) min_interval: Sourced<Span>,
    /// `None` means that they go on for ever.
    pub(super) usual_end: Sourced<Option<Span>>,
    pub(super) catchup_per_second: Sourced<u32>,
    pub(super) zone_poll: Sourced<Span>,
}

impl SourcedCrons {
    pub(super) fn resolve(layers: &Layers, default: CronSettings) -> Self {
        Self {
            min_interval: layers.pick(
                "crons_min_interval",
                |l| l.crons.min_interval,
                Span(default.min_interval),
            ),
            usual_end: layers.pick(
                "crons_usual_end",
                |l| l.crons.usual_end.map(Some),
                default.usual_end.map(Span),
            ),
            catchup_per_second: layers.pick(
                "crons_catchup_per_second",
                |l| l.crons.catchup_per_second,
                default.catchup_per_second,
            ),
            zone_poll: layers.pick(
                "crons_zone_poll",
                |l| l.crons.zone_poll,
                Span(default.zone_poll),
            ),
        }
    }

    pub(super) fn problem(&self) -> Option<(&Source, &'static str)> {
        if self.catchup_per_second.value == 0 {
            return Some((
                &self.catchup_per_second.source,
                "`crons.catchup_per_second` must be at least 1",
            ));
        }
        if self.zone_poll.value.0.is_zero() {
            return Some((&self.zone_poll.source, "`crons.zone_poll` must be longer than nothing"));
        }
        self.usual_end.value.is_some_and(|Span(end)| end.is_zero()).then_some((
            &self.usual_end.source,
            "`crons.usual_end` must be longer than nothing; leave it out to let crons go on",
        ))
    }

    /// What the host is told.
    pub(super) fn values(&self) -> CronSettings {
        CronSettings {
            min_interval: self.min_interval.value.0,
            usual_end: self.usual_end.value.map(|Span(end)| end),
            catchup_per_second: self.catchup_per_second.value,
            zone_poll: self.zone_poll.value.0,
        }
    }
}
