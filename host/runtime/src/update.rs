use wakeful_core::{Checkpoint, CheckpointId, CheckpointSource, Object, Outcome, Run};

use crate::Host;

/// Sets the keys that the run's command names in the values of its thread, and returns where the
/// thread stands then. It is what the client changes, not what the run does, so it stays whatever
/// becomes of the run.
pub(crate) async fn apply(
    host: &Host,
    run: &Run,
    head: Option<Checkpoint>,
) -> Result<Option<Checkpoint>, Outcome> {
    let command = run.request.command.as_ref();
    let Some(update) = command.and_then(|command| command.update.as_ref()) else {
        return Ok(head);
    };
    // An earlier attempt has done it; what a run itself leaves comes with its end.
    let done = head.as_ref().is_some_and(|head| head.run_id == Some(run.id));
    if update.is_empty() || done {
        return Ok(head);
    }
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

fn updated(host: &Host, run: &Run, head: Option<&Checkpoint>, update: &Object) -> Checkpoint {
    let mut values = head.and_then(|head| head.values.as_object().cloned()).unwrap_or_default();
    for (key, value) in update {
        values.insert(key.clone(), value.clone());
    }
    Checkpoint {
        id: CheckpointId::generate(),
        thread_id: run.thread_id,
        parent: None,
        run_id: Some(run.id),
        step: 0,
        created_at: host.now(),
        values: values.into(),
        files: head.map(|head| head.files.clone()).unwrap_or_default(),
        pending: head.and_then(|head| head.pending.clone()),
        source: CheckpointSource::Update,
        metadata: run.request.metadata.clone(),
    }
}
