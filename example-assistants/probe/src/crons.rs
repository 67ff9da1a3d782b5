//! Calls to the crons of its thread, as the input spells them: `{"call": "create", "request": {}}`,
//! and likewise `list` and `delete` with an `id`, which may be a number: that of an earlier call of
//! the same run whose answer was a cron. `{"call": "trap"}` ends the run, and `{"call": "fail"}`
//! asks for another try the first time.

use serde_json::{Value, json};

use crate::wakeful::assistant::assistant_types::Error;
use crate::wakeful::assistant::crons;

/// What came of each call: `{"ok": …}`, or `{"error": …, "message": …}`.
pub(crate) fn calls(calls: &[Value], attempt: u32) -> Result<Vec<Value>, Error> {
    let mut answers: Vec<Value> = Vec::new();
    for call in calls {
        let result = match call["call"].as_str().unwrap_or_default() {
            "create" => crons::create(&call["request"].to_string()).map(|cron| parsed(&cron)),
            "list" => crons::list().map(|list| list.iter().map(|cron| parsed(cron)).collect()),
            "delete" => crons::delete(&id(&call["id"], &answers)).map(Value::from),
            "fail" if attempt > 1 => Ok(Value::Null),
            "fail" => return Err(crate::failure()),
            other => panic!("no call {other:?}"),
        };
        answers.push(match result {
            Ok(value) => json!({ "ok": value }),
            Err(error) => json!({ "error": format!("{:?}", error.code), "message": error.message }),
        });
    }
    Ok(answers)
}

fn id(id: &Value, answers: &[Value]) -> String {
    let earlier = id.as_u64().and_then(|index| answers.get(index as usize));
    let id = earlier.map_or(id, |answer| &answer["ok"]["cron_id"]);
    id.as_str().unwrap_or_default().to_owned()
}

fn parsed(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or_default()
}
