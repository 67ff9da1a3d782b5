use std::borrow::Cow;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use wakeful_core::{
    AssistantId, ComponentId, Cron, CronId, CronPolicy, Digest, MultitaskStrategy, Object,
    OnCompletion, Overlap, RunId, ThreadId, Timestamp,
};

use super::codec::{micros, micros_option, text, text_option, word, word_option};
use super::policy::StoredPolicy;
use super::run::StoredRequest;
use super::{Doc, Docs};
use crate::Error;

word_option!(multitask_option, wakeful_core::MultitaskStrategy);
word!(on_completion, wakeful_core::OnCompletion);

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StoredCron {
    #[serde(with = "text")]
    pub(crate) id: CronId,
    #[serde(with = "text")]
    pub(crate) assistant: AssistantId,
    #[serde(with = "text")]
    component: ComponentId,
    #[serde(with = "text_option")]
    pub(crate) thread: Option<ThreadId>,
    #[serde(with = "micros_option")]
    pub(crate) end: Option<Timestamp>,
    pub(crate) enabled: bool,
    #[serde(with = "on_completion")]
    on_run_completed: OnCompletion,
    /// What there was in place of a policy up to format 2.
    #[serde(default, deserialize_with = "multitask_option::deserialize", skip_serializing)]
    multitask: Option<MultitaskStrategy>,
    /// Since format 3.
    #[serde(default)]
    policy: Option<StoredPolicy>,
    #[serde(with = "micros")]
    pub(crate) created: Timestamp,
    #[serde(with = "micros")]
    pub(crate) updated: Timestamp,
    #[serde(with = "micros_option")]
    pub(crate) next_run: Option<Timestamp>,
    #[serde(with = "micros_option")]
    pub(crate) last_scheduled: Option<Timestamp>,
    pub(crate) version: u64,
    pub(crate) definition: Doc,
    #[serde(default, with = "text_option")]
    request_digest: Option<Digest>,
    #[serde(default, with = "text_option")]
    pub(crate) made_by: Option<RunId>,
    #[serde(default, skip_serializing_if = "Duration::is_zero")]
    pub(crate) delay: Duration,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) offset: Option<i32>,
    #[serde(default, with = "micros_option", skip_serializing_if = "Option::is_none")]
    pub(crate) paused_from: Option<Timestamp>,
    #[serde(default, with = "micros_option", skip_serializing_if = "Option::is_none")]
    pub(crate) ended: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) note: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Definition<'a> {
    schedule: Cow<'a, str>,
    /// The schedules after the first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    more: Vec<Cow<'a, str>>,
    timezone: Option<Cow<'a, str>>,
    metadata: Cow<'a, Object>,
    request: StoredRequest<'a>,
}

impl StoredCron {
    pub(crate) fn new(cron: &Cron, docs: &Docs) -> Result<Self, Error> {
        let mut schedules = cron.schedules.iter().map(|text| Cow::Borrowed(text.as_str()));
        let definition = Definition {
            schedule: schedules.next().unwrap_or_default(),
            more: schedules.collect(),
            timezone: cron.timezone.as_deref().map(Cow::Borrowed),
            metadata: Cow::Borrowed(&cron.metadata),
            request: StoredRequest::new(&cron.request),
        };
        Ok(Self {
            id: cron.id,
            assistant: cron.assistant_id,
            component: cron.component.clone(),
            thread: cron.thread_id,
            end: cron.end_time,
            enabled: cron.enabled,
            on_run_completed: cron.on_run_completed,
            multitask: None,
            policy: Some(StoredPolicy::new(&cron.policy)),
            created: cron.created_at,
            updated: cron.updated_at,
            next_run: cron.next_run_at,
            last_scheduled: cron.last_scheduled_at,
            version: cron.version,
            definition: docs.put(&definition)?,
            request_digest: cron.request_digest,
            made_by: cron.made_by,
            delay: cron.delay,
            offset: cron.offset,
            paused_from: cron.paused_from,
            ended: cron.ended_at,
            note: cron.note.clone(),
        })
    }

    pub(crate) fn open(self, docs: &Docs) -> Result<Cron, Error> {
        let definition: Definition<'static> = docs.get(&self.definition, "cron")?;
        let schedules = std::iter::once(definition.schedule).chain(definition.more);
        Ok(Cron {
            policy: self.open_policy(),
            id: self.id,
            assistant_id: self.assistant,
            component: self.component,
            thread_id: self.thread,
            schedules: schedules.map(Cow::into_owned).collect(),
            timezone: definition.timezone.map(Cow::into_owned),
            end_time: self.end,
            enabled: self.enabled,
            on_run_completed: self.on_run_completed,
            metadata: definition.metadata.into_owned(),
            request: definition.request.open(),
            created_at: self.created,
            updated_at: self.updated,
            next_run_at: self.next_run,
            last_scheduled_at: self.last_scheduled,
            version: self.version,
            request_digest: self.request_digest,
            made_by: self.made_by,
            delay: self.delay,
            offset: self.offset,
            paused_from: self.paused_from,
            ended_at: self.ended,
            note: self.note,
        })
    }

    fn open_policy(&self) -> CronPolicy {
        let usual = CronPolicy::usual(self.thread.is_some());
        match (&self.policy, self.multitask) {
            (Some(policy), _) => policy.clone().open(),
            // Runs on threads of their own went on side by side.
            (None, Some(MultitaskStrategy::Enqueue)) if self.thread.is_none() => {
                CronPolicy { overlap: Overlap::Allow, ..usual }
            }
            (None, Some(strategy)) => CronPolicy { overlap: strategy.into(), ..usual },
            (None, None) => usual,
        }
    }

    /// After how many failures in a row it is to be paused.
    pub(crate) fn pause_after_failures(&self) -> Option<u32> {
        self.policy.as_ref()?.pause_after_failures
    }

    /// When it has to fire next: never while it is paused.
    pub(crate) fn due(&self) -> Option<Timestamp> {
        let next = self.next_run.filter(|_| self.enabled)?;
        Some(next.checked_add(self.delay).unwrap_or(Timestamp::MAX))
    }
}
