use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use serde_json::Value as Json;
use wakeful::core::{CronId, Timestamp};

use super::timeline::{self, Style};
use super::{fields, fires, instants, path, schedules, state};
use crate::client::Client;
use crate::commands::{assistants, next};
use crate::{format, out, table};

/// How many next instants are listed.
const SHOWN: usize = 5;
/// How many of its last runs are asked for their status, which is those of its last fires.
const RUNS: &str = "20";

pub(super) fn run(cron: CronId, client: &Client, json: bool) -> anyhow::Result<()> {
    let document = client.get(&path(cron), &[])?;
    if json {
        return out::json(&document);
    }
    let assistant = fields::text(&document, "assistant_id");
    let assistant = match assistants::names(client)?.get(&assistant) {
        Some(name) => format!("{name} ({assistant})"),
        None => assistant,
    };
    table::pairs(&facts(cron, assistant, &document))?;

    let query = [("cron_id", cron.to_string()), ("limit", RUNS.to_owned())];
    let runs = client.get("/runs", &query)?;
    let runs: BTreeMap<_, _> = fields::items(&runs)
        .iter()
        .filter_map(|run| {
            Some((fields::optional(run, "run_id")?, fields::optional(run, "status")?))
        })
        .collect();
    let last = document.get("last_fires").map(fields::items).unwrap_or_default();
    let upcoming = instants::upcoming(&document);
    let zone = instants::zone(&document);
    if let Some([line, legend]) = timeline::draw(last, &runs, &upcoming, &zone, Style::of_output())
    {
        out::line(format_args!("\n{line}\n{legend}"))?;
    }
    if !upcoming.is_empty() {
        out::line(format_args!("\nnext"))?;
        print_next(upcoming.get(..SHOWN).unwrap_or(&upcoming), &zone)?;
    }
    out::line(format_args!("\nlast"))?;
    match last {
        [] => out::line(format_args!("none yet; `wakeful crons trigger {cron}` starts a run")),
        last => fires::print(last, &runs),
    }
}

fn print_next(upcoming: &[Timestamp], zone: &TimeZone) -> anyhow::Result<()> {
    let now = Timestamp::now();
    for (line, at) in next::lines(upcoming.iter().copied(), zone).zip(upcoming) {
        out::line(format_args!("{line} ({})", format::relative(*at, now)))?;
    }
    Ok(())
}

