use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use wakeful_core::{Clock, Outcome, Report};
use wasmtime::{Engine, Store};

use crate::bindings::wakeful::assistant::assistant_types as contract;
use crate::disk::DiskWatch;
use crate::library::Loaded;
use crate::reach::Reach;
use crate::sandbox::Sandbox;
use crate::{GuestEvent, Job, JobTrigger, outcome};

/// Runs a job from instantiation to its outcome, on the thread of a guest.
pub(crate) async fn execute(
    engine: &Engine,
    loaded: &Loaded,
    mut job: Job,
    events: mpsc::Sender<GuestEvent>,
    cancel: CancellationToken,
    clock: &Arc<dyn Clock>,
    reach: Reach,
) -> Report {
    let begun = Instant::now();
    if !loaded.info.uses_files {
        job.root = None;
    }
    let watch = job.root.as_deref().map(|root| DiskWatch::new(root, &job.limits));
    let store = Sandbox::new(&mut job, events, cancel, clock, reach).and_then(|sandbox| {
        let mut store = Store::new(engine, sandbox);
        Sandbox::bound(&mut store)?;
        Ok(store)
    });
    let mut store = match store {
        Ok(store) => store,
        Err(error) => {
            let message = format!("cannot set up a sandbox: {error:#}");
            return Report::not_run(Outcome::HostFailed { message });
        }
    };
    let mut outcome = invoke(&mut store, loaded, &job, clock, watch.as_ref()).await;
    store.data().close();
    let fuel_used = job.limits.fuel.saturating_sub(store.get_fuel().unwrap_or_default());
    let peak_memory = store.data().limiter.peak();
    let (logs, logs_dropped) = store.data().take_logs();
    // Closes the guest's files, so that nothing changes after the last look at them.
    drop(store);
    if outcome.commits()
        && let Some(watch) = &watch
        && let Some(message) = watch.check().await
    {
        outcome = Outcome::DiskFull { message };
    }
    Report {
        fuel_used,
        peak_memory,
        duration: begun.elapsed(),
        logs,
        logs_dropped,
        ..Report::not_run(outcome)
    }
}

/// Calls the guest, until it returns or something ends it.
async fn invoke(
    store: &mut Store<Sandbox>,
    loaded: &Loaded,
    job: &Job,
    clock: &Arc<dyn Clock>,
    watch: Option<&DiskWatch>,
) -> Outcome {
    let cancel = store.data().cancel.clone();
    let deadline = store.data().deadline;
    let info = thread_info(job, clock);
    let input = job.input.to_string();
    let call = async {
        let assistant = loaded.pre.instantiate_async(&mut *store).await?;
        assistant.wakeful_assistant_assistant().call_invoke(&mut *store, &info, &input).await
    };
    // A guest that waits in a host call burns no fuel, hence the clock; it covers instantiation
    // too, because a start function is code like any other.
    let timeout = async {
        match deadline {
            Some(deadline) => tokio::time::sleep_until(deadline).await,
            None => std::future::pending().await,
        }
    };
    let disk = async {
        match watch {
            Some(watch) => watch.exceeded().await,
            None => std::future::pending().await,
        }
    };
    let result = tokio::select! {
        biased;
        () = cancel.cancelled() => return Outcome::Cancelled,
        () = timeout => return Outcome::TimedOut { limit: job.limits.timeout },
        message = disk => return Outcome::DiskFull { message },
        result = call => result,
    };
    match result {
        Ok(result) => outcome::returned(result, &job.limits),
        Err(error) => outcome::ended(&error, store.data_mut()),
    }
}

fn thread_info(job: &Job, clock: &Arc<dyn Clock>) -> contract::ThreadInfo {
    contract::ThreadInfo {
        thread_id: job.thread_id.to_string(),
        assistant_id: job.assistant_id.to_string(),
        run_id: job.run_id.to_string(),
        attempt: job.attempt,
        trigger: trigger(&job.trigger),
        deadline: clock.now().checked_add(job.limits.timeout).ok().map(|at| at.to_string()),
        traceparent: None,
        metadata: serde_json::Value::Object(job.metadata.clone()).to_string(),
    }
}

fn trigger(trigger: &JobTrigger) -> contract::Trigger {
    match trigger {
        JobTrigger::Manual => contract::Trigger::Manual,
        JobTrigger::Cron(fire) => contract::Trigger::Cron(contract::CronFire {
            schedule_id: fire.cron_id.to_string(),
            scheduled_at: fire.scheduled_at.to_string(),
            missed: u32::try_from(fire.missed).unwrap_or(u32::MAX),
        }),
        JobTrigger::Resume(answers) => contract::Trigger::Resume(
            answers
                .iter()
                .map(|(id, value)| contract::ResumeValue {
                    interrupt_id: id.clone(),
                    value: value.to_string(),
                })
                .collect(),
        ),
    }
}
