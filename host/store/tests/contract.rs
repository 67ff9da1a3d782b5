//! The store contract, for the backend in a folder.

#![allow(clippy::unwrap_used, reason = "the lints know only functions that are tests")]

use std::sync::Arc;

use tempfile::TempDir;
use wakeful_store::{SledConfig, SledStore, Store};

async fn open() -> (Arc<dyn Store>, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let config = SledConfig { min_free_bytes: 0, ..SledConfig::new(folder.path()) };
    (Arc::new(SledStore::open(config).await.unwrap()), folder)
}

wakeful_store::contract_suite!(open().await);