type Facts = Vec<(&'static str, String)>;

fn facts(cron: CronId, assistant: String, document: &Json) -> Facts {
    let mut facts = vec![
        ("cron", cron.to_string()),
        ("assistant", assistant),
        ("schedule", schedules(document, "\n")),
        ("zone", fields::optional(document, "timezone").unwrap_or("UTC").to_owned()),
        ("state", state(document).to_owned()),
    ];
    facts.extend(fields::optional(document, "note").map(|note| ("note", note.to_owned())));
    let warnings = fields::texts(document, "warnings");
    facts.extend(warnings.into_iter().map(|warning| ("warning", warning.to_owned())));
    let thread = fields::optional(document, "thread_id").map(str::to_owned);
    facts.push(("thread", thread.unwrap_or_else(|| per_run(document).to_owned())));
    for (name, key) in [
        ("begins", "start_time"),
        ("ends", "end_time"),
        ("ended", "ended_at"),
        ("created", "created_at"),
        ("changed", "updated_at"),
    ] {
        facts.extend(fields::moment(document, key).map(|moment| (name, moment)));
    }
    facts.extend(policy(document));
    let maker = fields::optional(document, "made_by_run_id");
    facts.extend(maker.map(|run| ("made by", format!("its assistant, in run {run}"))));
    facts.extend(fields::filled(document, "metadata").map(|text| ("metadata", text)));
    if let Some(payload) = document.get("payload") {
        for key in ["input", "context"] {
            facts.extend(fields::filled(payload, key).map(|text| (key, text)));
        }
    }
    if let Some(stats) = document.get("stats") {
        facts.extend(counts(stats));
    }
    facts
}

/// How it fires, as far as that is not as usual.
fn policy(document: &Json) -> Facts {
    let on_thread = fields::optional(document, "thread_id").is_some();
    let overlap = if on_thread { "buffer_all" } else { "skip" };
    let mut facts = Facts::new();
    for (name, key, usual) in [
        ("overlap", "overlap", overlap),
        ("catchup", "catchup", "latest"),
        ("window", "catchup_window", "24h"),
        ("dst", "dst", "vixie"),
    ] {
        let unusual = fields::optional(document, key).filter(|word| *word != usual);
        facts.extend(unusual.map(|word| (name, word.to_owned())));
    }
    let delay = fields::text(document, "delay");
    let jitter = fields::optional(document, "jitter").filter(|jitter| *jitter != "0s");
    let jitter = jitter.map(|jitter| format!("{jitter}, of which this cron takes {delay}"));
    facts.extend(jitter.map(|jitter| ("jitter", jitter)));
    let mut guards = Vec::new();
    for (key, before, after) in [
        ("max_fires", "ends after", "fires"),
        ("pause_after_failures", "pauses after", "failed runs in a row"),
    ] {
        let number = fields::number(document, key);
        guards.extend(number.map(|number| format!("{before} {number} {after}")));
    }
    let fuel = fields::number(document, "fuel_per_day").map(format::count);
    guards.extend(fuel.map(|fuel| format!("uses up {fuel} of fuel a day at most")));
    let tokens = fields::number(document, "tokens_per_day").map(format::count);
    guards.extend(tokens.map(|tokens| format!("uses up {tokens} tokens a day at most")));
    if !guards.is_empty() {
        facts.push(("guards", guards.join(", ")));
    }
    if let Some(retry) = document.pointer("/payload/retry") {
        let kinds = fields::texts(retry, "on");
        let on = if kinds.is_empty() { String::new() } else { format!(" on {}", kinds.join(", ")) };
        let attempts = fields::number(retry, "attempts").unwrap_or_default();
        let (first, longest) =
            (fields::text(retry, "first_wait"), fields::text(retry, "longest_wait"));
        facts.push(("retry", format!("up to {attempts} attempts, {first} to {longest} apart{on}")));
    }
    facts
}

/// What has become of its fires, in numbers.
fn counts(stats: &Json) -> Facts {
    let number = |key| fields::number(stats, key).unwrap_or_default();
    let skipped = stats.get("skipped").and_then(Json::as_object);
    let reasons: Vec<_> = skipped
        .into_iter()
        .flatten()
        .filter_map(|(reason, count)| Some(format!("{} {reason}", count.as_u64()?)))
        .collect();
    let total: u64 = skipped.into_iter().flatten().filter_map(|(_, count)| count.as_u64()).sum();
    let mut fired = vec![format!("{} started", number("started"))];
    if 0 < total {
        fired.push(format!("{total} skipped ({})", reasons.join(", ")));
    }
    for (key, word) in [("missed", "missed"), ("triggered", "by hand")] {
        if 0 < number(key) {
            fired.push(format!("{} {word}", number(key)));
        }
    }
    let mut facts = vec![("fires", fired.join(", "))];
    if 0 < number("succeeded") + number("failed") {
        let row = match number("failed_in_a_row") {
            0 => String::new(),
            row => format!(", the last {row} in a row"),
        };
        let (succeeded, failed) = (number("succeeded"), number("failed"));
        facts.push(("runs", format!("{succeeded} succeeded, {failed} failed{row}")));
    }
    if let Some(failure) = stats.get("last_failure").filter(|failure| !failure.is_null()) {
        let (when, message) = (fields::when(failure, "at"), fields::text(failure, "message"));
        let run = fields::text(failure, "run_id");
        facts.push(("failure", format!("{when}, {message} (run {run})")));
    }
    if 0 < number("started") {
        let late = |key| fields::duration(stats, key).map(format::duration).unwrap_or_default();
        let (last, worst) = (late("last_late_ms"), late("worst_late_ms"));
        facts.push(("late", format!("{last} the last, {worst} at worst")));
    }
    facts
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
    fn only_what_is_unusual_is_said_of_a_policy() {
        let usual = json!({
            "thread_id": null, "overlap": "skip", "catchup": "latest", "catchup_window": "24h",
            "jitter": "0s", "delay": "0s", "dst": "vixie", "max_fires": null,
            "retry": {"attempts": 3}, "payload": {},
        });
        assert_eq!(policy(&usual), []);
        let mut cron = usual;
        cron["thread_id"] = json!("x");
        cron["catchup"] = json!("none");
        cron["jitter"] = json!("1h");
        cron["delay"] = json!("12m");
        cron["max_fires"] = json!(9);
        cron["fuel_per_day"] = json!(5_000_000_u64);
        cron["tokens_per_day"] = json!(2_000_000_u64);
        cron["payload"]["retry"] = json!({
            "attempts": 4, "first_wait": "1s", "longest_wait": "1m", "on": ["timed_out"],
        });
        let expected = [
            ("overlap", "skip"),
            ("catchup", "none"),
            ("jitter", "1h, of which this cron takes 12m"),
            (
                "guards",
                "ends after 9 fires, uses up 5 M of fuel a day at most, uses up 2 M tokens a day at most",
            ),
            ("retry", "up to 4 attempts, 1s to 1m apart on timed_out"),
        ];
        assert_eq!(policy(&cron), expected.map(|(name, text)| (name, text.to_owned())));
    }

    #[test]
    fn counts_leave_out_what_never_happened() {
        assert_eq!(counts(&json!({"started": 0})), [("fires", "0 started".to_owned())]);
        let stats = json!({
            "started": 7, "triggered": 1, "skipped": {"overlap": 2, "paused": 3}, "missed": 4,
            "succeeded": 5, "failed": 3, "failed_in_a_row": 1, "last_failure": null,
            "last_late_ms": 12, "worst_late_ms": 1500,
        });
        let expected = [
            ("fires", "7 started, 5 skipped (2 overlap, 3 paused), 4 missed, 1 by hand"),
            ("runs", "5 succeeded, 3 failed, the last 1 in a row"),
            ("late", "12ms the last, 1.5s at worst"),
        ];
        assert_eq!(counts(&stats), expected.map(|(name, text)| (name, text.to_owned())));
    }
}
