use serde::Deserialize;
use wakeful_core::{
    AssistantId, CronPolicy, Json, Object, OnCompletion, RunRequest, ThreadId, Timestamp,
};

use crate::CreateCron;

/// Keys of metadata that only the host sets.
const RESERVED: [&str; 4] = ["run_id", "thread_id", "assistant_id", "cron_id"];

/// A cron as a guest asks for it: in the words of the HTTP API, without those that would reach
/// beyond its thread, such as `webhook`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    schedule: Option<String>,
    schedules: Option<Vec<String>>,
    at: Option<String>,
    every: Option<String>,
    timezone: Option<String>,
    end_time: Option<String>,
    #[serde(default)]
    input: Json,
    #[serde(default)]
    metadata: Object,
}

/// Reads the request for a cron of this assistant on this thread. The error says what to change.
pub(super) fn read(
    request: Object,
    assistant: AssistantId,
    thread: ThreadId,
) -> Result<CreateCron, String> {
    let mut wish: Wish =
        serde_json::from_value(Json::Object(request)).map_err(|error| error.to_string())?;
    let end_time = wish.end_time.as_deref().map(end).transpose()?;
    if !matches!(wish.input, Json::Null | Json::Object(_)) {
        return Err("input: expected an object".to_owned());
    }
    wish.metadata.retain(|key, _| !RESERVED.contains(&key.as_str()));
    Ok(CreateCron {
        assistant: assistant.to_string(),
        thread_id: Some(thread),
        schedules: schedules(&wish)?,
        timezone: wish.timezone,
        end_time,
        enabled: true,
        on_run_completed: OnCompletion::Keep,
        policy: CronPolicy::usual(true),
        note: None,
        metadata: wish.metadata,
        request: RunRequest { input: wish.input, ..RunRequest::default() },
        key: None,
    })
}

/// The texts of the schedule, which can be given in four ways.
fn schedules(wish: &Wish) -> Result<Vec<String>, String> {
    match (&wish.schedule, &wish.schedules, &wish.at, &wish.every) {
        (Some(schedule), None, None, None) => Ok(vec![schedule.clone()]),
        (None, Some(schedules), None, None) => Ok(schedules.clone()),
        (None, None, Some(at), None) => Ok(vec![format!("@at {at}")]),
        (None, None, None, Some(every)) => Ok(vec![format!("@every {every}")]),
        _ => Err("give one of `schedule` (such as \"0 9 * * *\"), `schedules` (a list of them), `at` (an instant such as \"2030-01-01T09:00:00Z\") and `every` (a time such as \"2h\")".to_owned()),
    }
}

fn end(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| {
        format!("end_time: `{text}` is not an instant such as \"2030-01-01T09:00:00Z\"")
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn wish(request: Json) -> Result<CreateCron, String> {
        let object = request.as_object().unwrap().clone();
        read(object, AssistantId::generate(), ThreadId::generate())
    }

    #[test]
    fn a_request_reads_like_one_of_a_client() {
        let new = wish(json!({
            "schedule": "0 9 * * *", "timezone": "Europe/Berlin", "end_time": "2030-01-01T00:00:00+01:00",
            "input": { "n": 1 }, "metadata": { "k": 1, "cron_id": "forged" },
        }))
        .unwrap();
        assert_eq!(
            (new.schedules[0].as_str(), new.timezone.as_deref()),
            ("0 9 * * *", Some("Europe/Berlin"))
        );
        assert_eq!(new.end_time.unwrap().to_string(), "2029-12-31T23:00:00Z");
        assert_eq!(new.request.input, json!({ "n": 1 }));
        assert_eq!(Json::Object(new.metadata), json!({ "k": 1 }));
        let of = |request| wish(request).unwrap().schedules.join(", ");
        assert_eq!(of(json!({ "schedules": ["@daily", "0 9 * * *"] })), "@daily, 0 9 * * *");
        assert_eq!(of(json!({ "at": "2030-01-01T09:00:00Z" })), "@at 2030-01-01T09:00:00Z");
        assert_eq!(of(json!({ "every": "2h" })), "@every 2h");
    }

    #[test]
    fn a_mistake_in_a_request_is_named() {
        for (request, expected) in [
            (json!({}), "give one of `schedule`"),
            (json!({ "schedule": "0 9 * * *", "every": "2h" }), "give one of `schedule`"),
            (json!({ "schedule": "0 9 * * *", "webhook": "https://example.com" }), "webhook"),
            (json!({ "schedule": "0 9 * * *", "thread_id": "x" }), "thread_id"),
            (json!({ "schedule": "0 9 * * *", "end_time": "soon" }), "end_time: `soon`"),
            (json!({ "schedule": "0 9 * * *", "input": [1] }), "input: expected an object"),
            (json!({ "schedule": 9 }), "string"),
        ] {
            let message = wish(request.clone()).unwrap_err();
            assert!(message.contains(expected), "{request}: {message}");
        }
    }
}
