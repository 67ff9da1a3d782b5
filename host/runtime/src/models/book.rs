use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::error;
use wakeful_core::{
    ComponentId, CronId, Digest, ErrorCode, Failure, Json, Limits, ModelName, Object, Outcome, Run,
    RunId, TokenBudget, TokenUse, Trigger,
};
use wakeful_engine::{ModelCall, ModelPiece, ModelRefusal};
use wakeful_store::{Error as StoreError, Purse, RecordCall};

use super::desk::{Asked, Meter};
use super::reply::estimate;
use super::request::{self, ChatRequest};
use super::settings::ModelSettings;
use crate::{ComponentState, Host};

/// What one attempt of one run does with language models.
pub(crate) struct Book {
    host: Host,
    run: RunId,
    epoch: u64,
    component: ComponentId,
    granted: Vec<ModelName>,
    limits: Limits,
    /// The cron of the run, and the tokens that its runs may use in a day.
    cron: Option<(CronId, Option<u64>)>,
    deadline: Instant,
    /// What earlier attempts asked, by number, and whether there is an answer.
    recorded: HashMap<u32, (Digest, bool)>,
    state: Mutex<State>,
    stop: CancellationToken,
    /// Calls are made here, and not where guests run.
    handle: Handle,
    calls: TaskTracker,
}

#[derive(Default)]
struct State {
    /// What was used, in earlier attempts as well.
    tokens: TokenUse,
    /// What the calls in progress may use.
    reserved: u64,
    /// What other runs have used that this one has called.
    given: u64,
    closed: bool,
}

impl State {
    /// What is not there for another call.
    fn used(&self) -> u64 {
        self.tokens.total().saturating_add(self.reserved).saturating_add(self.given)
    }
}

/// A call that is to be made.
struct Admitted {
    call: ModelCall,
    request: ChatRequest,
    digest: Digest,
    settings: ModelSettings,
    most: u32,
    reserved: u64,
}

impl Book {
    pub(super) async fn new(
        host: Host,
        run: &Run,
        component: &ComponentState,
    ) -> Result<Self, StoreError> {
        let cron = match &run.trigger {
            Trigger::Cron(fire) => Some((fire.cron_id, of_cron(&host, fire.cron_id).await?)),
            Trigger::Manual => match run.parent.as_ref().and_then(|parent| parent.cron) {
                Some(cron) => Some((cron, of_cron(&host, cron).await?)),
                None => None,
            },
        };
        let mut tokens = TokenUse::default();
        let mut recorded = HashMap::new();
        for entry in host.store().journal(run.id).await? {
            tokens += entry.tokens;
            recorded.insert(entry.number, (entry.request, entry.answered));
        }
        let now = Instant::now();
        Ok(Self {
            host,
            run: run.id,
            epoch: run.epoch,
            component: run.component.clone(),
            granted: component.grants.models.clone(),
            cron,
            deadline: now.checked_add(component.limits.timeout).unwrap_or(now),
            limits: component.limits.clone(),
            recorded,
            state: Mutex::new(State { tokens, ..State::default() }),
            stop: CancellationToken::new(),
            handle: Handle::current(),
            calls: TaskTracker::new(),
        })
    }

    /// Carries a call out. The grant is looked at here as well as in the engine, so that no other
    /// door leads around it.
    pub(super) async fn call(
        self: Arc<Self>,
        call: ModelCall,
        pieces: mpsc::Sender<ModelPiece>,
    ) -> Result<Object, ModelRefusal> {
        if !self.granted.contains(&call.model) {
            return Err(told(ErrorCode::Denied, call.model.refusal(&self.granted)));
        }
        let Some(settings) = self.host.settings().models.0.get(&call.model).cloned() else {
            let message = format!(
                "this host has no model {0}; put [models.{0}] into its wakeful.toml",
                call.model
            );
            return Err(told(ErrorCode::NotFound, message));
        };
        let request = ChatRequest::read(call.request.clone())
            .map_err(|problem| told(ErrorCode::InvalidInput, problem))?;
        let digest = request::digest(&call.model, &call.request);
        if self.recorded.get(&call.number) == Some(&(digest, true))
            && let Some(answer) = self.recorded_answer(call.number).await?
        {
            if call.streamed {
                let content = answer.get("content").and_then(Json::as_str).unwrap_or_default();
                let content = content.to_owned();
                // Whoever does not listen any more gets the whole answer.
                let _ = pieces.send(ModelPiece { content }).await;
            }
            return Ok(answer);
        }
        let admitted = self.admit(call, request, digest, settings).await?;
        self.make(admitted, pieces).await
    }

    async fn recorded_answer(&self, number: u32) -> Result<Option<Object>, ModelRefusal> {
        match self.host.store().journaled_answer(self.run, number).await {
            Ok(Some(Json::Object(answer))) => Ok(Some(answer)),
            Ok(_) => Ok(None),
            Err(problem) => Err(self.trouble(&problem)),
        }
    }

    /// Looks whether there are tokens left for a call, and keeps them for it.
    async fn admit(
        &self,
        call: ModelCall,
        request: ChatRequest,
        digest: Digest,
        settings: ModelSettings,
    ) -> Result<Admitted, ModelRefusal> {
        let text = Json::Object(call.request.clone()).to_string();
        let input = estimate(text.len() as u64);
        let wanted = request.max_tokens.unwrap_or(settings.max_tokens).min(settings.max_tokens);
        let mut most = u64::from(wanted);
        let mut fit = |budget, limit: u64, used: u64| {
            let left = limit.saturating_sub(used).saturating_sub(input);
            if left == 0 {
                return Err(ModelRefusal::Ends(Outcome::OutOfTokens { limit, budget }));
            }
            most = most.min(left);
            Ok(())
        };
        for (budget, limit, used) in self.spent_today(&call.model, &settings).await? {
            fit(budget, limit, used)?;
        }
        let mut state = self.lock();
        if state.closed {
            return Err(told(ErrorCode::Unavailable, "the run has ended"));
        }
        let used = state.used();
        fit(TokenBudget::Run, self.limits.tokens, used)?;
        let reserved = input.saturating_add(most);
        state.reserved = state.reserved.saturating_add(reserved);
        let most = u32::try_from(most).unwrap_or(u32::MAX);
        Ok(Admitted { call, request, digest, settings, most, reserved })
    }

