use serde_json::{Map, Value};

use crate::bindings::wakeful::assistant::assistant_types as contract;
use crate::{CronFire, Error, Message, Result, Role, Values};

/// One run of an assistant: why it happens, what it is given, and what its thread holds.
#[derive(Debug, Clone)]
pub struct Run {
    /// Names the run.
    pub id: String,
    /// Names its thread.
    pub thread_id: String,
    /// Names the assistant.
    pub assistant_id: String,
    /// 1 for the first try of this run.
    pub attempt: u32,
    /// Why it happens.
    pub trigger: Trigger,
    /// When the host will end it, in RFC 3339.
    pub deadline: Option<String>,
    /// W3C trace context to pass on to outgoing calls.
    pub traceparent: Option<String>,
    /// Free-form facts from the caller: an object.
    pub metadata: Value,
    /// What the caller or the cron hands in; always an object.
    pub input: Value,
    /// What the last successful run on the thread left; always an object.
    pub values: Value,
}

/// Why a run happens.
#[derive(Debug, Clone)]
pub enum Trigger {
    /// Somebody asked for it.
    Manual,
    /// A cron fired.
    Cron(CronFire),
    /// The questions of an earlier invocation of this run were answered.
    Resume(Vec<Answer>),
}

/// The answer to a question.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The id of the question.
    pub id: String,
    /// What was answered.
    pub value: Value,
}

impl Run {
    pub(crate) fn new(info: contract::ThreadInfo, input: &str, values: &str) -> Result<Self> {
        let trigger = match info.trigger {
            contract::Trigger::Manual => Trigger::Manual,
            contract::Trigger::Cron(fire) => Trigger::Cron(fire),
            contract::Trigger::Resume(answers) => {
                let answer = |answer: contract::ResumeValue| Answer {
                    id: answer.interrupt_id,
                    value: parsed(&answer.value),
                };
                Trigger::Resume(answers.into_iter().map(answer).collect())
            }
        };
        let values = match parsed(values) {
            Value::Object(values) => values,
            _ => Map::new(),
        };
        Ok(Self {
            id: info.run_id,
            thread_id: info.thread_id,
            assistant_id: info.assistant_id,
            attempt: info.attempt,
            trigger,
            deadline: info.deadline,
            traceparent: info.traceparent,
            metadata: parsed(&info.metadata),
            input: object(input)?,
            values: values.into(),
        })
    }

    /// The messages that the input brings, each as it came.
    fn brought(&self) -> &[Value] {
        self.input["messages"].as_array().map_or(&[], Vec::as_slice)
    }

    /// The messages that the input brings.
    pub fn messages(&self) -> impl DoubleEndedIterator<Item = Message> {
        self.brought().iter().map(Message::read)
    }

    /// What the user says in the messages that the input brings.
    pub fn said(&self) -> impl DoubleEndedIterator<Item = String> {
        self.messages().filter(|message| message.role == Role::User).map(|message| message.text)
    }

    /// The first answer, if the run goes on after questions.
    pub fn answer(&self) -> Option<&Value> {
        match &self.trigger {
            Trigger::Resume(answers) => answers.first().map(|answer| &answer.value),
            _ => None,
        }
    }

    /// The thread's values as they are, to be kept or changed.
    pub fn keep(&self) -> Values {
        Values(self.values.as_object().cloned().unwrap_or_default())
    }

    /// The thread's values with the conversation in `messages` gone on: what the input brings, then
    /// what the assistant says now.
    pub fn reply(&self, text: impl Into<String>) -> Values {
        let old = self.values["messages"].as_array().map_or(&[][..], Vec::as_slice);
        let conversation = [old, self.brought(), &[Message::reply(text)]].concat();
        self.keep().with("messages", conversation)
    }
}

/// What the host hands over as JSON.
fn parsed(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or_default()
}

/// The input as an object; `null` is an empty one.
fn object(input: &str) -> Result<Value> {
    let input = match parsed(input) {
        Value::Null => Value::Object(Map::new()),
        input => input,
    };
    if !input.is_object() {
        return Err(Error::invalid(r#"the input must be a JSON object, such as {"messages": []}"#));
    }
    match input.get("messages") {
        None | Some(Value::Array(_)) => Ok(input),
        Some(_) => Err(Error::invalid("`messages` in the input must be a list")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn run(trigger: contract::Trigger, input: &Value, values: &Value) -> Result<Run> {
        let info = contract::ThreadInfo {
            thread_id: "t".to_owned(),
            assistant_id: "a".to_owned(),
            run_id: "r".to_owned(),
            attempt: 1,
            trigger,
            deadline: None,
            traceparent: None,
            metadata: "{}".to_owned(),
        };
        Run::new(info, &input.to_string(), &values.to_string())
    }

    #[test]
    fn a_reply_continues_the_conversation_and_keeps_what_else_there_is() {
        let input = json!({ "messages": [{ "role": "user", "content": "hello" }] });
        let values = json!({ "messages": ["earlier"], "count": 1 });
        let run = run(contract::Trigger::Manual, &input, &values).unwrap();
        assert_eq!(run.said().collect::<Vec<_>>(), ["hello"]);
        let values = run.reply("hi").with("week", 2).0;
        assert_eq!(
            Value::Object(values),
            json!({
                "messages": ["earlier", { "role": "user", "content": "hello" }, Message::reply("hi")],
                "count": 1,
                "week": 2,
            })
        );
    }

    #[test]
    fn a_new_thread_and_no_input_are_empty_objects() {
        let run = run(contract::Trigger::Manual, &Value::Null, &Value::Null).unwrap();
        assert_eq!((run.input.clone(), run.values.clone()), (json!({}), json!({})));
        assert_eq!(run.said().count(), 0);
    }

    #[test]
    fn an_input_of_another_shape_is_refused_with_what_to_change() {
        for (input, complaint) in [
            (json!([1]), "must be a JSON object"),
            (json!({ "messages": "hello" }), "must be a list"),
        ] {
            let error = run(contract::Trigger::Manual, &input, &Value::Null).unwrap_err();
            assert!(error.message.contains(complaint), "{}", error.message);
        }
    }

    #[test]
    fn an_answer_is_read_as_json() {
        let value = contract::ResumeValue { interrupt_id: "q".into(), value: "[1]".into() };
        let run = run(contract::Trigger::Resume(vec![value]), &json!({}), &json!({})).unwrap();
        assert_eq!(run.answer(), Some(&json!([1])));
    }
}
