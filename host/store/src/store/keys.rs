use async_trait::async_trait;
use wakeful_core::{ApiKey, KeyId, Timestamp};

use super::Error;

/// The API keys. There are few, so that a host can hold all of them in memory.
#[async_trait]
pub trait KeyStore {
    /// Inserts a key with a new id, unless there are `most` already. Returns whether it did.
    async fn create_key(&self, key: ApiKey, most: usize) -> Result<bool, Error>;
    /// Every key, oldest first.
    async fn keys(&self) -> Result<Vec<ApiKey>, Error>;
    /// Deletes a key. Returns whether there was one.
    async fn revoke_key(&self, id: KeyId) -> Result<bool, Error>;
    /// Notes that a key was used at `at`, unless a later use is known or the key is gone.
    async fn note_key_use(&self, id: KeyId, at: Timestamp) -> Result<(), Error>;
}
