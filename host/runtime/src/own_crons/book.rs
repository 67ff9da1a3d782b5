use tokio::sync::Mutex;
use tracing::error;
use wakeful_core::{
    AssistantId, Cron, CronGrant, CronId, ErrorCode, Failure, Object, OnCompletion, Run, RunId,
    ThreadId, Trigger,
};
use wakeful_engine::{CronAnswer, CronCall};
use wakeful_store::{CronChange, CronQuery};

use super::{interval, request, shown};
use crate::{Error, Host};

/// What one attempt of one run has done to the crons of its thread so far.
pub(crate) struct Book {
    host: Host,
    run: RunId,
    thread: ThreadId,
    assistant: AssistantId,
    grant: Option<CronGrant>,
    /// The run's thread goes when the run ends.
    leaves: bool,
    /// A cron started the run, so what it makes could start it again and again.
    fired: bool,
    pages: Mutex<Pages>,
}

#[derive(Default)]
struct Pages {
    /// The crons of the assistant on the thread, as they stood when the run first asked.
    known: Option<Known>,
    made: Vec<Cron>,
    deleted: Vec<CronId>,
    closed: bool,
}

struct Known {
    crons: Vec<Cron>,
    /// The thread goes once nothing runs on it, whatever this run says.
    temporary: bool,
}

impl Book {
    pub(super) fn new(host: Host, run: &Run, grant: Option<CronGrant>) -> Self {
        Self {
            host,
            run: run.id,
            thread: run.thread_id,
            assistant: run.assistant_id,
            grant,
            leaves: run.on_completion == OnCompletion::Delete,
            fired: matches!(run.trigger, Trigger::Cron(_)),
            pages: Mutex::default(),
        }
    }

    /// Carries a call out. The grant is looked at here as well as in the engine, so that no other
    /// door leads around it.
    pub(super) async fn call(&self, call: CronCall) -> Result<CronAnswer, Failure> {
        let grant =
            self.grant.ok_or_else(|| Failure::new(ErrorCode::Denied, CronGrant::REFUSAL))?;
        let mut pages = self.pages.lock().await;
        if pages.closed {
            return Err(Failure::new(ErrorCode::Unavailable, "the run has ended"));
        }
        if pages.known.is_none() {
            pages.known = Some(self.read().await.map_err(told)?);
        }
        match call {
            CronCall::Create(wish) => self.create(&mut pages, grant, wish).await,
            CronCall::List { limit } => Ok(CronAnswer::Crons(pages.list(limit))),
            CronCall::Delete(id) => pages.delete(id).map(CronAnswer::Deleted),
        }
    }

    /// Takes no more calls, and returns what was done.
    pub(super) async fn close(&self) -> Vec<CronChange> {
        let mut pages = self.pages.lock().await;
        pages.closed = true;
        let deleted = std::mem::take(&mut pages.deleted).into_iter().map(CronChange::Delete);
        let made = std::mem::take(&mut pages.made).into_iter();
        deleted.chain(made.map(|cron| CronChange::Create(Box::new(cron)))).collect()
    }

    async fn read(&self) -> Result<Known, Error> {
        let temporary = self.host.thread(self.thread).await?.temporary;
        let query = CronQuery {
            assistant_id: Some(self.assistant),
            thread_id: Some(self.thread),
            limit: usize::MAX,
            ..CronQuery::default()
        };
        Ok(Known { crons: self.host.search_crons(query).await?.items, temporary })
    }

    async fn create(
        &self,
        pages: &mut Pages,
        grant: CronGrant,
        wish: Object,
    ) -> Result<CronAnswer, Failure> {
        if self.leaves || pages.known.as_ref().is_some_and(|known| known.temporary) {
            return Err(Failure::new(
                ErrorCode::Conflict,
                "the thread of this run is deleted when the run ends, and its crons would go with it; create a thread and run the assistant on that, or ask for this run with `on_completion`: \"keep\"",
            ));
        }
        let wish = request::read(wish, self.assistant, self.thread)
            .map_err(|reason| Failure::new(ErrorCode::InvalidInput, reason))?;
        let mut cron = self.host.draft_cron(wish, CronId::generate()).await.map_err(told)?;
        cron.made_by = Some(self.run);
        interval::check(&cron, grant, self.fired, self.host.now())
            .map_err(|reason| Failure::new(ErrorCode::InvalidInput, reason))?;
        pages.make_room(grant)?;
        let answer = shown::cron(&cron);
        pages.made.push(cron);
        Ok(CronAnswer::Created(answer))
    }
}

impl Pages {
    /// What was there and is not deleted.
    fn left(&self) -> impl Iterator<Item = &Cron> {
        let known = self.known.iter().flat_map(|known| &known.crons);
        known.filter(|cron| !self.deleted.contains(&cron.id))
    }

    fn list(&self, limit: usize) -> Vec<Object> {
        let mut crons: Vec<_> = self.left().chain(&self.made).collect();
        // What has no such instant comes last.
        crons.sort_by_key(|cron| (cron.next_run_at.is_none(), cron.next_run_at, cron.id));
        crons.into_iter().take(limit).map(shown::cron).collect()
    }

    fn delete(&mut self, id: CronId) -> Result<bool, Failure> {
        let before = self.made.len();
        self.made.retain(|cron| cron.id != id);
        if self.made.len() < before {
            return Ok(true);
        }
        let Some(cron) = self.left().find(|cron| cron.id == id) else { return Ok(false) };
        if cron.made_by.is_none() {
            return Err(Failure::new(
                ErrorCode::Denied,
                format!("cron {id} was created by a client, and only a client may delete it"),
            ));
        }
        self.deleted.push(id);
        Ok(true)
    }

    /// Makes sure that there may be one more. Of those that will not fire again the oldest gives
    /// way.
    fn make_room(&mut self, grant: CronGrant) -> Result<(), Failure> {
        let own: Vec<_> = self.left().filter(|cron| cron.made_by.is_some()).collect();
        let most = usize::try_from(grant.max).unwrap_or(usize::MAX);
        if own.len().saturating_add(self.made.len()) < most {
            return Ok(());
        }
        let ended = own.into_iter().filter(|cron| cron.has_ended());
        let oldest = ended.min_by_key(|cron| (cron.created_at, cron.id)).map(|cron| cron.id);
        match oldest {
            Some(id) => {
                self.deleted.push(id);
                Ok(())
            }
            None => Err(Failure::new(
                ErrorCode::LimitExceeded,
                format!(
                    "the assistant may have {most} crons on a thread, and has them; delete one, or raise `max` of its grant, which is now: crons = {{ {grant} }}"
                ),
            )),
        }
    }
}

/// What a guest is told of trouble.
fn told(problem: Error) -> Failure {
    match problem {
        Error::Invalid(_) => Failure::new(ErrorCode::InvalidInput, problem.to_string()),
        Error::NotFound { .. } | Error::NoComponent { .. } => {
            Failure::new(ErrorCode::NotFound, problem.to_string())
        }
        Error::Conflict(_) => Failure::new(ErrorCode::Conflict, problem.to_string()),
        problem => {
            // What is wrong with the host's disk is nothing that a guest needs to know.
            error!(%problem, "a run could not reach its crons");
            Failure::new(ErrorCode::Unavailable, "the host's store of crons failed")
        }
    }
}
