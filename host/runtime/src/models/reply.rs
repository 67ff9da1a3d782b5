use serde_json::json;
use wakeful_core::{Json, Object, TokenUse};

use super::request::ToolCall;
use super::trouble::Trouble;

/// Tool calls of one answer.
const MOST_CALLS: usize = 128;

/// The answer of a model, as far as it has come.
#[derive(Debug, Default)]
pub(super) struct Reply {
    content: String,
    calls: Vec<Partial>,
    finish: Option<Finish>,
    input: Option<u64>,
    output: Option<u64>,
    model: Option<String>,
    /// The provider has said that nothing more comes.
    ended: bool,
}

/// A tool call, as far as it has come.
#[derive(Debug, Default)]
struct Partial {
    /// How the provider counts it.
    index: u64,
    id: String,
    name: String,
    /// JSON, in pieces.
    arguments: String,
}

/// Why an answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finish {
    Stop,
    Length,
    ToolCalls,
    Filtered,
    Other,
}

impl Finish {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
            Self::Filtered => "content_filter",
            Self::Other => "other",
        }
    }
}

impl Reply {
    pub(super) fn text(&mut self, text: &str) {
        self.content.push_str(text);
    }

    /// The tool call that the provider counts so, a new one if there is none.
    fn call(&mut self, index: u64) -> Result<&mut Partial, Trouble> {
        let place = self.calls.iter().position(|call| call.index == index);
        let place = match place {
            Some(place) => place,
            None if self.calls.len() >= MOST_CALLS => {
                return Err(Trouble::malformed(format!("it calls more than {MOST_CALLS} tools")));
            }
            None => {
                self.calls.push(Partial { index, ..Partial::default() });
                self.calls.len() - 1
            }
        };
        self.calls.get_mut(place).ok_or_else(|| Trouble::malformed("a tool call got lost"))
    }

    /// Adds to a tool call.
    pub(super) fn tool(
        &mut self,
        index: u64,
        id: Option<&str>,
        name: Option<&str>,
        arguments: &str,
    ) -> Result<(), Trouble> {
        let call = self.call(index)?;
        if let Some(id) = id.filter(|id| !id.is_empty()) {
            id.clone_into(&mut call.id);
        }
        if let Some(name) = name.filter(|name| !name.is_empty()) {
            name.clone_into(&mut call.name);
        }
        call.arguments.push_str(arguments);
        Ok(())
    }

    /// Whether the tool call that the provider counts so is one of this tool.
    pub(super) fn is_call_of(&self, index: u64, name: &str) -> bool {
        self.calls.iter().any(|call| call.index == index && call.name == name)
    }

    /// The number of the next tool call, where the provider counts none.
    pub(super) fn next_tool(&self) -> u64 {
        self.calls.len() as u64
    }

    pub(super) fn finish(&mut self, finish: Finish) {
        self.finish = Some(finish);
    }

    pub(super) fn usage(&mut self, input: Option<u64>, output: Option<u64>) {
        self.input = input.or(self.input);
        self.output = output.or(self.output);
    }

    pub(super) fn model(&mut self, model: Option<&str>) {
        if let Some(model) = model {
            self.model = Some(model.chars().take(200).collect());
        }
    }

    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    /// The text that has come.
    pub(super) fn content(&self) -> &str {
        &self.content
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Whether the provider has said why it stops, which some do without saying that it ends.
    pub(super) fn is_finished(&self) -> bool {
        self.finish.is_some()
    }

    /// Bytes that have come.
    fn bytes(&self) -> u64 {
        let calls = self.calls.iter().map(|call| call.name.len() + call.arguments.len());
        (self.content.len() + calls.sum::<usize>()) as u64
    }

    /// What was used, so far; estimated where the provider has not said it.
    pub(super) fn tokens(&self, input: u64) -> TokenUse {
        TokenUse {
            calls: 1,
            input: self.input.unwrap_or(input),
            output: self.output.unwrap_or(estimate(self.bytes())),
            estimated: self.input.is_none() || self.output.is_none(),
        }
    }

    /// The answer for the guest. The tool with the name `schema`, if any, was made up to get JSON:
    /// its arguments are the content.
    pub(super) fn into_answer(
        mut self,
        schema: Option<&str>,
        model: &str,
        used: TokenUse,
    ) -> Result<Object, Trouble> {
        if let Some(place) = self.calls.iter().position(|call| Some(call.name.as_str()) == schema) {
            self.content = self.calls.swap_remove(place).arguments;
            if self.finish == Some(Finish::ToolCalls) && self.calls.is_empty() {
                self.finish = Some(Finish::Stop);
            }
        }
        let mut calls = Vec::new();
        for (number, call) in (0..).zip(std::mem::take(&mut self.calls)) {
            calls.push(call.complete(number)?);
        }
        let called = !calls.is_empty() && self.finish.is_none_or(|it| it == Finish::Stop);
        let finish = if called { Finish::ToolCalls } else { self.finish.unwrap_or(Finish::Other) };
        let mut usage = Object::new();
        usage.insert("input_tokens".into(), used.input.into());
        usage.insert("output_tokens".into(), used.output.into());
        if used.estimated {
            usage.insert("estimated".into(), true.into());
        }
        let answer = [
            ("content", self.content.into()),
            ("tool_calls", calls.iter().map(shown).collect()),
            ("finish_reason", finish.as_str().into()),
            ("usage", usage.into()),
            ("model", self.model.unwrap_or_else(|| model.to_owned()).into()),
        ];
        Ok(answer.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    }
}

impl Partial {
    fn complete(self, number: u64) -> Result<ToolCall, Trouble> {
        let text = self.arguments.trim();
        let arguments =
            if text.is_empty() { Ok(Object::new()) } else { serde_json::from_str(text) };
        let arguments = arguments.map_err(|error| {
            Trouble::malformed(format!("the arguments of a tool call are no JSON object: {error}"))
        })?;
        if self.name.is_empty() {
            return Err(Trouble::malformed("a tool call names no tool"));
        }
        let id = if self.id.is_empty() { format!("call_{number}") } else { self.id };
        Ok(ToolCall { id, name: self.name, arguments })
    }
}

fn shown(call: &ToolCall) -> Json {
    json!({ "id": call.id, "name": call.name, "arguments": call.arguments })
}

/// About how many tokens a text of so many bytes has, on the high side for English.
pub(super) const fn estimate(bytes: u64) -> u64 {
    bytes.div_ceil(3)
}
