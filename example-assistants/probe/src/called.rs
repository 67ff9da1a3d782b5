//! Calls of other assistants, as the input spells them: `{"invoke": "echo", "input": {}}`, and
//! likewise `start`. `{"granted": true}` lists those that may be called, and `{"fail": true}` asks
//! for another try the first time.

use serde_json::{Value, json};

use crate::wakeful::assistant::assistant_types::Error;
use crate::wakeful::assistant::calls as other;

/// What came of each call: `{"ok": …}`, or `{"error": …, "message": …}`.
pub(crate) fn calls(calls: &[Value], attempt: u32) -> Result<Vec<Value>, Error> {
    let mut answers = Vec::new();
    for call in calls {
        if call["fail"] == true && attempt == 1 {
            return Err(crate::failure());
        }
        answers.push(match once(call) {
            Ok(value) => json!({ "ok": value }),
            Err(error) => json!({ "error": format!("{:?}", error.code), "message": error.message }),
        });
    }
    Ok(answers)
}

fn once(call: &Value) -> Result<Value, Error> {
    let input = call["input"].to_string();
    if call["granted"] == true {
        return Ok(other::assistants().into());
    }
    if let Some(assistant) = call["invoke"].as_str() {
        let ended = other::invoke(assistant, &input)?;
        return Ok(serde_json::from_str(&ended).unwrap_or_default());
    }
    match call["start"].as_str() {
        Some(assistant) => other::start(assistant, &input).map(Value::from),
        None => Ok(Value::Null),
    }
}
