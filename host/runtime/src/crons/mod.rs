mod fires;
mod history;
mod preview;
mod shown;
mod timing;

use std::time::Duration;

use wakeful_core::{
    Cron, CronId, CronStats, Json, Object, OnCompletion, RequestKey, RunRequest, Schedule,
    ThreadId, Timestamp, duration_text,
};
use wakeful_store::{Created, CronQuery, Page};

use self::timing::{least_gap, refuse_past, renames, reschedule, reschedules, set_next};
use crate::{CreateCron, CronPatch, Error, Host};

pub use self::history::{FirePage, FireQuery};
pub use self::preview::{Preview, PreviewCron, PreviewedInstant};
pub(crate) use self::timing::{delay, follow_zone, next_fire, schedule_of};

/// How often a change to a cron is tried again when the scheduler changed it in between.
const UPDATE_TRIES: usize = 20;
/// The longest note.
const LONGEST_NOTE: usize = 300;

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
        let usual_end = self.settings().crons.usual_end;
        let end_time = new.end_time.or_else(|| now.checked_add(usual_end?).ok());
        let mut cron = Cron {
            id,
            assistant_id: assistant.id,
            component: assistant.component,
            thread_id: new.thread_id,
            schedules: new.schedules,
            timezone: new.timezone,
            end_time,
            enabled: new.enabled,
            policy: new.policy,
            on_run_completed: new.on_run_completed,
            metadata: new.metadata,
            request: new.request,
            created_at: now,
            updated_at: now,
            next_run_at: None,
            delay: Duration::ZERO,
            offset: None,
            last_scheduled_at: None,
            paused_from: None,
            ended_at: None,
            note: new.note,
            version: 0,
            request_digest: new.key.map(|key| key.digest()),
            made_by: None,
        };
        let schedule = self.check_cron(&cron, now)?;
        refuse_past(&cron, &schedule, now)?;
        set_next(&mut cron, &schedule, now, 0);
        Ok(cron)
    }

    /// Refuses a cron that could never fire, that contradicts itself, or that fires more often than
    /// this host allows.
    fn check_cron(&self, cron: &Cron, now: Timestamp) -> Result<Schedule, Error> {
        let schedule = schedule_of(cron)?;
        if let Some(problem) = cron.policy.contradiction(cron.thread_id.is_some(), cron.end_time) {
            return Err(Error::Invalid(problem.to_owned()));
        }
        if let Some(note) = &cron.note
            && LONGEST_NOTE < note.chars().count()
        {
            return Err(Error::Invalid(format!("note: write at most {LONGEST_NOTE} characters")));
        }
        match self.too_frequent(&schedule, now) {
            Some(problem) => Err(Error::Invalid(format!("schedule: {problem}"))),
            None => Ok(schedule),
        }
    }

    /// Why a schedule fires more often than this host allows, if it does.
    fn too_frequent(&self, schedule: &Schedule, now: Timestamp) -> Option<String> {
        let least = self.settings().crons.min_interval;
        let gap = least_gap(schedule, now).filter(|gap| *gap < least)?;
        let (gap, least) = (duration_text(gap), duration_text(least));
        Some(format!(
            "it fires {gap} after it has fired, and this host allows no less than {least} (setting `crons.min_interval`); write a schedule that fires less often"
        ))
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
            let before = self.cron(id).await?;
            let now = self.now();
            let mut cron = before.clone();
            patch.apply(&mut cron);
            cron.updated_at = now;
            let schedule = self.check_cron(&cron, now)?;
            if renames(&before, &cron) {
                refuse_past(&cron, &schedule, now)?;
            }
            let past = if reschedules(&before, &cron) {
                let started = self.store().cron_stats(id).await?.started;
                reschedule(&before, &mut cron, &schedule, now, started)
            } else {
                None
            };
            if let Some(cron) = self.store().update_cron(cron, past).await? {
                self.wake_scheduler();
                return Ok(cron);
            }
        }
        Err(Error::Conflict(format!("cron {id} keeps changing; try again")))
    }

    /// Pauses a cron: it fires no more until it is resumed. The note says why, for people; without
    /// one, a cron that is paused already stays as it is.
    pub async fn pause_cron(&self, id: CronId, note: Option<String>) -> Result<Cron, Error> {
        if note.is_none() {
            let cron = self.cron(id).await?;
            if !cron.enabled {
                return Ok(cron);
            }
        }
        let patch = CronPatch { enabled: Some(false), note: Some(note), ..CronPatch::default() };
        self.update_cron(id, patch).await
    }

    /// Resumes a cron. The instants of the pause are on record as skipped; none of them fires. A
    /// cron that is not paused stays as it is.
    pub async fn resume_cron(&self, id: CronId) -> Result<Cron, Error> {
        let cron = self.cron(id).await?;
        if cron.enabled {
            return Ok(cron);
        }
        let patch = CronPatch { enabled: Some(true), note: Some(None), ..CronPatch::default() };
        self.update_cron(id, patch).await
    }

    /// What has become of a cron's fires so far.
    pub async fn cron_stats(&self, id: CronId) -> Result<CronStats, Error> {
        Ok(self.store().cron_stats(id).await?)
    }

    /// Deletes a cron. Its runs stay.
    pub async fn delete_cron(&self, id: CronId) -> Result<(), Error> {
        if !self.store().delete_cron(id).await? {
            return Err(Error::not_found("cron", id));
        }
        self.wake_scheduler();
        Ok(())
    }
}

/// A cron under the id of a request, if it was this request that created it.
fn known_cron(known: Cron, key: RequestKey) -> Result<Created<Cron>, Error> {
    if known.request_digest != Some(key.digest()) {
        return Err(Error::key_taken());
    }
    Ok(Created::Existing(known))
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

/// Takes over every key of the patch; one that is `null` there goes.
fn merge_options(target: &mut Object, patch: &Object) {
    merge(target, patch);
    target.retain(|_, option| !option.is_null());
}

fn merge(target: &mut Object, patch: &Object) {
    for (key, value) in patch {
        target.insert(key.clone(), value.clone());
    }
}
