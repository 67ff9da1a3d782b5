use serde::Serialize;
use serde_json::Map;
use utoipa::ToSchema;
use wakeful::core::{LogLine, Object, Report};

use crate::wire::Time;

/// What a run logged and printed.
#[derive(Serialize, ToSchema)]
pub(crate) struct Logs<'a> {
    logs: Vec<Line<'a>>,
    dropped: u64,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Line<'a> {
    at: Time,
    source: &'static str,
    level: &'static str,
    message: &'a str,
    fields: Object,
}

impl<'a> Logs<'a> {
    /// The logs of a run with this report; a run that has not ended has none yet.
    pub(crate) fn of(report: Option<&'a Report>) -> Self {
        let lines = report.iter().flat_map(|report| &report.logs);
        Self {
            logs: lines.map(Line::from).collect(),
            dropped: report.map_or(0, |report| report.logs_dropped),
        }
    }
}

impl<'a> Line<'a> {
    /// The last `count` lines of a report, oldest first.
    pub(crate) fn tail(report: Option<&'a Report>, count: usize) -> Vec<Self> {
        let lines = report.map_or(&[][..], |report| &report.logs);
        let skipped = lines.len().saturating_sub(count);
        lines.iter().skip(skipped).map(Self::from).collect()
    }
}

impl<'a> From<&'a LogLine> for Line<'a> {
    fn from(line: &'a LogLine) -> Self {
        let fields = line.fields.iter();
        Self {
            at: Time(line.at),
            source: line.source.as_str(),
            level: line.level.as_str(),
            message: &line.message,
            fields: Map::from_iter(fields.map(|(key, value)| (key.clone(), value.as_str().into()))),
        }
    }
}
