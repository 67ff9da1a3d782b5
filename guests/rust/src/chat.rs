use serde_json::{Map, Value, json};

use crate::bindings::wakeful::assistant::chat as contract;
use crate::bindings::wakeful::assistant::events::{Event, emit};
use crate::{Error, Result};

/// A question for a language model, by a name that the operator granted.
///
/// ```no_run
/// # fn run() -> wakeful_guest::Result<()> {
/// use wakeful_guest::Chat;
///
/// let answer = Chat::with("fast").system("Be brief.").user("Why is the sky blue?").say()?;
/// # let _ = answer; Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Chat {
    model: String,
    messages: Vec<Value>,
    tools: Vec<Value>,
    settings: Map<String, Value>,
}

impl Chat {
    /// The models that this assistant is granted.
    pub fn models() -> Vec<String> {
        contract::models()
    }

    /// A question for this model, still without any message.
    pub fn with(model: impl Into<String>) -> Self {
        let (messages, tools, settings) = Default::default();
        Self { model: model.into(), messages, tools, settings }
    }

    /// Says how the model is to behave.
    #[must_use]
    pub fn system(self, text: impl Into<String>) -> Self {
        self.message(json!({ "role": "system", "content": text.into() }))
    }

    /// Says something to the model.
    #[must_use]
    pub fn user(self, text: impl Into<String>) -> Self {
        self.message(json!({ "role": "user", "content": text.into() }))
    }

    /// Adds a message as it is: an object with `role` and `content`.
    #[must_use]
    pub fn message(mut self, message: Value) -> Self {
        self.messages.push(message);
        self
    }

    /// Adds what the model answered before, its tool calls included.
    #[must_use]
    pub fn answered(self, answer: &ChatAnswer) -> Self {
        let calls = answer
            .tool_calls
            .iter()
            .map(|call| json!({ "id": call.id, "name": call.name, "arguments": call.arguments }));
        let calls: Vec<_> = calls.collect();
        self.message(json!({ "role": "assistant", "content": answer.text, "tool_calls": calls }))
    }

    /// Adds what came of a tool call.
    #[must_use]
    pub fn result(self, call: &ToolCall, text: impl Into<String>) -> Self {
        self.message(json!({ "role": "tool", "tool_call_id": call.id, "content": text.into() }))
    }

    /// Offers a tool, whose arguments are described by a JSON Schema.
    #[must_use]
    pub fn tool(
        mut self,
        name: impl Into<String>,
        description: impl Into<String>,
        parameters: Value,
    ) -> Self {
        let (name, description) = (name.into(), description.into());
        let tool = json!({ "name": name, "description": description, "parameters": parameters });
        self.tools.push(tool);
        self
    }

    /// Asks for JSON by this schema; see [`ChatAnswer::json`].
    #[must_use]
    pub fn schema(self, schema: Value) -> Self {
        self.set("response_schema", schema)
    }

    /// From 0, always the same, to 2.
    #[must_use]
    pub fn temperature(self, temperature: f64) -> Self {
        self.set("temperature", temperature)
    }

    /// The most tokens of the answer.
    #[must_use]
    pub fn max_tokens(self, most: u32) -> Self {
        self.set("max_tokens", most)
    }

    /// Texts before which the answer ends.
    #[must_use]
    pub fn stop(self, texts: &[&str]) -> Self {
        self.set("stop", texts)
    }

    fn set(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.settings.insert(key.to_owned(), value.into());
        self
    }

    /// Asks, and waits for the whole answer.
    ///
    /// # Errors
    ///
    /// If the model is not granted, or the provider has no answer; [`Error::retryable`] where a
    /// later run may get one.
    pub fn ask(&self) -> Result<ChatAnswer> {
        ChatAnswer::read(&contract::complete(&self.model, &self.request())?)
    }

    /// Asks, and hands out the answer piece by piece.
    ///
    /// # Errors
    ///
    /// As [`Chat::ask`]; most of them come with the first piece.
    pub fn stream(&self) -> Result<ChatStream> {
        let stream = contract::open(&self.model, &self.request())?;
        Ok(ChatStream { stream, over: false })
    }

    /// Asks, and passes the answer on to whoever watches the run, while it comes.
    ///
    /// # Errors
    ///
    /// As [`Chat::ask`].
    pub fn say(&self) -> Result<ChatAnswer> {
        let mut stream = self.stream()?;
        for piece in &mut stream {
            emit(&Event::TextDelta(piece?))?;
        }
        stream.answer()
    }

    fn request(&self) -> String {
        let mut request = self.settings.clone();
        request.insert("messages".to_owned(), self.messages.clone().into());
        if !self.tools.is_empty() {
            request.insert("tools".to_owned(), self.tools.clone().into());
        }
        Value::Object(request).to_string()
    }
}

