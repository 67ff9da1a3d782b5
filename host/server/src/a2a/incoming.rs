use serde::Deserialize;
use serde_json::{Map, json};
use wakeful::core::{Json, Object};

use crate::a2a::problem;
use crate::extract::typed;
use crate::rpc::RpcError;

/// The longest id of a message that is kept.
const MESSAGE_ID_MAX: usize = 256;

/// A message from a client, checked.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) message_id: String,
    pub(crate) task: Option<String>,
    pub(crate) context: Option<String>,
    /// Whether the answer waits until the assistant is done.
    pub(crate) waits: bool,
    pub(crate) history_length: Option<usize>,
    texts: Vec<String>,
    data: Vec<Json>,
}

#[derive(Deserialize)]
struct Params {
    message: Message,
    #[serde(default)]
    configuration: Option<Configuration>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    message_id: String,
    role: String,
    parts: Vec<Part>,
    context_id: Option<String>,
    task_id: Option<String>,
}

/// A part of either version: 0.3 says with `kind` which of the fields it has, 1.0 just has it.
#[derive(Deserialize)]
struct Part {
    text: Option<String>,
    data: Option<Json>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Configuration {
    /// Version 0.3.
    blocking: Option<bool>,
    push_notification_config: Option<Json>,
    /// Version 1.0.
    return_immediately: Option<bool>,
    task_push_notification_config: Option<Json>,
    history_length: Option<usize>,
}

impl Incoming {
    pub(crate) fn read(params: Json) -> Result<Self, RpcError> {
        let Params { message, configuration } = typed(params, "params")?;
        let configuration = configuration.unwrap_or_default();
        if configuration.push_notification_config.is_some()
            || configuration.task_push_notification_config.is_some()
        {
            return Err(problem::no_push_notifications());
        }
        if !matches!(message.role.as_str(), "user" | "ROLE_USER") {
            return Err(RpcError::invalid_params(
                "params.message.role: only a user sends messages",
            ));
        }
        if message.message_id.len() > MESSAGE_ID_MAX {
            let reason = format!("params.message.messageId: longer than {MESSAGE_ID_MAX} bytes");
            return Err(RpcError::invalid_params(reason));
        }
        let (mut texts, mut data) = (Vec::new(), Vec::new());
        for part in message.parts {
            match (part.text, part.data) {
                (Some(text), None) => texts.push(text),
                (None, Some(document)) => data.push(whole_numbers(document)),
                _ => return Err(problem::content_not_supported()),
            }
        }
        if texts.is_empty() && data.is_empty() {
            return Err(RpcError::invalid_params("params.message.parts: there is none"));
        }
        // Protocol buffers write what is absent as an empty text.
        let given = |id: Option<String>| id.filter(|id| !id.is_empty());
        Ok(Self {
            message_id: message.message_id,
            task: given(message.task_id),
            context: given(message.context_id),
            waits: configuration.blocking.unwrap_or(true)
                && !configuration.return_immediately.unwrap_or(false),
            history_length: configuration.history_length,
            texts,
            data,
        })
    }

    /// What a new run receives: the keys of the data, and the text as a message of the user.
    pub(crate) fn input(&self) -> Result<Json, RpcError> {
        let mut input = self.merged()?;
        if !self.texts.is_empty() {
            let said = json!({ "role": "user", "content": self.texts.join("\n") });
            match input.get_mut("messages") {
                Some(Json::Array(messages)) => messages.push(said),
                _ => {
                    input.insert("messages".to_owned(), json!([said]));
                }
            }
        }
        Ok(Json::Object(input))
    }

    /// What the assistant receives that asked: the text or the data; both in one object if both
    /// were sent.
    pub(crate) fn answer(&self) -> Result<Json, RpcError> {
        match self.data.as_slice() {
            [] => Ok(Json::String(self.texts.join("\n"))),
            [only] if self.texts.is_empty() => Ok(only.clone()),
            _ => {
                let mut answer = self.merged()?;
                if !self.texts.is_empty() {
                    answer.insert("text".to_owned(), self.texts.join("\n").into());
                }
                Ok(Json::Object(answer))
            }
        }
    }

