//! Other assistants, as far as the operator grants them.

use serde_json::Value;

use crate::Result;
use crate::bindings::wakeful::assistant::calls;

/// The assistants that may be called.
pub fn granted() -> Vec<String> {
    calls::assistants()
}

/// Runs an assistant with this input, an object, and waits for its end: an object with `run_id`,
/// `status`, and its `values` or, where it asks questions, `interrupts`.
///
/// # Errors
///
/// If it is not granted, or if it fails.
pub fn invoke(assistant: &str, input: &Value) -> Result<Value> {
    let ended = calls::invoke(assistant, &input.to_string())?;
    Ok(serde_json::from_str(&ended)?)
}

/// Starts an assistant with this input, an object, and returns the id of its run, which outlives
/// this one.
///
/// # Errors
///
/// If it is not granted, or cannot be started.
pub fn start(assistant: &str, input: &Value) -> Result<String> {
    calls::start(assistant, &input.to_string())
}
