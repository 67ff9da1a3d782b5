use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use wakeful_core::{
    AssistantId, ComponentId, Cron, CronId, Digest, MultitaskStrategy, Object, OnCompletion, RunId,
    ThreadId, Timestamp,
};

use super::codec::{micros, micros_option, text, text_option, word};
use super::run::StoredRequest;
use super::{Doc, Docs};
use crate::Error;

word!(multitask, wakeful_core::MultitaskStrategy);
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
    #[serde(with = "multitask")]
    multitask: MultitaskStrategy,
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
}

#[derive(Serialize, Deserialize)]
struct Definition<'a> {
    schedule: Cow<'a, str>,
    timezone: Option<Cow<'a, str>>,
    metadata: Cow<'a, Object>,
    request: StoredRequest<'a>,
}

impl StoredCron {
    pub(crate) fn new(cron: &Cron, docs: &Docs) -> Result<Self, Error> {
        let definition = Definition {
            schedule: Cow::Borrowed(&cron.schedule),
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
            multitask: cron.multitask,
            created: cron.created_at,
            updated: cron.updated_at,
            next_run: cron.next_run_at,
            last_scheduled: cron.last_scheduled_at,
            version: cron.version,
            definition: docs.put(&definition)?,
            request_digest: cron.request_digest,
            made_by: cron.made_by,
        })
    }

    pub(crate) fn open(self, docs: &Docs) -> Result<Cron, Error> {
        let definition: Definition<'static> = docs.get(&self.definition, "cron")?;
        Ok(Cron {
            id: self.id,
            assistant_id: self.assistant,
            component: self.component,
            thread_id: self.thread,
            schedule: definition.schedule.into_owned(),
            timezone: definition.timezone.map(Cow::into_owned),
            end_time: self.end,
            enabled: self.enabled,
            on_run_completed: self.on_run_completed,
            multitask: self.multitask,
            metadata: definition.metadata.into_owned(),
            request: definition.request.open(),
            created_at: self.created,
            updated_at: self.updated,
            next_run_at: self.next_run,
            last_scheduled_at: self.last_scheduled,
            version: self.version,
            request_digest: self.request_digest,
            made_by: self.made_by,
        })
    }

    /// When it has to fire next: never while it is paused.
    pub(crate) fn due(&self) -> Option<Timestamp> {
        self.next_run.filter(|_| self.enabled)
    }
}
