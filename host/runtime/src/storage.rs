use std::collections::{BTreeMap, HashSet};

use wakeful_core::{Checkpoint, FileKind, Json, ThreadId};

use crate::{Error, Host};

/// How many checkpoints are in memory at once.
const PAGE: usize = 32;

/// How much a thread keeps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ThreadStorage {
    /// The checkpoints, without values and files.
    pub checkpoints: Amount,
    /// The values, by their top-level key. One that stays the same from one checkpoint to the next
    /// counts once.
    pub channels: BTreeMap<String, Amount>,
    /// The files. Equal ones count once.
    pub files: Amount,
    /// The questions that wait, or waited, for answers.
    pub pending: Amount,
}

/// How many, and how many bytes together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amount {
    /// How many.
    pub count: u64,
    /// Their bytes: as JSON, except for files.
    pub bytes: u64,
}

impl Amount {
    fn add(&mut self, bytes: u64) {
        self.count = self.count.saturating_add(1);
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

impl ThreadStorage {
    /// The bytes of all of it.
    pub fn total_bytes(&self) -> u64 {
        let parts = [&self.checkpoints, &self.files, &self.pending].into_iter();
        parts.chain(self.channels.values()).map(|amount| amount.bytes).sum()
    }
}

impl Host {
    /// How much a thread keeps.
    pub async fn thread_storage(&self, id: ThreadId) -> Result<ThreadStorage, Error> {
        self.thread(id).await?;
        let mut sum = ThreadStorage::default();
        let mut files = HashSet::new();
        let mut later: Option<Checkpoint> = None;
        loop {
            let before = later.as_ref().map(|checkpoint| checkpoint.id);
            let page = self.store().checkpoints(id, before, PAGE).await?;
            if page.is_empty() {
                return Ok(sum);
            }
            for checkpoint in page {
                sum.checkpoints.add(size(&Json::Object(checkpoint.metadata.clone())));
                for question in checkpoint.pending.iter().flat_map(|pending| &pending.interrupts) {
                    sum.pending.add(size(&question.payload));
                }
                for entry in &checkpoint.files.entries {
                    if let FileKind::File { digest, size } = entry.kind
                        && files.insert(digest)
                    {
                        sum.files.add(size);
                    }
                }
                for (key, value) in checkpoint.values.as_object().into_iter().flatten() {
                    let known = later.as_ref().and_then(|later| later.values.get(key));
                    if known != Some(value) {
                        sum.channels.entry(key.clone()).or_default().add(size(value));
                    }
                }
                later = Some(checkpoint);
            }
        }
    }
}

fn size(value: &Json) -> u64 {
    value.to_string().len() as u64
}
