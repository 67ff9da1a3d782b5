use serde::Serialize;
use serde_json::{Map, json};
use utoipa::ToSchema;
use uuid::Uuid;
use wakeful::core::{Checkpoint, Interrupt, Json, Object};

/// A question, as threads and their states show it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Question<'a> {
    id: &'a str,
    value: &'a Json,
}

impl<'a> From<&'a Interrupt> for Question<'a> {
    fn from(interrupt: &'a Interrupt) -> Self {
        Self { id: &interrupt.id, value: &interrupt.payload }
    }
}

/// A question, as the result of a run shows it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Asked<'a> {
    value: &'a Json,
    id: &'a str,
    response_schema: Option<&'a Json>,
}

impl<'a> From<&'a Interrupt> for Asked<'a> {
    fn from(interrupt: &'a Interrupt) -> Self {
        Self {
            value: &interrupt.payload,
            id: &interrupt.id,
            response_schema: interrupt.answer_schema.as_ref(),
        }
    }
}

/// The questions that wait at a checkpoint.
pub(crate) fn questions(checkpoint: &Checkpoint) -> Vec<Question<'_>> {
    let pending = checkpoint.pending.iter().flat_map(|pending| &pending.interrupts);
    pending.map(Question::from).collect()
}

/// The questions that wait at a checkpoint, by the task that asked them.
pub(crate) fn by_task(checkpoint: &Checkpoint) -> Object {
    let questions = questions(checkpoint);
    if questions.is_empty() {
        return Map::new();
    }
    Map::from_iter([(task_id(checkpoint).to_string(), json!(questions))])
}

/// The task that asked the questions of a checkpoint. A component has no tasks; this id stands for
/// the one that LangGraph would have, and is the same wherever it shows.
pub(crate) fn task_id(checkpoint: &Checkpoint) -> Uuid {
    Uuid::new_v5(&checkpoint.id.uuid(), b"task")
}