/// An answer that is coming in: its pieces of text.
#[derive(Debug)]
pub struct ChatStream {
    stream: contract::ChatStream,
    over: bool,
}

impl ChatStream {
    /// Waits for the end, and returns the whole answer.
    ///
    /// # Errors
    ///
    /// If the answer breaks off.
    pub fn answer(self) -> Result<ChatAnswer> {
        ChatAnswer::read(&self.stream.answer()?)
    }
}

impl Iterator for ChatStream {
    type Item = Result<String>;

    fn next(&mut self) -> Option<Result<String>> {
        if self.over {
            return None;
        }
        let next = self.stream.next().transpose()?;
        self.over = next.is_err();
        let text = |piece: String| {
            let piece: Value = serde_json::from_str(&piece)?;
            Ok(piece["content"].as_str().unwrap_or_default().to_owned())
        };
        Some(next.and_then(text))
    }
}

/// What a model answered.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatAnswer {
    /// The text.
    pub text: String,
    /// The tools that are to be called before it goes on; see [`Chat::result`].
    pub tool_calls: Vec<ToolCall>,
    /// `stop`, `length`, `tool_calls`, `content_filter` or `other`.
    pub finish_reason: String,
    /// Tokens that were sent.
    pub input_tokens: u64,
    /// Tokens that came back.
    pub output_tokens: u64,
    /// The provider's name for the model.
    pub model: String,
}

/// A call of a tool.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolCall {
    /// Names the call.
    pub id: String,
    /// The tool.
    pub name: String,
    /// An object.
    pub arguments: Value,
}

impl ChatAnswer {
    fn read(text: &str) -> Result<Self> {
        let answer: Value = serde_json::from_str(text)?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let calls = answer["tool_calls"].as_array().map_or(&[][..], Vec::as_slice);
        let call = |call: &Value| ToolCall {
            id: text(&call["id"]),
            name: text(&call["name"]),
            arguments: call["arguments"].clone(),
        };
        Ok(Self {
            text: text(&answer["content"]),
            tool_calls: calls.iter().map(call).collect(),
            finish_reason: text(&answer["finish_reason"]),
            input_tokens: answer["usage"]["input_tokens"].as_u64().unwrap_or_default(),
            output_tokens: answer["usage"]["output_tokens"].as_u64().unwrap_or_default(),
            model: text(&answer["model"]),
        })
    }

    /// The text as the JSON that [`Chat::schema`] asked for.
    ///
    /// # Errors
    ///
    /// If it is none, as when the answer was cut off; another try may get it.
    pub fn json(&self) -> Result<Value> {
        let reason = |error| format!("the model's answer is not JSON: {error}");
        serde_json::from_str(&self.text).map_err(|error| Error::internal(reason(error)).retryable())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_put_into_the_words_of_the_contract() {
        let answer = ChatAnswer::read(
            r#"{"content": "", "finish_reason": "tool_calls", "model": "m",
                "tool_calls": [{"id": "c1", "name": "look", "arguments": {"at": 1}}],
                "usage": {"input_tokens": 3, "output_tokens": 2}}"#,
        )
        .unwrap();
        assert_eq!((answer.input_tokens, answer.output_tokens), (3, 2));
        let chat = Chat::with("fast")
            .system("be brief")
            .user("hi")
            .answered(&answer)
            .result(&answer.tool_calls[0], "seen")
            .tool("look", "looks", json!({ "type": "object" }))
            .schema(json!({ "type": "object" }))
            .temperature(0.5)
            .max_tokens(9)
            .stop(&["END"]);
        let request: Value = serde_json::from_str(&chat.request()).unwrap();
        assert_eq!(
            request,
            json!({
                "messages": [
                    { "role": "system", "content": "be brief" },
                    { "role": "user", "content": "hi" },
                    { "role": "assistant", "content": "", "tool_calls": [
                        { "id": "c1", "name": "look", "arguments": { "at": 1 } }] },
                    { "role": "tool", "tool_call_id": "c1", "content": "seen" },
                ],
                "tools": [{ "name": "look", "description": "looks",
                            "parameters": { "type": "object" } }],
                "response_schema": { "type": "object" },
                "temperature": 0.5, "max_tokens": 9, "stop": ["END"],
            })
        );
    }

    #[test]
    fn an_answer_that_is_no_json_may_be_one_the_next_time() {
        let answer =
            |text: &str| ChatAnswer::read(&json!({ "content": text }).to_string()).unwrap().json();
        assert_eq!(answer("{\"n\": 1}").unwrap()["n"], 1);
        assert!(answer("{\"n\": ").unwrap_err().retryable);
    }
}