    /// The budgets of a day that there are, and what of them is used up.
    async fn spent_today(
        &self,
        model: &ModelName,
        settings: &ModelSettings,
    ) -> Result<Vec<(TokenBudget, u64, u64)>, ModelRefusal> {
        let now = self.host.now();
        let of = async |purse| {
            let used = self.host.store().tokens_today(purse, now).await;
            used.map_err(|problem| self.trouble(&problem))
        };
        let mut budgets = Vec::new();
        if let Some(limit) = self.limits.tokens_per_day {
            let used = of(Purse::Component(self.component.clone())).await?;
            budgets.push((TokenBudget::Assistant, limit, used));
        }
        if let Some(limit) = settings.tokens_per_day {
            budgets.push((TokenBudget::Model, limit, of(Purse::Model(model.clone())).await?));
        }
        if let Some((cron, Some(limit))) = self.cron {
            let stats = self.host.store().cron_stats(cron).await;
            let stats = stats.map_err(|problem| self.trouble(&problem))?;
            budgets.push((TokenBudget::Cron, limit, stats.tokens_today(now)));
        }
        Ok(budgets)
    }

    /// Makes a call in a task of its own: whoever gives it up does not leave it uncounted.
    async fn make(
        self: Arc<Self>,
        admitted: Admitted,
        pieces: mpsc::Sender<ModelPiece>,
    ) -> Result<Object, ModelRefusal> {
        let cancel = self.stop.child_token();
        let given_up = cancel.clone().drop_guard();
        let (sender, answer) = oneshot::channel();
        let (calls, handle) = (self.calls.clone(), self.handle.clone());
        let work = async move {
            let answer = self.pay(&admitted, &pieces, &cancel).await;
            drop(pieces);
            // Whoever asked may have gone.
            let _ = sender.send(answer);
        };
        calls.spawn_on(work, &handle);
        let answer = answer.await;
        drop(given_up);
        answer.unwrap_or_else(|_| Err(told(ErrorCode::Unavailable, "the host is shutting down")))
    }

    /// Makes a call, and writes down what it used before anybody gets the end of its answer.
    async fn pay(
        &self,
        admitted: &Admitted,
        pieces: &mpsc::Sender<ModelPiece>,
        cancel: &CancellationToken,
    ) -> Result<Object, ModelRefusal> {
        let Admitted { call, request, digest, settings, most, reserved } = admitted;
        let meter = Meter::default();
        let asked = Asked {
            name: &call.model,
            settings,
            request,
            most: *most,
            pieces: call.streamed.then_some(pieces),
            deadline: self.deadline,
        };
        let answer = tokio::select! {
            biased;
            () = cancel.cancelled() => Err(told(ErrorCode::Cancelled, "the call was given up")),
            answer = self.host.desk().ask(&asked, &meter) => {
                answer.map_err(|trouble| ModelRefusal::Told(trouble.told()))
            }
        };
        let tokens = meter.total();
        let mut recorded = Ok(());
        if tokens != TokenUse::default() {
            let record = RecordCall {
                run_id: self.run,
                epoch: self.epoch,
                number: call.number,
                request: *digest,
                answer: answer.as_ref().ok().cloned().map(Json::Object),
                tokens,
                model: call.model.clone(),
                component: self.component.clone(),
                cron: self.cron.map(|(cron, _)| cron),
                now: self.host.now(),
            };
            recorded = self.host.store().record_call(record).await;
        }
        let mut state = self.lock();
        state.reserved = state.reserved.saturating_sub(*reserved);
        state.tokens += tokens;
        drop(state);
        recorded.map_err(|problem| self.trouble(&problem))?;
        answer
    }

    /// Gives up what is in progress, and returns what was used.
    pub(super) async fn close(&self) -> TokenUse {
        self.lock().closed = true;
        self.stop.cancel();
        self.calls.close();
        self.calls.wait().await;
        self.lock().tokens
    }

    /// Tokens that the run can still use.
    pub(super) fn left(&self) -> u64 {
        self.limits.tokens.saturating_sub(self.lock().used())
    }

    /// Counts tokens of a run that this one has called.
    pub(super) fn give(&self, tokens: u64) {
        let mut state = self.lock();
        state.given = state.given.saturating_add(tokens);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a guest is told of trouble with the store.
    fn trouble(&self, problem: &StoreError) -> ModelRefusal {
        // What is wrong with the host's disk is nothing that a guest needs to know.
        error!(run_id = %self.run, %problem, "the calls of a run cannot be recorded or looked up");
        self.host.note(problem);
        told(ErrorCode::Unavailable, "the host cannot record calls of models")
    }
}

/// The tokens that the runs of a cron may use in a day.
async fn of_cron(host: &Host, cron: CronId) -> Result<Option<u64>, StoreError> {
    let cron = host.store().cron(cron).await?;
    Ok(cron.and_then(|cron| cron.policy.tokens_per_day))
}

/// What a guest is told in place of an answer.
pub(super) fn told(code: ErrorCode, message: impl Into<String>) -> ModelRefusal {
    ModelRefusal::Told(Failure::new(code, message))
}
