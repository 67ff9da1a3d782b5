//! What Reminder says of itself.

use serde_json::json;

use crate::Reminder;
use crate::exports::wakeful::assistant::metadata::{Description, Guest};

impl Guest for Reminder {
    fn describe() -> Description {
        let text = |description: &str| json!({ "type": "string", "description": description });
        let input = json!({
            "type": "object",
            "title": "Input",
            "properties": {
                "remind": text("what to be reminded of"),
                "at": text("once, at this instant, such as 2030-01-01T09:00:00Z"),
                "every": text("again and again, after so long, such as 2h"),
                "schedule": text("again and again, as this cron expression says"),
                "timezone": text("the time zone of the schedule, such as Europe/Berlin"),
                "forget": text("the id of a reminder to take back"),
            },
        });
        let values = json!({
            "type": "object",
            "title": "Values",
            "properties": { "messages": { "type": "array", "items": { "type": "object" } } },
            "required": ["messages"],
        });
        Description {
            name: "Reminder".to_owned(),
            description: "Reminds of things, by crons that it makes for itself".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            input_schema: Some(input.to_string()),
            output_schema: Some(values.to_string()),
            config_schema: None,
        }
    }
}
