use std::collections::BTreeMap;

use clap::Args;
use serde_json::Value as Json;
use wakeful::core::{CronId, SkipReason, Timestamp};

use super::{fields, path};
use crate::client::Client;
use crate::{format, out, table};

/// List what became of a cron's instants, newest first
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// List the fires of this cron
    cron: CronId,
    /// List only those of which this became: started or skipped
    #[arg(long, value_name = "STATUS", value_parser = ["started", "skipped"])]
    status: Option<String>,
    /// List only those that were skipped for this: overlap, misfire, paused, budget, rescheduled
    /// or assistant_gone
    #[arg(long, value_name = "REASON", value_parser = SkipReason::ALL.map(SkipReason::as_str))]
    reason: Option<String>,
    /// List only those of instants before this one, given as RFC 3339
    #[arg(long, value_name = "INSTANT")]
    before: Option<Timestamp>,
    /// List at most this many
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: u32,
}

pub(super) fn run(arguments: &Arguments, client: &Client, json: bool) -> anyhow::Result<()> {
    let mut query = vec![("limit", arguments.limit.to_string())];
    query.extend(arguments.status.clone().map(|status| ("status", status)));
    query.extend(arguments.reason.clone().map(|reason| ("reason", reason)));
    query.extend(arguments.before.map(|before| ("before", before.to_string())));
    let fires = client.get(&format!("{}/fires", path(arguments.cron)), &query)?;
    if json { out::json(&fires) } else { print(fields::items(&fires), &BTreeMap::new()) }
}

/// Prints fires, with the status of their runs where it is known.
pub(super) fn print(fires: &[Json], runs: &BTreeMap<&str, &str>) -> anyhow::Result<()> {
    if fires.is_empty() {
        return out::line(format_args!("none yet"));
    }
    let rows = fires.iter().map(|fire| {
        let run = fields::optional(fire, "run_id");
        let more = run.and_then(|run| runs.get(run)).copied();
        [
            fields::when(fire, "scheduled_at"),
            fields::duration(fire, "late_ms").map_or_else(|| "-".to_owned(), format::duration),
            fields::text(fire, "cause"),
            match fields::optional(fire, "reason").or(more) {
                Some(more) => format!("{} ({more})", fields::text(fire, "status")),
                None => fields::text(fire, "status"),
            },
            run.unwrap_or("-").to_owned(),
            missed(fire),
        ]
    });
    table::print(["SCHEDULED", "LATE", "CAUSE", "STATUS", "RUN", "ALSO FOR"], rows)
}

/// The earlier instants that a fire stands for.
fn missed(fire: &Json) -> String {
    let coalesced = fire.get("coalesced").filter(|missed| !missed.is_null());
    let Some(missed) = coalesced else { return String::new() };
    let more = missed.get("at_least").and_then(Json::as_bool).unwrap_or_default();
    let least = if more { "at least " } else { "" };
    let count = fields::number(missed, "count").unwrap_or_default();
    format!("{least}{count} missed, since {}", fields::when(missed, "first"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_fire_says_what_it_stands_for() {
        assert_eq!(missed(&json!({"coalesced": null})), "");
        let first =
            (wakeful::core::Timestamp::now() - jiff::SignedDuration::from_mins(5)).to_string();
        let fire = json!({"coalesced": {"count": 4, "at_least": true, "first": first}});
        assert_eq!(missed(&fire), "at least 4 missed, since 5m ago");
    }
}
