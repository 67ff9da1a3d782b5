use wakeful_core::{
    Cron, CronId, CronTrigger, Fire, Json, Object, OnCompletion, RequestKey, Run, RunRequest,
    Schedule, ThreadId, Timestamp, Trigger,
};
use wakeful_store::{Created, CronQuery, Page};

use crate::{CreateCron, CreateRun, CronPatch, Error, Host, RunThread};

/// How often a change to a cron is tried again when the scheduler changed it in between.
const UPDATE_TRIES: usize = 20;

impl Host {
    /// Creates a cron.
    pub async fn create_cron(&self, new: CreateCron) -> Result<Cron, Error> {
        Ok(self.create_cron_once(new).await?.into_inner())
    }

    /// Creates a cron, and says whether its request had created it already.
    pub async fn create_cron_once(&self, new: CreateCron) -> Result<Created<Cron>, Error> {
        let id = new.key.map_or_else(CronId::generate, |key| key.id().into());
        if let Some(key) = new.key
            && let Some(known) = self.store().cron(id).await?
        {
            return known_cron(known, key);
        }
        let (thread, key) = (new.thread_id, new.key);
        let cron = self.draft_cron(new, id).await?;
        if let Some(thread) = thread {
            self.thread(thread).await?;
        }
        self.refuse_when_stopping()?;
        match (self.store().create_cron(cron).await?, key) {
            (Created::Existing(known), Some(key)) => known_cron(known, key),
            (created, _) => {
                self.wake_scheduler();
                Ok(created)
            }
        }
    }

    /// The cron that a request describes, checked and not stored.
    pub(crate) async fn draft_cron(&self, new: CreateCron, id: CronId) -> Result<Cron, Error> {
        let assistant = self.resolve_assistant(&new.assistant).await?;
        self.check_webhook(&new.request).await?;
        let now = self.now();
        let mut cron = Cron {
            id,
            assistant_id: assistant.id,
            component: assistant.component,
            thread_id: new.thread_id,
            schedule: new.schedule,
            timezone: new.timezone,
            end_time: new.end_time,
            enabled: new.enabled,
            on_run_completed: new.on_run_completed,
            multitask: new.multitask,
            metadata: new.metadata,
            request: new.request,
            created_at: now,
            updated_at: now,
            next_run_at: None,
            last_scheduled_at: None,
            version: 0,
            request_digest: new.key.map(|key| key.digest()),
            made_by: None,
        };
        cron.next_run_at = next_run(&cron, now)?;
        Ok(cron)
    }

    /// The cron with this id.
    pub async fn cron(&self, id: CronId) -> Result<Cron, Error> {
        self.store().cron(id).await?.ok_or_else(|| Error::not_found("cron", id))
    }

    /// The crons that match.
    pub async fn search_crons(&self, query: CronQuery) -> Result<Page<Cron>, Error> {
        Ok(self.store().search_crons(query).await?)
    }

    /// Changes a cron. Whatever changes its schedule, its end or whether it is enabled sets its
    /// next due instant anew, from now.
    pub async fn update_cron(&self, id: CronId, patch: CronPatch) -> Result<Cron, Error> {
        if let Some(webhook) = patch.request.options.get("webhook") {
            let mut request = RunRequest::default();
            request.options.insert("webhook".to_owned(), webhook.clone());
            self.check_webhook(&request).await?;
        }
        for _ in 0..UPDATE_TRIES {
            let mut cron = self.cron(id).await?;
            let now = self.now();
            let reschedules = patch.apply(&mut cron);
            cron.updated_at = now;
            if reschedules {
                cron.next_run_at = next_run(&cron, now)?;
            }
            if let Some(cron) = self.store().update_cron(cron).await? {
                self.wake_scheduler();
                return Ok(cron);
            }
        }
        Err(Error::Conflict(format!("cron {id} keeps changing; try again")))
    }

    /// Deletes a cron. Its runs stay.
    pub async fn delete_cron(&self, id: CronId) -> Result<(), Error> {
        if !self.store().delete_cron(id).await? {
            return Err(Error::not_found("cron", id));
        }
        self.wake_scheduler();
        Ok(())
    }

    /// Runs a cron once, now, whether it is enabled or not. The run sees what it would see at a fire
    /// that is due now. The schedule goes on as it was.
    pub async fn trigger_cron(&self, id: CronId) -> Result<Run, Error> {
        Ok(self.trigger_cron_once(id, None).await?.into_inner())
    }

