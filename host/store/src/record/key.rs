use serde::{Deserialize, Serialize};
use wakeful_core::{ApiKey, Digest, KeyId, Rate, Scope, Timestamp};

use super::codec::{micros, micros_option, text, text_option, word};

word!(scope, wakeful_core::Scope);

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StoredKey {
    #[serde(with = "text")]
    pub(crate) id: KeyId,
    name: String,
    #[serde(with = "scope")]
    scope: Scope,
    #[serde(with = "text_option")]
    rate: Option<Rate>,
    #[serde(with = "text")]
    secret: Digest,
    #[serde(with = "micros")]
    created: Timestamp,
    #[serde(with = "micros_option")]
    pub(crate) last_used: Option<Timestamp>,
}

impl StoredKey {
    pub(crate) fn new(key: &ApiKey) -> Self {
        Self {
            id: key.id,
            name: key.name.clone(),
            scope: key.scope,
            rate: key.rate,
            secret: key.secret,
            created: key.created_at,
            last_used: key.last_used_at,
        }
    }

    pub(crate) fn open(self) -> ApiKey {
        ApiKey {
            id: self.id,
            name: self.name,
            scope: self.scope,
            rate: self.rate,
            secret: self.secret,
            created_at: self.created,
            last_used_at: self.last_used,
        }
    }
}
