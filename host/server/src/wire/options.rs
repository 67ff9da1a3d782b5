use serde::Deserialize;
use utoipa::ToSchema;
use wakeful::core::{Json, Object};

use crate::error::Error;
use crate::extract::typed;
use crate::stream::Mode;

/// What clients may ask for that a run carries along as it was sent.
const KEYS: [&str; 11] = [
    "stream_mode",
    "stream_subgraphs",
    "stream_resumable",
    "interrupt_before",
    "interrupt_after",
    "feedback_keys",
    "durability",
    "checkpoint_during",
    "langsmith_tracer",
    "strict_resume",
    "webhook",
];

/// Takes the options out of a body, checked for their types. What is `null` counts as absent.
pub(crate) fn take_options(body: &mut Object) -> Result<Object, Error> {
    let mut options = Object::new();
    for key in KEYS {
        match body.shift_remove(key) {
            None | Some(Json::Null) => {}
            Some(value) => {
                options.insert(key.to_owned(), value);
            }
        }
    }
    if !options.is_empty() {
        typed::<OptionFields>(Json::Object(options.clone()), "")?;
    }
    Ok(options)
}

#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "only whether they can be read matters")]
pub(super) struct OptionFields {
    stream_mode: Option<OneOrMore<Mode>>,
    stream_subgraphs: Option<bool>,
    stream_resumable: Option<bool>,
    interrupt_before: Option<OneOrMore<String>>,
    interrupt_after: Option<OneOrMore<String>>,
    feedback_keys: Option<Vec<String>>,
    durability: Option<Durability>,
    checkpoint_during: Option<bool>,
    langsmith_tracer: Option<Object>,
    webhook: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(untagged, expecting = "neither a known word nor a list of such")]
#[expect(dead_code, reason = "only whether they can be read matters")]
pub(super) enum OneOrMore<T> {
    One(T),
    More(Vec<T>),
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Durability {
    Sync,
    Async,
    Exit,
}
