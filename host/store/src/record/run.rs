use std::borrow::Cow;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use wakeful_core::{
    AssistantId, CheckpointId, Command, ComponentId, CronId, CronTrigger, Digest, FireCause, Json,
    Lease, MultitaskStrategy, Object, OnCompletion, Parent, Report, Run, RunId, RunRequest,
    RunStatus, ThreadId, Timestamp, Trigger,
};

use super::codec::{micros, micros_option, text, text_option, word};
use super::policy::StoredRetry;
use super::report::StoredReport;
use super::thread::{error_doc, error_of};
use super::{Doc, Docs, StoredWebhook};
use crate::Error;

word!(cause, wakeful_core::FireCause);
word!(status, wakeful_core::RunStatus);
word!(multitask, wakeful_core::MultitaskStrategy);
word!(on_completion, wakeful_core::OnCompletion);

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StoredRun {
    #[serde(with = "text")]
    pub(crate) id: RunId,
    #[serde(with = "text")]
    pub(crate) thread: ThreadId,
    #[serde(with = "text")]
    pub(crate) assistant: AssistantId,
    #[serde(with = "text")]
    component: ComponentId,
    #[serde(with = "status")]
    pub(crate) status: RunStatus,
    #[serde(with = "micros")]
    pub(crate) created: Timestamp,
    #[serde(with = "micros")]
    pub(crate) updated: Timestamp,
    #[serde(with = "micros")]
    pub(crate) available: Timestamp,
    trigger: StoredTrigger,
    #[serde(with = "multitask")]
    pub(crate) multitask: MultitaskStrategy,
    #[serde(with = "on_completion")]
    pub(crate) on_completion: OnCompletion,
    pub(crate) attempt: u32,
    pub(crate) epoch: u64,
    #[serde(with = "text_option")]
    pub(crate) digest: Option<Digest>,
    #[serde(with = "micros_option")]
    started: Option<Timestamp>,
    #[serde(with = "micros_option")]
    pub(crate) ended: Option<Timestamp>,
    request: Doc,
    pub(crate) report: Option<Doc>,
    #[serde(default, with = "text_option")]
    pub(crate) checkpoint: Option<CheckpointId>,
    /// Nobody asked for that checkpoint; it was the newest when the run was claimed. Other runs may
    /// get their turn before its next attempt, and what they left must not be lost by it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) floats: bool,
    /// What it emitted, where that is kept; since format 2.
    #[serde(default)]
    pub(crate) events: Option<Doc>,
    #[serde(default, with = "text_option")]
    request_digest: Option<Digest>,
    /// What the request says as well, here so that a run can end without reading its request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) webhook: Option<StoredWebhook>,
    /// Since format 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry: Option<StoredRetry>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parent: Option<StoredParent>,
    /// Why its last attempt failed, if it was tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_error: Option<Doc>,
}

/// The run that asked for another one.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct StoredParent {
    #[serde(with = "text")]
    run: RunId,
    depth: u32,
    #[serde(default, with = "text_option", skip_serializing_if = "Option::is_none")]
    cron: Option<CronId>,
    fuel: u64,
    tokens: u64,
    #[serde(default, with = "micros_option", skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
}

impl StoredParent {
    fn new(parent: &Parent) -> Self {
        let Parent { run_id: run, depth, cron, fuel, tokens, until } = *parent;
        Self { run, depth, cron, fuel, tokens, until }
    }

    fn open(&self) -> Parent {
        let Self { run: run_id, depth, cron, fuel, tokens, until } = *self;
        Parent { run_id, depth, cron, fuel, tokens, until }
    }
}

/// The lease of a running run, apart from its record because it is renewed so often.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StoredLease {
    pub(crate) owner: String,
    #[serde(with = "micros")]
    pub(crate) until: Timestamp,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredTrigger {
    Manual,
    Cron {
        #[serde(with = "text")]
        cron: CronId,
        #[serde(with = "micros")]
        scheduled: Timestamp,
        missed: u64,
        /// Since format 3.
        #[serde(default = "schedule", with = "cause")]
        cause: FireCause,
        #[serde(default, with = "micros_option", skip_serializing_if = "Option::is_none")]
        previous: Option<Timestamp>,
        #[serde(default)]
        late: Duration,
    },
}

/// The only cause up to format 2.
fn schedule() -> FireCause {
    FireCause::Schedule
}

#[derive(Serialize, Deserialize)]
pub(super) struct StoredRequest<'a> {
    input: Cow<'a, Json>,
    command: Option<StoredCommand<'a>>,
    config: Cow<'a, Object>,
    context: Cow<'a, Object>,
    metadata: Cow<'a, Object>,
    options: Cow<'a, Object>,
}

#[derive(Serialize, Deserialize)]
struct StoredCommand<'a> {
    resume: Option<Cow<'a, Json>>,
    #[serde(default)]
    update: Option<Cow<'a, Object>>,
    #[serde(default)]
    goto: Option<Cow<'a, str>>,
}

