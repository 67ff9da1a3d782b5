use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use wakeful_core::{
    AssistantId, ComponentId, CronGrant, CronId, CronTrigger, Digest, FireCause, Grants, Limits,
    ModelName, Provision, RunId, StoreGrant, ThreadId, Timestamp,
};

use super::{Damaged, Opened, Text};
use crate::{Job, JobTrigger};

/// A job, as far as a runner is to know it: no secret is in it, and no grant that is held against
/// what the run does on the host's side alone.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::runners) struct WireJob {
    digest: [u8; 32],
    thread_id: [u8; 16],
    assistant_id: [u8; 16],
    run_id: [u8; 16],
    attempt: u32,
    trigger: WireTrigger,
    metadata: Text,
    input: Text,
    values: Text,
    config: Text,
    limits: WireLimits,
    store: Vec<String>,
    crons: Option<(u32, Duration)>,
    models: Vec<String>,
    assistants: Vec<String>,
    environment: Vec<(String, String)>,
    root: Option<Vec<u8>>,
    /// Whether its requests have anywhere to go.
    pub(in crate::runners) has_network: bool,
    /// Whether what it asks models has anywhere to go.
    pub(in crate::runners) has_models: bool,
}

#[derive(Debug, Serialize, Deserialize)]
enum WireTrigger {
    Manual,
    Cron {
        cron_id: [u8; 16],
        scheduled_at: i128,
        missed: u64,
        cause: String,
        previous_at: Option<i128>,
        late: Duration,
    },
    Resume(Vec<(String, Text)>),
}

#[derive(Debug, Serialize, Deserialize)]
struct WireLimits {
    fuel: u64,
    memory: u64,
    timeout: Duration,
    output: u64,
    logs: u64,
    events: u32,
    disk: u64,
    files: u32,
}

impl WireJob {
    /// A job whose secrets stand with their placeholders in this environment.
    pub(in crate::runners) fn new(
        job: Job,
        environment: Vec<(String, String)>,
        has_network: bool,
        has_models: bool,
    ) -> Self {
        // The others are kept to on the host's side.
        let Limits { fuel, memory, timeout, output, logs, events, disk, files, .. } = job.limits;
        Self {
            digest: *job.digest.as_bytes(),
            thread_id: *job.thread_id.as_bytes(),
            assistant_id: *job.assistant_id.as_bytes(),
            run_id: *job.run_id.as_bytes(),
            attempt: job.attempt,
            trigger: WireTrigger::new(job.trigger),
            metadata: Text::of_object(job.metadata),
            input: Text::of(&job.input),
            values: Text::of(&job.values),
            config: Text::of_object(job.config),
            limits: WireLimits { fuel, memory, timeout, output, logs, events, disk, files },
            store: job.grants.store.iter().map(ToString::to_string).collect(),
            crons: job.grants.crons.map(|grant| (grant.max, grant.min_interval)),
            models: job.grants.models.iter().map(ToString::to_string).collect(),
            assistants: job.grants.assistants.iter().map(ToString::to_string).collect(),
            environment,
            root: job.root.map(|root| root.into_os_string().into_vec()),
            has_network,
            has_models,
        }
    }

    pub(in crate::runners) fn open(self) -> Opened<Job> {
        let assistants: Result<Vec<ComponentId>, _> =
            self.assistants.iter().map(|it| it.parse()).collect();
        let models: Result<Vec<ModelName>, _> = self.models.iter().map(|it| it.parse()).collect();
        let store: Result<Vec<StoreGrant>, _> = self.store.iter().map(|it| it.parse()).collect();
        let WireLimits { fuel, memory, timeout, output, logs, events, disk, files } = self.limits;
        Ok(Job {
            digest: Digest::from_bytes(self.digest),
            thread_id: ThreadId::from_bytes(self.thread_id),
            assistant_id: AssistantId::from_bytes(self.assistant_id),
            run_id: RunId::from_bytes(self.run_id),
            attempt: self.attempt,
            trigger: self.trigger.open()?,
            metadata: self.metadata.object()?,
            input: self.input.open()?,
            values: self.values.open()?,
            config: self.config.object()?,
            limits: Limits {
                fuel,
                memory,
                timeout,
                output,
                logs,
                events,
                disk,
                files,
                ..Limits::default()
            },
            grants: Grants {
                store: store.map_err(|_| Damaged)?,
                crons: self.crons.map(|(max, min_interval)| CronGrant { max, min_interval }),
                models: models.map_err(|_| Damaged)?,
                assistants: assistants.map_err(|_| Damaged)?,
                ..Grants::default()
            },
            provision: Provision { environment: self.environment, secrets: Vec::new() },
            root: self.root.map(|root| PathBuf::from(std::ffi::OsStr::from_bytes(&root))),
        })
    }
}

impl WireTrigger {
    fn new(trigger: JobTrigger) -> Self {
        match trigger {
            JobTrigger::Manual => Self::Manual,
            JobTrigger::Cron(fire) => Self::Cron {
                cron_id: *fire.cron_id.as_bytes(),
                scheduled_at: fire.scheduled_at.as_nanosecond(),
                missed: fire.missed,
                cause: fire.cause.as_str().to_owned(),
                previous_at: fire.previous_at.map(Timestamp::as_nanosecond),
                late: fire.late,
            },
            JobTrigger::Resume(answers) => {
                let answers = answers.into_iter().map(|(id, value)| (id, Text::of(&value)));
                Self::Resume(answers.collect())
            }
        }
    }

    fn open(self) -> Opened<JobTrigger> {
        Ok(match self {
            Self::Manual => JobTrigger::Manual,
            Self::Cron { cron_id, scheduled_at, missed, cause, previous_at, late } => {
                JobTrigger::Cron(CronTrigger {
                    cron_id: CronId::from_bytes(cron_id),
                    scheduled_at: instant(scheduled_at)?,
                    missed,
                    cause: FireCause::parse(&cause).ok_or(Damaged)?,
                    previous_at: previous_at.map(instant).transpose()?,
                    late,
                })
            }
            Self::Resume(answers) => JobTrigger::Resume(
                answers
                    .into_iter()
                    .map(|(id, value)| Ok((id, value.open()?)))
                    .collect::<Opened<_>>()?,
            ),
        })
    }
}

/// An instant in nanoseconds since 1970.
pub(super) fn instant(nanoseconds: i128) -> Opened<Timestamp> {
    Timestamp::from_nanosecond(nanoseconds).map_err(|_| Damaged)
}
