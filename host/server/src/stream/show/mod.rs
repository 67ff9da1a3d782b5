//! What clients see of the events of a run.

pub(crate) mod chain;
pub(crate) mod context;
pub(crate) mod messages;
mod run;
pub(crate) mod tasks;
mod thread;
pub(crate) mod values;

use wakeful::core::Json;

pub(crate) use run::RunStream;
pub(crate) use thread::{ThreadModes, ThreadShow};

/// The object, with one more field or another value for it.
fn with(mut object: Json, key: &str, value: impl Into<Json>) -> Json {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(key.to_owned(), value.into());
    }
    object
}
