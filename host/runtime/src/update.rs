use wakeful_core::{Checkpoint, CheckpointId, CheckpointSource, Json, Object, Outcome, Run};

use crate::Host;

/// Sets the keys that the run's command names in the values of its thread, and returns where the
/// thread stands then. It is what the client changes, not what the run does, so it stays whatever
/// becomes of the run.
pub(crate) async fn apply(
    host: &Host,
    run: &Run,
    head: Option<Checkpoint>,
) -> Result<Option<Checkpoint>, Outcome> {
    let Some(update) = outstanding(run, head.as_ref()) else { return Ok(head) };
    let checkpoint = updated(host, run, head.as_ref(), update);
    match host.store().advance_run(run.id, run.epoch, checkpoint, host.now()).await {
        Ok(Some(checkpoint)) => Ok(Some(checkpoint)),
        // Whoever has the run now does it.
        Ok(None) => Err(Outcome::Cancelled),
        Err(problem) => {
            host.note(&problem);
            let message = format!("cannot update the thread's values: {problem}");
            Err(Outcome::HostFailed { message })
        }
    }
}

/// The values that the run goes on from, and the number of its checkpoint, on a thread that stands
/// at `head` before the keys are set.
pub(crate) fn beginning(run: &Run, head: Option<&Checkpoint>) -> (Json, u64) {
    let next = head.map_or(0, |head| head.step.saturating_add(1));
    match outstanding(run, head) {
        Some(update) => (merged(head, update).into(), next.saturating_add(1)),
        None => (head.map_or(Json::Null, |head| head.values.clone()), next),
    }
}

/// The keys that are still to be set.
fn outstanding<'a>(run: &'a Run, head: Option<&Checkpoint>) -> Option<&'a Object> {
    let update = run.request.command.as_ref()?.update.as_ref()?;
    // An earlier attempt has done it; what a run itself leaves comes with its end.
    let done = head.is_some_and(|head| head.run_id == Some(run.id));
    (!update.is_empty() && !done).then_some(update)
}

fn merged(head: Option<&Checkpoint>, update: &Object) -> Object {
    let mut values = head.and_then(|head| head.values.as_object().cloned()).unwrap_or_default();
    values.extend(update.clone());
    values
}

fn updated(host: &Host, run: &Run, head: Option<&Checkpoint>, update: &Object) -> Checkpoint {
    Checkpoint {
        id: CheckpointId::generate(),
        thread_id: run.thread_id,
        parent: None,
        run_id: Some(run.id),
        step: 0,
        created_at: host.now(),
        values: merged(head, update).into(),
        files: head.map(|head| head.files.clone()).unwrap_or_default(),
        pending: head.and_then(|head| head.pending.clone()),
        source: CheckpointSource::Update,
        metadata: run.request.metadata.clone(),
    }
}