    /// Like [`Host::trigger_cron`]; says whether the request that `key` names had done so already.
    pub async fn trigger_cron_once(
        &self,
        id: CronId,
        key: Option<RequestKey>,
    ) -> Result<Created<Run>, Error> {
        let cron = self.cron(id).await?;
        let trigger = CronTrigger { cron_id: id, scheduled_at: self.now(), missed: 0 };
        let run = CreateRun {
            thread: match cron.thread_id {
                Some(thread) => RunThread::Existing(thread),
                None => RunThread::Fresh(cron.on_run_completed),
            },
            assistant: cron.assistant_id.to_string(),
            multitask: cron.multitask,
            request: run_request(&cron),
            after: std::time::Duration::ZERO,
            checkpoint: None,
            key,
        };
        self.create_run_because(Trigger::Cron(trigger), run.new_id(), run).await
    }

    /// What became of a cron's due instants, newest first; only those before `before`, if given.
    pub async fn fires(
        &self,
        id: CronId,
        before: Option<Timestamp>,
        limit: usize,
    ) -> Result<Vec<Fire>, Error> {
        self.cron(id).await?;
        Ok(self.store().fires(id, before, limit).await?)
    }
}

/// A cron under the id of a request, if it was this request that created it.
fn known_cron(known: Cron, key: RequestKey) -> Result<Created<Cron>, Error> {
    if known.request_digest != Some(key.digest()) {
        return Err(Error::key_taken());
    }
    Ok(Created::Existing(known))
}

impl CronPatch {
    /// Changes the cron. Returns whether its next due instant has to be set anew.
    fn apply(&self, cron: &mut Cron) -> bool {
        let mut reschedules = false;
        if let Some(schedule) = &self.schedule {
            cron.schedule.clone_from(schedule);
            reschedules = true;
        }
        if let Some(timezone) = &self.timezone {
            cron.timezone.clone_from(timezone);
            reschedules = true;
        }
        if let Some(end) = self.end_time {
            cron.end_time = end;
            reschedules = true;
        }
        if let Some(enabled) = self.enabled.filter(|enabled| *enabled != cron.enabled) {
            cron.enabled = enabled;
            reschedules = true;
        }
        if let Some(choice) = self.on_run_completed {
            cron.on_run_completed = choice;
        }
        if let Some(input) = &self.request.input {
            cron.request.input.clone_from(input);
        }
        if let Some(config) = &self.request.config {
            cron.request.config.clone_from(config);
        }
        if let Some(context) = &self.request.context {
            cron.request.context.clone_from(context);
        }
        merge(&mut cron.request.options, &self.request.options);
        merge(&mut cron.metadata, &self.metadata);
        reschedules
    }
}

/// The first due instant after now; `None` when the cron is paused or its end comes first.
fn next_run(cron: &Cron, now: Timestamp) -> Result<Option<Timestamp>, Error> {
    // A paused cron is checked as well, so that its schedule is known to be good.
    let schedule = schedule_of(cron)?;
    if !cron.enabled {
        return Ok(None);
    }
    // The watermark keeps a clock that was set back from firing an instant again.
    let after = cron.last_scheduled_at.map_or(now, |last| last.max(now));
    Ok(next_due(cron, &schedule, after))
}

/// The first due instant of a cron after this one, if it comes before the cron's end.
pub(crate) fn next_due(cron: &Cron, schedule: &Schedule, after: Timestamp) -> Option<Timestamp> {
    let next = schedule.next_after(after)?;
    cron.end_time.is_none_or(|end| next <= end).then_some(next)
}

pub(crate) fn schedule_of(cron: &Cron) -> Result<Schedule, Error> {
    Schedule::parse(&cron.schedule, cron.timezone.as_deref())
        .map_err(|error| Error::Invalid(error.to_string()))
}

/// What a run of this cron receives.
pub(crate) fn run_request(cron: &Cron) -> wakeful_core::RunRequest {
    let mut request = cron.request.clone();
    let mut metadata = cron.metadata.clone();
    merge(&mut metadata, &request.metadata);
    metadata.insert("cron_id".into(), Json::String(cron.id.to_string()));
    request.metadata = metadata;
    request
}

/// The thread of a fire at which the cron runs on a new one.
pub(crate) fn fresh_thread(cron: &Cron, id: ThreadId, now: Timestamp) -> wakeful_core::Thread {
    let mut metadata = cron.metadata.clone();
    metadata.insert("cron_id".into(), Json::String(cron.id.to_string()));
    let mut thread = wakeful_core::Thread::new(id, metadata, now);
    thread.temporary = cron.on_run_completed == OnCompletion::Delete;
    thread
}

fn merge(target: &mut Object, patch: &Object) {
    for (key, value) in patch {
        target.insert(key.clone(), value.clone());
    }
}
