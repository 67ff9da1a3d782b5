use std::time::Duration;

use serde_json::json;
use wakeful_core::{
    Catchup, Command, Cron, CronId, CronPolicy, Digest, Dst, Json, MultitaskStrategy, OnCompletion,
    Overlap, RequestKey, Run, RunId, RunRequest, Schedule, ThreadId,
};

use super::oracle::{Replan, Spec};
use super::random::Random;
use super::scene::Scene;
use crate::{
    CancelAction, CreateCron, CreateRun, CreateThread, CronPatch, Error, Host, IfExists, RunThread,
};

/// The key of a cron's metadata that says which change it has seen last.
pub(super) const CHANGE: &str = "change";

/// What a client asks for.
#[derive(Debug, Clone)]
pub(super) enum Ask {
    Thread(ThreadId),
    Cron(Box<CreateCron>),
    /// With the number of the change.
    Change(CronId, Box<CronPatch>, u64),
    Delete(CronId),
    Trigger(CronId, RequestKey),
    Run(Box<CreateRun>),
    Cancel(RunId, CancelAction),
}

/// What a client is told.
#[derive(Debug)]
pub(super) enum Answer {
    Cron(Box<Cron>),
    Run(Box<Run>),
    Nothing,
}

impl Ask {
    /// The cron that it is about.
    pub(super) fn cron(&self) -> Option<CronId> {
        match self {
            Self::Cron(new) => new.key.map(|key| key.id().into()),
            Self::Change(id, ..) | Self::Delete(id) | Self::Trigger(id, _) => Some(*id),
            Self::Thread(_) | Self::Run(_) | Self::Cancel(..) => None,
        }
    }

    /// The run that it makes.
    pub(super) fn run(&self) -> Option<RunId> {
        match self {
            Self::Run(new) => new.key.map(|key| key.id().into()),
            Self::Trigger(_, key) => Some(key.part(0).id().into()),
            _ => None,
        }
    }

    pub(super) async fn put(self, host: Host) -> Result<Answer, Error> {
        match self {
            Self::Thread(id) => {
                let if_exists = IfExists::DoNothing;
                host.create_thread(CreateThread { id: Some(id), if_exists, ..Default::default() })
                    .await?;
                Ok(Answer::Nothing)
            }
            Self::Cron(new) => Ok(Answer::Cron(Box::new(host.create_cron(*new).await?))),
            Self::Change(id, patch, _) => {
                Ok(Answer::Cron(Box::new(host.update_cron(id, *patch).await?)))
            }
            Self::Delete(id) => host.delete_cron(id).await.map(|()| Answer::Nothing),
            Self::Trigger(id, key) => {
                let run = host.trigger_cron_once(id, Some(key)).await?;
                Ok(Answer::Run(Box::new(run.into_inner())))
            }
            Self::Run(new) => Ok(Answer::Run(Box::new(host.create_run(*new).await?))),
            Self::Cancel(id, action) => host.cancel_run(id, action).await.map(|()| Answer::Nothing),
        }
    }
}

/// The request with this number.
pub(super) fn key(number: u64) -> RequestKey {
    RequestKey::new("simulation", "request", None, &number.to_string(), Digest::of(b""))
}

/// What a cron promises.
pub(super) fn spec_of(cron: &Cron) -> Spec {
    Spec {
        schedule: Schedule::read(&cron.schedules, cron.timezone.as_deref(), cron.policy.dst)
            .unwrap(),
        end: cron.end_time,
        enabled: cron.enabled,
        thread: cron.thread_id,
        overlap: cron.policy.overlap,
        catchup: cron.policy.catchup,
        catchup_window: cron.policy.catchup_window,
        jitter: cron.policy.jitter,
    }
}

/// What a change does to the instants that are due.
pub(super) fn replan(before: &Cron, after: &Cron) -> Replan {
    let names = |cron: &Cron| (cron.schedules.clone(), cron.timezone.clone(), cron.policy.dst);
    if names(before) != names(after) {
        Replan::Other
    } else if before.end_time != after.end_time {
        Replan::End
    } else {
        Replan::None
    }
}

fn policy(random: &mut Random, on_thread: bool) -> CronPolicy {
    let overlap = match random.below(20) {
        0..3 => Overlap::usual(on_thread),
        3..8 => Overlap::Skip,
        8..11 => Overlap::BufferOne,
        11..14 => Overlap::BufferAll,
        14..16 if !on_thread => Overlap::Allow,
        14..18 => Overlap::CancelOther,
        _ => Overlap::TerminateOther,
    };
    let backlog = matches!(overlap, Overlap::BufferAll | Overlap::Allow);
    let catchup = match random.below(10) {
        0..2 => Catchup::None,
        2 if backlog => Catchup::All,
        _ => Catchup::Latest,
    };
    let mut policy = CronPolicy { overlap, catchup, ..CronPolicy::usual(on_thread) };
    if random.chance(25) {
        policy.catchup_window = Duration::from_secs(random.between(60, 7_200));
    }
    if random.chance(15) {
        policy.jitter = Duration::from_secs(random.between(1, 90));
    }
    policy.dst = random.pick(&Dst::ALL);
    policy
}

