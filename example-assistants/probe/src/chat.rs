//! Calls of language models, as the input spells them: `{"model": "fast", "request": {}}` asks for
//! the whole answer, `"stream": true` for it in pieces, which are passed on, and `"drop": n` gives
//! it up after so many. `{"models": true}` lists what is granted, and `{"fail": true}` asks for
//! another try the first time.

use serde_json::{Value, json};

use crate::wakeful::assistant::assistant_types::Error;
use crate::wakeful::assistant::{chat, events};

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
    if call["models"] == true {
        return Ok(chat::models().into());
    }
    let Some(model) = call["model"].as_str() else { return Ok(Value::Null) };
    let request = call["request"].to_string();
    if call["stream"] != true {
        return Ok(parsed(&chat::complete(model, &request)?));
    }
    let stream = chat::open(model, &request)?;
    let most = call["drop"].as_u64().unwrap_or(u64::MAX);
    let mut pieces = Vec::new();
    while (pieces.len() as u64) < most
        && let Some(piece) = stream.next()?
    {
        let text = parsed(&piece)["content"].as_str().unwrap_or_default().to_owned();
        events::emit(&events::Event::TextDelta(text.clone()))?;
        pieces.push(text);
    }
    let answer = if most == u64::MAX { parsed(&stream.answer()?) } else { Value::Null };
    Ok(json!({ "pieces": pieces, "answer": answer }))
}

fn parsed(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or_default()
}
