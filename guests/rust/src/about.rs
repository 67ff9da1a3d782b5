use serde_json::Value;

/// What an assistant says of itself. Everything in it may be left out.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct About {
    /// For people.
    pub name: Option<String>,
    /// For people, in a sentence.
    pub description: Option<String>,
    /// The version of the assistant.
    pub version: Option<String>,
    /// JSON Schema of the input.
    pub input_schema: Option<Value>,
    /// JSON Schema of the thread's values.
    pub output_schema: Option<Value>,
    /// JSON Schema of the configuration.
    pub config_schema: Option<Value>,
}
