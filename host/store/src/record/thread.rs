use std::time::Duration;

use serde::{Deserialize, Serialize};
use wakeful_core::{
    CheckpointId, Digest, Expiry, Object, RunError, Thread, ThreadId, ThreadStatus, Timestamp, Ttl,
};

use super::codec::{micros, micros_option, text, text_option, word};
use super::{Doc, Docs, StoredCheckpoint};
use crate::Error;

word!(status, wakeful_core::ThreadStatus);
word!(expiry, wakeful_core::Expiry);

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StoredThread {
    #[serde(with = "text")]
    pub(crate) id: ThreadId,
    #[serde(with = "micros")]
    pub(crate) created: Timestamp,
    #[serde(with = "micros")]
    pub(crate) updated: Timestamp,
    #[serde(with = "micros")]
    pub(crate) state_updated: Timestamp,
    #[serde(with = "status")]
    pub(crate) status: ThreadStatus,
    #[serde(with = "text_option")]
    pub(crate) head: Option<CheckpointId>,
    pub(crate) temporary: bool,
    /// A run that ended asked for the thread to go as soon as nothing waits on it.
    pub(crate) leaving: bool,
    pub(crate) metadata: Doc,
    pub(crate) values: Option<Doc>,
    pub(crate) error: Option<Doc>,
    #[serde(default)]
    pub(crate) ttl: Option<StoredTtl>,
    #[serde(default, with = "micros_option")]
    pub(crate) expires: Option<Timestamp>,
    #[serde(default, with = "text_option")]
    request_digest: Option<Digest>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct StoredTtl {
    /// In microseconds.
    after: u64,
    #[serde(with = "expiry")]
    expiry: Expiry,
}

impl StoredTtl {
    pub(crate) fn new(ttl: Ttl) -> Self {
        Self { after: ttl.after.as_micros().try_into().unwrap_or(u64::MAX), expiry: ttl.expiry }
    }

    pub(crate) fn open(self) -> Ttl {
        Ttl { after: Duration::from_micros(self.after), expiry: self.expiry }
    }
}

#[derive(Serialize, Deserialize)]
struct StoredError {
    name: String,
    message: String,
}

impl StoredThread {
    pub(crate) fn new(thread: &Thread, docs: &Docs) -> Result<Self, Error> {
        Ok(Self {
            id: thread.id,
            created: thread.created_at,
            updated: thread.updated_at,
            state_updated: thread.state_updated_at,
            status: thread.status,
            head: thread.head,
            temporary: thread.temporary,
            leaving: false,
            metadata: docs.put(&thread.metadata)?,
            values: thread.values.as_ref().map(|values| docs.put(values)).transpose()?,
            error: thread.error.as_ref().map(|error| error_doc(error, docs)).transpose()?,
            ttl: thread.ttl.map(StoredTtl::new),
            expires: thread.expires_at,
            request_digest: thread.request_digest,
        })
    }

    pub(crate) fn open(self, docs: &Docs) -> Result<Thread, Error> {
        Ok(Thread {
            id: self.id,
            created_at: self.created,
            updated_at: self.updated,
            state_updated_at: self.state_updated,
            metadata: docs.get(&self.metadata, "thread")?,
            status: self.status,
            head: self.head,
            values: self.values.as_ref().map(|values| docs.get(values, "thread")).transpose()?,
            error: self.error.as_ref().map(|error| error_of(error, docs)).transpose()?,
            temporary: self.temporary,
            ttl: self.ttl.map(StoredTtl::open),
            expires_at: self.expires,
            request_digest: self.request_digest,
        })
    }

    /// Takes over the values of its newest checkpoint.
    pub(crate) fn stand_at(&mut self, head: Option<&StoredCheckpoint>) {
        self.head = head.map(|head| head.id);
        self.values = head.map(|head| head.values.clone());
    }

    /// Puts `patch` over the metadata, key by key.
    pub(crate) fn patch_metadata(&mut self, patch: &Object, docs: &Docs) -> Result<(), Error> {
        if !patch.is_empty() {
            let mut metadata: Object = docs.get(&self.metadata, "thread")?;
            metadata.extend(patch.clone());
            self.metadata = docs.put(&metadata)?;
        }
        Ok(())
    }

    /// Adds the keys of `more` that the metadata lacks.
    pub(crate) fn merge_metadata(&mut self, more: &Object, docs: &Docs) -> Result<(), Error> {
        if more.is_empty() {
            return Ok(());
        }
        let mut metadata: Object = docs.get(&self.metadata, "thread")?;
        let known = metadata.len();
        for (key, value) in more {
            if !metadata.contains_key(key) {
                metadata.insert(key.clone(), value.clone());
            }
        }
        if metadata.len() > known {
            self.metadata = docs.put(&metadata)?;
        }
        Ok(())
    }

    /// The documents it names.
    pub(crate) fn docs(&self) -> impl Iterator<Item = &Doc> {
        [Some(&self.metadata), self.values.as_ref(), self.error.as_ref()].into_iter().flatten()
    }
}

/// The document of a run's error.
pub(crate) fn error_doc(error: &RunError, docs: &Docs) -> Result<Doc, Error> {
    docs.put(&StoredError { name: error.name.clone(), message: error.message.clone() })
}

/// The error in a document.
pub(super) fn error_of(doc: &Doc, docs: &Docs) -> Result<RunError, Error> {
    let StoredError { name, message } = docs.get(doc, "error")?;
    Ok(RunError { name, message })
}
