use crate::{Json, Object};

/// What an assistant is invoked with.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RunRequest {
    /// The input; `null` means to go on from the thread's values.
    pub input: Json,
    /// An instruction to the thread, in place of an input.
    pub command: Option<Command>,
    /// LangGraph's `config`: tags, recursion limit, `configurable`.
    pub config: Object,
    /// Static context.
    pub context: Object,
    /// Free-form facts, searchable by containment.
    pub metadata: Object,
    /// Everything else a client asked for, kept as it was sent.
    pub options: Object,
}

impl RunRequest {
    /// The URL that is told how the run ended, if one was asked for.
    pub fn webhook(&self) -> Option<&str> {
        self.options.get("webhook").and_then(Json::as_str)
    }

    /// Whether what the run emits is kept with it, for watchers that come back.
    pub fn is_resumable(&self) -> bool {
        self.options.get("stream_resumable").and_then(Json::as_bool).unwrap_or(false)
    }
}

/// An instruction to a thread, in place of an input.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Command {
    /// The answer to the questions on which the thread stopped: an object with an answer for each
    /// id, or the answer to the first.
    pub resume: Option<Json>,
    /// Keys to set in the thread's values before anything else.
    pub update: Option<Object>,
    /// Where to go on: the component's id, or [`Command::END`].
    pub goto: Option<String>,
}

impl Command {
    /// The place after everything: the run ends without invoking the component.
    pub const END: &'static str = "__end__";
}
