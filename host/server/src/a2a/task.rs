use wakeful::core::{AssistantId, Object, Outcome, Run, RunId, RunStatus, ThreadId};
use wakeful::{Error as HostError, Host, RunQuery};

use crate::a2a::problem;
use crate::rpc::RpcError;

/// The task that a run goes on with, in its metadata.
const TASK: &str = "a2a_task_id";

/// The id that the client gave to the message of a run, in the run's metadata.
const MESSAGE: &str = "a2a_message_id";

/// How many runs are looked at in one go.
const PAGE: usize = 100;

/// How many runs of a thread are looked through at most for those of one task.
const LOOKED_AT: usize = 1_000;

/// A task: the run that a message began, and the runs that answered its questions since.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    first: Run,
    later: Vec<Run>,
}

/// Where a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Submitted,
    Working,
    InputRequired,
    Completed,
    Failed,
    Canceled,
}

impl State {
    /// Whether nothing more comes of the task.
    pub(crate) const fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Canceled)
    }

    pub(crate) fn of(run: &Run) -> Self {
        let outcome = run.report.as_ref().map(|report| &report.outcome);
        match run.status {
            RunStatus::Pending => Self::Submitted,
            RunStatus::Running => Self::Working,
            RunStatus::Success if matches!(outcome, Some(Outcome::Interrupted(_))) => {
                Self::InputRequired
            }
            RunStatus::Success => Self::Completed,
            RunStatus::Error | RunStatus::Timeout => Self::Failed,
            RunStatus::Interrupted => Self::Canceled,
        }
    }
}

impl Task {
    /// The task that a new run begins.
    pub(crate) fn begun_by(run: Run) -> Self {
        Self { first: run, later: Vec::new() }
    }

    /// The task of these runs, oldest first, if there are any.
    pub(crate) fn of(runs: Vec<Run>) -> Option<Self> {
        let mut runs = runs.into_iter();
        let first = runs.next()?;
        Some(Self { first, later: runs.collect() })
    }

    /// The task with this id, of this assistant.
    pub(crate) async fn load(
        host: &Host,
        assistant: AssistantId,
        id: &str,
    ) -> Result<Self, RpcError> {
        let missing = || problem::task_not_found(id);
        let find = async |run: RunId| match host.run(run).await {
            Ok(run) if run.assistant_id == assistant => Ok(run),
            Ok(_) | Err(HostError::NotFound { .. }) => Err(missing()),
            Err(other) => Err(other.into()),
        };
        let mut first = find(id.parse().map_err(|_| missing())?).await?;
        let root = task_of(&first);
        if root != first.id {
            first = find(root).await?;
        }
        let mut task = Self::begun_by(first);
        if State::of(&task.first) == State::InputRequired {
            task.later = task.answers(host).await?;
        }
        Ok(task)
    }

    /// The task whose questions a thread waits with, if it is one of this assistant.
    pub(crate) async fn waiting_on(
        host: &Host,
        assistant: AssistantId,
        thread: ThreadId,
    ) -> Result<Option<Self>, RpcError> {
        let query = RunQuery { thread_id: Some(thread), limit: PAGE, ..RunQuery::default() };
        let runs = host.runs(query).await?.items;
        let asked = runs.iter().find(|run| State::of(run) == State::InputRequired);
        match asked.filter(|run| run.assistant_id == assistant) {
            Some(run) => Self::load(host, assistant, &run.id.to_string()).await.map(Some),
            None => Ok(None),
        }
    }

    /// The runs that answered the questions of this task, oldest first.
    async fn answers(&self, host: &Host) -> Result<Vec<Run>, RpcError> {
        let mut found = Vec::new();
        for offset in (0..LOOKED_AT).step_by(PAGE) {
            let thread_id = Some(self.context());
            let query = RunQuery { thread_id, limit: PAGE, offset, ..RunQuery::default() };
            let runs = host.runs(query).await?.items;
            let is_last = runs.len() < PAGE || runs.iter().any(|run| run.id == self.first.id);
            let answers = |run: &Run| run.id != self.first.id && task_of(run) == self.first.id;
            found.extend(runs.into_iter().filter(answers));
            if is_last {
                break;
            }
        }
        found.reverse();
        Ok(found)
    }

    /// The same task, with a run that answers its questions.
    pub(crate) fn answered_by(mut self, run: Run) -> Self {
        self.later.push(run);
        self
    }

    /// The same task, with its newest run as it is now.
    pub(crate) fn now(mut self, run: Run) -> Self {
        match self.later.last_mut() {
            Some(last) => *last = run,
            None => self.first = run,
        }
        self
    }

    pub(crate) fn id(&self) -> RunId {
        self.first.id
    }

    pub(crate) fn context(&self) -> ThreadId {
        self.first.thread_id
    }

    /// Its newest run, which says where it is.
    pub(crate) fn last(&self) -> &Run {
        self.later.last().unwrap_or(&self.first)
    }

    /// Its runs, oldest first.
    pub(crate) fn runs(&self) -> impl Iterator<Item = &Run> {
        std::iter::once(&self.first).chain(&self.later)
    }

    pub(crate) fn state(&self) -> State {
        State::of(self.last())
    }
}

/// The task that a run belongs to.
pub(crate) fn task_of(run: &Run) -> RunId {
    let named = run.request.metadata.get(TASK).and_then(|id| id.as_str());
    named.and_then(|id| id.parse().ok()).unwrap_or(run.id)
}

/// The metadata of a run for this message, which goes on with this task if there is one.
pub(crate) fn metadata(message_id: &str, goes_on_with: Option<RunId>) -> Object {
    let mut metadata = Object::new();
    metadata.insert(MESSAGE.to_owned(), message_id.into());
    if let Some(task) = goes_on_with {
        metadata.insert(TASK.to_owned(), task.to_string().into());
    }
    metadata
}

/// The id of the message that a run was created for.
pub(crate) fn message_id(run: &Run) -> String {
    let named = run.request.metadata.get(MESSAGE).and_then(|id| id.as_str());
    named.map_or_else(|| run.id.to_string(), str::to_owned)
}
