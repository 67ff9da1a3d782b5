use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, sleep, timeout_at};
use tracing::{debug, warn};
use wakeful_core::{ModelName, Object, TokenUse};
use wakeful_engine::{EngineError, ModelPiece};

use super::events::Documents;
use super::http::{Answer, Client, Outgoing};
use super::reply::{Reply, estimate};
use super::request::ChatRequest;
use super::settings::ModelSettings;
use super::trouble::Trouble;
use crate::{Backoff, GrantBounds, HostSettings};

/// Calls providers, for all runs.
pub(crate) struct Desk {
    client: Client,
    /// Who may call a model now.
    turns: BTreeMap<ModelName, Semaphore>,
    bounds: GrantBounds,
    backoff: Backoff,
}

/// A call to be made.
pub(super) struct Asked<'a> {
    pub(super) name: &'a ModelName,
    pub(super) settings: &'a ModelSettings,
    pub(super) request: &'a ChatRequest,
    /// Tokens that the answer may have.
    pub(super) most: u32,
    /// Where pieces of the answer go, if they are wanted.
    pub(super) pieces: Option<&'a mpsc::Sender<ModelPiece>>,
    /// When the run ends.
    pub(super) deadline: Instant,
}

/// What a call has used so far, also of attempts that came to nothing.
#[derive(Default)]
pub(super) struct Meter(Mutex<Spent>);

#[derive(Clone, Copy, Default)]
struct Spent {
    before: TokenUse,
    now: TokenUse,
}

impl Meter {
    /// What all attempts have used.
    pub(super) fn total(&self) -> TokenUse {
        let Spent { mut before, now } = *self.lock();
        before += now;
        before
    }

    /// What the attempt that is going on has used.
    fn note(&self, tokens: TokenUse) {
        self.lock().now = tokens;
    }

    /// The attempt has come to nothing.
    fn close(&self, paid: bool) {
        let mut spent = self.lock();
        let now = std::mem::take(&mut spent.now);
        if paid {
            spent.before += now;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Spent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Desk {
    pub(crate) fn new(settings: &HostSettings) -> Result<Self, EngineError> {
        let client = Client::new(settings.grants.lookup.clone())?;
        let turns = settings.models.0.iter();
        let turn = |it: &ModelSettings| Semaphore::new(it.at_once as usize);
        Ok(Self {
            client,
            turns: turns.map(|(name, it)| (name.clone(), turn(it))).collect(),
            bounds: settings.grants.clone(),
            backoff: settings.backoff,
        })
    }

    /// Makes a call, again and again if need be, and returns the answer.
    pub(super) async fn ask(&self, asked: &Asked<'_>, meter: &Meter) -> Result<Object, Trouble> {
        let Some(turns) = self.turns.get(asked.name) else {
            return Err(Trouble::own(format!("this host has no model {}", asked.name)));
        };
        let turn = timeout_at(asked.deadline, turns.acquire()).await;
        let Ok(Ok(_turn)) = turn else {
            return Err(Trouble::own("the calls of others took all of the run's time"));
        };
        let mut tried = 0;
        loop {
            tried += 1;
            let mut begun = false;
            let trouble = match self.attempt(asked, meter, &mut begun).await {
                Ok(answer) => return Ok(answer),
                Err(trouble) => trouble,
            };
            meter.close(trouble.paid);
            warn!(model = %asked.name, attempt = tried, problem = trouble.message(), "call failed");
            let wait = self.backoff.after(tried, trouble.wait, random());
            let left = asked.deadline.saturating_duration_since(Instant::now());
            // What the guest has seen the beginning of cannot begin again.
            if !trouble.passes || begun || tried >= asked.settings.attempts || wait >= left {
                return Err(trouble);
            }
            sleep(wait).await;
        }
    }

    async fn attempt(
        &self,
        asked: &Asked<'_>,
        meter: &Meter,
        begun: &mut bool,
    ) -> Result<Object, Trouble> {
        let Asked { settings, request, .. } = asked;
        let provider = settings.provider;
        let key = match &settings.key {
            Some(source) => {
                let key = self.bounds.secret(source).await;
                Some(key.map_err(|problem| {
                    Trouble::own(format!("the key of model {}: {problem}", asked.name))
                })?)
            }
            None => None,
        };
        let body = provider.body(settings, request, asked.most, asked.pieces.is_some());
        let sent = estimate(body.len() as u64);
        meter.note(TokenUse { calls: 1, input: sent, output: 0, estimated: true });
        let until = Instant::now().checked_add(settings.timeout).unwrap_or(asked.deadline);
        let outgoing = Outgoing {
            url: &settings.url,
            path: provider.path(),
            headers: provider.headers(key.as_ref())?,
            body,
            secret: key.as_ref(),
            pause: settings.first_byte,
            deadline: until.min(asked.deadline),
        };
        let mut answer = self.client.send(outgoing).await?;
        let mut reply = Reply::default();
        match asked.pieces {
            None => provider.whole(&answer.whole().await?, &mut reply)?,
            Some(pieces) => {
                let streaming = Streaming { asked, meter, pieces, sent };
                streaming.read(&mut answer, &mut reply, begun).await?;
            }
        }
        let used = reply.tokens(sent);
        meter.note(used);
        debug!(model = %asked.name, input = used.input, output = used.output, "model answered");
        let schema = provider.schema_tool(request);
        reply.into_answer(schema, &settings.model, used)
    }
}

/// An answer that is read while it comes.
struct Streaming<'a> {
    asked: &'a Asked<'a>,
    meter: &'a Meter,
    pieces: &'a mpsc::Sender<ModelPiece>,
    /// About how many tokens were sent.
    sent: u64,
}

impl Streaming<'_> {
    async fn read(
        &self,
        answer: &mut Answer,
        reply: &mut Reply,
        begun: &mut bool,
    ) -> Result<(), Trouble> {
        let provider = self.asked.settings.provider;
        let schema = self.asked.request.response_schema.is_some();
        let mut documents = Documents::new(provider.framing());
        let mut over = false;
        while !reply.has_ended() && !over {
            match answer.part().await? {
                Some(part) => documents.take(&part)?,
                None => {
                    documents.close()?;
                    over = true;
                }
            }
            while let Some(document) = documents.next() {
                let piece = provider.event(&document, schema, reply)?;
                self.meter.note(reply.tokens(self.sent));
                if let Some(content) = piece {
                    *begun = true;
                    self.hand_out(content).await;
                }
            }
        }
        if !reply.has_ended() && !reply.is_finished() {
            return Err(Trouble::malformed("it breaks off"));
        }
        if !*begun && !reply.content().is_empty() {
            *begun = true;
            self.hand_out(reply.content().to_owned()).await;
        }
        Ok(())
    }

    async fn hand_out(&self, content: String) {
        // Whoever does not listen any more gets the whole answer, or has given the call up.
        let _ = self.pieces.send(ModelPiece { content }).await;
    }
}

/// A number between 0 and 1.
fn random() -> f64 {
    f64::from(getrandom::u32().unwrap_or(u32::MAX / 2)) / f64::from(u32::MAX)
}
