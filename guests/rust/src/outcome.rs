use serde_json::{Map, Value};

use crate::bindings::wakeful::assistant::assistant_types as contract;

/// How a run ends that does not fail.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// With new values, which replace the thread's as a whole.
    Done(Values),
    /// With questions. The same run goes on once they are answered, from its beginning, with the
    /// answers in [`Run::trigger`](crate::Run::trigger); the thread's values stay.
    Asked(Vec<Question>),
}

/// The values of a thread.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Values(pub Map<String, Value>);

impl Values {
    /// The same, with another value under this key.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.0.insert(key.into(), value.into());
        self
    }
}

/// A question for a person or another system.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// Names the question among those of the run.
    pub id: String,
    /// Why it is asked, for programs.
    pub reason: String,
    /// What is asked.
    pub payload: Value,
    /// JSON Schema of the expected answer.
    pub answer_schema: Option<Value>,
}

impl Question {
    /// A question whose answer may be anything.
    pub fn new(id: impl Into<String>, payload: impl Into<Value>) -> Self {
        Self {
            id: id.into(),
            reason: "question".to_owned(),
            payload: payload.into(),
            answer_schema: None,
        }
    }
}

impl From<Values> for Outcome {
    fn from(values: Values) -> Self {
        Self::Done(values)
    }
}

impl From<Question> for Outcome {
    fn from(question: Question) -> Self {
        Self::Asked(vec![question])
    }
}

impl From<Outcome> for contract::Outcome {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Done(Values(values)) => Self::Done(Value::Object(values).to_string()),
            Outcome::Asked(questions) => {
                Self::Interrupted(questions.into_iter().map(Into::into).collect())
            }
        }
    }
}

impl From<Question> for contract::Interrupt {
    fn from(question: Question) -> Self {
        Self {
            id: question.id,
            reason: question.reason,
            payload: question.payload.to_string(),
            answer_schema: question.answer_schema.map(|schema| schema.to_string()),
        }
    }
}
