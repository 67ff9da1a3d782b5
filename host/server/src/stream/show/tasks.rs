use jiff::Timestamp;
use serde_json::json;
use wakeful::core::{CheckpointId, Committed, EventId, Json, Object};

use super::context::{Context, trigger};
use super::with;
use crate::wire::Time;

/// The beginning of the one task that a run is.
pub(crate) fn task(input: &Object, context: &Context) -> Json {
    json!({
        "id": context.task(),
        "name": context.node(),
        "input": input,
        "triggers": [trigger(context.node())],
        "metadata": context.metadata,
    })
}

/// The end of the task.
pub(crate) fn result(
    result: &Object,
    error: Option<&str>,
    interrupts: &Json,
    context: &Context,
) -> Json {
    json!({
        "id": context.task(),
        "name": context.node(),
        "error": error,
        "result": result,
        "interrupts": interrupts,
    })
}

/// A checkpoint, with the values and the questions that it has.
pub(crate) fn checkpoint(
    committed: &Committed,
    values: &Object,
    questions: &Json,
    context: &Context,
) -> Json {
    let waits = questions.as_array().is_some_and(|questions| !questions.is_empty());
    let next: &[&str] = if waits { &[context.node()] } else { &[] };
    let task = json!({
        "id": context.task(),
        "name": context.node(),
        "interrupts": questions,
        "state": null,
    });
    json!({
        "config": config(committed.id, context),
        "parent_config": committed.parent.map(|parent| config(parent, context)),
        "values": values,
        "metadata": { "source": "loop", "step": committed.step, "parents": {} },
        "next": next,
        "tasks": if waits { json!([task]) } else { json!([]) },
    })
}

/// The same, as `debug` shows it.
pub(crate) fn debug_checkpoint(checkpoint: Json, committed: &Committed, context: &Context) -> Json {
    let address = |id: CheckpointId| {
        json!({
            "checkpoint_id": id.to_string(),
            "thread_id": context.run.thread_id.to_string(),
            "checkpoint_ns": "",
        })
    };
    let parent: Option<Json> = committed.parent.map(address);
    with(with(checkpoint, "checkpoint", address(committed.id)), "parent_checkpoint", parent)
}

/// What `debug` shows of a step.
pub(crate) fn debug(kind: &str, at: EventId, payload: Json, context: &Context) -> Json {
    let ms = i64::try_from(at.ms).unwrap_or(i64::MAX);
    json!({
        "step": context.step,
        "timestamp": Timestamp::from_millisecond(ms).ok().map(Time),
        "type": kind,
        "payload": payload,
    })
}

fn config(checkpoint: CheckpointId, context: &Context) -> Json {
    let run = &context.run;
    json!({ "configurable": {
        "checkpoint_ns": "",
        "run_id": run.id.to_string(),
        "thread_id": run.thread_id.to_string(),
        "graph_id": run.component.to_string(),
        "assistant_id": run.assistant_id.to_string(),
        "user_id": "",
        "checkpoint_id": checkpoint.to_string(),
    } })
}
