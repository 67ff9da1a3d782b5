use serde_json::json;
use wakeful_core::{Cron, Json, Object, Timestamp};

/// A cron as a guest sees it, in the words of the HTTP API.
pub(super) fn cron(cron: &Cron) -> Object {
    let instant = |at: Option<Timestamp>| at.map_or(Json::Null, |at| at.to_string().into());
    let fields = [
        ("cron_id", cron.id.to_string().into()),
        ("assistant_id", cron.assistant_id.to_string().into()),
        ("thread_id", cron.thread_id.map(|id| id.to_string()).into()),
        ("schedule", cron.schedules.first().map(String::as_str).into()),
        ("schedules", cron.schedules.as_slice().into()),
        ("timezone", cron.timezone.as_deref().into()),
        ("end_time", instant(cron.end_time)),
        ("next_run_date", instant(cron.next_run_at)),
        ("enabled", cron.enabled.into()),
        ("ended", cron.has_ended().into()),
        ("payload", json!({ "input": cron.request.input })),
        ("metadata", Json::Object(cron.metadata.clone())),
        ("made_by_run_id", cron.made_by.map(|id| id.to_string()).into()),
        ("created_at", instant(Some(cron.created_at))),
        ("updated_at", instant(Some(cron.updated_at))),
    ];
    fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}
