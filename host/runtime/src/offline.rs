//! What can be done to a data folder that no host has open, without starting a host: nothing fires
//! and nothing runs meanwhile.

use std::path::Path;

use wakeful_core::{ApiKey, Clock, KeyId, KeyToken, SystemClock};
use wakeful_store::{Backup, KeyStore, SledConfig, SledStore, Store};

use crate::{CreateKey, Error, keys};

/// Copies a data folder that no host has open into a new folder. While a host has it open, use
/// [`crate::Host::backup`].
///
/// # Errors
/// [`Error::Unusable`] if there is no such folder, and the store's own errors, among them
/// [`crate::StoreError::InUse`].
pub async fn backup_folder(data: &Path, target: &Path) -> Result<Backup, Error> {
    // Opening would create it.
    if !data.is_dir() {
        let reason = "there is no data folder here; name the one to back up".to_owned();
        return Err(Error::Unusable { path: data.to_owned(), reason });
    }
    with_store(data, async |store| Ok(store.backup(target, SystemClock.now()).await?)).await
}

/// Makes an API key in a data folder that no host has open, and the folder if there is none, so
/// that the first start of a host is a guarded one. Otherwise use [`crate::Host::create_key`].
///
/// # Errors
/// Those of [`crate::Host::create_key`], and the store's own, among them
/// [`crate::StoreError::InUse`].
pub async fn create_key_in(data: &Path, new: CreateKey) -> Result<(ApiKey, KeyToken), Error> {
    with_store(data, async |store| keys::create(store, new, SystemClock.now()).await).await
}

/// The API keys in a data folder that no host has open: none, if there is no folder.
///
/// # Errors
/// The store's own, among them [`crate::StoreError::InUse`].
pub async fn keys_in(data: &Path) -> Result<Vec<ApiKey>, Error> {
    if !data.is_dir() {
        return Ok(Vec::new());
    }
    with_store(data, async |store| Ok(store.keys().await?)).await
}

/// Revokes an API key in a data folder that no host has open. Otherwise use
/// [`crate::Host::revoke_key`].
///
/// # Errors
/// [`Error::NotFound`] if there is no such key, and the store's own, among them
/// [`crate::StoreError::InUse`].
pub async fn revoke_key_in(data: &Path, id: KeyId) -> Result<(), Error> {
    if !data.is_dir() {
        return Err(Error::not_found("API key", id));
    }
    with_store(data, async |store| keys::revoke(store, id).await).await
}

async fn with_store<T>(
    data: &Path,
    work: impl AsyncFnOnce(&SledStore) -> Result<T, Error>,
) -> Result<T, Error> {
    let store = SledStore::open(SledConfig::new(data)).await?;
    let done = work(&store).await;
    let closed = store.close().await;
    let done = done?;
    closed?;
    Ok(done)
}