    fn merged(&self) -> Result<Object, RpcError> {
        let mut merged = Map::new();
        for document in &self.data {
            let Json::Object(object) = document else {
                return Err(RpcError::invalid_params(
                    "params.message.parts: the data of a part must be an object",
                ));
            };
            merged.extend(object.clone());
        }
        Ok(merged)
    }
}

/// Numbers without a fraction as integers: protocol buffers write 2 as 2.0, which many a program
/// does not take for a count.
fn whole_numbers(document: Json) -> Json {
    match document {
        Json::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            // Up to here every integer has a float of its own.
            Some(float) if float.fract() == 0.0 && float.abs() <= 9_007_199_254_740_992.0 => {
                json!(float as i64)
            }
            _ => Json::Number(number),
        },
        Json::Array(items) => items.into_iter().map(whole_numbers).collect(),
        Json::Object(object) => {
            object.into_iter().map(|(key, value)| (key, whole_numbers(value))).collect()
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(parts: &Json) -> Result<Incoming, RpcError> {
        let message = json!({"messageId": "m", "role": "user", "parts": parts});
        Incoming::read(json!({ "message": message }))
    }

    #[test]
    fn text_is_a_message_and_data_are_keys() {
        let hi = json!({"role": "user", "content": "hi"});
        for (parts, input, answer) in [
            (json!([{"kind": "text", "text": "hi"}]), json!({"messages": [hi]}), json!("hi")),
            (json!([{"data": {"a": 1}}]), json!({"a": 1}), json!({"a": 1})),
            (
                json!([{"text": "hi"}, {"data": {"a": 1, "messages": [1]}}]),
                json!({"a": 1, "messages": [1, hi]}),
                json!({"a": 1, "messages": [1], "text": "hi"}),
            ),
        ] {
            let incoming = read(&parts).unwrap();
            assert_eq!(incoming.input().unwrap(), input);
            assert_eq!(incoming.answer().unwrap(), answer);
        }
        let floats = read(&json!([{"data": {"n": [2.0, -0.5, 1e300, 3]}}])).unwrap();
        assert_eq!(floats.input().unwrap(), json!({"n": [2, -0.5, 1e300, 3]}));
        let number = read(&json!([{"data": 7}])).unwrap();
        assert_eq!(number.answer().unwrap(), 7);
        assert_eq!(number.input().unwrap_err().code, -32602);
    }

    #[test]
    fn what_is_no_message_is_refused() {
        for (parts, code) in [
            (json!([]), -32602),
            (json!("hi"), -32602),
            (json!([{"kind": "file", "file": {"uri": "x"}}]), -32005),
            (json!([{"text": 1}]), -32602),
        ] {
            assert_eq!(read(&parts).unwrap_err().code, code, "{parts}");
        }
        let ask = |message: Json, configuration: Json| {
            Incoming::read(json!({"message": message, "configuration": configuration}))
        };
        let good = json!({"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "hi"}]});
        assert!(ask(good.clone(), Json::Null).unwrap().waits);
        assert!(!ask(good.clone(), json!({"blocking": false})).unwrap().waits);
        assert!(!ask(good.clone(), json!({"returnImmediately": true})).unwrap().waits);
        let push = json!({"pushNotificationConfig": {"url": "http://x"}});
        assert_eq!(ask(good.clone(), push).unwrap_err().code, -32003);
        for (key, value) in [
            ("role", json!("agent")),
            ("messageId", json!("x".repeat(257))),
            ("messageId", Json::Null),
            ("contextId", json!(1)),
        ] {
            let mut bad = good.clone();
            bad[key] = value;
            assert_eq!(ask(bad, Json::Null).unwrap_err().code, -32602, "{key}");
        }
    }
}