pub(super) fn new_cron(
    scene: &Scene,
    random: &mut Random,
    now: wakeful_core::Timestamp,
    thread: Option<ThreadId>,
    key: RequestKey,
) -> CreateCron {
    CreateCron {
        assistant: "echo".to_owned(),
        thread_id: thread,
        schedules: schedules(scene, random),
        timezone: scene.zone(random).map(str::to_owned),
        end_time: random.chance(15).then(|| now + scene.gap(random)),
        enabled: random.chance(92),
        on_run_completed: if random.chance(50) { OnCompletion::Keep } else { OnCompletion::Delete },
        policy: policy(random, thread.is_some()),
        note: None,
        metadata: Default::default(),
        request: RunRequest { input: json!("tick"), ..RunRequest::default() },
        key: Some(key),
    }
}

pub(super) fn patch(
    scene: &Scene,
    random: &mut Random,
    now: wakeful_core::Timestamp,
    cron: &Cron,
    number: u64,
) -> CronPatch {
    let mut patch = CronPatch::default();
    patch.metadata.insert(CHANGE.to_owned(), number.into());
    match random.below(10) {
        0..5 => patch.enabled = Some(!cron.enabled),
        5..7 => {
            patch.schedules = Some(schedules(scene, random));
            patch.enabled = random.chance(30).then(|| random.chance(70));
        }
        7 => patch.timezone = Some(scene.zone(random).map(str::to_owned)),
        8 => patch.end_time = Some(random.chance(60).then(|| now + scene.gap(random))),
        _ => {}
    }
    patch
}

fn schedules(scene: &Scene, random: &mut Random) -> Vec<String> {
    let count = if random.chance(85) { 1 } else { 2 };
    (0..count).map(|_| scene.schedule(random).to_owned()).collect()
}

/// A run on a thread, or on a thread of its own.
pub(super) fn new_run(random: &mut Random, thread: Option<ThreadId>, key: RequestKey) -> CreateRun {
    let keep = if random.chance(50) { OnCompletion::Keep } else { OnCompletion::Delete };
    let mut request = RunRequest { input: json!("hello"), ..RunRequest::default() };
    if thread.is_some() && random.chance(15) {
        request.input = Json::Null;
        request.command = Some(Command { resume: Some(json!("yes")), ..Command::default() });
    }
    CreateRun {
        thread: thread.map_or(RunThread::Fresh(keep), RunThread::Existing),
        assistant: "echo".to_owned(),
        request,
        multitask: multitask(random),
        after: Duration::from_secs(if random.chance(80) { 0 } else { random.below(300) }),
        checkpoint: None,
        key: Some(key),
    }
}

fn multitask(random: &mut Random) -> MultitaskStrategy {
    match random.below(10) {
        0..4 => MultitaskStrategy::Enqueue,
        4..7 => MultitaskStrategy::Reject,
        7..9 => MultitaskStrategy::Interrupt,
        _ => MultitaskStrategy::Rollback,
    }
}

/// The request in one line.
pub(super) fn told(ask: &Ask) -> String {
    match ask {
        Ask::Thread(id) => format!("thread {id}"),
        Ask::Cron(new) => format!(
            "cron {}: {:?} in {:?} until {:?}, enabled {}, thread {:?}, {:?} {:?} {:?} {:?}",
            new.key.map(|key| key.id()).unwrap_or_default(),
            new.schedules,
            new.timezone,
            new.end_time,
            new.enabled,
            new.thread_id,
            new.policy.overlap,
            new.policy.catchup,
            new.policy.jitter,
            new.policy.dst
        ),
        Ask::Change(id, patch, number) => format!(
            "change {number} of {id}: {:?} {:?} {:?} {:?}",
            patch.schedules, patch.timezone, patch.end_time, patch.enabled
        ),
        Ask::Delete(id) => format!("delete {id}"),
        Ask::Trigger(id, key) => {
            format!("trigger {id}: run {}", super::guests::short(key.part(0).id().into()))
        }
        Ask::Run(new) => format!(
            "run {} on {:?} after {:?}, {:?}",
            new.key.map(|key| super::guests::short(key.id().into())).unwrap_or_default(),
            new.thread,
            new.after,
            new.multitask
        ),
        Ask::Cancel(run, how) => format!("{how:?} run {}", super::guests::short(*run)),
    }
}