impl StoredRun {
    pub(crate) fn new(run: &Run, docs: &Docs) -> Result<Self, Error> {
        Ok(Self {
            id: run.id,
            thread: run.thread_id,
            assistant: run.assistant_id,
            component: run.component.clone(),
            status: run.status,
            created: run.created_at,
            updated: run.updated_at,
            available: run.available_at,
            trigger: match &run.trigger {
                Trigger::Manual => StoredTrigger::Manual,
                Trigger::Cron(trigger) => StoredTrigger::Cron {
                    cron: trigger.cron_id,
                    scheduled: trigger.scheduled_at,
                    missed: trigger.missed,
                    cause: trigger.cause,
                    previous: trigger.previous_at,
                    late: trigger.late,
                },
            },
            multitask: run.multitask,
            on_completion: run.on_completion,
            attempt: run.attempt,
            epoch: run.epoch,
            digest: run.digest,
            started: run.started_at,
            ended: run.ended_at,
            request: docs.put(&StoredRequest::new(&run.request))?,
            report: run.report.as_ref().map(|report| Self::report_doc(report, docs)).transpose()?,
            checkpoint: run.checkpoint,
            floats: false,
            events: None,
            webhook: run.request.webhook().map(|url| StoredWebhook::new(url, docs)).transpose()?,
            request_digest: run.request_digest,
            retry: run.retry.as_ref().map(StoredRetry::new),
            parent: run.parent.as_ref().map(StoredParent::new),
            last_error: run.last_error.as_ref().map(|error| error_doc(error, docs)).transpose()?,
        })
    }

    /// The document of a report.
    pub(crate) fn report_doc(report: &Report, docs: &Docs) -> Result<Doc, Error> {
        docs.put(&StoredReport::new(report))
    }

    /// The run without its request, its report and its last error: enough for a change of its status, and without
    /// reading a blob.
    pub(crate) fn bare(&self) -> Run {
        Run {
            id: self.id,
            thread_id: self.thread,
            assistant_id: self.assistant,
            component: self.component.clone(),
            status: self.status,
            created_at: self.created,
            updated_at: self.updated,
            available_at: self.available,
            trigger: match self.trigger {
                StoredTrigger::Manual => Trigger::Manual,
                StoredTrigger::Cron { cron, scheduled, missed, cause, previous, late } => {
                    Trigger::Cron(CronTrigger {
                        cron_id: cron,
                        scheduled_at: scheduled,
                        missed,
                        cause,
                        previous_at: previous,
                        late,
                    })
                }
            },
            multitask: self.multitask,
            on_completion: self.on_completion,
            request: RunRequest::default(),
            checkpoint: self.checkpoint,
            attempt: self.attempt,
            epoch: self.epoch,
            lease: None,
            digest: self.digest,
            started_at: self.started,
            ended_at: self.ended,
            report: None,
            last_error: None,
            request_digest: self.request_digest,
            retry: self.retry.clone().map(StoredRetry::open),
            parent: self.parent.as_ref().map(StoredParent::open),
        }
    }

    /// Takes over what a change of status changes.
    pub(crate) fn absorb(&mut self, run: &Run) {
        self.status = run.status;
        self.updated = run.updated_at;
        self.available = run.available_at;
        self.attempt = run.attempt;
        self.epoch = run.epoch;
        self.started = run.started_at;
        self.ended = run.ended_at;
    }

    pub(crate) fn open(self, lease: Option<StoredLease>, docs: &Docs) -> Result<Run, Error> {
        let request: StoredRequest<'static> = docs.get(&self.request, "run")?;
        let report: Option<StoredReport<'static>> =
            self.report.as_ref().map(|report| docs.get(report, "run")).transpose()?;
        Ok(Run {
            request: request.open(),
            report: report.map(StoredReport::open),
            last_error: self.last_error.as_ref().map(|error| error_of(error, docs)).transpose()?,
            lease: lease.map(|lease| Lease { owner: lease.owner, until: lease.until }),
            ..self.bare()
        })
    }

    /// Makes it wait for the runs of its cron before it.
    pub(crate) fn hold(&mut self) {
        self.available = Run::HELD;
    }

    /// Whether it waits for them.
    pub(crate) fn is_held(&self) -> bool {
        self.status == RunStatus::Pending && self.available == Run::HELD
    }

    /// Lets it begin as soon as it can.
    pub(crate) fn release(&mut self) {
        self.available = self.created;
    }

    /// The cron that caused it.
    pub(crate) fn cron(&self) -> Option<CronId> {
        match self.trigger {
            StoredTrigger::Manual => None,
            StoredTrigger::Cron { cron, .. } => Some(cron),
        }
    }

    /// The documents it names.
    pub(crate) fn docs(&self) -> impl Iterator<Item = &Doc> {
        let webhook = self.webhook.as_ref().map(|webhook| &webhook.url);
        std::iter::once(&self.request)
            .chain(&self.report)
            .chain(&self.events)
            .chain(&self.last_error)
            .chain(webhook)
    }
}

impl<'a> StoredRequest<'a> {
    pub(super) fn new(request: &'a RunRequest) -> Self {
        Self {
            input: Cow::Borrowed(&request.input),
            command: request.command.as_ref().map(StoredCommand::new),
            config: Cow::Borrowed(&request.config),
            context: Cow::Borrowed(&request.context),
            metadata: Cow::Borrowed(&request.metadata),
            options: Cow::Borrowed(&request.options),
        }
    }

    pub(super) fn open(self) -> RunRequest {
        RunRequest {
            input: self.input.into_owned(),
            command: self.command.map(StoredCommand::open),
            config: self.config.into_owned(),
            context: self.context.into_owned(),
            metadata: self.metadata.into_owned(),
            options: self.options.into_owned(),
        }
    }
}

impl<'a> StoredCommand<'a> {
    fn new(command: &'a Command) -> Self {
        Self {
            resume: command.resume.as_ref().map(Cow::Borrowed),
            update: command.update.as_ref().map(Cow::Borrowed),
            goto: command.goto.as_deref().map(Cow::Borrowed),
        }
    }

    fn open(self) -> Command {
        Command {
            resume: self.resume.map(Cow::into_owned),
            update: self.update.map(Cow::into_owned),
            goto: self.goto.map(Cow::into_owned),
        }
    }
}
