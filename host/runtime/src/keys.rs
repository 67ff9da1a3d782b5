use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use tracing::debug;
use wakeful_core::{ApiKey, KeyId, KeyToken, Rate, Scope, Secret, Timestamp};
use wakeful_store::{KeyStore, Store};

use crate::{Error, Host};

/// The most API keys that there may be.
const MOST: usize = 1_000;
/// A use of a key is written down only this long after the last one that was.
const NOTE_EVERY_MICROS: i64 = 60_000_000;
/// A key that was never used.
const NEVER: i64 = i64::MIN;

/// An API key to make.
#[derive(Debug, Clone)]
pub struct CreateKey {
    /// For people: who or what will use it.
    pub name: String,
    /// What its holder may do.
    pub scope: Scope,
    /// How often its holder may call, if not as often as everybody.
    pub rate: Option<Rate>,
}

/// The API keys, all of them in memory: every request asks for one.
#[derive(Debug)]
pub(crate) struct Keys {
    known: RwLock<HashMap<KeyId, Arc<Known>>>,
    /// Set once there was a key, and never cleared: taking away the last key must not open the host
    /// to everybody.
    needed: AtomicBool,
    /// Held while keys are made or revoked, so that the memory follows the store.
    changing: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Known {
    key: ApiKey,
    /// The last use that was written down, in microseconds since 1970.
    noted: AtomicI64,
}

impl Keys {
    pub(crate) async fn load(store: &dyn Store) -> Result<Self, wakeful_store::Error> {
        let known: HashMap<_, _> = store
            .keys()
            .await?
            .into_iter()
            .map(|key| (key.id, Arc::new(Known::new(key))))
            .collect();
        Ok(Self {
            needed: AtomicBool::new(!known.is_empty()),
            known: RwLock::new(known),
            changing: tokio::sync::Mutex::new(()),
        })
    }

    fn find(&self, id: KeyId) -> Option<Arc<Known>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    fn change(&self, change: impl FnOnce(&mut HashMap<KeyId, Arc<Known>>)) {
        change(&mut self.known.write().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Known {
    fn new(key: ApiKey) -> Self {
        let noted = key.last_used_at.map_or(NEVER, Timestamp::as_microsecond);
        Self { key, noted: AtomicI64::new(noted) }
    }

    /// Whether this use is to be written down, which it then counts as.
    fn is_worth_noting(&self, now: Timestamp) -> bool {
        let (now, noted) = (now.as_microsecond(), self.noted.load(Ordering::Relaxed));
        now.saturating_sub(noted) >= NOTE_EVERY_MICROS
            && self.noted.compare_exchange(noted, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// The key, with its last use as far as it is known.
    fn shown(&self) -> ApiKey {
        let noted = self.noted.load(Ordering::Relaxed);
        let last_used_at = Some(noted).filter(|noted| *noted != NEVER);
        let last_used_at = last_used_at.and_then(|noted| Timestamp::from_microsecond(noted).ok());
        ApiKey { last_used_at, ..self.key.clone() }
    }
}

impl Host {
    /// Makes an API key. What comes back with it is the only copy of its secret. From now on every
    /// caller needs a key.
    pub async fn create_key(&self, new: CreateKey) -> Result<(ApiKey, KeyToken), Error> {
        self.refuse_when_stopping()?;
        let keys = self.keys_in_use();
        let _alone = keys.changing.lock().await;
        let (key, token) = create(self.store(), new, self.now()).await?;
        keys.needed.store(true, Ordering::SeqCst);
        keys.change(|known| {
            known.insert(key.id, Arc::new(Known::new(key.clone())));
        });
        Ok((key, token))
    }

    /// Every API key, oldest first.
    pub fn keys(&self) -> Vec<ApiKey> {
        let keys = self.keys_in_use();
        let known = keys.known.read().unwrap_or_else(PoisonError::into_inner);
        let mut keys: Vec<_> = known.values().map(|known| known.shown()).collect();
        keys.sort_by_key(|key| (key.created_at, key.id));
        keys
    }

    /// How many API keys there are.
    pub fn key_count(&self) -> usize {
        self.keys_in_use().known.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Revokes an API key. Requests that come after this has returned are refused.
    pub async fn revoke_key(&self, id: KeyId) -> Result<(), Error> {
        let keys = self.keys_in_use();
        let _alone = keys.changing.lock().await;
        revoke(self.store(), id).await?;
        keys.change(|known| {
            known.remove(&id);
        });
        Ok(())
    }

    /// Whether callers need a key: there is one, or there was since the host started.
    pub fn needs_key(&self) -> bool {
        self.keys_in_use().needed.load(Ordering::SeqCst)
    }

    /// The API key whose text this is, if it is one that was not revoked.
    pub fn authenticate(&self, token: &str) -> Option<ApiKey> {
        let token: KeyToken = token.parse().ok()?;
        let known = self.keys_in_use().find(token.id)?;
        if !known.key.opens_with(&token.secret) {
            return None;
        }
        let now = self.now();
        if known.is_worth_noting(now) {
            let host = self.clone();
            self.tasks().spawn(async move {
                if let Err(problem) = host.store().note_key_use(token.id, now).await {
                    debug!(%problem, "the use of an API key was not noted");
                }
            });
        }
        Some(known.key.clone())
    }
}

pub(crate) async fn create<S: KeyStore + ?Sized>(
    store: &S,
    new: CreateKey,
    now: Timestamp,
) -> Result<(ApiKey, KeyToken), Error> {
    let name = new.name.trim();
    let length = name.chars().count();
    if length == 0 || length > ApiKey::NAME_MAX || name.chars().any(char::is_control) {
        return Err(Error::Invalid(format!(
            "the name of an API key is one line of 1 to {} characters",
            ApiKey::NAME_MAX
        )));
    }
    let mut secret = [0; 32];
    getrandom::fill(&mut secret)
        .map_err(|problem| wakeful_store::Error::Io(std::io::Error::other(problem.to_string())))?;
    let token = KeyToken { id: KeyId::generate(), secret: Secret::from_bytes(secret) };
    let key = ApiKey {
        id: token.id,
        name: name.to_owned(),
        scope: new.scope,
        rate: new.rate,
        secret: token.secret.digest(),
        created_at: now,
        last_used_at: None,
    };
    if store.create_key(key.clone(), MOST).await? {
        Ok((key, token))
    } else {
        Err(Error::Conflict(format!(
            "there are {MOST} API keys already; revoke one that nobody uses"
        )))
    }
}

pub(crate) async fn revoke<S: KeyStore + ?Sized>(store: &S, id: KeyId) -> Result<(), Error> {
    if store.revoke_key(id).await? { Ok(()) } else { Err(Error::not_found("API key", id)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_use_is_noted_once_a_minute() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let known = Known::new(ApiKey {
            id: KeyId::generate(),
            name: "ci".to_owned(),
            scope: Scope::Read,
            rate: None,
            secret: Secret::from_bytes([0; 32]).digest(),
            created_at: at(0),
            last_used_at: None,
        });
        assert_eq!(known.shown().last_used_at, None);
        for (second, noted) in [(100, true), (101, false), (159, false), (160, true), (90, false)] {
            assert_eq!(known.is_worth_noting(at(second)), noted, "{second}");
        }
        assert_eq!(known.shown().last_used_at, Some(at(160)));
    }
}
