use serde_json::Value as Json;
use wakeful::core::CronId;

use super::{fields, instants, path, state};
use crate::client::Client;
use crate::commands::runs;
use crate::{format, out, table};

/// How many fires and runs are shown.
const SHOWN: u32 = 5;

pub(super) fn run(cron: CronId, client: &Client, json: bool) -> anyhow::Result<()> {
    let document = client.get(&path(cron), &[])?;
    if json {
        return out::json(&document);
    }
    let mut pairs = vec![
        ("cron", cron.to_string()),
        ("assistant", fields::text(&document, "assistant_id")),
        ("schedule", fields::text(&document, "schedule")),
        ("zone", fields::optional(&document, "timezone").unwrap_or("UTC").to_owned()),
        ("state", state(&document).to_owned()),
    ];
    let thread = fields::optional(&document, "thread_id").map(str::to_owned);
    pairs.push(("thread", thread.unwrap_or_else(|| per_run(&document).to_owned())));
    for (name, key) in [("ends", "end_time"), ("created", "created_at"), ("changed", "updated_at")]
    {
        pairs.extend(fields::moment(&document, key).map(|moment| (name, moment)));
    }
    let maker = fields::optional(&document, "made_by_run_id");
    pairs.extend(maker.map(|run| ("made by", format!("its assistant, in run {run}"))));
    pairs.extend(fields::filled(&document, "metadata").map(|text| ("metadata", text)));
    if let Some(payload) = document.get("payload") {
        for key in ["input", "context"] {
            pairs.extend(fields::filled(payload, key).map(|text| (key, text)));
        }
    }
    table::pairs(&pairs)?;
    instants::print(&document)?;

    out::line(format_args!("\nrecent fires"))?;
    print_fires(&read_fires(cron, SHOWN, client)?)?;
    out::line(format_args!("\nlast runs"))?;
    let query = [("cron_id", cron.to_string()), ("limit", SHOWN.to_string())];
    let found = client.get("/runs", &query)?;
    match fields::items(&found) {
        [] => out::line(format_args!("none yet; `wakeful crons trigger {cron}` starts one")),
        found => runs::print_table(found),
    }
}

/// Prints what became of the due instants of a cron.
pub(super) fn fires(cron: CronId, limit: u32, client: &Client, json: bool) -> anyhow::Result<()> {
    let fires = read_fires(cron, limit, client)?;
    if json { out::json(&fires) } else { print_fires(&fires) }
}

fn read_fires(cron: CronId, limit: u32, client: &Client) -> anyhow::Result<Json> {
    client.get(&format!("{}/fires", path(cron)), &[("limit", limit.to_string())])
}

fn print_fires(fires: &Json) -> anyhow::Result<()> {
    let fires = fields::items(fires);
    if fires.is_empty() {
        return out::line(format_args!("none yet"));
    }
    let rows = fires.iter().map(|fire| {
        [
            fields::when(fire, "scheduled_at"),
            fields::duration(fire, "late_ms").map_or_else(|| "-".to_owned(), format::duration),
            match fields::optional(fire, "reason") {
                Some(reason) => format!("{} ({reason})", fields::text(fire, "status")),
                None => fields::text(fire, "status"),
            },
            fields::text(fire, "run_id"),
            missed(fire),
        ]
    });
    table::print(["SCHEDULED", "LATE", "STATUS", "RUN", "ALSO FOR"], rows)
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

/// Where the runs of a cron without a thread go.
fn per_run(cron: &Json) -> &'static str {
    match fields::optional(cron, "on_run_completed") {
        Some("keep") => "a new one for each run, kept",
        _ => "a new one for each run, deleted afterwards",
    }
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
