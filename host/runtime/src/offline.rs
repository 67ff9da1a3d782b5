use std::path::Path;

use wakeful_core::{Clock, SystemClock};
use wakeful_store::{Backup, SledConfig, SledStore, Store};

use crate::Error;

/// Copies a data folder that no host has open into a new folder, without starting a host: nothing
/// fires and nothing runs. While a host has it open, use [`crate::Host::backup`].
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
    let store = SledStore::open(SledConfig::new(data)).await?;
    let made = store.backup(target, SystemClock.now()).await;
    let closed = store.close().await;
    let made = made?;
    closed?;
    Ok(made)
}
