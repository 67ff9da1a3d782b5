use serde_json::{Map, json};
use uuid::Uuid;
use wakeful::core::{Json, Object, Outcome, Run};

/// A part of a message or of an artifact.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Part {
    Text(String),
    Data(Object),
}

impl Part {
    /// Text as text, and anything else as data, which is always an object.
    pub(crate) fn of(document: &Json) -> Self {
        match document {
            Json::String(text) => Self::Text(text.clone()),
            Json::Object(object) => Self::Data(object.clone()),
            other => Self::Data(Map::from_iter([("value".to_owned(), other.clone())])),
        }
    }
}

/// The id of what a run replies. The same whenever somebody asks for it.
pub(crate) fn id(run: &Run) -> Uuid {
    Uuid::new_v5(&run.id.uuid(), b"reply")
}

/// What the user said that a run was created for.
pub(crate) fn said(run: &Run) -> Vec<Part> {
    let command = run.request.command.as_ref();
    if let Some(answer) = command.and_then(|command| command.resume.as_ref()) {
        return vec![Part::of(answer)];
    }
    let Json::Object(mut input) = run.request.input.clone() else {
        return vec![Part::of(&run.request.input)];
    };
    let messages = input.get("messages").and_then(Json::as_array);
    let last = messages.and_then(|messages| messages.last());
    let text = last.filter(|last| speaker(last) == Speaker::User).and_then(text);
    if text.is_some() {
        input.shift_remove("messages");
    }
    let data = (text.is_none() || !input.is_empty()).then_some(Part::Data(input));
    text.map(Part::Text).into_iter().chain(data).collect()
}

/// What a run that has ended says to the user: its reply, its questions, or why it failed.
pub(crate) fn replied(run: &Run) -> Option<Vec<Part>> {
    match &run.report.as_ref()?.outcome {
        Outcome::Done(values) => Some(vec![reply(values)]),
        Outcome::Interrupted(questions) => {
            Some(questions.iter().map(|question| Part::of(&question.payload)).collect())
        }
        Outcome::Cancelled => None,
        failure => Some(vec![Part::Text(failure.to_string())]),
    }
}

/// What a run that has succeeded leaves: its reply.
pub(crate) fn artifact(run: &Run) -> Option<Vec<Part>> {
    match &run.report.as_ref()?.outcome {
        Outcome::Done(values) => Some(vec![reply(values)]),
        _ => None,
    }
}

/// The assistant's last message; the values as a whole where it said nothing to the user's last.
fn reply(values: &Object) -> Part {
    let messages = values.get("messages").and_then(Json::as_array);
    let turn = messages.into_iter().flatten().rev();
    let mut turn = turn.take_while(|message| speaker(message) != Speaker::User);
    let last = turn.find(|message| speaker(message) == Speaker::Assistant).and_then(text);
    last.map_or_else(|| Part::Data(values.clone()), Part::Text)
}

#[derive(Debug, PartialEq, Eq)]
enum Speaker {
    User,
    Assistant,
    Other,
}

/// Who says a message, in OpenAI's notation or in LangChain's.
fn speaker(message: &Json) -> Speaker {
    let role = message.get("role").or_else(|| message.get("type")).and_then(Json::as_str);
    match role {
        Some("user" | "human") => Speaker::User,
        Some("assistant" | "ai" | "AIMessage" | "AIMessageChunk") => Speaker::Assistant,
        _ => Speaker::Other,
    }
}

/// The text of a message, whose content is a text or a list of parts.
pub(crate) fn text(message: &Json) -> Option<String> {
    match message.get("content")? {
        Json::String(text) => Some(text.clone()),
        Json::Array(parts) => {
            let texts = parts.iter().filter_map(|part| match part {
                Json::String(text) => Some(text.as_str()),
                other => other.get("text").and_then(Json::as_str),
            });
            Some(texts.collect())
        }
        _ => None,
    }
}

/// What an assistant says of its own accord, under a name.
pub(crate) fn named(name: &str, data: &Json) -> Part {
    Part::of(&json!({ "name": name, "data": data }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reply_is_the_last_message_of_the_assistant_or_all_values() {
        let user = json!({"role": "user", "content": "u"});
        let ai = json!({"type": "ai", "content": [{"type": "text", "text": "a"}, "b"]});
        let tool = json!({"role": "tool", "content": "t"});
        for (messages, found) in [
            (json!([user, ai]), Some("ab")),
            (json!([user, ai, tool]), Some("ab")),
            (json!([ai, user]), None),
            (json!([user, {"role": "assistant", "content": null}]), None),
            (json!([]), None),
            (json!("text"), None),
        ] {
            let values = Map::from_iter([("messages".to_owned(), messages)]);
            let expected =
                found.map_or_else(|| Part::Data(values.clone()), |text| Part::Text(text.into()));
            assert_eq!(reply(&values), expected);
        }
    }
}
